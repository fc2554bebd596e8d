// Package parts keeps the rows of reports in a directory, as files that engines for
// analysis read: DIR/TABLE/v1/date=YYYY-MM-DD/part-*.ndjson.gz.
//
// # What the files are
//
// The files of a date are a function of the rows that are in them, and of nothing
// else: not of the order of the reports, of the number of runs or of what was
// interrupted. Stages are sorted by the digest of their report and their name. A part
// has the stages whose digest begins as its name does. One part, "all", has everything
// while that is at most [MaxRows] rows; a larger one is sixteen, by the next digit of
// the digest. Both tables of a stage are in parts of the same name.
//
// The dependencies of a stage are one member of a gzip file (RFC 1952, section 2.2: a
// file is a series of members), so that a part gets another stage by copying the
// others as they are.
//
// # Which rows are there
//
// A date has one row for each stage of a pipeline at a source and release. A report
// that was made again, and is another one, replaces the rows of its stages. A report
// that is there already, at whatever path, has no other rows: the key of a row is the
// digest of the report and the stage. Of the sources that one run exports, the least is in the rows.
//
// # Interruption
//
// Everything is prepared in a directory beside the tables, and only then moved. First
// the rows of each report are added to the spool, a file of entries with a checksum.
// If the process is killed, the next one goes on after the last whole entry. Then all
// new parts are written whole, and a list of moves, the journal. Moving can be done
// again: the next process that opens the directory completes it before it does
// anything else. So a part is never half-written, and a stage never twice in the
// files. Dependencies are moved before the stages that have them.
//
// One process at a time has the lock of a directory; the others wait.
package parts

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/depaudit/depaudit/audit/atomicfile"
	"github.com/depaudit/depaudit/audit/fleet"
	"github.com/depaudit/depaudit/sbom/strictjson"
)

// MaxRows is the largest number of rows of a part, unless one report has more. A part
// of dependencies has then some 15 MB, which a reader with several processors reads in
// a second, and a change of one stage copies no more.
const MaxRows = 250_000

// stateDir is the directory for what is not finished. No pattern of a reader matches
// the names of its files.
const stateDir = ".depaudit-export"

const (
	lockFile    = "lock"
	spoolFile   = "spool"
	journalFile = "journal"
)

// lockInterval is the time between two tries to lock the directory: less than what a
// person notices, and no load on a file server.
const lockInterval = 100 * time.Millisecond

// Dir is a directory of parts that is open for writing. Its methods but Commit and
// Close can be called at the same time.
type Dir struct {
	path    string
	maxRows int // MaxRows, but for tests
	lock    *os.File
	mu      sync.Mutex
	spool   *spool
	nights  map[string]*night
	drafts  sync.Pool // of *Draft, whose compressors are large
}

// slot is what a date has one row of.
type slot struct{ source, release, pipeline, stage string }

// before reports whether the rows of a report have this slot and not the other one, at
// which the same run has a copy of the report, whichever it read first.
func (s slot) before(o slot) bool {
	return cmp.Or(cmp.Compare(s.source, o.source), cmp.Compare(s.release, o.release)) < 0
}

// unit is a stage with its dependencies, in a report.
type unit struct {
	slot
	sha  string
	rows int // of dependencies
}

// copyKey is equal for rows that are copies of each other.
type copyKey struct{ sha, stage string }

func (u *unit) key() copyKey { return copyKey{u.sha, u.stage} }

// Open opens a directory, creates it if necessary, and completes what another process
// could not. Program is the version of the program that makes the rows: what another
// one has prepared is not used. Waiting is called if another process is writing, and
// unlocked if the file system has no locks.
func Open(ctx context.Context, path, program string, waiting, unlocked func()) (_ *Dir, err error) {
	if err := os.MkdirAll(filepath.Join(path, stateDir), 0o777); err != nil {
		return nil, err
	}
	if info, err := os.Lstat(filepath.Join(path, stateDir)); err != nil || !info.IsDir() {
		return nil, errors.Join(err, notOurs(filepath.Join(path, stateDir)))
	}
	d := &Dir{path: path, maxRows: MaxRows, nights: map[string]*night{}}
	defer func() {
		if err != nil {
			d.Close()
		}
	}()
	if d.lock, err = openOwn(d.state(lockFile), os.O_RDWR|os.O_CREATE); err != nil {
		return nil, err
	}
	for told := false; ; told = true {
		locked, err := atomicfile.TryLock(d.lock)
		if err != nil {
			unlocked()
			break
		}
		if locked {
			break
		}
		if !told {
			waiting()
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lockInterval):
		}
	}
	if err := d.recover(); err != nil {
		return nil, err
	}
	if d.spool, err = openSpool(d.state(spoolFile), formatOf(program)); err != nil {
		return nil, err
	}
	return d, nil
}

// formatOf identifies what rows of a report look like.
func formatOf(program string) string {
	columns, _ := json.Marshal([]any{fleet.Columns(fleet.StageTable), fleet.Columns(fleet.DependencyTable)})
	return fmt.Sprintf("depaudit export %s %s %08x", fleet.Version, program, crc32.ChecksumIEEE(columns))
}

// Close releases the lock.
func (d *Dir) Close() error {
	var err error
	if d.spool != nil {
		err = d.spool.close()
	}
	if d.lock != nil {
		d.lock.Close()
	}
	return err
}

func (d *Dir) state(name string) string { return filepath.Join(d.path, stateDir, name) }

// Has reports whether the rows of a report are in the files, or were prepared by an
// earlier run.
func (d *Dir) Has(o fleet.Origin) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.spool.entries[o] != nil {
		return true, nil
	}
	n, err := d.night(o.Date)
	if err != nil {
		return false, err
	}
	return n.has(o), nil
}

// night returns the parts of a date.
func (d *Dir) night(date string) (*night, error) {
	if n := d.nights[date]; n != nil {
		return n, nil
	}
	n, err := readNight(d.path, date)
	if err == nil {
		d.nights[date] = n
	}
	return n, err
}

// tableDir returns the directory of a table's date, below that of the export.
func tableDir(table, date string) string {
	return filepath.Join(table, fleet.Version, "date="+date)
}

// recover completes the moves of the journal, and removes what no journal names.
func (d *Dir) recover() error {
	f, err := openOwn(d.state(journalFile), os.O_RDONLY)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		data, err := io.ReadAll(f)
		f.Close()
		if err != nil {
			return err
		}
		var j journal
		if err := strictjson.UnmarshalKnown(context.Background(), data, &j); err != nil {
			return fmt.Errorf("%s: %w", d.state(journalFile), err)
		}
		if err := d.apply(&j); err != nil {
			return err
		}
	}
	return d.removePrepared()
}

// removePrepared removes parts that were written and not moved.
func (d *Dir) removePrepared() error {
	entries, err := os.ReadDir(filepath.Join(d.path, stateDir))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), preparedPrefix) { // a link too: it is removed, and not followed
			if err := os.Remove(d.state(e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// notOurs is the error for something in the state directory that no run puts there.
func notOurs(path string) error {
	return fmt.Errorf("%s: a link or something else that depaudit export did not make", path)
}

// openOwn opens a file of the state directory, and never a link or a pipe: in a
// directory that several users can write to, a link would have their file replaced, and
// a pipe would never end.
func openOwn(path string, flag int) (*os.File, error) {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) && flag&os.O_CREATE != 0 {
		f, err := os.OpenFile(path, flag|os.O_EXCL, 0o666) // which follows no link
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
		// Another process was faster.
	}
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, notOurs(path)
	}
	f, err := os.OpenFile(path, flag&^os.O_CREATE, 0)
	if err != nil {
		return nil, err
	}
	if have, err := f.Stat(); err != nil || !os.SameFile(have, info) {
		f.Close()
		return nil, errors.Join(err, notOurs(path))
	}
	return f, nil
}

// write writes a file that no other process has, and syncs it.
func write(path string, fill func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	if err := fill(f); err != nil {
		f.Close()
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
