package parts

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/klauspost/compress/gzip"

	"github.com/depaudit/depaudit/audit/fleet"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/strictjson"
)

// night is what the files of a date have.
type night struct {
	date  string
	parts []part
	units []unit
	// bySHA has the indexes of the units of a report.
	bySHA map[string][]int
	// reports has a report of each source, and mixed the sources whose stages are of
	// several.
	reports map[sourceKey]string
	mixed   map[sourceKey]bool
}

type sourceKey struct{ source, release, pipeline string }

// part is a pair of files of a date.
type part struct {
	prefix string // of the digests, empty for all
	units  []unit
}

const extension = ".ndjson.gz"

// partName matches the files that are written here.
var partName = lazyregexp.New(`^part-(all|[0-9a-f]{1,64})\.ndjson\.gz$`)

// fileName is the name of a part.
func fileName(prefix string) string { return "part-" + cmp.Or(prefix, "all") + extension }

// maxLine is the longest line that is read back, in bytes. A report is not larger.
const maxLine = 256 << 20

// stageKey are the columns that identify a row.
type stageKey struct {
	Date     string  `json:"date"`
	Pipeline string  `json:"pipeline"`
	Stage    string  `json:"stage"`
	Source   string  `json:"source"`
	Release  *string `json:"release"`
	SHA256   string  `json:"report_sha256"`
	Total    int     `json:"total"`
}

// readNight reads which stages are in the parts of a date.
func readNight(root, date string) (*night, error) {
	n := &night{date: date, bySHA: map[string][]int{}, reports: map[sourceKey]string{}, mixed: map[sourceKey]bool{}}
	stages, dependencies := filepath.Join(root, tableDir(fleet.StageTable, date)), filepath.Join(root, tableDir(fleet.DependencyTable, date))
	prefixes, err := listParts(stages)
	if err != nil {
		return nil, err
	}
	others, err := listParts(dependencies)
	if err != nil {
		return nil, err
	}
	for _, prefix := range others {
		if !slices.Contains(prefixes, prefix) {
			return nil, foreign(filepath.Join(dependencies, fileName(prefix)), errors.New("there is no part of stages with this name"))
		}
	}
	for _, prefix := range prefixes {
		path := filepath.Join(stages, fileName(prefix))
		p := part{prefix: prefix}
		rows := 0
		err := eachLine(path, func(line []byte) error {
			u, err := unitOf(line, date, prefix)
			if err != nil {
				return err
			}
			if len(n.units) > 0 && compare(&n.units[len(n.units)-1], &u) >= 0 {
				return errors.New("the stages are not in order")
			}
			n.bySHA[u.sha] = append(n.bySHA[u.sha], len(n.units))
			n.units = append(n.units, u)
			p.units = append(p.units, u)
			rows += u.rows
			n.note(&u)
			return nil
		})
		if err != nil {
			return nil, foreign(path, err)
		}
		if rows > 0 && !slices.Contains(others, prefix) {
			return nil, foreign(path, errors.New("there is no part of dependencies with this name"))
		}
		n.parts = append(n.parts, p)
	}
	return n, nil
}

func (n *night) note(u *unit) {
	k := sourceKey{u.source, u.release, u.pipeline}
	if sha, ok := n.reports[k]; ok && sha != u.sha {
		n.mixed[k] = true
	}
	n.reports[k] = u.sha
}

// has reports whether all rows of a report are in the files, as those of its source. If
// some stages of the source are of another report, that one may have replaced rows of
// this one, so the answer is false.
func (n *night) has(o fleet.Origin) bool {
	for _, i := range n.bySHA[o.SHA256] {
		u := &n.units[i]
		if u.source == o.Source && u.release == o.Release {
			return !n.mixed[sourceKey{u.source, u.release, u.pipeline}]
		}
	}
	return false
}

// compare is the order of stages in the files.
func compare(a, b *unit) int {
	return cmp.Or(cmp.Compare(a.sha, b.sha), cmp.Compare(a.stage, b.stage))
}

func unitOf(line []byte, date, prefix string) (unit, error) {
	var k stageKey
	if err := strictjson.Unmarshal(context.Background(), line, &k); err != nil {
		return unit{}, err
	}
	u := unit{slot: slot{source: k.Source, pipeline: k.Pipeline, stage: k.Stage}, sha: k.SHA256, rows: k.Total}
	if k.Release != nil {
		u.release = *k.Release
	}
	switch {
	case k.Date != date:
		return u, fmt.Errorf("a row is of the date %q", k.Date)
	case len(k.SHA256) != 64 || k.SHA256[:len(prefix)] != prefix:
		return u, fmt.Errorf("a row is of the report %q", k.SHA256)
	case k.Total < 0:
		return u, fmt.Errorf("a stage has %d dependencies", k.Total)
	}
	return u, nil
}

// listParts returns the prefixes of the parts in a directory, in order.
func listParts(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		m := partName.FindStringSubmatch(e.Name())
		if m == nil {
			continue
		}
		if !e.Type().IsRegular() {
			return nil, foreign(filepath.Join(dir, e.Name()), errors.New("not a regular file"))
		}
		if m[1] == "all" {
			m[1] = ""
		}
		out = append(out, m[1])
	}
	slices.Sort(out)
	return out, nil
}

// ForeignError is the error of a file that has the name of a part and is none, or
// is without the other one of its pair.
type ForeignError struct {
	Path string
	Err  error
}

func (e *ForeignError) Error() string {
	return fmt.Sprintf("%s: not a part that depaudit export wrote: %v", e.Path, e.Err)
}

func (e *ForeignError) Unwrap() error { return e.Err }

func foreign(path string, err error) error { return &ForeignError{path, err} }

// eachLine calls f for each line of a compressed file.
func eachLine(path string, f func([]byte) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	z, err := gzip.NewReader(bufio.NewReader(file))
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(z)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	for lines.Scan() {
		if err := f(lines.Bytes()); err != nil {
			return err
		}
	}
	return lines.Err()
}

// members reads the dependencies of one part, stage by stage.
type members struct {
	path   string
	file   *os.File
	in     counted
	z      *gzip.Reader
	prefix string
	units  []unit // those that follow, in order
}

// counted counts what was read of a file. It reads no byte too much, so that the number
// is the end of a member when that was read.
type counted struct {
	in *bufio.Reader
	n  int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.n += int64(n)
	return n, err
}

func (c *counted) ReadByte() (byte, error) {
	b, err := c.in.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}

func openMembers(root, date string, p *part) (*members, error) {
	m := &members{path: filepath.Join(root, tableDir(fleet.DependencyTable, date), fileName(p.prefix)), prefix: p.prefix, units: p.units}
	var err error
	if m.file, err = os.Open(m.path); err != nil {
		return nil, err
	}
	m.in.in = bufio.NewReaderSize(m.file, 64<<10)
	return m, nil
}

// find returns the member of a stage, which is after those that it returned before.
func (m *members) find(k copyKey) (io.Reader, error) {
	for len(m.units) > 0 {
		u := m.units[0]
		m.units = m.units[1:]
		if u.rows == 0 {
			continue
		}
		data, err := m.next(&u)
		if err != nil {
			return nil, foreign(m.path, err)
		}
		if u.key() == k {
			return data, nil
		}
	}
	return nil, foreign(m.path, fmt.Errorf("there are no dependencies of the stage %q of report %s", k.stage, k.sha))
}

// next reads a member, and checks that it is of a stage.
func (m *members) next(u *unit) (io.Reader, error) {
	from := m.in.n
	var err error
	if m.z == nil {
		m.z, err = gzip.NewReader(&m.in)
	} else {
		err = m.z.Reset(&m.in)
	}
	if err != nil {
		return nil, err
	}
	m.z.Multistream(false)
	in := bufio.NewReader(m.z)
	var first []byte
	for end := false; !end; {
		piece, err := in.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
		// What is compressed to a megabyte can be a gigabyte.
		if first = append(first, piece...); len(first) > maxLine {
			return nil, bufio.ErrTooLong
		}
		end = err == nil
	}
	var k stageKey
	if err := strictjson.Unmarshal(context.Background(), first, &k); err != nil {
		return nil, err
	}
	if k.SHA256 != u.sha || k.Stage != u.stage {
		return nil, fmt.Errorf("the dependencies of the stage %q of report %s are not where they must be", u.stage, u.sha)
	}
	var rest lineCounter
	if _, err := io.Copy(&rest, in); err != nil {
		return nil, err
	}
	if got := 1 + int(rest); got != u.rows {
		return nil, fmt.Errorf("the stage %q of report %s has %d dependencies, and %d are there", u.stage, u.sha, u.rows, got)
	}
	return io.NewSectionReader(m.file, from, m.in.n-from), nil
}

// lineCounter counts line breaks.
type lineCounter int

func (c *lineCounter) Write(p []byte) (int, error) {
	*c += lineCounter(bytes.Count(p, []byte{'\n'}))
	return len(p), nil
}
