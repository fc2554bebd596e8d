package rpmdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"modernc.org/sqlite"
)

// An SQLite database is read from a copy in a temporary directory. The library
// needs a file and may write to it: reading a write-ahead log begins with
// building an index of it. The directory of the database is never written to
// and need not be writable. Its -shm file is not copied: it is that index, and
// is rebuilt from the log, whose frames have checksums.
//
// A rollback journal is not read. rpm does not use one, and a forged one may
// name any file, which SQLite would delete after the rollback.

// sqliteMagic starts every SQLite database
// (https://www.sqlite.org/fileformat.html).
const sqliteMagic = "SQLite format 3\x00"

// maxSQLiteHeap bounds what SQLite itself allocates, in bytes: a header, and
// pages to work on.
const maxSQLiteHeap = 256 << 20

// sqliteCopy is an open copy of a database.
type sqliteCopy struct {
	db  *sql.DB
	dir string
}

// openSQLite copies a database and its log and opens the copy. The caller
// closes it, also after a cancellation.
func openSQLite(ctx context.Context, main, wal Input) (_ *sqliteCopy, err error) {
	var magic [len(sqliteMagic)]byte
	if err := readFull(main, magic[:], 0, "the head of the file"); err != nil {
		return nil, err
	}
	if string(magic[:]) != sqliteMagic {
		return nil, damaged("", "is not an SQLite database: it starts with %q", magic[:])
	}
	if wal.Size > maxDatabase {
		return nil, beyond("", "the write-ahead log has %d bytes, more than %d", wal.Size, maxDatabase)
	}
	c := &sqliteCopy{}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	if c.dir, err = os.MkdirTemp("", "rpmdb-"); err != nil {
		return nil, fmt.Errorf("no temporary directory for a copy of the database: %w", err)
	}
	path := filepath.Join(c.dir, "db")
	if err := copyInput(ctx, main, path); err != nil {
		return nil, err
	}
	if wal.Size > 0 {
		if err := copyInput(ctx, wal, path+"-wal"); err != nil {
			return nil, err
		}
	}
	// A schema can run functions when it is only read, through views,
	// generated columns and virtual tables. trusted_schema allows only
	// harmless ones, and only plain tables are read.
	query := url.Values{"_defensive": {"1"}, "_pragma": {
		fmt.Sprintf("hard_heap_limit(%d)", maxSQLiteHeap), "trusted_schema(0)", "cell_size_check(1)", "mmap_size(0)", "query_only(1)"}}
	uri := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: query.Encode()}
	connector, err := sqlite.NewConnector(uri.String())
	if err != nil {
		return nil, fmt.Errorf("copy of the database: %w", err)
	}
	c.db = sql.OpenDB(connector)
	c.db.SetMaxOpenConns(1) // pragmas apply to one connection
	return c, nil
}

func (c *sqliteCopy) close() error {
	var err error
	if c.db != nil {
		err = c.db.Close()
	}
	if c.dir != "" {
		err = errors.Join(err, os.RemoveAll(c.dir))
	}
	return err
}

// copyInput copies exactly as many bytes as the size of the input.
func copyInput(ctx context.Context, in Input, path string) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("copy of the database: %w", err)
	}
	defer func() {
		if closeErr := f.Close(); err == nil && closeErr != nil {
			err = fmt.Errorf("copy of the database: %w", closeErr)
		}
	}()
	const chunk = 1 << 20
	buf := make([]byte, min(chunk, max(in.Size, 1)))
	for at := int64(0); at < in.Size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		part := buf[:min(int64(len(buf)), in.Size-at)]
		if err := readFull(in, part, at, "the file"); err != nil {
			return err
		}
		if _, err := f.Write(part); err != nil {
			return fmt.Errorf("copy of the database: %w", err)
		}
		at += int64(len(part))
	}
	return nil
}

// fail distinguishes an error of SQLite about the file from one of the context.
func (c *sqliteCopy) fail(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var bad *sqlite.Error
	if errors.As(err, &bad) {
		return damaged("", "SQLite: %v", err)
	}
	return err
}

// columns returns the columns of a plain table, nil when it does not exist.
// Views, virtual tables and generated columns are errors: they are programs.
func (c *sqliteCopy) columns(ctx context.Context, table string) (names []string, err error) {
	var kind, text string
	err = c.db.QueryRowContext(ctx, "SELECT type, coalesce(sql, '') FROM sqlite_schema WHERE lower(name) = lower(?)", table).Scan(&kind, &text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, c.fail(ctx, err)
	}
	if kind != "table" || !strings.HasPrefix(strings.ToUpper(text), "CREATE TABLE") {
		return nil, damaged("", "%s is a %.32q, not a plain table", table, kind)
	}
	rows, err := c.db.QueryContext(ctx, "SELECT name, hidden FROM pragma_table_xinfo(?)", table)
	if err != nil {
		return nil, c.fail(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var hidden int
		if err := rows.Scan(&name, &hidden); err != nil {
			return nil, c.fail(ctx, err)
		}
		if hidden != 0 {
			return nil, damaged("", "column %.64q of %s is computed", name, table)
		}
		names = append(names, strings.ToLower(name))
	}
	if err := rows.Err(); err != nil {
		return nil, c.fail(ctx, err)
	}
	return names, nil
}

// table is a table with the columns that are read.
type table struct {
	name    string
	columns []string
}

// require returns an error when a table or a column is missing, or when the file
// is damaged.
func (c *sqliteCopy) require(ctx context.Context, tables ...table) error {
	for _, t := range tables {
		if err := c.need(ctx, t.name, t.columns...); err != nil {
			return err
		}
	}
	return c.check(ctx)
}

// need returns an error when a table lacks one of the columns.
func (c *sqliteCopy) need(ctx context.Context, table string, columns ...string) error {
	have, err := c.columns(ctx, table)
	if err != nil {
		return err
	}
	if have == nil {
		return damaged("", "no table %s", table)
	}
	for _, name := range columns {
		if !slices.Contains(have, name) {
			return damaged("", "table %s has no column %s", table, name)
		}
	}
	return nil
}

// check checks the structure of the whole file. A B-tree that lost a branch
// reads without an error, with fewer rows.
func (c *sqliteCopy) check(ctx context.Context) error {
	var verdict string
	if err := c.db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return c.fail(ctx, err)
	}
	if verdict != "ok" {
		return damaged("", "SQLite's check of the file failed: %.200q", verdict)
	}
	return nil
}

func readSQLite(ctx context.Context, db Database, yield func(uint32, []byte) error) (err error) {
	c, err := openSQLite(ctx, db.Main, db.WAL)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := c.close(); err == nil {
			err = closeErr
		}
	}()
	if err := c.require(ctx, table{"Packages", []string{"hnum", "blob"}}); err != nil {
		return err
	}
	rows, err := c.db.QueryContext(ctx, "SELECT hnum, length(blob), CASE WHEN length(blob) <= ? THEN blob END FROM Packages ORDER BY hnum", maxHeader)
	if err != nil {
		return c.fail(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		var number, size sql.NullInt64
		var blob sql.RawBytes
		if err := rows.Scan(&number, &size, &blob); err != nil {
			return c.fail(ctx, err)
		}
		switch {
		case !number.Valid || number.Int64 < 1 || number.Int64 > math.MaxUint32:
			return damaged("", "a header has the number %d", number.Int64)
		case size.Int64 > maxHeader:
			return beyond(headerName(uint32(number.Int64)), "has %d bytes, more than %d", size.Int64, maxHeader)
		}
		if err := yield(uint32(number.Int64), blob); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return c.fail(ctx, err)
	}
	return nil
}
