package ledger

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/ospkg"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// readRecords reads what the package database states about files.
func (e *engine) readRecords(ctx context.Context) error {
	db := e.files.DB()
	if db == nil {
		return nil
	}
	var err error
	if e.records, err = db.Records(ctx); err != nil {
		return err
	}
	for _, g := range e.records.Gaps {
		g.Path, g.Detail = sbom.Escape(g.Path), sbom.Escape(g.Detail)
		e.gaps = append(e.gaps, g)
	}
	return nil
}

// compareRecord compares a node with the record of the package database.
func (e *engine) compareRecord(f *node, kind rootfs.Kind, x rootfs.Examined, r ospkg.FileRecord) {
	var d how
	stated := false
	if r.Kind != 0 {
		if r.Kind != kind {
			d |= howType
		}
	}
	if r.Kind == 0 || r.Kind == kind {
		switch kind {
		case rootfs.File:
			if have := digestOf(x.Sums, r.Algorithm); have != nil {
				stated = true
				if !bytes.Equal(have, r.Digest) {
					d |= howContent
				}
			}
		case rootfs.Symlink:
			switch {
			case r.Link != "":
				stated = true
				if e.tree.Target(x.Node) != r.Link {
					d |= howLink
				}
			case len(r.Digest) > 0:
				have := linkDigest(e.tree.Target(x.Node), r.Algorithm)
				if stated = have != nil; stated && !bytes.Equal(have, r.Digest) {
					d |= howLink
				}
			case r.Algorithm == "" && r.Kind == 0:
			}
		default:
			stated = r.HasMode
		}
	}
	if kind != rootfs.Symlink {
		d |= e.compareMeta(x.Meta, r)
	}
	if kind == rootfs.Dir {
		if d != 0 && r.Flags&(ospkg.Override|ospkg.Mutable|ospkg.Ghost) == 0 {
			f.status, f.how = changed, d
		}
		return
	}
	switch {
	case r.Flags&ospkg.NoSum != 0:
		f.status, f.detail = unexplained, detailNoSum
	case r.Flags&ospkg.Ghost != 0:
		f.status, f.rule = derived, rulePackage
	case r.Flags&ospkg.Mutable != 0 && d&^howContent == 0:
		f.status, f.rule = derived, rulePackage
	case r.Flags&ospkg.Conffile != 0 && d == howContent:
		f.status, f.how = conffile, d
	case d != 0:
		f.status, f.how = changed, d
	case stated && e.headerProves(r, kind):
		f.status = proved
	case stated:
		f.status = consistent
	default:
		f.status = unchecked
	}
}

// headerProves reports whether a record is in a signed header, with a digest that
// resists an attacker.
func (e *engine) headerProves(r ospkg.FileRecord, kind rootfs.Kind) bool {
	at := e.packages[r.Component]
	return at >= 0 && e.state[at].header && (kind != rootfs.File || r.Strong())
}

func digestOf(s rootfs.Sums, algorithm string) []byte {
	switch algorithm {
	case "md5":
		return s.MD5[:]
	case "sha1":
		return s.SHA1[:]
	case "sha256":
		return s.SHA256[:]
	}
	return nil
}

// compareMeta compares mode, owner and capabilities with a record.
func (e *engine) compareMeta(m rootfs.Meta, r ospkg.FileRecord) how {
	var d how
	if r.HasMode && m.Mode != r.Mode {
		d |= howMode
	}
	if e.owners && (r.UID >= 0 && m.UID >= 0 && r.UID != m.UID || r.GID >= 0 && m.GID >= 0 && r.GID != m.GID) {
		d |= howOwner
	}
	if r.HasCapabilities && ospkg.MoreCapabilities(r.Capabilities, m.Capabilities) {
		d |= howCapabilities
	}
	return d
}

// row is a row of a RECORD.
type row struct {
	component int32
	sum       [32]byte
	stated    bool // it has a digest
}

// readPython reads the RECORDs of Python's distributions
// (https://packaging.python.org/en/latest/specifications/recording-installed-packages/).
func (e *engine) readPython(ctx context.Context) error {
	for i := range e.doc.Components {
		c := &e.doc.Components[i]
		if c.Type != "pypi" {
			continue
		}
		for _, p := range c.Paths {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			meta := e.tree.Lookup(sbom.Unescape(p))
			if meta == rootfs.None || e.nodes[meta].component != int32(i)+1 {
				continue
			}
			if record := e.tree.Child(e.tree.Parent(meta), "RECORD"); record != rootfs.None {
				e.readRecord(int32(i), record)
			}
		}
	}
	return nil
}

// maxRecord is the limit for one RECORD; the largest packages have some megabytes.
const maxRecord = 64 << 20

// readRecord takes the rows of the files that a distribution accounts for: the
// scan decided which those are, and has the gap of a RECORD that cannot be read.
func (e *engine) readRecord(c int32, record rootfs.Node) {
	data, err := e.tree.ReadFile(record, maxRecord)
	if err != nil {
		return
	}
	info := e.tree.Path(e.tree.Parent(record))
	base := path.Dir(info)
	r := csv.NewReader(bytes.NewReader(data))
	r.FieldsPerRecord = -1
	r.ReuseRecord = true
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) || err != nil {
			return
		}
		if len(fields) == 0 || fields[0] == "" {
			continue
		}
		name := fields[0]
		full := name
		if !path.IsAbs(name) {
			full = path.Join(base, name)
		}
		n := e.tree.ResolveParent(full)
		if moved, ok := strings.CutPrefix(name, "../../"); n == rootfs.None && ok {
			n = e.tree.ResolveParent(path.Join(base, moved)) // pip install --target
		}
		if n == rootfs.None {
			if !isBytecode(name) {
				e.absent = append(e.absent, absentFile{path: path.Clean(full), component: c})
			}
			continue
		}
		if e.tree.Kind(n) == rootfs.Symlink {
			if to := e.tree.ResolveNode(n); to != rootfs.None && e.nodes[to].component == c+1 {
				n = to
			}
		}
		if e.nodes[n].component != c+1 || e.tree.Kind(n) != rootfs.File || isInstallers(path.Base(name)) && strings.HasPrefix(e.tree.Path(n), info+"/") {
			continue
		}
		w := row{component: c}
		if len(fields) > 1 {
			if alg, value, ok := strings.Cut(fields[1], "="); ok && alg == "sha256" {
				sum, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(value, "="))
				if err == nil && len(sum) == sha256.Size {
					w.stated = true
					copy(w.sum[:], sum)
				}
			}
		}
		if !w.stated && isBytecode(name) {
			continue
		}
		e.recorded = append(e.recorded, w)
		e.nodes[n].row = int32(len(e.recorded))
	}
}

// isInstallers reports whether a file of a .dist-info directory is the
// installer's own, which two installations of one wheel may have or not.
func isInstallers(name string) bool {
	switch name {
	case "RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "RECORD.jws", "RECORD.p7s":
		return true
	}
	return false
}

func isBytecode(name string) bool {
	return strings.HasSuffix(name, ".pyc") || strings.HasSuffix(name, ".pyo")
}

// compareRow compares a file with its row in RECORD.
func (e *engine) compareRow(f *node, x rootfs.Examined) {
	w := &e.recorded[f.row-1]
	switch {
	case !w.stated:
		f.status, f.detail = unexplained, detailNoRow
	case w.sum != x.Sums.SHA256:
		f.status, f.how = changed, howContent
	default:
		f.status = consistent
	}
}

// addMissing adds the files that records or manifests have and the environment
// does not.
func (e *engine) addMissing() {
	defer func() { // a RECORD and its wheel have the same files
		slices.SortStableFunc(e.absent, func(a, b absentFile) int {
			return cmp.Or(strings.Compare(a.path, b.path), cmp.Compare(a.component, b.component))
		})
		e.absent = slices.CompactFunc(e.absent, func(a, b absentFile) bool { return a.path == b.path && a.component == b.component })
	}()
	if e.records == nil {
		return
	}
	for _, a := range e.records.Absent {
		at := int32(-1)
		if a.Component >= 0 && a.Component < len(e.packages) {
			at = e.packages[a.Component]
		}
		if a.Flags&(ospkg.Excluded|ospkg.Ghost|ospkg.MissingOK) != 0 || a.Kind == rootfs.Dir || at < 0 || e.state[at].manifest {
			continue
		}
		if a.Kind == 0 && len(a.Digest) == 0 {
			continue // a directory or a link: the list has no types
		}
		m := absentFile{path: a.Path, component: at, conffile: a.Flags&ospkg.Conffile != 0}
		if a.Flags&ospkg.Doc != 0 || isDocumentation(a.Path) {
			m.rule = ruleDocumentation
		}
		e.absent = append(e.absent, m)
	}
}

// isDocumentation reports whether a path is in a directory that no program needs
// and that makers of images delete.
func isDocumentation(p string) bool {
	for _, dir := range []string{"/usr/share/doc/", "/usr/share/man/", "/usr/share/info/", "/usr/share/locale/", "/usr/share/groff/", "/usr/share/linda/", "/usr/share/lintian/", "/usr/share/gnome/help/", "/usr/share/gtk-doc/", "/usr/share/doc-base/", "/usr/share/bug/", "/usr/share/i18n/"} {
		if strings.HasPrefix(p, dir) {
			return true
		}
	}
	return false
}

// linkDigest is the digest of the target of a link.
func linkDigest(target, algorithm string) []byte {
	switch algorithm {
	case "md5":
		s := md5.Sum([]byte(target))
		return s[:]
	case "sha1":
		s := sha1.Sum([]byte(target))
		return s[:]
	case "sha256":
		s := sha256.Sum256([]byte(target))
		return s[:]
	}
	return nil
}

func (e *engine) isConffile(n rootfs.Node) bool {
	r, ok := e.records.Of(n)
	return ok && r.Flags&ospkg.Conffile != 0
}
