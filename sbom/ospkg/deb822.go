package ospkg

import (
	"fmt"
	"io"
	"strings"

	"github.com/depaudit/depaudit/sbom/ecosystem"
)

const (
	// maxStanza is the size of one stanza; the longest in a Debian status
	// file, a package with hundreds of conffiles, has 60 kB.
	maxStanza = 16 << 20
	// maxFields is the number of fields in one stanza; dpkg uses 30.
	maxFields = 256
)

// stanza is one paragraph of a file in the format of deb-control(5).
type stanza struct {
	line   int // of its first field
	fields []field
}

// field is one field of a stanza. In value the lines are separated by "\n",
// without the newline at the end and without blanks around each line.
type field struct {
	name  string // as written
	value string
	line  int
}

// get returns a field. The comparison of names ignores case.
func (s *stanza) get(name string) (field, bool) {
	for _, f := range s.fields {
		if ecosystem.EqualFold(f.name, name) {
			return f, true
		}
	}
	return field{}, false
}

// value returns the text of a field, "" when the stanza does not have it.
func (s *stanza) value(name string) string {
	f, _ := s.get(name)
	return f.value
}

// stanzaReader reads stanza by stanza. It accepts what dpkg accepts in its
// status file (lib/dpkg/parse.c, deb822(5)) and no more: a duplicate field
// and a last line without a newline are errors, and there are no comments.
type stanzaReader struct {
	lines *lines
	// keep selects the fields whose values are returned; nil for all. The
	// others are checked and have an empty value.
	keep func(name string) bool
	// wild accepts a last line without a newline. dpkg always writes one, so
	// that a missing one means a truncated file. Files in status.d are not
	// written by dpkg.
	wild bool

	stanza stanza
	body   []byte // value of the last field, while more lines follow
	open   bool   // the last field has its value in body
}

// next returns the next stanza, which is valid until the following call, or
// io.EOF.
func (r *stanzaReader) next() (*stanza, error) {
	r.stanza = stanza{fields: r.stanza.fields[:0]}
	size := 0
	for {
		line, ok := r.lines.next()
		if !ok {
			if r.lines.err != nil {
				return nil, r.lines.err
			}
			if len(r.stanza.fields) == 0 {
				return nil, io.EOF
			}
			r.finish()
			return &r.stanza, nil
		}
		if r.lines.unterminated && !r.wild {
			e := r.lines.fail("the last line has no newline: the file is truncated")
			e.Hint = "restore it from a backup, such as /var/lib/dpkg/status-old"
			return nil, e
		}
		if line == "" {
			if len(r.stanza.fields) == 0 {
				continue
			}
			r.finish()
			return &r.stanza, nil
		}
		if size += len(line) + 1; size > maxStanza {
			return nil, &limitError{*r.lines.fail("record is longer than %d bytes", maxStanza)}
		}
		if err := r.add(line); err != nil {
			return nil, err
		}
	}
}

// add takes one line of a stanza.
func (r *stanzaReader) add(line string) error {
	if strings.IndexByte(line, 0) >= 0 {
		e := r.lines.fail("zero byte: this is not a text file")
		e.Hint = "the file is damaged; restore it from a backup"
		return e
	}
	if line == "\r" {
		e := r.lines.fail("line ends with a carriage return")
		e.Hint = "the file was edited with the line endings of another system"
		return e
	}
	if line[0] == ' ' || line[0] == '\t' {
		if len(r.stanza.fields) == 0 {
			return r.lines.fail("continuation line without a field before it")
		}
		if r.open {
			r.body = append(r.body, '\n')
			r.body = append(r.body, strings.TrimSpace(line)...)
		}
		return nil
	}
	r.finish()
	name, value, found := strings.Cut(line, ":")
	name = strings.TrimRight(name, " \t")
	if !found || !validFieldName(name) {
		return r.lines.fail("%s is not a field", excerpt(line))
	}
	for _, f := range r.stanza.fields {
		if ecosystem.EqualFold(f.name, name) {
			return r.lines.fail("field %s appears twice in one record, first in line %d", excerpt(name), f.line)
		}
	}
	if len(r.stanza.fields) == maxFields {
		return &limitError{*r.lines.fail("record has more than %d fields", maxFields)}
	}
	if len(r.stanza.fields) == 0 {
		r.stanza.line = r.lines.number
	}
	r.stanza.fields = append(r.stanza.fields, field{name: name, line: r.lines.number})
	if r.keep == nil || r.keep(name) {
		r.open = true
		r.body = append(r.body[:0], strings.TrimSpace(value)...)
	}
	return nil
}

// finish sets the value of the last field.
func (r *stanzaReader) finish() {
	if r.open {
		r.stanza.fields[len(r.stanza.fields)-1].value = string(r.body)
		r.open = false
	}
}

// validFieldName follows deb822(5): printable ASCII without blank and colon,
// starting neither with "#" (a comment elsewhere) nor with "-" (a signature).
func validFieldName(name string) bool {
	if name == "" || name[0] == '#' || name[0] == '-' {
		return false
	}
	for i := range len(name) {
		if name[i] <= ' ' || name[i] > '~' || name[i] == ':' {
			return false
		}
	}
	return true
}

// excerpt quotes the beginning of untrusted text for a message.
func excerpt(s string) string {
	const most = 60
	if len(s) > most {
		return fmt.Sprintf("%q...", s[:most])
	}
	return fmt.Sprintf("%q", s)
}
