package index

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// typeDeb is the purl type of Debian's packages.
const typeDeb = "deb"

// extensions are those of compressed indexes, the fastest first: xz takes 25 times
// as long as zstd. The content decides what a file is; the extension only which
// names are indexes.
var extensions = []string{"", ".lz4", ".zst", ".gz", ".bz2", ".xz"}

// isPackages reports whether the last part of a path is that of an index.
func isPackages(base string) bool {
	rest, ok := strings.CutPrefix(base, "Packages")
	return ok && slices.Contains(extensions, rest)
}

// plainName returns the name of an index without the extension of compression.
func plainName(name string) string {
	for _, e := range extensions[1:] {
		if s, ok := strings.CutSuffix(name, "Packages"+e); ok {
			return s + "Packages"
		}
	}
	return name
}

// read reads all sources: first the Release files of all of them, since one may
// vouch for an index of another, then the indexes.
func (o *opener) read(ctx context.Context) error {
	names := make([][]string, len(o.sources))
	for i, s := range o.sources {
		var err error
		if names[i], err = o.names(ctx, s); err != nil {
			return err
		}
		o.releasesOf(i, names[i])
	}
	for i := range o.sources {
		for _, f := range o.indexes(i, names[i]) {
			if err := ctx.Err(); err != nil {
				return err
			}
			f.kind.read(o, ctx, i, f.name)
		}
	}
	return ctx.Err()
}

// kind is a kind of index files.
type kind struct {
	// is returns the name of the index that a file of a source has, and the cost
	// of reading it; ok is false for other files. Of several files with one name
	// the cheapest is read: a mirror has an index in two or three forms, and each
	// of them by its digest too.
	is func(o *opener, source int, file string) (name string, cost int, ok bool)
	// read reads the file and adds an index, or a problem.
	read func(o *opener, ctx context.Context, source int, file string)
}

func kinds() []kind {
	return []kind{
		{(*opener).isAptIndex, (*opener).aptIndex},
		{(*opener).isApkIndex, (*opener).apkIndex},
		{(*opener).isAlpmIndex, (*opener).alpmIndex},
	}
}

// indexFile is a file that is to be read.
type indexFile struct {
	name string
	cost int
	kind kind
}

// indexes returns the files of a source that are indexes, each once, in the order
// of names.
func (o *opener) indexes(source int, names []string) []indexFile {
	var out []indexFile
	at := make(map[string]int) // by the name of the index
	for _, name := range names {
		for _, k := range kinds() {
			index, cost, ok := k.is(o, source, name)
			if !ok {
				continue
			}
			f := indexFile{name, cost, k}
			if i, known := at[index]; !known {
				at[index] = len(out)
				out = append(out, f)
			} else if cost < out[i].cost {
				out[i] = f
			}
			break
		}
	}
	return out
}

// isAptIndex recognises an index by its name, or by its digest if that is its
// name.
func (o *opener) isAptIndex(source int, file string) (name string, cost int, ok bool) {
	dir, base := path.Split(file)
	if _, last, lists := cutLast(base, "_"); isPackages(base) || lists && isPackages(last) {
		return plainName(file), compression(file), true
	}
	if !strings.HasSuffix(dir, "by-hash/SHA256/") {
		return "", 0, false
	}
	for _, r := range o.releases {
		if p := r.pathOf(base); p != "" && r.source == source {
			return r.prefix + plainName(p), compression(p), true
		} else if p != "" {
			name, cost, ok = plainName(dir+path.Base(p)), compression(p), true
		}
	}
	return name, cost, ok
}

// compression is the position of a name's extension in [extensions].
func compression(name string) int {
	return max(0, slices.Index(extensions, strings.TrimPrefix(name, plainName(name))))
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// aptIndex reads one index and finds who vouches for it.
func (o *opener) aptIndex(ctx context.Context, source int, name string) {
	s := o.sources[source]
	x := Index{File: s.path(name), Environment: s.Environment, Type: typeDeb}
	at := origin{source: source, name: name}
	sum, entries, base, err := o.readPackages(ctx, s, name)
	at.base = base
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		x.Problem = "index is damaged or over a limit: " + cause(err)
		at.release = o.beside(source, name)
		describe(&x, at.release)
		o.problem(s, name, x.Problem)
		o.add(x, at, nil)
		return
	}
	if at.release, x.Path = o.vouching(source, name, sum); at.release != nil {
		at.standing = at.release.about
		x.Problem = at.release.problem
		if key := at.release.key; key != nil {
			x.Key, x.KeyName = key.Fingerprint, key.Name
		}
	} else if at.release = o.beside(source, name); at.release == nil {
		at.standing, x.Problem = unsigned, "no Release file lists it"
	} else if at.release.fields.packages == nil { // the Release file is damaged
		at.standing, x.Problem = unsigned, at.release.problem
	} else {
		at.standing = rejected
		x.Problem = fmt.Sprintf("index is not the one that %s lists: it was changed, or is of another day", at.release.file)
		o.problem(s, name, x.Problem)
	}
	describe(&x, at.release)
	o.add(x, at, entries)
}

func describe(x *Index, r *release) {
	if r != nil {
		f := r.fields
		x.Origin, x.Label, x.Suite, x.Codename = f.origin, f.label, f.suite, f.codename
		x.Date, x.ValidUntil = f.date, f.validUntil
	}
}

// maxRetained is the limit of memory for entries. All of Debian's main have 60 MB.
const maxRetained = 256 << 20

// baseSystem is a package that every system of dpkg has, and that no archive but
// that of the base system has.
const baseSystem = "base-files"

// readPackages reads an index and returns the SHA-256 of its uncompressed
// content. base reports whether it is that of the base system.
func (o *opener) readPackages(ctx context.Context, s Source, name string) (sum string, entries []entry, base bool, err error) {
	if o.total >= o.max.total {
		return "", nil, false, fmt.Errorf("all indexes together have more than %d MiB", o.max.total>>20)
	}
	f, err := s.Files.Open(name)
	if err != nil {
		return "", nil, false, err
	}
	defer f.Close()
	content, closeContent, err := decompress(f)
	if err != nil {
		return "", nil, false, err
	}
	defer closeContent()
	counted := &limited{r: content, left: o.max.index}
	defer func() { o.total += counted.n }()
	h := sha256.New()
	wanted := func(name string) bool {
		base = base || name == baseSystem
		return o.wanted(typeDeb, name)
	}
	err = parsePackages(ctx, io.TeeReader(counted, h), wanted, func(e entry) error {
		if o.retained += e.size(); o.retained > o.max.retained {
			return fmt.Errorf("the entries of installed packages have more than %d MiB", o.max.retained>>20)
		}
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		return "", nil, false, err
	}
	return hex.EncodeToString(h.Sum(nil)), entries, base, nil
}

// vouching returns the Release file that lists an index by its digest, and its
// path there: the one of the highest standing, and of those the one beside the
// index.
func (o *opener) vouching(source int, name, sum string) (*release, string) {
	var (
		best *release
		at   string
	)
	for _, r := range o.releases {
		p := r.pathOf(sum)
		if p == "" {
			continue
		}
		if best == nil || r.about > best.about || r.about == best.about && r.covers(source, name) && !best.covers(source, name) {
			best, at = r, p
		}
	}
	return best, at
}

// beside returns the Release file of the same source that an index is below, the
// nearest one.
func (o *opener) beside(source int, name string) *release {
	var best *release
	for _, r := range o.releases {
		if r.covers(source, name) && (best == nil || len(r.prefix) > len(best.prefix)) {
			best = r
		}
	}
	return best
}
