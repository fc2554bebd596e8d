// Package ospkg reads the package database of the operating system in an
// environment: which package owns which path, what was asked for, what
// depends on what. It reads through package environ, runs nothing, and does
// not ask the machine that it runs on.
//
// # What counts as the database
//
// Only the canonical places, with symbolic links resolved inside the
// environment: a lib/dpkg/status in somebody's home folder says nothing about
// the system. There is one reader for each kind (dpkg.go, apk.go, alpm.go,
// opkg.go, rpm.go), which returns nil when the environment has no such
// database; [Open] asks each. What they share is the database while it is
// read (system.go), the folder-by-folder path lookup (paths.go, collector.go),
// the line reader (lines.go), the edges of satisfied requirements
// (relations.go) and the rules for files that no package should have
// (claims.go).
//
// An environment may have several, and the one that os-release expects is the
// canonical one. combine.go says what becomes of the others: their packages
// count, their claims come second, and there is a notice.
//
// # What is an error, what is a gap
//
// A database that cannot be parsed is an error, with file and line, and never
// an empty list: half of the packages would look as if they were not there.
// What leaves the list of packages intact and only makes one answer unsure
// (a file list that is missing, a dependency field that does not parse, an
// os-release of another system) is a gap, so that the environment cannot
// pass, but can be looked at.
//
// # Ownership
//
// Owners are one int32 for each node of the file tree and not a map of paths:
// a Debian root has 100,000 to 250,000 listed paths. File lists are read in
// parallel, each by one goroutine and line by line; consecutive lines share
// their folder, so that most lines cost one hash lookup. The results are put
// together afterwards in the order of the packages, so that they do not
// depend on which list was read first.
//
// A listed path is found with the links of all its folders followed but its
// last component taken as it is: on a system with a merged /usr a list says
// /bin/bash, and the file is /usr/bin/bash; a listed link is owned, not what
// it points to.
//
// # Believing
//
// Whoever can write to the environment can write to its database. The
// evidence of every component here is therefore "db-owned" and no more, and
// a claim that no package of a distribution makes (files in /home, in a
// virtual environment, in another package) is reported and not believed. A
// digest of the archive that a database keeps, as apk's does, is an
// installer's record and proves nothing either: it says what to compare with
// an index or a lock file.
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
	// Excluded are packages that the database knows in another state than
	// installed.
	Excluded []sbom.Exclusion
	// Listed is the number of paths in all file lists, a path that several
	// packages list counted for each; Absent is the number of those that the
	// environment does not have, for instance because its maker threw the
	// documentation away.
	Listed, Absent int

	owner []int32 // node -> index in Components + 1, 0 for none
	// shows has, for each component, the file whose layer is the component's;
	// None when its own files tell.
	shows []rootfs.Node
	at    string // where the database is
}

// Open reads the package databases of an environment. It returns nil and no
// error when there is none at all; whether there should be one is for the
// caller to say, see [Expect].
//
// The error is a [*ParseError] when the database is there and is not one, and
// the error of the file system when it cannot be read.
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

// Owner is the ID of the component that owns a node, "" when none does. A
// folder that several packages have belongs to the one with the lowest ID.
func (db *DB) Owner(n rootfs.Node) string {
	if !db.Owns(n) {
		return ""
	}
	return db.Components[db.owner[n]-1].ID
}

// Owns says whether any package owns a node.
func (db *DB) Owns(n rootfs.Node) bool {
	return n >= 0 && int(n) < len(db.owner) && db.owner[n] != 0
}

// ParseError says that a file of the database is not what it must be.
type ParseError struct {
	File string // absolute within the environment
	Line int    // from 1; 0 when the whole file is meant
	Msg  string
	Hint string // what to do, may be empty
}

func (e *ParseError) Error() string {
	at := e.File
	if e.Line > 0 {
		at = fmt.Sprintf("%s:%d", e.File, e.Line)
	}
	if e.Hint == "" {
		return at + ": " + e.Msg
	}
	return at + ": " + e.Msg + " (" + e.Hint + ")"
}

// limitError is a ParseError that a named limit caused, so that a gap about
// it gets the right kind.
type limitError struct{ ParseError }

func (e *limitError) Error() string { return e.ParseError.Error() }
func (e *limitError) Unwrap() error { return &e.ParseError }

// own records that a component owns a node, unless an earlier one does.
// It returns the index of the one that had it before, or -1.
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

// position is where something is, as in an error.
func position(file string, line int) string { return fmt.Sprintf("%s:%d", file, line) }
