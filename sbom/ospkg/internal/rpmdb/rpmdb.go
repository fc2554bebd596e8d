// Package rpmdb reads rpm's databases of installed packages, in the three
// formats that are in use, into plain records. It does not use file trees or
// inventories; package ospkg makes components of its records. It also reads the
// SQLite databases of dnf's history and of FreeBSD's pkg.
//
// # Formats
//
// A database is a set of numbered headers, one for each package: an SQLite
// file (rpmdb.sqlite: Fedora, RHEL 9, Azure Linux), rpm's own "ndb"
// (Packages.db: SUSE), or a Berkeley DB hash (Packages: RHEL 8 and before).
// The header is the same in all of them (package rpmheader); only the way to it
// differs.
//
// A library reads SQLite, because it is a database engine with a write-ahead
// log. This package reads the other two as rpm itself does
// (lib/backend/ndb/rpmpkg.c, lib/backend/bdb_ro.cc). github.com/anchore/go-rpmdb
// has parsers for both, but follows a cycle of Berkeley DB pages for ever,
// panics on an index that points out of its page, in a goroutine of its own
// where the caller cannot recover, allocates as much memory as four bytes of
// the file demand, writes to standard output, and returns neither the flags
// and versions of requirements nor the states of files. The tests use it as
// their oracle.
//
// # Damage
//
// The amount of data that is read is bounded by the size of the file, whatever
// it contains: no page and no block is used twice. A database is read as a
// whole or not at all. Damage that removes a package without a trace in the
// list of headers (a page that no bucket refers to, a block that no slot
// names, a B-tree that lost a branch) is detected, and is a [DamagedError]
// like an unreadable header. Where a header contains a digest of itself, the
// digest must match.
package rpmdb

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/depaudit/depaudit/sbom/rpmheader"
)

// Backend is the format of a database.
type Backend string

const (
	SQLite     Backend = "sqlite"
	NDB        Backend = "ndb"
	BerkeleyDB Backend = "bdb"
)

// Input is one file.
type Input struct {
	io.ReaderAt
	Size int64
}

// Database has the files of one database.
type Database struct {
	Backend Backend
	Main    Input
	// WAL is the write-ahead log beside an SQLite database
	// (https://www.sqlite.org/wal.html), the zero value without one. Its
	// content is part of the database.
	WAL Input
}

const (
	// maxDatabase is the size of a database file in bytes. A system of 5,000
	// packages has 200 MB.
	maxDatabase = 1 << 30
	// maxHeader is the size of one header. The largest known are those of
	// kernels and TeX collections, below 10 MB; rpm itself accepts 256 MB.
	maxHeader = 64 << 20
	// maxPackages is the number of headers: forty times the number of the
	// largest installations.
	maxPackages = 200_000
)

// DamagedError is a database file that is malformed or over a limit.
type DamagedError = rpmheader.Error

func damaged(where, format string, args ...any) error {
	return &DamagedError{Where: where, Msg: fmt.Sprintf(format, args...)}
}

func beyond(where, format string, args ...any) error {
	return &DamagedError{Where: where, Msg: fmt.Sprintf(format, args...), Limit: true}
}

// Read calls yield for each header of a database, in the order of the file. A
// package is not changed afterwards and may be kept. An error of yield ends
// the reading; a [DamagedError] gets the number of the header.
//
// The packages that were yielded before an error are an incomplete list, and
// the caller must discard them.
func Read(ctx context.Context, db Database, yield func(*Package) error) error {
	return Headers(ctx, db, func(number uint32, blob []byte) error {
		p, err := readPackage(number, blob)
		if err != nil {
			return err
		}
		return yield(p)
	})
}

// Headers is [Read] for the headers as they are stored. The next call of yield
// overwrites the blob.
func Headers(ctx context.Context, db Database, yield func(number uint32, blob []byte) error) error {
	if db.Main.Size > maxDatabase {
		return beyond("", "the database has %d bytes, more than %d", db.Main.Size, maxDatabase)
	}
	seen := map[uint32]bool{}
	each := func(number uint32, blob []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if seen[number] {
			return damaged(headerName(number), "occurs twice")
		}
		if len(seen) == maxPackages {
			return beyond(headerName(number), "more than %d packages", maxPackages)
		}
		seen[number] = true
		if len(blob) > maxHeader {
			return beyond(headerName(number), "the header has %d bytes, more than %d", len(blob), maxHeader)
		}
		err := yield(number, blob)
		var bad *DamagedError
		if errors.As(err, &bad) {
			where := headerName(number)
			if bad.Where != "" {
				where += ", " + bad.Where
			}
			return &DamagedError{Where: where, Msg: bad.Msg, Limit: bad.Limit}
		}
		return err
	}
	switch db.Backend {
	case SQLite:
		return readSQLite(ctx, db, each)
	case NDB:
		return readNDB(ctx, db.Main, each)
	case BerkeleyDB:
		return readBDB(ctx, db.Main, each)
	}
	return fmt.Errorf("rpmdb: unknown format %q", db.Backend)
}

func headerName(number uint32) string { return fmt.Sprintf("header %d", number) }

// readFull reads exactly as many bytes as b has.
func readFull(in Input, b []byte, at int64, where string) error {
	if at < 0 || at > in.Size || int64(len(b)) > in.Size-at {
		return damaged(where, "is beyond the end of the file, which has %d bytes", in.Size)
	}
	n, err := in.ReadAt(b, at)
	switch {
	case n == len(b):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return damaged(where, "the file ended at byte %d while it was read", at+int64(n))
	}
	return fmt.Errorf("%s: %w", where, err)
}
