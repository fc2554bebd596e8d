package parts

import (
	"bytes"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"

	"github.com/depaudit/depaudit/audit/fleet"
)

// level is the level of compression: at the next one files are 3 % smaller and
// writing takes half as long again.
const level = 5

// maxBuffered is the largest size of compressed rows that a draft has in memory: some
// fifty thousand dependencies. What is more is in a file until it is in the spool.
const maxBuffered = 4 << 20

// Draft is the rows of a report that are not in the spool yet. It is a [fleet.Sink].
// It ends with Add or Discard.
type Draft struct {
	d       *Dir
	e       *entry
	z       *gzip.Writer
	open    bool // a member of z
	content bytes.Buffer
	// file has what was in content before, filed so many bytes.
	file  *os.File
	filed int64
}

// Draft begins the rows of a report.
func (d *Dir) Draft(o fleet.Origin) *Draft {
	t, ok := d.drafts.Get().(*Draft)
	if !ok {
		t = new(Draft)
		t.z, _ = gzip.NewWriterLevel(&t.content, level)
	}
	t.d, t.e = d, &entry{Origin: o}
	return t
}

// Stage adds the row of a stage.
func (t *Draft) Stage(pipeline, stage string, line []byte) error {
	if err := t.end(); err != nil {
		return err
	}
	t.e.Stages = append(t.e.Stages, staged{Pipeline: pipeline, Stage: stage, Line: len(line)})
	t.content.Write(line)
	return nil
}

// Dependency adds the row of a dependency of the last stage.
func (t *Draft) Dependency(line []byte) error {
	s := &t.e.Stages[len(t.e.Stages)-1]
	if !t.open {
		s.Member = -int(t.size()) // until its end is known
		t.z.Reset(&t.content)
		t.open = true
	}
	s.Rows++
	if _, err := t.z.Write(line); err != nil {
		return err
	}
	return t.fileIfLarge()
}

// end ends the member of the last stage.
func (t *Draft) end() error {
	if !t.open {
		return nil
	}
	t.open = false
	if err := t.z.Close(); err != nil {
		return err
	}
	t.e.Stages[len(t.e.Stages)-1].Member += int(t.size())
	return nil
}

func (t *Draft) size() int64 { return t.filed + int64(t.content.Len()) }

// fileIfLarge moves what is too much for the memory to a file, which the next process
// removes if this one is killed.
func (t *Draft) fileIfLarge() error {
	if t.content.Len() <= maxBuffered {
		return nil
	}
	if t.file == nil {
		var err error
		if t.file, err = os.CreateTemp(t.d.state(""), preparedPrefix+"rows-"); err != nil {
			return err
		}
	}
	n, err := t.content.WriteTo(t.file)
	t.filed += n
	return err
}

// Add adds the rows to those that a commit can write.
func (t *Draft) Add() error {
	defer t.Discard()
	if err := t.end(); err != nil {
		return err
	}
	var content io.Reader = &t.content
	size := t.size()
	if t.file != nil {
		content = io.MultiReader(io.NewSectionReader(t.file, 0, t.filed), &t.content)
	}
	t.d.mu.Lock()
	defer t.d.mu.Unlock()
	return t.d.spool.add(t.e, content, size)
}

// Discard ends a draft.
func (t *Draft) Discard() {
	if t.file != nil {
		t.file.Close()
		_ = os.Remove(t.file.Name())
	}
	d := t.d
	*t = Draft{z: t.z, content: t.content}
	t.content.Reset()
	d.drafts.Put(t)
}
