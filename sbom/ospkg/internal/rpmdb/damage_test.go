package rpmdb

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/depaudit/depaudit/sbom/timetest"
)

// small has databases of all formats, small enough to be read often.
var small = []struct {
	file    string
	backend Backend
	tries   int // by how long one takes
}{{smallBDB, BerkeleyDB, 400}, {smallNDB, NDB, 120}, {smallSQLite, SQLite, 25}}

// wholeOrError checks the property of all damage: either the database is read
// as it was, or reading it returns an error.
func wholeOrError(t *testing.T, backend Backend, data []byte, want []string, how string) (failed bool) {
	t.Helper()
	got, err := readAll(backend, data)
	if err != nil {
		return true
	}
	if !slices.Equal(rows(got), want) {
		t.Errorf("%s: no error, and %d packages, not the %d of the whole one", how, len(got), len(want))
	}
	return false
}

func TestTruncated(t *testing.T) {
	for _, s := range small {
		data := fixture(t, s.file)
		whole, err := readAll(s.backend, data)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(1, 2))
		sizes := []int{0, 1, 15, 16, 31, 32, 100, 511, 512, 4096, len(data) / 2, len(data) - 4096, len(data) - 1}
		for range s.tries / 2 {
			sizes = append(sizes, r.IntN(len(data)))
		}
		for _, size := range sizes {
			if got, err := readAll(s.backend, data[:size]); err == nil {
				t.Errorf("%s: %d bytes of %d read without an error, %d packages of %d", s.file, size, len(data), len(got), len(whole))
			}
		}
	}
}

// TestFlipped changes single bytes, anywhere.
func TestFlipped(t *testing.T) {
	for _, s := range small {
		data := fixture(t, s.file)
		whole, err := readAll(s.backend, data)
		if err != nil {
			t.Fatal(err)
		}
		want, failed := rows(whole), 0
		r := rand.New(rand.NewPCG(3, 4))
		for range s.tries {
			at, mask := r.IntN(len(data)), byte(1+r.IntN(255))
			data[at] ^= mask
			if wholeOrError(t, s.backend, data, want, s.file) {
				failed++
			}
			data[at] ^= mask
		}
		if failed == 0 {
			t.Errorf("%s: no change was noticed", s.file)
		}
	}
}

// TestZeroed wipes whole pages, as a torn write or a bad disk does.
func TestZeroed(t *testing.T) {
	for _, s := range small {
		data := fixture(t, s.file)
		whole, err := readAll(s.backend, data)
		if err != nil {
			t.Fatal(err)
		}
		want := rows(whole)
		r := rand.New(rand.NewPCG(5, 6))
		for range s.tries / 2 {
			const page = 4096
			at := r.IntN(len(data)/page) * page
			saved := slices.Clone(data[at : at+page])
			clear(data[at : at+page])
			wholeOrError(t, s.backend, data, want, s.file)
			copy(data[at:], saved)
		}
	}
}

// change is one manipulation of a database.
type change struct {
	name string
	make func(data []byte) []byte
	want string // in the error
}

func put32(at int, v uint32) func([]byte) []byte {
	return func(data []byte) []byte { binary.LittleEndian.PutUint32(data[at:], v); return data }
}

func checkChanges(t *testing.T, backend Backend, data []byte, changes []change) {
	t.Helper()
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			data := c.make(slices.Clone(data))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			var err error
			timetest.Work(t, 5*time.Second, func() { _, err = readAll(backend, data) })
			runtime.ReadMemStats(&after)
			var bad *DamagedError
			if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 20*uint64(len(data))+(4<<20) {
				t.Errorf("allocated %d bytes for a file of %d", used, len(data))
			}
		})
	}
}

func TestHostileBDB(t *testing.T) {
	data := fixture(t, "centos5-plain/Packages")
	const page = 4096
	// Where the first header's overflow pages are, and the page with its item.
	bucket, item := -1, -1
	for p := 1; p < len(data)/page && bucket < 0; p++ {
		if kind := data[p*page+25]; kind != bdbPageHash && kind != bdbPageUnsorted {
			continue
		}
		for i := 1; i < int(binary.LittleEndian.Uint16(data[p*page+20:])); i += 2 {
			at := p*page + int(binary.LittleEndian.Uint16(data[p*page+bdbHeadSize+2*i:]))
			if data[at] == bdbItemOffPage {
				bucket, item = p, at
				break
			}
		}
	}
	if bucket < 0 {
		t.Fatal("no page with an item")
	}
	over := int(binary.LittleEndian.Uint32(data[item+4:]))
	last := binary.LittleEndian.Uint32(data[32:])
	checkChanges(t, BerkeleyDB, data, []change{
		{"2^32 pages", put32(32, 1<<32-1), "truncated"},
		{"2^32 buckets", put32(72, 1<<32-1), "buckets"},
		{"more buckets than pages", put32(72, last), "buckets"},
		{"pages of 2 GB", put32(20, 1<<31), "pages of"},
		{"pages of no bytes", put32(20, 0), "pages of"},
		{"a bucket beyond the end", put32(96, last), "page"},
		{"another format", put32(12, 0x00053162), "not a hash"},
		{"another version", put32(16, 11), "version"},
		{"encrypted", func(d []byte) []byte { d[24] = 1; return d }, "encrypted"},
		{"two buckets on one page", put32(100, binary.LittleEndian.Uint32(data[96:])-1), "used twice"},
		{"a cycle of one overflow page", put32(over*page+16, uint32(over)), "used twice"},
		{"a cycle of a bucket", put32(bucket*page+16, uint32(bucket)), "used twice"},
		{"overflow into a bucket", put32(over*page+16, uint32(bucket)), "used twice"},
		{"overflow beyond the end", put32(over*page+16, last+1), "does not exist"},
		{"an item of 4 GB", put32(item+8, 1<<32-1), "more than"},
		{"an item of 60 MB", put32(item+8, 60<<20), "more than the file"},
		{"an item that is shorter than its pages", put32(item+8, 100), "than fits"},
		{"an item that is longer than its pages", put32(item+8, 5<<20), "bytes of"},
		{"an overflow page with too much", func(d []byte) []byte {
			binary.LittleEndian.PutUint16(d[over*page+22:], page)
			return d
		}, "than fits"},
		{"an overflow page of another type", func(d []byte) []byte { d[over*page+25] = 5; return d }, "has type 5"},
		{"65,534 items", func(d []byte) []byte {
			binary.LittleEndian.PutUint16(d[bucket*page+20:], 65534)
			return d
		}, "more than fit"},
		{"an odd number of items", func(d []byte) []byte { d[bucket*page+20] ^= 1; return d }, "an odd number"},
		{"an item out of its page", func(d []byte) []byte {
			binary.LittleEndian.PutUint16(d[bucket*page+bdbHeadSize:], page+1)
			return d
		}, "starts at byte"},
		{"no items where some were", func(d []byte) []byte {
			binary.LittleEndian.PutUint16(d[bucket*page+20:], 0)
			return d
		}, "belongs to none"},
		{"a bucket that lost its page", put32(bucket*page+8, 1<<20), "contains the page number"},
		{"fewer buckets", put32(72, 0), "is in no bucket"},
	})
}

func TestHostileNDB(t *testing.T) {
	data := fixture(t, smallNDB)
	slot := 32
	for binary.LittleEndian.Uint32(data[slot+8:]) == 0 {
		slot += 16
	}
	block := int(binary.LittleEndian.Uint32(data[slot+8:])) * 16
	checkChanges(t, NDB, data, []change{
		{"another format", put32(0, 0), "not an rpm database"},
		{"another version", put32(4, 1), "version"},
		{"2^32 pages of slots", put32(12, 1<<32-1), "pages of slots"},
		{"no page of slots", put32(12, 0), "pages of slots"},
		{"no slot", put32(slot, 0), "starts with"},
		{"a block beyond the end", put32(slot+8, uint32(len(data)/16)), "points to blocks"},
		{"2^32 blocks", put32(slot+12, 1<<32-1), "points to blocks"},
		{"a block among the slots", put32(slot+8, 4), "belongs to two packages"},
		{"two slots for one block", func(d []byte) []byte { copy(d[slot+16+8:slot+32], d[slot+8:slot+16]); return d }, "belongs to two packages"},
		{"a number that was never given", put32(slot+4, 1<<31), "the next new package"},
		{"another package's block", put32(slot+4, 2), "contains package"},
		{"a package that lost its slot", func(d []byte) []byte { clear(d[slot+4 : slot+16]); return d }, "no slot names"},
		{"a header of 4 GB", put32(block+12, 1<<32-1), "are in"},
		{"a wrong checksum", func(d []byte) []byte { d[block+100] ^= 1; return d }, "checksum"},
		{"no head", put32(block, 0), "is not a package"},
	})
}

func TestHostileSQLite(t *testing.T) {
	plain := fixture(t, smallSQLite)
	edit := func(statements ...string) func([]byte) []byte {
		return func(data []byte) []byte { return editSQLite(t, data, statements...) }
	}
	checkChanges(t, SQLite, plain, []change{
		{"no database", func([]byte) []byte { return []byte("SQLite format 4\x00") }, "not an SQLite database"},
		{"an empty file", func([]byte) []byte { return nil }, "beyond the end"},
		{"nothing but a head", func(d []byte) []byte { return d[:100] }, "SQLite"},
		{"no table", edit("ALTER TABLE Packages RENAME TO p"), "no table Packages"},
		{"another table", edit("ALTER TABLE Packages RENAME COLUMN blob TO b"), "no column blob"},
		{"a view that never ends", edit("ALTER TABLE Packages RENAME TO p",
			"CREATE VIEW Packages AS WITH RECURSIVE n(hnum) AS (SELECT 1 UNION ALL SELECT hnum+1 FROM n) SELECT hnum, zeroblob(1000000) AS blob FROM n"), "not a plain table"},
		{"a computed column", edit("DROP TABLE Packages", "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, x, blob BLOB AS (zeroblob(x)))",
			"INSERT INTO Packages VALUES (1, 900000000)"), "is computed"},
		{"a virtual table", edit("DROP TABLE Packages", "CREATE VIRTUAL TABLE Packages USING fts5(hnum, blob)"), "not a plain table"},
		{"headers that are none", edit("UPDATE Packages SET blob = zeroblob(2000)"), "header"},
		{"a header without a value", edit("UPDATE Packages SET blob = '' WHERE hnum = (SELECT max(hnum) FROM Packages)"), "too short for a header"},
		{"a number that is none", edit("UPDATE Packages SET hnum = -5 WHERE hnum = (SELECT max(hnum) FROM Packages)"), "has the number -5"},
		{"a huge header", edit("UPDATE Packages SET blob = zeroblob(70000000) WHERE hnum = (SELECT max(hnum) FROM Packages)"), "more than"},
		{"a branch of the tree is lost", loseBranch(t), "SQLite"},
	})
}

// editSQLite runs statements on a database.
func editSQLite(t *testing.T, data []byte, statements ...string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range append([]string{"PRAGMA foreign_keys = OFF", "PRAGMA journal_mode = DELETE"}, statements...) {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	out, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// loseBranch removes the first child of the root page of the table: the tree
// stays valid, and is smaller.
func loseBranch(t *testing.T) func([]byte) []byte {
	return func(data []byte) []byte {
		path := filepath.Join(t.TempDir(), "db")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		var root, size int
		if err := db.QueryRow("SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_schema WHERE name = 'Packages'").Scan(&root, &size); err != nil {
			t.Fatal(err)
		}
		page := data[(root-1)*size : root*size]
		const interior = 5
		cells := binary.BigEndian.Uint16(page[3:])
		if page[0] != interior || cells < 2 {
			t.Fatalf("page %d has type %d and %d cells", root, page[0], cells)
		}
		copy(page[12:], page[14:12+2*cells])
		binary.BigEndian.PutUint16(page[3:], cells-1)
		return data
	}
}

// TestWAL checks that packages that are only in the write-ahead log count as
// they do for rpm, that the temporary directory is empty afterwards, and that
// no file is written beside the database.
func TestWAL(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	dir := t.TempDir()
	path := filepath.Join(dir, "rpmdb.sqlite")
	data := fixture(t, smallSQLite)
	whole, err := readAll(SQLite, data)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, s := range []string{
		"PRAGMA journal_mode = WAL", "PRAGMA wal_autocheckpoint = 0", "DELETE FROM Packages WHERE hnum = (SELECT max(hnum) FROM Packages)",
	} {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	// The database is open still, so that the log is not put into it.
	main, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(path + "-wal")
	if err != nil || len(log) == 0 {
		t.Fatalf("log of %d bytes: %v", len(log), err)
	}
	count := func(wal []byte) (int, error) {
		n := 0
		err := Read(t.Context(), Database{Backend: SQLite, Main: input(main), WAL: input(wal)}, func(*Package) error { n++; return nil })
		return n, err
	}
	if n, err := count(nil); err != nil || n != len(whole) {
		t.Errorf("without the log: %d packages, %v", n, err)
	}
	if n, err := count(log); err != nil || n != len(whole)-1 {
		t.Errorf("with the log: %d packages of %d, %v", n, len(whole)-1, err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary directory: %v, %v", left, err)
	}
}

// TestNoSpace checks that a missing temporary directory is an error, that of the
// system.
func TestNoSpace(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
	_, err := readAll(SQLite, fixture(t, smallSQLite))
	var bad *DamagedError
	if err == nil || errors.As(err, &bad) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

// TestTooLarge checks that sizes are checked before anything is read.
func TestTooLarge(t *testing.T) {
	for _, backend := range []Backend{BerkeleyDB, NDB, SQLite} {
		err := Read(context.Background(), Database{Backend: backend, Main: Input{failing{io.ErrUnexpectedEOF}, maxDatabase + 1}}, nil)
		var bad *DamagedError
		if !errors.As(err, &bad) || !bad.Limit {
			t.Errorf("%s: %v", backend, err)
		}
	}
	if err := Read(context.Background(), Database{Backend: "x"}, nil); err == nil {
		t.Error("an unknown format is no error")
	}
}

// FuzzRead checks that reading any file ends, and that it returns either an
// error or packages with all required fields.
func FuzzRead(f *testing.F) {
	f.Add(byte(0), tinyBDB())
	f.Add(byte(1), tinyNDB())
	f.Add(byte(2), []byte(sqliteMagic))
	backends := []Backend{BerkeleyDB, NDB, SQLite}
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		packages, err := readAll(backends[int(which)%len(backends)], data)
		if err != nil {
			return
		}
		for _, p := range packages {
			if p.Number == 0 || p.Name == "" || p.Version == "" || p.Release == "" || p.Size < 0 {
				t.Errorf("package %+v", p)
			}
			n := 0
			for range p.Files.All() {
				n++
			}
			if n != p.Files.Len() || n > len(data) {
				t.Errorf("%d files of %d", n, p.Files.Len())
			}
		}
	})
}

// FuzzHeader checks that the values of a header are within it.
func FuzzHeader(f *testing.F) {
	f.Add(tinyBlob())
	f.Fuzz(func(t *testing.T, blob []byte) {
		p, err := readPackage(1, blob)
		if err != nil {
			return
		}
		if p.Name == "" || !bytes.Contains(blob, append([]byte(p.Name), 0)) {
			t.Errorf("name %q", p.Name)
		}
		if n := len(p.Provides) + len(p.Requires) + len(p.Recommends) + p.Files.Len(); n > len(blob) {
			t.Errorf("%d strings in %d bytes", n, len(blob))
		}
	})
}

// FuzzSignature checks that a key ID has 16 digits.
func FuzzSignature(f *testing.F) {
	f.Add([]byte{0x89, 0, 30, 3, 5, 0, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8, 1, 8})
	f.Add([]byte{0xc2, 30, 4, 0, 1, 8, 0, 10, 9, 16, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0})
	f.Fuzz(func(t *testing.T, packet []byte) {
		if id := issuer(packet); id != "" && len(id) != 16 {
			t.Errorf("key %q", id)
		}
	})
}
