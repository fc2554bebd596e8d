package lockcheck

import (
	"sort"
	"strings"
	"unicode/utf8"
)

// logicalLine is a line with its continuations joined and its comment removed,
// and the place of each of its parts in the file.
type logicalLine struct {
	src   *source
	text  string
	parts []linePart
}

// linePart has the offset in the file of the text from start on.
type linePart struct{ start, offset int }

// offset returns the place in the file of a place in the joined text.
func (l *logicalLine) offset(at int) int {
	i := sort.Search(len(l.parts), func(i int) bool { return l.parts[i].start > at }) - 1
	return l.parts[i].offset + at - l.parts[i].start
}

// number returns the line on which the logical line's text begins.
func (l *logicalLine) number() int {
	return l.src.line(l.offset(len(l.text) - len(strings.TrimLeft(l.text, " \t\f\r"))))
}

func (l *logicalLine) errorf(at int, hint, format string, args ...any) *SyntaxError {
	return l.src.errorf(l.offset(at), hint, format, args...)
}

// logicalLines splits a file as pip does (pip/_internal/req/req_file.py): a
// backslash at the very end of a line joins the next one, unless the line is
// a comment; comments are removed after that. A comment after a requirement
// that ends in a backslash therefore includes the next line, and a comment line
// ends a continuation.
func logicalLines(src *source) ([]logicalLine, error) {
	if err := checkLineEnds(src); err != nil {
		return nil, err
	}
	var lines []logicalLine
	var current logicalLine
	var joined strings.Builder
	flush := func() {
		current.src, current.text = src, stripComment(joined.String())
		if strings.TrimSpace(current.text) != "" {
			lines = append(lines, current)
		}
		current, joined = logicalLine{}, strings.Builder{}
	}
	for i, start := range src.lines {
		end := len(src.data)
		if i+1 < len(src.lines) {
			end = src.lines[i+1] - 1
		}
		text := strings.TrimSuffix(string(src.data[start:end]), "\r")
		if i == 0 {
			if cut := strings.TrimPrefix(text, "\ufeff"); len(cut) < len(text) {
				start, text = start+len(text)-len(cut), cut
			}
		}
		if joined.Len()+len(text) > maxLine {
			return nil, src.errorf(start, "split the line", "a line longer than %d bytes", maxLine)
		}
		comment := strings.HasPrefix(strings.TrimLeft(text, " \t"), "#")
		if comment {
			start, text = start-1, " "+text // so that it is a comment after joining
		}
		continued := !comment && strings.HasSuffix(text, "\\")
		if continued {
			trimmed := strings.TrimLeft(text, "\\")
			start += len(text) - len(trimmed)
			text = strings.TrimRight(trimmed, "\\")
		}
		current.parts = append(current.parts, linePart{joined.Len(), start})
		joined.WriteString(text)
		if !continued {
			flush()
		}
	}
	if joined.Len() > 0 {
		flush()
	}
	return lines, nil
}

// checkLineEnds refuses the characters at which Python's str.splitlines, and
// therefore pip, ends a line while editors and reviewers do not: the text after
// such a character in a comment would be a requirement.
func checkLineEnds(src *source) error {
	for i := 0; i < len(src.data); i++ {
		c := src.data[i]
		hidden := c == '\v' || c == '\f' || c >= 0x1c && c <= 0x1e ||
			c == '\r' && (i+1 == len(src.data) || src.data[i+1] != '\n')
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(src.data[i:])
			hidden = r == 0x85 || r == 0x2028 || r == 0x2029
			if !hidden {
				i += n - 1
			}
		}
		if hidden {
			return src.errorf(i, "remove it", "a character at which pip ends the line and editors do not")
		}
	}
	return nil
}

// stripComment removes a comment: # at the start or after white space.
func stripComment(text string) string {
	for i := range len(text) {
		if text[i] == '#' && (i == 0 || text[i-1] == ' ' || text[i-1] == '\t') {
			return text[:i]
		}
	}
	return text
}

// segment is a part of a logical line.
type segment struct {
	line *logicalLine
	at   int
	text string
}

func (s segment) errorf(at int, hint, format string, args ...any) *SyntaxError {
	return s.line.errorf(s.at+at, hint, format, args...)
}

// option is one option of a line, under its full name.
type option struct {
	name           string
	value          string
	offset         int // within the logical line
	perRequirement bool
}

// split separates the requirement, which is everything before the first word
// that begins with a dash, from the options.
func (l *logicalLine) split() (segment, []option, error) {
	words, err := l.words()
	if err != nil {
		return segment{}, nil, err
	}
	first := len(words)
	for i, w := range words {
		if strings.HasPrefix(w.raw, "-") {
			first = i
			break
		}
	}
	requirement := segment{line: l}
	if first > 0 {
		end := len(l.text)
		if first < len(words) {
			end = words[first].at
		}
		requirement.at = words[0].at
		requirement.text = strings.TrimSpace(l.text[requirement.at:end])
	}
	opts, err := l.options(words[first:])
	return requirement, opts, err
}

type word struct {
	at   int
	raw  string // as written
	text string // with quotes and escapes resolved
}

// words splits at white space outside of quotes, as pip's use of shlex does for
// options.
func (l *logicalLine) words() ([]word, error) {
	var out []word
	s := l.text
	options := false
	for i := 0; i < len(s); {
		if s[i] == ' ' || s[i] == '\t' {
			i++
			continue
		}
		start := i
		options = options || s[i] == '-'
		var b strings.Builder
		var quoted byte
		for ; i < len(s); i++ {
			c := s[i]
			if quoted == 0 && (c == ' ' || c == '\t') {
				break
			}
			switch {
			case !options:
				b.WriteByte(c)
			case quoted == 0 && (c == '"' || c == '\''):
				quoted = c
			case quoted != 0 && c == quoted:
				quoted = 0
			case c == '\\' && quoted != '\'' && i+1 < len(s):
				i++
				b.WriteByte(s[i])
			default:
				b.WriteByte(c)
			}
		}
		if quoted != 0 {
			return nil, l.errorf(start, "close the quote", "a quote without its end")
		}
		out = append(out, word{start, s[start:i], b.String()})
	}
	return out, nil
}

// pipOption is an option that pip accepts in a requirements file.
type pipOption struct {
	name           string
	short          byte
	value          bool
	perRequirement bool
}

func pipOptions() []pipOption {
	return []pipOption{
		{name: "--index-url", short: 'i', value: true},
		{name: "--pypi-url", value: true},
		{name: "--extra-index-url", value: true},
		{name: "--no-index"},
		{name: "--constraint", short: 'c', value: true},
		{name: "--requirement", short: 'r', value: true},
		{name: "--editable", short: 'e', value: true},
		{name: "--find-links", short: 'f', value: true},
		{name: "--no-binary", value: true},
		{name: "--only-binary", value: true},
		{name: "--prefer-binary"},
		{name: "--require-hashes"},
		{name: "--no-require-hashes"},
		{name: "--pre"},
		{name: "--all-releases", value: true},
		{name: "--only-final", value: true},
		{name: "--uploaded-prior-to", value: true},
		{name: "--trusted-host", value: true},
		{name: "--use-feature", value: true},
		{name: "--hash", value: true, perRequirement: true},
		{name: "--config-settings", short: 'C', value: true, perRequirement: true},
		{name: "--config-setting", value: true, perRequirement: true},
		{name: "--global-option", value: true, perRequirement: true},
		{name: "--install-option", value: true, perRequirement: true},
	}
}

// options parses options as Python's optparse does: a long one can be shortened
// as long as it is unambiguous, a short one can have its value attached.
func (l *logicalLine) options(words []word) ([]option, error) {
	var out []option
	for i := 0; i < len(words); i++ {
		w := words[i]
		known, value, attached, err := l.lookUp(w)
		if err != nil {
			return nil, err
		}
		o := option{name: known.name, value: value, offset: w.at, perRequirement: known.perRequirement}
		switch {
		case known.value && !attached:
			if i++; i == len(words) {
				return nil, l.errorf(w.at, "write its value after it", "%s without a value", known.name)
			}
			o.value = words[i].text
		case !known.value && attached:
			return nil, l.errorf(w.at, "remove the value", "%s takes no value", known.name)
		}
		if o.name == "--pypi-url" {
			o.name = "--index-url"
		}
		out = append(out, o)
	}
	return out, nil
}

func (l *logicalLine) lookUp(w word) (known pipOption, value string, attached bool, err error) {
	if strings.HasPrefix(w.text, "--") {
		name, value, attached := strings.Cut(w.text, "=")
		var found []pipOption
		for _, o := range pipOptions() {
			if o.name == name {
				return o, value, attached, nil
			}
			if strings.HasPrefix(o.name, name) && len(name) > 2 {
				found = append(found, o)
			}
		}
		if len(found) == 1 {
			return found[0], value, attached, nil
		}
		if strings.ContainsAny(name, ":/@") {
			name = "this" // a URL may have a password in it
		}
		return pipOption{}, "", false, l.errorf(w.at, "see pip's list of options for requirements files", "%s is not an option of a requirements file", quote(name))
	}
	if len(w.text) > 1 && w.text[0] == '-' {
		for _, o := range pipOptions() {
			if o.short != 0 && o.short == w.text[1] {
				value := w.text[2:]
				return o, value, value != "", nil
			}
		}
	}
	return pipOption{}, "", false, l.errorf(w.at, "put requirements before options, one a line", "an option is expected here")
}
