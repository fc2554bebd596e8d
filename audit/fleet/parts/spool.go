package parts

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"

	"github.com/depaudit/depaudit/audit/fleet"
	"github.com/depaudit/depaudit/sbom/strictjson"
)

// maxHeader is the largest header of an entry that is read back, in bytes. A stage
// takes some hundred.
const maxHeader = 64 << 20

// spool is the file with the rows of reports that are not in the parts yet. It is a
// line with the format, then an entry for each report: the lengths of header and
// content, both, and their checksum.
type spool struct {
	file    *os.File
	end     int64
	entries map[fleet.Origin]*entry
}

// entry is a report in the spool.
type entry struct {
	Origin fleet.Origin `json:"origin"`
	Stages []staged     `json:"stages"`
	// at is where the content begins in the file.
	at int64
}

// staged is a stage in an entry. Its content is the line of the stage, then its
// dependencies as a member of a gzip file.
type staged struct {
	Pipeline string `json:"pipeline"`
	Stage    string `json:"stage"`
	Rows     int    `json:"rows"`
	Line     int    `json:"line"`
	Member   int    `json:"member"`
}

// openSpool opens the spool of an earlier run, without what follows the last whole
// entry, or an empty one.
func openSpool(path, format string) (*spool, error) {
	f, err := openOwn(path, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	s := &spool{file: f, entries: map[fleet.Origin]*entry{}}
	if err := s.read(format + "\n"); err != nil {
		f.Close()
		return nil, err
	}
	return s, nil
}

func (s *spool) read(format string) error {
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	head := make([]byte, len(format))
	if _, err := io.ReadFull(s.file, head); err != nil || string(head) != format {
		if err := s.file.Truncate(0); err != nil {
			return err
		}
		if _, err := s.file.WriteAt([]byte(format), 0); err != nil {
			return err
		}
		s.end = int64(len(format))
		return nil
	}
	s.end = int64(len(format))
	for {
		e, next := s.readEntry(s.end, info.Size())
		if e == nil {
			break
		}
		s.entries[e.Origin] = e
		s.end = next
	}
	return s.file.Truncate(s.end)
}

// lengths is the size of the lengths at the beginning of an entry.
const lengths = 8

// readEntry reads an entry, and returns where the next one begins; nil if there is no
// whole one.
func (s *spool) readEntry(at, size int64) (*entry, int64) {
	var head [lengths]byte
	if _, err := s.file.ReadAt(head[:], at); err != nil {
		return nil, 0
	}
	header, content := int64(binary.LittleEndian.Uint32(head[:])), int64(binary.LittleEndian.Uint32(head[4:]))
	end := at + lengths + header + content
	if header > maxHeader || end+crc32.Size > size {
		return nil, 0
	}
	sum := crc32.NewIEEE()
	if _, err := io.Copy(sum, io.NewSectionReader(s.file, at, end-at)); err != nil {
		return nil, 0
	}
	var want [crc32.Size]byte
	text := make([]byte, header)
	if _, err := s.file.ReadAt(want[:], end); err != nil || binary.LittleEndian.Uint32(want[:]) != sum.Sum32() {
		return nil, 0
	}
	if _, err := s.file.ReadAt(text, at+lengths); err != nil {
		return nil, 0
	}
	e := &entry{at: at + lengths + header}
	if strictjson.UnmarshalKnown(context.Background(), text, e) != nil || !e.fills(content) {
		return nil, 0
	}
	return e, end + crc32.Size
}

// fills reports whether the stages of an entry are as long as its content.
func (e *entry) fills(content int64) bool {
	for _, s := range e.Stages {
		if s.Rows < 0 || s.Line < 0 || s.Member < 0 || int64(s.Line) > content || int64(s.Member) > content-int64(s.Line) {
			return false
		}
		content -= int64(s.Line + s.Member)
	}
	return content == 0
}

// add adds an entry with its content.
func (s *spool) add(e *entry, content io.Reader, size int64) error {
	header, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if len(header) > maxHeader || size > math.MaxUint32 {
		return fmt.Errorf("the rows are too many: %d bytes", size)
	}
	head := make([]byte, 0, lengths+len(header))
	head = binary.LittleEndian.AppendUint32(head, uint32(len(header)))
	head = binary.LittleEndian.AppendUint32(head, uint32(size))
	head = append(head, header...)
	sum := crc32.NewIEEE()
	out := io.NewOffsetWriter(s.file, s.end)
	if _, err := io.Copy(io.MultiWriter(out, sum), io.MultiReader(bytes.NewReader(head), content)); err != nil {
		return err
	}
	if _, err := out.Write(binary.LittleEndian.AppendUint32(nil, sum.Sum32())); err != nil {
		return err
	}
	e.at = s.end + int64(len(head))
	s.end = e.at + size + crc32.Size
	s.entries[e.Origin] = e
	return nil
}

// units are the stages of an entry.
func (e *entry) units() []unit {
	var out []unit
	for _, s := range e.Stages {
		out = append(out, unit{slot: slot{e.Origin.Source, e.Origin.Release, s.Pipeline, s.Stage}, sha: e.Origin.SHA256, rows: s.Rows})
	}
	return out
}

// content returns the line of a stage and the member of its dependencies.
func (s *spool) content(e *entry, stage string) (line []byte, member io.Reader, err error) {
	at := e.at
	for _, st := range e.Stages {
		if st.Stage == stage {
			line := make([]byte, st.Line)
			_, err := s.file.ReadAt(line, at)
			return line, io.NewSectionReader(s.file, at+int64(st.Line), int64(st.Member)), err
		}
		at += int64(st.Line + st.Member)
	}
	return nil, nil, fmt.Errorf("the spool has no stage %q", stage)
}

func (s *spool) close() error { return s.file.Close() }
