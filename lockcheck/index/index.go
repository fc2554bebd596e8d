// Package index reads the package indexes of operating systems: lock files that
// a key vouches for. An entry has the name, the version, the architecture and the
// digest of a package, and leads to an artifact as the entry of a lock file does.
//
// # Who vouches for an index
//
// A Release file of apt lists the SHA-256 of each index of its archive, and the
// Release file is signed. The digest is that of the uncompressed index, so an
// index is what a Release lists whatever apt or a mirror compressed it with, and
// wherever it is: a Release file of one source vouches for an index of another.
// An index that differs from the one that the Release file beside it lists is a
// problem, and none of its entries is used.
//
// # What a key means
//
// A Release file with a good signature by a trusted key makes the entries
// [Signed]. One that only keys sign which are not trusted is of a [Foreign]
// archive, whatever origin it claims. An index without a signature is the word of
// the directory that it is in: its entries are [Listed], which is weaker than any
// signature and more than the installed database by itself. So is an index whose
// signature is damaged, and that is a problem too.
//
// # The age of an index
//
// The index of a later day lists later versions. A package that it has at another
// version is [OtherVersion]: that is no accusation, and no evidence of a digest.
// Dates of expiry are information: an index must be as old as the installation.
package index

import (
	"context"
	"io/fs"

	"github.com/depaudit/depaudit/lockcheck/trust"
)

// Source is a place with indexes: the lists of an environment, a directory or a
// bundle of the auditor.
type Source struct {
	// Name is the path for messages.
	Name string
	// Environment is set for the environment's own lists.
	Environment bool
	// Files are the files, by their names in the directory.
	Files fs.FS
}

// Package is an installed package of an operating system.
type Package struct {
	Type                string // purl type: "deb", "apk", "alpm"
	Name, Version, Arch string
	// Record are the fields of its record in the database ("Depends", as dpkg's
	// status has it), to be compared with those of the entry; nil for none.
	Record map[string]string
	// Digest is a digest that the database has of the artifact, empty for none.
	Digest string
}

// Entry is a line of an index.
type Entry struct {
	Name, Version, Arch string
	// Digests of the artifact, "sha256:" and hexadecimal, the strongest first.
	Digests []string
	Size    int64
	// File is the path of the artifact below the archive's URL.
	File string
	// Index has the entry; it is the position in [Set.Indexes].
	Index int
}

// The evidence of a package by the indexes.
const (
	Listed       = "archive-listed"        // an index that no key signs has it
	Signed       = "archive-signed"        // a trusted entry names the digest
	OtherVersion = "archive-other-version" // listed at another version
	Foreign      = "foreign"               // an archive that is not trusted has it
	Local        = "local"                 // the base system's index is there, and none has it
)

// Evidence are the words of [Result].Evidence, the best first.
func Evidence() []string { return []string{Signed, Listed, OtherVersion, Foreign, Local} }

// Types are the purl types of packages that indexes are read of.
func Types() []string { return []string{typeDeb, typeApk, typeAlpm} }

// Result is the answer for one package.
type Result struct {
	// Evidence is empty without any index for its type, and when no index has the
	// package but that of the base system is not there either.
	Evidence string
	// Entry is the one that matches, or the nearest by name; nil for [Local].
	Entry *Entry
	// Detail is one sentence for people, without a full stop.
	Detail string
	// Differs are the fields of the record that differ from those of a trusted
	// entry, sorted: a forged record.
	Differs []string
}

// Index describes an index that was read.
type Index struct {
	// File is the path of the index: the name of its source, and its name there.
	File        string
	Environment bool
	// Type is the purl type of its packages.
	Type string
	// Origin, Label, Suite and Codename are those of the Release file.
	Origin, Label, Suite, Codename string
	// Path is the name of the index in the Release file
	// ("main/binary-amd64/Packages").
	Path string
	// Date is the date of the Release file, YYYY-MM-DD, and ValidUntil when it
	// expires, which is only information.
	Date, ValidUntil string
	// Key is the fingerprint of the trusted key that signed, and KeyName its name;
	// empty when none did.
	Key, KeyName string
	// Problem is why the index is not trusted, empty when it is.
	Problem string
}

// Problem is what could not be read or verified.
type Problem struct {
	File   string
	Detail string
}

// Set is a set of indexes.
type Set struct {
	// Indexes are in the order of the sources, and within one sorted by path.
	Indexes  []Index
	Problems []Problem

	entries map[entryKey][]entry
	origins []origin // of each index
}

type entryKey struct{ typ, name string }

// entry is an [Entry] with the fields that a record is compared with.
type entry struct {
	Entry
	fields map[string]string
}

// origin is what is needed of an index beside its description.
type origin struct {
	standing standing
	source   int // the position in the sources
	name     string
	release  *release // nil for an index that has its own signature, or none
	// base is set for the archive of the base system. Without it, a package that
	// no index has need not be a local one.
	base bool
}

// standing is who vouches for an index. A higher one is preferred when several
// indexes have a package.
type standing int

const (
	rejected standing = iota // none of its entries is used
	foreign                  // only keys that are not trusted sign it
	unsigned                 // no key signs it, or its signature is damaged
	signed                   // a trusted key signs it
)

// Open reads the entries of indexes for the packages that wanted reports; nil is
// every package. Indexes have some 60,000 entries, and a stage has few hundred
// packages. The error is that of the context; what could not be read or verified
// is in [Set.Problems].
func Open(ctx context.Context, sources []Source, keys *trust.Keys, wanted func(typ, name string) bool) (*Set, error) {
	return open(ctx, sources, keys, wanted, limits{index: maxIndex, total: maxTotal, retained: maxRetained})
}

// limits are in bytes.
type limits struct {
	index, total int64 // of one uncompressed index, and of all
	retained     int64 // of all entries
}

func open(ctx context.Context, sources []Source, keys *trust.Keys, wanted func(typ, name string) bool, max limits) (*Set, error) {
	if wanted == nil {
		wanted = func(string, string) bool { return true }
	}
	o := &opener{
		max:     max,
		set:     &Set{entries: make(map[entryKey][]entry)},
		sources: sources,
		keys:    keys,
		wanted:  wanted,
	}
	if err := o.read(ctx); err != nil {
		return nil, err
	}
	return o.set, nil
}

// opener reads sources into a set.
type opener struct {
	set      *Set
	sources  []Source
	keys     *trust.Keys
	wanted   func(typ, name string) bool
	max      limits
	releases []*release
	total    int64 // bytes of indexes that were read
	retained int64 // bytes of entries
}

// add adds an index with its entries.
func (o *opener) add(x Index, at origin, entries []entry) {
	n := len(o.set.Indexes)
	o.set.Indexes = append(o.set.Indexes, x)
	o.set.origins = append(o.set.origins, at)
	if at.standing == rejected {
		return
	}
	for _, e := range entries {
		e.Index = n
		key := entryKey{x.Type, e.Name}
		o.set.entries[key] = append(o.set.entries[key], e)
	}
}

// maxProblems is the limit of problems: hostile lists have one for each file.
const maxProblems = 1000

func (o *opener) problem(source Source, name, detail string) {
	if len(o.set.Problems) < maxProblems {
		o.set.Problems = append(o.set.Problems, Problem{File: source.path(name), Detail: detail})
	}
}
