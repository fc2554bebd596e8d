// Package index reads the package indexes of operating systems: lock files that
// a key vouches for. An entry has the name, the version, the architecture and the
// digest of a package, and leads to an artifact as the entry of a lock file does.
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
	// status has it), to be compared with those of the entry.
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

// Evidence of a package by the indexes.
const (
	Listed       = "archive-listed"        // an index that no trusted key signs has it
	Signed       = "archive-signed"        // a trusted entry names the digest
	OtherVersion = "archive-other-version" // listed at another version
	Foreign      = "foreign"               // an archive that is not trusted has it
	Local        = "local"                 // indexes are there and none has it
)

// Result is the answer for one package.
type Result struct {
	// Evidence is empty without any index for its type.
	Evidence string
	// Entry is the one that matches, or the nearest.
	Entry *Entry
	// Detail is one sentence for people.
	Detail string
	// Differs are the fields of the record that differ from the entry's: a
	// forged record.
	Differs []string
}

// Index describes an index that was read.
type Index struct {
	File                            string
	Environment                     bool
	Origin, Label, Suite, Codename  string
	Date, Key, KeyName, Problem, At string
}

// Problem is what could not be read or verified.
type Problem struct {
	File   string
	Detail string
}

// Set is a set of indexes.
type Set struct {
	Indexes  []Index
	Problems []Problem
}

// Open reads the entries of indexes for the packages that wanted reports. Indexes
// have some 60,000 entries, and a stage has few hundred packages.
func Open(ctx context.Context, sources []Source, keys *trust.Keys, wanted func(typ, name string) bool) (*Set, error) {
	return new(Set), ctx.Err()
}

// Match finds the entry of an installed package.
func (s *Set) Match(p Package) Result { return Result{} }
