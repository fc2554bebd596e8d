// Package ospkg reads the package database of the operating system in an
// environment: which package owns which path, why each package was installed,
// and which packages depend on which. It reads through package rootfs, runs
// nothing, and does not use the machine that it runs on.
//
// # What counts as the database
//
// Only the canonical paths count, with symbolic links resolved inside the
// environment: a lib/dpkg/status in a home directory is not the system's
// database. There is one reader for each kind (dpkg.go, apk.go, alpm.go,
// opkg.go, rpm.go). Those of databases that only list packages and files share
// listed.go, and known lists without a reader are gaps (unread.go). A reader
// returns nil when the environment has no such database; [Open] calls each of
// them. They share the database under construction (system.go), the lookup of
// paths directory by directory (paths.go, collector.go), the line reader
// (lines.go), the edges of satisfied requirements (relations.go) and the rules
// for files that no package should have (claims.go).
//
// An environment may have several databases. The one that os-release expects
// is canonical. combine.go adds the others: their packages count, the
// canonical database wins every conflict about a file, and a notice names
// them.
//
// # What is an error, what is a gap
//
// A database that cannot be parsed is an error with file and line, and never
// an empty or partial list of packages. A fault that leaves the list of
// packages intact and makes one answer unsure (a missing file list, a
// dependency field that does not parse, an os-release of another system) is a
// gap: the environment cannot pass, and the rest of it is still examined.
//
// # Ownership
//
// Owners are one int32 for each node of the file tree and not a map of paths:
// a Debian root has 100,000 to 250,000 listed paths. File lists are read in
// parallel, each by one goroutine and line by line. Consecutive lines share
// their directory, so that most lines cost one hash lookup. The results are
// merged afterwards in the order of the packages, and do not depend on which
// list was read first.
//
// The lookup of a listed path follows links in all of its directories and
// takes its last component as it is. On a system with a merged /usr a list
// contains /bin/bash, and the file is /usr/bin/bash. A listed link is owned,
// and its target is not.
//
// # Trust
//
// An attacker who can write to the environment can write to its database. The
// evidence of every component here is therefore "db-owned" and no more. A
// claim that no package of a distribution makes (files in /home, in a virtual
// environment, in another package) is reported and not accepted. A digest of
// the archive that a database records, as apk's does, is an installer's
// record and no evidence of origin: it is compared with an index or a lock
// file.
package ospkg

import (
	"context"
	"fmt"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// DB is the package database of one environment.
type DB struct {
	// Kind names the database, "dpkg"; of several the canonical one first,
	// "dpkg+rpm".
	Kind string
	// Components are the installed packages, sorted by ID.
	Components []sbom.Component
	// Relations are the dependencies that are satisfied in the environment,
	// with both ends in Components.
	Relations []sbom.Relation
	Gaps      []sbom.Gap
	Notices   []sbom.Notice
	// Excluded are the packages that the database lists in another state than
	// installed.
	Excluded []sbom.Exclusion
	// Listed is the number of paths in all file lists; a path that several
	// packages list counts once for each. Absent is the number of those that
	// do not exist in the environment, for instance because the documentation
	// was deleted.
	Listed, Absent int
	// Apt are apt's settings, of a database of dpkg.
	Apt sbom.Apt

	owner []int32 // node -> index in Components + 1, 0 for none
	// shows has, for each component, the file whose layer is the component's.
	// It is None when the layer follows from the component's own files.
	shows []rootfs.Node
	at    string // the path of the database

	// conffiles are the digests of configuration files as their packages have
	// them: see [DB.Conffile].
	conffiles map[string]string

	parts   []recordPart          // read the records of files
	control map[int][]rootfs.Node // see [DB.Control]
}

// Open reads the package databases of an environment. It returns nil and no
// error when there is none; the caller decides whether there should be one
// (see [Expect]).
//
// The error is a [*parseError] when the database does not parse, and the error
// of the file system when it cannot be read.
func Open(ctx context.Context, t *rootfs.Tree, release sbom.OS) (*DB, error) {
	places := findAreas(t)
	var opened []*DB
	var failed []failure
	for _, kind := range []struct {
		name string
		open func(context.Context, system) (*DB, error)
	}{
		{"dpkg", openDpkg},
		{"rpm", openRPM},
		{"apk", openApk},
		{"alpm", openAlpm},
		{"opkg", openOpkg},
		{"chisel", openChisel},
		{"pkg", openFreeBSD},
		{"xbps", openXBPS},
		{"pkgtools", openPkgtools},
		{"portage", openPortage},
		{"bottlerocket", openBottlerocket},
		{"cos", openCOS},
	} {
		db, err := kind.open(ctx, system{DB: &DB{Kind: kind.name}, tree: t, release: release, areas: places})
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			failed = append(failed, failure{kind.name, err})
		case db != nil:
			opened = append(opened, db)
		}
	}
	db, err := combine(t, release, opened, failed)
	if db != nil {
		db.placeInLayers(t)
	}
	return db, err
}

// Owner returns the ID of the component that owns a node, "" when none does. A
// directory that several packages list belongs to the one with the lowest ID.
func (db *DB) Owner(n rootfs.Node) string {
	if !db.Owns(n) {
		return ""
	}
	return db.Components[db.owner[n]-1].ID
}

// Owns reports whether any package owns a node.
func (db *DB) Owns(n rootfs.Node) bool {
	return n >= 0 && int(n) < len(db.owner) && db.owner[n] != 0
}

// Conffile returns the MD5 of a configuration file as its package has it, in
// hexadecimal, empty when the database has a word such as "newconffile" in its
// place, and whether the path is a configuration file. Only the databases of dpkg
// and opkg are asked: their status files have been read already. [DB.Records]
// has those of the others.
func (db *DB) Conffile(path string) (md5 string, ok bool) {
	md5, ok = db.conffiles[path]
	return md5, ok
}

func (db *DB) addConffiles(list []conffile) {
	for _, f := range list {
		if db.conffiles == nil {
			db.conffiles = map[string]string{}
		}
		sum := f.sum
		if len(sum) != 32 {
			sum = ""
		}
		db.conffiles[f.path] = sum
	}
}

// parseError is a malformed file of the database.
type parseError struct {
	File string // absolute within the environment
	Line int    // from 1; 0 when the whole file is meant
	Msg  string
	Hint string // how to repair it, may be empty
}

func (e *parseError) Error() string {
	at := e.File
	if e.Line > 0 {
		at = fmt.Sprintf("%s:%d", e.File, e.Line)
	}
	if e.Hint == "" {
		return at + ": " + e.Msg
	}
	return at + ": " + e.Msg + " (" + e.Hint + ")"
}

// limitError is a parseError that a named limit caused. A gap made of it has
// the kind of a limit.
type limitError struct{ parseError }

func (e *limitError) Error() string { return e.parseError.Error() }
func (e *limitError) Unwrap() error { return &e.parseError }

// own records that a component owns a node, unless an earlier one does.
// It returns the index of the earlier owner, or -1.
func (db *DB) own(n rootfs.Node, component int) int {
	if before := db.owner[n]; before != 0 {
		return int(before) - 1
	}
	db.owner[n] = int32(component) + 1
	return -1
}

func (db *DB) gap(kind sbom.GapKind, path, format string, args ...any) {
	db.Gaps = append(db.Gaps, sbom.Gap{Kind: kind, Path: path, Detail: fmt.Sprintf(format, args...)})
}

func (db *DB) notice(kind sbom.NoticeKind, path, component, format string, args ...any) {
	db.Notices = append(db.Notices, sbom.Notice{Kind: kind, Path: path, Component: component, Detail: fmt.Sprintf(format, args...)})
}

// position formats a file and a line as errors have them.
func position(file string, line int) string { return fmt.Sprintf("%s:%d", file, line) }
