package ospkg

import (
	"context"
	"encoding/hex"
	"io"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

const dpkgOverrides = dpkgDir + "/statoverride"

// dpkgFiles is what is needed of one package to read the records of its files.
type dpkgFiles struct {
	name       string
	conffiles  []conffile
	list, sums rootfs.Node
	digests    bool // the list is sums
}

// dpkgRecords reads the digests of files: those in info/NAME.md5sums, and those
// of conffiles in the status file. dpkg records neither modes nor owners, except
// for those of dpkg-statoverride.
//
// Where a .deb has no md5sums, dpkg makes them when it unpacks
// (write_filehash_except), so that every package with files has them, and all
// its files but the conffiles. A file that is only in the list was added to it.
func (d *dpkg) dpkgRecords() {
	packages := make([]dpkgFiles, len(d.packages))
	any := false // an image from which all digests were deleted states none
	for i, p := range d.packages {
		f := dpkgFiles{name: p.name, conffiles: p.conffiles, list: d.sources[i].node, sums: rootfs.None, digests: d.sources[i].digests}
		switch {
		case f.digests:
			f.sums = f.list
		case f.list != rootfs.None:
			stem, _ := controlFile(d.tree.Name(f.list))
			f.sums = d.tree.Child(d.tree.Parent(f.list), stem+".md5sums")
		}
		any = any || f.sums != rootfs.None
		packages[i] = f
	}
	s, diversions := d.system, d.diversions
	s.recordsFrom(func(ctx context.Context) (func(*recorder), []sbom.Gap) {
		filter, gaps := s.dpkgFilter(ctx)
		overrides, more := s.dpkgOverrides(ctx)
		return func(c *recorder) {
			r := dpkgRecorder{recorder: c, system: &s, dpkgFiles: &packages[c.component], diversions: diversions, filter: filter, overrides: overrides, any: any}
			r.read()
		}, append(gaps, more...)
	})
}

type dpkgRecorder struct {
	*recorder
	*system
	*dpkgFiles
	diversions map[string]diversion
	filter     pathFilter
	overrides  map[rootfs.Node]FileRecord
	known      map[string][]byte // path -> MD5
	any        bool              // packages have digests in this environment
}

func (r *dpkgRecorder) read() {
	conf := map[string]bool{}
	for _, f := range r.conffiles {
		rec := unstated()
		rec.Flags = Conffile
		if sum, err := hex.DecodeString(f.sum); err == nil && len(sum) == 16 {
			rec.Algorithm, rec.Digest, rec.Kind = "md5", sum, rootfs.File
		}
		conf[f.path] = true
		r.put(f.path, rec)
	}
	whole := r.readSums()
	if r.digests {
		for _, path := range sortedKeys(r.known) {
			if !conf[path] {
				r.put(path, r.sum(path))
			}
		}
		return
	}
	if r.list == rootfs.None {
		return
	}
	// A fault of the list is a gap of the database already.
	_ = r.open(r.list, func(rd io.Reader, file string) error {
		l := newLines(r.ctx, rd, file)
		for {
			line, ok := l.next()
			if !ok {
				return l.err
			}
			path, err := listedPath(line)
			if err != nil || conf[path] {
				continue
			}
			rec := r.sum(path)
			if rec.Algorithm == "" && whole {
				rec.Flags |= NoSum // of a regular file: put decides
			}
			r.put(strings.Clone(path), rec)
		}
	})
}

func (r *dpkgRecorder) sum(path string) FileRecord {
	rec := unstated()
	if sum := r.known[path]; sum != nil {
		rec.Algorithm, rec.Digest, rec.Kind = "md5", sum, rootfs.File
	}
	return rec
}

// put adds the record of a listed path.
func (r *dpkgRecorder) put(path string, rec FileRecord) {
	if r.filter.excludes(path) {
		rec.Flags |= Excluded
	}
	if div, diverted := r.diversions[path]; diverted && div.by != r.name {
		path = div.to
	}
	n, _ := r.finder.find(path)
	if o, found := r.overrides[n]; found {
		rec.Mode, rec.HasMode, rec.UID, rec.GID, rec.Flags = o.Mode, true, o.UID, o.GID, rec.Flags|Override
	}
	if rec.Flags&NoSum != 0 && r.finder.tree.Kind(n) != rootfs.File {
		rec.Flags &^= NoSum
	}
	if r.finder.tree.Kind(n) == rootfs.Dir && rec.Algorithm == "" && rec.Flags&Override == 0 {
		return
	}
	r.take(path, rec)
}

// readSums reads the digests of the package, and reports whether they are there
// and are those of all its files.
func (r *dpkgRecorder) readSums() bool {
	r.known = map[string][]byte{}
	if r.sums == rootfs.None {
		return r.any
	}
	malformed := 0
	var fault *parseError
	var arena []byte
	err := r.open(r.sums, func(rd io.Reader, file string) error {
		l := newLines(r.ctx, rd, file)
		for {
			line, ok := l.next()
			if !ok {
				return l.err
			}
			path, err := digestPath(line)
			at := len(arena)
			if err == nil {
				arena, err = hex.AppendDecode(arena, []byte(line[:32]))
			}
			if err != nil {
				arena = arena[:at]
				if malformed++; fault == nil {
					fault = l.fail("%s is not a digest and a path", excerpt(line))
				}
				continue
			}
			r.known[strings.Clone(path)] = arena[at:len(arena):len(arena)]
		}
	})
	if fault != nil {
		r.recorder.gap(sbom.GapMalformed, fault.File, "line %d: %s; %d lines like this are ignored", fault.Line, fault.Msg, malformed)
	}
	if err != nil {
		r.recorder.gap(gapKind(err, sbom.GapUnreadable), r.finder.tree.Path(r.sums), "digests of the files of package %s: %v", r.name, err)
	}
	return err == nil && fault == nil
}

// dpkgOverrides reads the modes and owners that dpkg-statoverride(1) set: lines
// of a user, a group, a mode and a path.
func (s *system) dpkgOverrides(ctx context.Context) (map[rootfs.Node]FileRecord, []sbom.Gap) {
	n := s.tree.Resolve(dpkgOverrides)
	if n == rootfs.None {
		return nil, nil
	}
	var gaps []sbom.Gap
	out := map[rootfs.Node]FileRecord{}
	ids := s.accounts()
	err := s.open(n, func(rd io.Reader, file string) error {
		l := newLines(ctx, rd, file)
		for {
			line, ok := l.next()
			if !ok {
				return l.err
			}
			parts := strings.SplitN(line, " ", 4)
			if len(parts) != 4 || !cleanPath(parts[3]) {
				return l.fail("%s is not a user, a group, a mode and a path", excerpt(line))
			}
			mode, err := strconv.ParseUint(parts[2], 8, 12)
			if err != nil {
				return l.fail("%s is not a mode", excerpt(parts[2]))
			}
			rec := unstated()
			rec.Mode, rec.HasMode = uint32(mode), true
			rec.UID, rec.GID = ids.user(strings.TrimPrefix(parts[0], "#")), ids.group(strings.TrimPrefix(parts[1], "#"))
			if at := s.tree.ResolveParent(parts[3]); at != rootfs.None {
				out[at] = rec
			}
		}
	})
	if err != nil {
		gaps = append(gaps, sbom.Gap{Kind: gapKind(err, sbom.GapUnreadable), Path: s.tree.Path(n), Detail: err.Error()})
	}
	return out, gaps
}
