package definition

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/lockcheck/internal/syntax"
)

// Error is a file that does not have the form of its kind, or is over a limit.
type Error struct {
	File string
	At   Position
	Msg  string
	// Hint is a remedy, or empty.
	Hint string
}

func (e *Error) Error() string {
	s := e.File
	if e.At.Line > 0 {
		s += ":" + strconv.Itoa(e.At.Line)
		if e.At.Column > 0 {
			s += ":" + strconv.Itoa(e.At.Column)
		}
	}
	s += ": " + e.Msg
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// UnknownJobError is a reference to a job that its file does not have, or to none
// in a file of several.
type UnknownJobError struct {
	File, Job string
	// Have are the jobs of the file, in its order.
	Have []string
}

func (e *UnknownJobError) Error() string {
	shown, more := e.Have, ""
	if len(shown) > maxShown {
		shown, more = shown[:maxShown], ", …"
	}
	switch have := strings.Join(quoted(shown), ", ") + more; {
	case len(e.Have) == 0:
		return quote(e.File) + " defines no job"
	case e.Job == "":
		return quote(e.File) + " defines several jobs, one of which must be named after \"#\": " + have
	default:
		return quote(e.File) + " has no job " + quote(e.Job) + "; it has " + have
	}
}

// maxShown is how many names an error lists.
const maxShown = 12

// maxQuoted is the length of the longest string of a file that a message repeats.
const maxQuoted = syntax.MaxQuoted

func quote(s string) string { return syntax.Quote(s) }

func quoted(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = quote(s)
	}
	return out
}

// reader has the file that is read. The first error is kept, and ends the reading
// at the next call that asks for it.
type reader struct {
	file  *File
	lines []string
	err   error
	// checkout has the files that this one includes, nil to follow nothing.
	checkout *checkout
}

func newReader(file string, kind Kind, data string) *reader {
	return &reader{file: &File{Path: file, Kind: kind}, lines: strings.Split(data, "\n")}
}

func (r *reader) fail(at Position, hint, format string, args ...any) {
	if r.err == nil {
		r.err = &Error{File: r.file.Path, At: at, Msg: fmt.Sprintf(format, args...), Hint: hint}
	}
}

// note records a place that is not understood, up to a limit.
func (r *reader) note(kind NoteKind, at Position, format string, args ...any) {
	if len(r.file.Notes) < maxNotes {
		r.file.Notes = append(r.file.Notes, Note{Kind: kind, File: r.file.Path, At: at, Detail: fmt.Sprintf(format, args...)})
	}
}

// maxNotes bounds the notes of a file.
const maxNotes = 1000

// commandNote records a place of a command line that is not understood.
func (r *reader) commandNote(at Position, format string, args ...any) {
	r.note(Unread, at, format, args...)
	if n := len(r.file.Notes); n > 0 {
		r.file.Notes[n-1].Command = true
	}
}
