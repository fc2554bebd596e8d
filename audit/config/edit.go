package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/depaudit/depaudit/audit/atomicfile"
	"github.com/depaudit/depaudit/audit/textfile"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// Editor changes the exceptions in the file that has them.
//
// It inserts and deletes lines, at the positions of the parser's tokens, and writes
// no YAML anew: comments, quotes, the order and the ends of lines stay. After each
// change the text is parsed again. An edit whose exceptions are not exactly those
// that were meant is an error that has the text to paste instead.
type Editor struct {
	// Config is the configuration with the exceptions, also those of their own file.
	// It has no lock files.
	Config *Config
	// File is the path of the file that is changed.
	File string

	data []byte
	// read is the content before the changes, nil for a file that does not exist.
	read []byte
}

// NewEditor reads a configuration and the file of its exceptions, which need not
// exist yet. Its errors are those of [Load].
func NewEditor(path string) (*Editor, error) {
	data, err := readWhole(path)
	if err != nil {
		return nil, err
	}
	c, err := Parse(path, data)
	if err != nil {
		return nil, err
	}
	e := &Editor{Config: c, File: c.ExceptionsPath(), data: data, read: data}
	if c.ExceptionsFile == "" {
		return e, nil
	}
	e.data, err = readWhole(e.File)
	if errors.Is(err, fs.ErrNotExist) {
		e.data, e.read = nil, nil
		return e, nil
	}
	if err != nil {
		return nil, err
	}
	e.read = e.data
	c.Exceptions, err = e.parse(e.data)
	return e, err
}

// readWhole is [textfile.Read], with a byte order mark.
func readWhole(path string) ([]byte, error) {
	data, err := textfile.Read(path, maxSize)
	if err != nil {
		return nil, err
	}
	return append(firstBytes(path, byteOrderMark), data...), nil
}

const byteOrderMark = "\ufeff"

// firstBytes returns the prefix if the file begins with it.
func firstBytes(path, prefix string) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	have := make([]byte, len(prefix))
	if _, err := io.ReadFull(f, have); err != nil || string(have) != prefix {
		return nil
	}
	return have
}

// parse returns the exceptions in a text of the file.
func (e *Editor) parse(data []byte) ([]Exception, error) {
	if e.Config.ExceptionsFile != "" {
		return ParseExceptions(e.File, data, e.Config.Stages)
	}
	c, err := Parse(e.File, data)
	if err != nil {
		return nil, err
	}
	return c.Exceptions, nil
}

// Add adds an exception at the end of the list and returns the text that was
// inserted, and its line.
func (e *Editor) Add(x Exception) (text string, line int, err error) {
	want := append(slices.Clone(e.Config.Exceptions), x)
	lines := yamlOf(&x)
	text = "- " + strings.Join(lines, "\n  ") + "\n"
	if e.data == nil {
		e.data = []byte("# yaml-language-server: $schema=https://raw.githubusercontent.com/depaudit/depaudit/main/docs/exceptions.schema.json\nexceptions: []\n")
	}
	d, err := e.layout()
	if err != nil {
		return "", 0, err
	}
	err = e.change(d.with(&x, lines), want)
	if err != nil {
		return "", 0, &ByHandError{e.File, text, err}
	}
	return text, e.Config.Exceptions[len(want)-1].Line, nil
}

// Remove removes the exceptions of those indexes.
func (e *Editor) Remove(drop []int) error {
	if len(drop) == 0 {
		return nil
	}
	var want []Exception
	for i, x := range e.Config.Exceptions {
		if !slices.Contains(drop, i) {
			want = append(want, x)
		}
	}
	d, err := e.layout()
	if err != nil {
		return err
	}
	next, err := d.without(drop)
	if err == nil {
		err = e.change(next, want)
	}
	if err != nil {
		var places []string
		for _, i := range drop {
			places = append(places, e.Config.Exceptions[i].At())
		}
		return &ByHandError{e.File, "remove " + strings.Join(places, ", ") + "\n", err}
	}
	return nil
}

// ByHandError is the error for a file whose layout cannot be edited, with the
// change to make by hand.
type ByHandError struct {
	File, Change string
	err          error
}

func (e *ByHandError) Error() string {
	return fmt.Sprintf("%s: the layout of the file cannot be edited (%v); change it by hand:\n%s", e.File, e.err, strings.TrimRight(e.Change, "\n"))
}

func (e *ByHandError) Unwrap() error { return e.err }

// change takes the next text if it has exactly the wanted exceptions.
func (e *Editor) change(next []byte, want []Exception) error {
	got, err := e.parse(next)
	if err != nil {
		return err
	}
	same := slices.EqualFunc(got, want, func(a, b Exception) bool {
		a.File, a.Line, a.Ends = b.File, b.Line, b.Ends
		// A text at the end of a file without a last line break gets one.
		a.Reason, b.Reason = strings.TrimRight(a.Reason, "\n"), strings.TrimRight(b.Reason, "\n")
		return reflect.DeepEqual(a, b)
	})
	if !same {
		return errors.New("the result would have other exceptions")
	}
	e.data, e.Config.Exceptions = next, got
	return nil
}

// Write replaces the file, completely or not at all. A file that was changed since
// it was read is an error.
func (e *Editor) Write() error {
	return atomicfile.Write(e.File, func(w io.Writer) error {
		now, err := readWhole(e.File)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if !bytes.Equal(now, e.read) {
			return errors.New("another program has changed it meanwhile; run the command again")
		}
		_, err = w.Write(e.data)
		return err
	})
}

// layout is the text of a file with the places of its list of exceptions.
type layout struct {
	lines []string // with their ends
	eol   string
	// key is the line of the key "exceptions", 0 without one, and indent the
	// column of its items' dashes, from 0. before is the line of the key before
	// which it is inserted.
	key, colon, indent, before int
	// items are the lines at which the entries of a block begin, and end is the
	// line after the last one. Lines are from 1.
	items []int
	end   int
	// flow is set for a list in brackets, with the places of these and of its
	// entries.
	flow  bool
	open  Place
	close Place
	parts [][2]Place
}

// layout finds the list of exceptions.
func (e *Editor) layout() (*layout, error) {
	text := string(e.data)
	d := &layout{lines: strings.SplitAfter(text, "\n"), eol: "\n"}
	if d.lines[len(d.lines)-1] == "" {
		d.lines = d.lines[:len(d.lines)-1]
	}
	if len(d.lines) > 0 && strings.HasSuffix(d.lines[0], "\r\n") {
		d.eol = "\r\n"
	}
	// As decoder.parse does.
	plain := strings.ReplaceAll(strings.TrimPrefix(text, byteOrderMark), "\r\n", "\n")
	f, err := parser.ParseBytes([]byte(plain), 0)
	if err != nil || len(f.Docs) == 0 {
		return nil, fmt.Errorf("%s: not valid YAML", e.File)
	}
	root, ok := f.Docs[0].Body.(*ast.MappingNode)
	if !ok || root.IsFlowStyle {
		return nil, &ByHandError{e.File, "write each key of the file on a line of its own, without the braces, and run the command again", errors.New("the file is in braces")}
	}
	d.end = len(d.lines) + 1
	for i, v := range root.Values {
		switch keyText(v.Key) {
		case "stages":
			d.before = place(v.Key).line
		case "exceptions":
			d.key, d.colon = place(v.Key).line, v.Start.Position.Column
			if i+1 < len(root.Values) {
				d.end = place(root.Values[i+1].Key).line
			}
			if s, ok := v.Value.(*ast.SequenceNode); ok {
				d.list(s, lexer.Tokenize(plain))
			}
		}
	}
	if d.key == 0 && d.before == 0 {
		return nil, fmt.Errorf("%s: there is no place for exceptions", e.File)
	}
	return d, nil
}

// keyText returns a key without its quotes.
func keyText(k ast.MapKeyNode) string {
	if s, ok := k.(*ast.StringNode); ok {
		return s.Value
	}
	return k.String()
}

func at(t *token.Token) Place { return Place{t.Position.Line, t.Position.Column} }

// list finds the entries of the list.
func (d *layout) list(s *ast.SequenceNode, tokens token.Tokens) {
	if s.IsFlowStyle {
		d.flow, d.open, d.close = true, at(s.Start), at(s.End)
		for _, v := range s.Values {
			if m, ok := v.(*ast.MappingNode); ok && m.IsFlowStyle {
				d.parts = append(d.parts, [2]Place{at(m.Start), at(m.End)})
			}
		}
		return
	}
	for _, t := range tokens {
		p := t.Position
		if t.Type != token.SequenceEntryType || p.Line <= d.key || p.Line >= d.end {
			continue
		}
		if len(d.items) == 0 {
			d.indent = p.Column - 1
		}
		if p.Column-1 == d.indent {
			d.items = append(d.items, p.Line)
		}
	}
	// Blank lines and comments before the next key are not the list's.
	for d.end > d.key+1 && d.outside(d.end-1) {
		d.end--
	}
}

// outside reports whether a line is blank, or a comment that is indented no more
// than the dashes.
func (d *layout) outside(line int) bool {
	text := strings.TrimRight(d.lines[line-1], "\r\n \t")
	trimmed := strings.TrimLeft(text, " ")
	return text == "" || strings.HasPrefix(trimmed, "#") && len(text)-len(trimmed) <= d.indent
}

// item returns the first line of an entry with the comment above it, and the line
// after it.
func (d *layout) item(i int) (begin, end int) {
	begin, end = d.items[i], d.end
	if i+1 < len(d.items) {
		end = d.items[i+1]
		for end > begin+1 && d.outside(end-1) {
			end--
		}
	}
	for begin > d.key+1 && d.outside(begin-1) && strings.TrimSpace(d.lines[begin-2]) != "" {
		begin--
	}
	return begin, end
}

// with returns the text with an exception at the end of the list.
func (d *layout) with(x *Exception, entry []string) []byte {
	lines := slices.Clone(d.lines)
	if n := len(lines); n > 0 && !strings.HasSuffix(lines[n-1], "\n") {
		lines[n-1] += d.eol
	}
	block := func(indent int) []string {
		var out []string
		for i, l := range entry {
			lead := strings.Repeat(" ", indent) + "  "
			if i == 0 {
				lead = strings.Repeat(" ", indent) + "- "
			}
			out = append(out, lead+l+d.eol)
		}
		return out
	}
	const indent = 2
	switch {
	case d.key == 0:
		line := d.before
		for line > 1 && strings.HasPrefix(lines[line-2], "#") {
			line--
		}
		added := append([]string{"exceptions:" + d.eol}, block(indent)...)
		lines = slices.Insert(lines, line-1, append(added, d.eol)...)
	case d.flow && len(d.parts) == 0:
		open, close := d.offset(d.open), d.offset(d.close)
		l := lines[d.open.Line-1]
		if d.open.Line == d.close.Line {
			rest := l[close+1:]
			l = strings.TrimRight(l[:open], " ")
			if strings.TrimSpace(rest) == "" {
				rest = d.eol
			}
			lines[d.open.Line-1] = l + rest
			lines = slices.Insert(lines, d.open.Line, block(indent)...)
		}
	case d.flow:
		last := d.parts[len(d.parts)-1][1]
		l, i := lines[last.Line-1], d.offset(last)
		lines[last.Line-1] = l[:i+1] + ", " + flowOf(x) + l[i+1:]
	case len(d.items) > 0:
		lines = slices.Insert(lines, d.end-1, block(d.indent)...)
	}
	return []byte(strings.Join(lines, ""))
}

// without returns the text without entries of the list.
func (d *layout) without(drop []int) ([]byte, error) {
	if d.flow {
		return d.withoutParts(drop)
	}
	lines := slices.Clone(d.lines)
	if len(drop) == len(d.items) {
		l := lines[d.key-1]
		i := d.offset(Place{d.key, d.colon})
		lines[d.key-1] = l[:i+1] + " []" + l[i+1:]
	}
	for _, i := range slices.Backward(slices.Sorted(slices.Values(drop))) {
		if i >= len(d.items) {
			return nil, errors.New("its entries were not found")
		}
		begin, end := d.item(i)
		blank := func(line int) bool { return line > len(lines) || strings.TrimSpace(lines[line-1]) == "" }
		if begin > d.key+1 && blank(begin-1) && blank(end) {
			begin-- // one of two blank lines
		}
		lines = slices.Delete(lines, begin-1, end-1)
	}
	return []byte(strings.Join(lines, "")), nil
}

// withoutParts removes entries of a list in brackets, each with one comma.
func (d *layout) withoutParts(drop []int) ([]byte, error) {
	start := make([]int, len(d.lines)+1) // of each line
	for i, l := range d.lines {
		start[i+1] = start[i] + len(l)
	}
	text := strings.Join(d.lines, "")
	for _, i := range slices.Backward(slices.Sorted(slices.Values(drop))) {
		if i >= len(d.parts) {
			return nil, errors.New("its entries were not found")
		}
		p := d.parts[i]
		begin, end := start[p[0].Line-1]+d.offset(p[0]), start[p[1].Line-1]+d.offset(p[1])+1
		before, after := strings.TrimRight(text[:begin], " \r\n"), strings.TrimLeft(text[end:], " ")
		switch {
		case strings.HasPrefix(after, ","):
			after = strings.TrimLeft(after[1:], " ")
			text = text[:begin] + after
		case strings.HasSuffix(before, ","):
			text = before[:len(before)-1] + text[end:]
		default:
			text = text[:begin] + text[end:]
		}
	}
	return []byte(text), nil
}

// offset returns the offset of a place in its line, in bytes. Columns of the parser
// are in characters, without the byte order mark.
func (d *layout) offset(p Place) int {
	line := d.lines[p.Line-1]
	skip := 0
	if p.Line == 1 && strings.HasPrefix(line, byteOrderMark) {
		skip = len(byteOrderMark)
	}
	i := skip
	for range p.Column - 1 {
		_, size := utf8.DecodeRuneInString(line[i:])
		i += size
	}
	return min(i, max(len(line)-1, 0))
}

// yamlOf returns the lines of an exception as a mapping.
func yamlOf(x *Exception) []string {
	var out []string
	for _, k := range keysOfException(x, false) {
		out = append(out, k.key+": "+k.value)
	}
	return out
}

// YAML returns the exception as an entry of a list, to paste.
func (x *Exception) YAML(indent string) string {
	return indent + "- " + strings.Join(yamlOf(x), "\n"+indent+"  ") + "\n"
}

// flowOf returns an exception in braces.
func flowOf(x *Exception) string {
	var out []string
	for _, k := range keysOfException(x, true) {
		out = append(out, k.key+": "+k.value)
	}
	return "{" + strings.Join(out, ", ") + "}"
}

type yamlKey struct{ key, value string }

// keysOfException returns the keys that are set with their values as YAML.
func keysOfException(x *Exception, flow bool) []yamlKey {
	var out []yamlKey
	add := func(key, value string) {
		if value != "" {
			out = append(out, yamlKey{key, Scalar(value, flow)})
		}
	}
	list := func(key string, values []string) {
		if len(values) == 1 && key != "introduces" {
			add(key, values[0])
			return
		}
		if len(values) == 0 {
			return
		}
		var quoted []string
		for _, v := range values {
			quoted = append(quoted, Scalar(v, true))
		}
		out = append(out, yamlKey{key, "[" + strings.Join(quoted, ", ") + "]"})
	}
	add("purl", x.PURL)
	add("path", x.Path)
	list("stage", x.Stages)
	list("rule", x.Rules)
	if i := x.Introduces; i != nil && len(i.PURLs) > 0 {
		list("introduces", i.PURLs)
	} else if i != nil {
		out = append(out, yamlKey{"introduces", strconv.Itoa(i.Most)})
	}
	add("reason", x.Reason)
	add("owner", x.Owner)
	add("added", x.Added)
	add("expires", x.Expires)
	return out
}

var (
	// plainScalar matches text that needs no quotes in a block, plainFlow in
	// brackets too.
	plainScalar = lazyregexp.New(`^[A-Za-z/][^'"\\]*$`)
	plainFlow   = lazyregexp.New(`^[A-Za-z/][A-Za-z0-9 ._/@+-]*$`)
	dateScalar  = lazyregexp.New(`^\d{4}-\d\d-\d\d$`)
	// wordScalar matches words that are no strings in YAML, or were none.
	wordScalar = lazyregexp.New(`^(?i)(true|false|yes|no|on|off|y|n|null|nan|inf)$`)
)

// Scalar returns a text as YAML, in quotes where another type, or the end of the
// text, would be read otherwise. flow is true for one between brackets.
func Scalar(s string, flow bool) string {
	plain := plainScalar
	if flow {
		plain = plainFlow
	}
	switch {
	case strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) || r == utf8.RuneError }):
		return strconv.Quote(s) // some readers end a line at U+0085 and U+2028
	case dateScalar.MatchString(s):
		return s
	case plain.MatchString(s) && !wordScalar.MatchString(s) && !strings.Contains(s, ": ") && !strings.Contains(s, " #") && strings.TrimSpace(s) == s && !strings.HasSuffix(s, ":"):
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// ParseException parses an exception as the configuration has it, for one that
// was put together from flags. An error names the key as a flag. today checks its
// last day.
func (c *Config) ParseException(x Exception, today string) (*Exception, error) {
	lines := yamlOf(&x)
	fail := func(err error) error {
		var errs textfile.Errors
		if !errors.As(err, &errs) {
			var one *textfile.Error
			if !errors.As(err, &one) {
				return err
			}
			errs = textfile.Errors{one}
		}
		first := errs[0]
		key := ""
		if i := first.Line - 2; i >= 0 && i < len(lines) && first.Column > 3 {
			key, _, _ = strings.Cut(lines[i], ":")
			key = "--" + key + ": "
		}
		return &FlagError{key + first.Msg, first.Hint}
	}
	list, err := ParseExceptions("exception", []byte("exceptions:\n- "+strings.Join(lines, "\n  ")+"\n"), c.Stages)
	if err != nil {
		return nil, fail(err)
	}
	one := &Config{ExceptionDays: c.ExceptionDays, Exceptions: list}
	if err := one.CheckExceptions(today); err != nil {
		return nil, fail(err)
	}
	return &list[0], nil
}

// FlagError is a mistake in an exception that was put together from flags.
type FlagError struct{ Msg, Hint string }

func (e *FlagError) Error() string { return e.Msg }
