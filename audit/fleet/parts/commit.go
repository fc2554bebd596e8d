package parts

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/klauspost/compress/gzip"

	"github.com/depaudit/depaudit/audit/atomicfile"
	"github.com/depaudit/depaudit/audit/fleet"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// preparedPrefix begins the names of parts that are written and not moved yet.
const preparedPrefix = "new-"

// Night is what a commit did with a date.
type Night struct {
	Date string
	// Added and Replaced are stages of which rows were written, Dependencies the
	// number of their dependencies. A replaced stage was there with another report.
	Added, Replaced, Dependencies int
	// Present are stages whose rows were there already, or are those of a copy of the
	// report. Superseded are stages of which a later report has the same source.
	Present, Superseded int
	// Stages, Rows and Parts are what the date has now: stages, dependencies and
	// files of each table.
	Stages, Rows, Parts int
}

// journal is the list of moves that complete a commit.
type journal struct {
	Steps []step `json:"steps"`
}

// step moves a prepared file to the place of a part, or removes a part.
type step struct {
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Remove is a part.
	Remove string `json:"remove,omitempty"`
}

// Commit writes the rows of reports, each of which [Dir.Has] or was added, to the
// parts of their dates. Of reports that are copies of each other the one that is in the
// files has the rows, else the one whose source is the least; of different ones with the
// same stage and source, the last one. It is the last use of a directory before it is
// closed.
func (d *Dir) Commit(ctx context.Context, reports []fleet.Origin) ([]Night, error) {
	byDate := map[string][]fleet.Origin{}
	for _, o := range reports {
		byDate[o.Date] = append(byDate[o.Date], o)
	}
	var nights []Night
	var j journal
	prepared := 0
	for _, date := range slices.Sorted(maps.Keys(byDate)) {
		n, err := d.night(date)
		if err != nil {
			return nil, err
		}
		target, done, err := d.target(n, byDate[date])
		if err != nil {
			return nil, err
		}
		steps, err := d.prepare(ctx, n, target, &done, &prepared)
		if err != nil {
			return nil, errors.Join(err, d.removePrepared())
		}
		nights = append(nights, done)
		j.Steps = append(j.Steps, steps...)
		delete(d.nights, date) // it changes
	}
	if len(j.Steps) > 0 {
		// A journal with a step that is refused would be refused by every run from now on.
		for _, s := range j.Steps {
			if err := s.check(); err != nil {
				return nil, errors.Join(err, d.removePrepared(), os.Remove(d.state(spoolFile)))
			}
		}
		data, err := json.Marshal(&j)
		if err != nil {
			return nil, err
		}
		err = atomicfile.Write(d.state(journalFile), func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		})
		if err != nil {
			return nil, errors.Join(err, d.removePrepared())
		}
		// From here on a process that opens the directory would do the same.
		if err := d.apply(&j); err != nil {
			return nil, err
		}
	}
	// An open file cannot be removed on every system.
	spool := d.spool
	d.spool = nil
	if err := errors.Join(spool.close(), os.Remove(d.state(spoolFile))); err != nil {
		return nil, err
	}
	return nights, nil
}

// wanted is a unit with the entry of the spool that has it, nil if it is in a part.
type wanted struct {
	unit
	spooled *entry
}

// target returns the stages that a date has to have, in the order of the files.
func (d *Dir) target(n *night, reports []fleet.Origin) ([]wanted, Night, error) {
	done := Night{Date: n.date}
	type offer struct {
		units []unit
		e     *entry
	}
	var offers []offer
	for _, o := range reports {
		of := offer{e: d.spool.entries[o]}
		if of.e != nil {
			of.units = of.e.units()
		} else {
			for _, i := range n.bySHA[o.SHA256] {
				of.units = append(of.units, n.units[i])
			}
		}
		if len(of.units) == 0 {
			return nil, done, fmt.Errorf("the rows of report %s were not added", o.SHA256)
		}
		offers = append(offers, of)
	}

	slots := make(map[slot]wanted, len(n.units))
	for _, u := range n.units {
		slots[u.slot] = wanted{unit: u}
	}
	last := map[slot]string{}
	for _, of := range offers {
		for _, u := range of.units {
			last[u.slot] = u.sha
		}
	}
	// What is replaced is no copy of anything any more.
	replaced := map[slot]bool{}
	holders := make(map[copyKey]slot, len(slots))
	for s, w := range slots {
		if sha, ok := last[s]; ok && sha != w.sha {
			replaced[s] = true
			delete(slots, s)
			continue
		}
		holders[w.key()] = s
	}
	for _, of := range offers {
		for _, u := range of.units {
			holder, held := holders[u.key()]
			switch {
			case last[u.slot] != u.sha:
				done.Superseded++
				continue
			case held:
				done.Present++
				if slots[holder].spooled != nil && of.e != nil && u.slot.before(holder) {
					delete(slots, holder)
					slots[u.slot] = wanted{u, of.e}
					holders[u.key()] = u.slot
				}
				continue
			case replaced[u.slot]:
				done.Replaced++
			default:
				done.Added++
			}
			holders[u.key()] = u.slot
			slots[u.slot] = wanted{u, of.e}
			done.Dependencies += u.rows
		}
	}
	target := slices.Collect(maps.Values(slots))
	slices.SortFunc(target, func(a, b wanted) int { return compare(&a.unit, &b.unit) })
	done.Stages = len(target)
	for i := range target {
		done.Rows += target[i].rows
	}
	return target, done, nil
}

// leaf is a part that a date has to have.
type leaf struct {
	prefix string
	units  []wanted
}

// leaves divides sorted units into parts of at most so many rows.
func leaves(units []wanted, prefix string, limit int, to []leaf) []leaf {
	rows := 0
	for i := range units {
		rows += max(units[i].rows, 1) // both tables are bounded
	}
	switch {
	case len(units) == 0:
		return to
	case rows <= limit, units[0].sha == units[len(units)-1].sha:
		return append(to, leaf{prefix, units})
	}
	for len(units) > 0 {
		digit := units[0].sha[len(prefix)]
		end := slices.IndexFunc(units, func(w wanted) bool { return w.sha[len(prefix)] != digit })
		if end < 0 {
			end = len(units)
		}
		to = leaves(units[:end], prefix+string(digit), limit, to)
		units = units[end:]
	}
	return to
}

// prepare writes the parts of a date that change, and returns the steps that put them
// in place.
func (d *Dir) prepare(ctx context.Context, n *night, target []wanted, done *Night, prepared *int) ([]step, error) {
	var removeStages, removeDependencies, moveStages, moveDependencies []step
	all := leaves(target, "", d.maxRows, nil)
	done.Parts = len(all)
	for _, p := range n.parts {
		if !slices.ContainsFunc(all, func(l leaf) bool { return l.prefix == p.prefix }) {
			removeStages = append(removeStages, step{Remove: filepath.Join(tableDir(fleet.StageTable, n.date), fileName(p.prefix))})
			removeDependencies = append(removeDependencies, step{Remove: filepath.Join(tableDir(fleet.DependencyTable, n.date), fileName(p.prefix))})
		}
	}
	old := &oldParts{root: d.path, n: n}
	defer old.close() // a file that is open cannot be replaced on every system
	next := func() string { *prepared++; return preparedPrefix + strconv.Itoa(*prepared) }
	for _, l := range all {
		if l.unchanged(n) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		rows := 0
		for i := range l.units {
			rows += l.units[i].rows
		}
		dependencies := filepath.Join(tableDir(fleet.DependencyTable, n.date), fileName(l.prefix))
		var lines [][]byte
		name := next()
		err := write(d.state(name), func(w io.Writer) error {
			var err error
			lines, err = d.writeDependencies(ctx, w, l.units, old)
			return err
		})
		if err != nil {
			return nil, err
		}
		if rows > 0 {
			moveDependencies = append(moveDependencies, step{From: name, To: dependencies})
		} else {
			// A part without rows: no member, and no file.
			if err := os.Remove(d.state(name)); err != nil {
				return nil, err
			}
			removeDependencies = append(removeDependencies, step{Remove: dependencies})
		}
		name = next()
		if err := write(d.state(name), func(w io.Writer) error { return writeStages(w, lines) }); err != nil {
			return nil, err
		}
		moveStages = append(moveStages, step{From: name, To: filepath.Join(tableDir(fleet.StageTable, n.date), fileName(l.prefix))})
	}
	// No row is twice in the files at any time, and a stage has its dependencies.
	return slices.Concat(removeStages, removeDependencies, moveDependencies, moveStages), nil
}

// unchanged reports whether the part is there as it has to be.
func (l *leaf) unchanged(n *night) bool {
	i := slices.IndexFunc(n.parts, func(p part) bool { return p.prefix == l.prefix })
	return i >= 0 && slices.EqualFunc(n.parts[i].units, l.units, func(u unit, w wanted) bool { return u == w.unit && w.spooled == nil })
}

// writeDependencies writes the members of units, and returns the lines of their stages.
func (d *Dir) writeDependencies(ctx context.Context, w io.Writer, units []wanted, old *oldParts) ([][]byte, error) {
	out := bufio.NewWriterSize(w, 256<<10)
	lines := make([][]byte, len(units))
	for i := range units {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		u := &units[i]
		var member io.Reader
		var err error
		if u.spooled != nil {
			lines[i], member, err = d.spool.content(u.spooled, u.stage)
		} else {
			lines[i], member, err = old.content(&u.unit)
		}
		if err != nil {
			return nil, err
		}
		if _, err := io.Copy(out, member); err != nil {
			return nil, err
		}
	}
	return lines, out.Flush()
}

func writeStages(w io.Writer, lines [][]byte) error {
	z, err := gzip.NewWriterLevel(w, level)
	if err != nil {
		return err
	}
	for _, l := range lines {
		if _, err := z.Write(l); err != nil {
			return err
		}
	}
	return z.Close()
}

// oldParts reads the parts that are replaced, each once and in order.
type oldParts struct {
	root    string
	n       *night
	at      int // of n.parts, the one that is open
	members *members
	lines   map[copyKey][]byte
}

// content returns the line and the member of a unit that is in a part. Units are
// wanted in their order.
func (o *oldParts) content(u *unit) (line []byte, member io.Reader, err error) {
	for o.lines == nil || o.lines[u.key()] == nil {
		if o.lines != nil {
			o.at++
		}
		if o.at == len(o.n.parts) {
			return nil, nil, fmt.Errorf("no part has the stage %q of report %s", u.stage, u.sha)
		}
		if err := o.open(&o.n.parts[o.at]); err != nil {
			return nil, nil, err
		}
	}
	if u.rows == 0 {
		return o.lines[u.key()], bytes.NewReader(nil), nil
	}
	if o.members == nil {
		if o.members, err = openMembers(o.root, o.n.date, &o.n.parts[o.at]); err != nil {
			return nil, nil, err
		}
	}
	member, err = o.members.find(u.key())
	return o.lines[u.key()], member, err
}

// close closes the part that is open.
func (o *oldParts) close() {
	if o.members != nil {
		o.members.file.Close()
		o.members = nil
	}
}

func (o *oldParts) open(p *part) error {
	o.close()
	o.lines = make(map[copyKey][]byte, len(p.units))
	path := filepath.Join(o.root, tableDir(fleet.StageTable, o.n.date), fileName(p.prefix))
	i := 0
	err := eachLine(path, func(line []byte) error {
		if i == len(p.units) {
			return errors.New("it has changed")
		}
		o.lines[p.units[i].key()] = append(slices.Clone(line), '\n')
		i++
		return nil
	})
	if err != nil {
		return foreign(path, err)
	}
	return nil
}

// preparedName matches the files of steps, partPath their places.
var (
	preparedName = lazyregexp.New(`^` + preparedPrefix + `[0-9]+$`)
	partPath     = lazyregexp.New(`^(stage_night|dependency)/` + fleet.Version + `/date=[0-9-]{10}/part-(all|[0-9a-f]{1,64})\.ndjson\.gz$`)
)

func (s step) place() string { return s.To + s.Remove }

// check returns an error for a step that is not about a part.
func (s step) check() error {
	if !partPath.MatchString(filepath.ToSlash(s.place())) || s.Remove == "" && !preparedName.MatchString(s.From) {
		return fmt.Errorf("a step is of the path %q", s.place())
	}
	return nil
}

// apply does the steps of a journal, and removes it. Steps that were done before are
// done.
func (d *Dir) apply(j *journal) error {
	dirs := map[string]bool{}
	for _, s := range j.Steps {
		if err := s.check(); err != nil {
			return fmt.Errorf("%s: %w", d.state(journalFile), err)
		}
		path := filepath.Join(d.path, s.place())
		dirs[filepath.Dir(path)] = true
		if s.Remove != "" {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		if err := os.Rename(d.state(s.From), path); err != nil {
			if _, gone := os.Lstat(d.state(s.From)); !errors.Is(gone, fs.ErrNotExist) {
				return err
			}
		}
	}
	for dir := range dirs {
		syncDir(dir)
	}
	return os.Remove(d.state(journalFile))
}

// syncDir makes renames durable where a file system can do that.
func syncDir(dir string) {
	if f, err := os.Open(dir); err == nil {
		_ = f.Sync()
		f.Close()
	}
}
