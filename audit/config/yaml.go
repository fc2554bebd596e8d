package config

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/depaudit/depaudit/audit/textfile"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/wording"
)

// The YAML parser needs time that is quadratic in the depth of nesting and in
// the number of keys of one mapping, so both are checked before it runs.
const (
	// maxYAMLTokens are the tokens of a pipeline of some five hundred stages.
	maxYAMLTokens = 20_000
	// maxYAMLDepth limits nested [ and {, and dashes in a row. A valid
	// configuration has a depth of three.
	maxYAMLDepth = 32
)

// position is a place in the configuration, from 1.
type position struct{ line, column int }

// decoder decodes YAML nodes and collects the mistakes.
type decoder struct {
	file string
	errs textfile.Errors
}

// field is a key of a mapping with the decoder of its value.
type field struct {
	key      string
	required bool
	decode   func(ast.Node)
}

func (d *decoder) fail(at position, hint, format string, args ...any) {
	d.errs = append(d.errs, &textfile.Error{
		File: d.file, Line: at.line, Column: at.column, Msg: fmt.Sprintf(format, args...), Hint: hint,
	})
}

// document parses a configuration and returns its only document, nil after an
// error.
func (d *decoder) document(data []byte) ast.Node {
	return d.parse(data, "a pipeline with at least one stage")
}

// parse parses data and returns its only document, nil after an error. expected is
// what an empty file should have.
func (d *decoder) parse(data []byte, expected string) ast.Node {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	// The scanner counts some lines that end in CR LF twice.
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	if !d.checkText(data) || !d.checkTokens(lexer.Tokenize(string(data))) {
		return nil
	}
	f, err := parser.ParseBytes(data, 0)
	if err != nil {
		d.syntax(err)
		return nil
	}
	if len(f.Docs) == 0 || f.Docs[0].Body == nil {
		d.fail(position{}, "", "the file is empty; expected %s", expected)
		return nil
	}
	if len(f.Docs) > 1 {
		at := position{1, 1}
		if start := f.Docs[1].Start; start != nil {
			at = position{start.Position.Line, start.Position.Column}
		}
		d.fail(at, "keep one pipeline in a file", "a second YAML document begins here")
		return nil
	}
	return f.Docs[0].Body
}

// checkText reports bytes that are not text, and tabs in indentation, which the
// YAML parser reports at a wrong position.
func (d *decoder) checkText(data []byte) bool {
	if len(data) > maxSize {
		d.fail(position{}, "", "the file has %d bytes, and at most %d are read", len(data), maxSize)
		return false
	}
	n := 0
	for line := range bytes.Lines(data) {
		n++
		for i := 0; i < len(line); {
			r, size := utf8.DecodeRune(line[i:])
			at := position{n, utf8.RuneCount(line[:i]) + 1}
			switch {
			case r == utf8.RuneError && size == 1:
				d.fail(at, "save the file as UTF-8", "byte 0x%02x is not UTF-8", line[i])
				return false
			case r == '\t' && len(bytes.TrimLeft(line[:i], " ")) == 0:
				d.fail(at, "use spaces", "YAML does not allow a tab in indentation")
				return false
			case r == '\r':
				// The scanner needs a minute for a megabyte of these.
				d.fail(at, "save the file with Unix or Windows line ends", "a line ends in a carriage return alone")
				return false
			case r != '\t' && r != '\n' && unicode.IsControl(r):
				d.fail(at, "", "control character %U", r)
				return false
			}
			if r < utf8.RuneSelf {
				// The common case in one step: printable ASCII.
				i++
				for i < len(line) && line[i] >= ' ' && line[i] < 0x7f {
					i++
				}
				continue
			}
			i += size
		}
	}
	return true
}

// checkTokens reports the parts of YAML that are expensive or surprising and of
// no use in a configuration: anchors, aliases, tags, directives, complex keys,
// and more tokens or nesting than the limits.
func (d *decoder) checkTokens(tokens token.Tokens) bool {
	depth, dashes, line := 0, 0, 0
	for i, t := range tokens {
		at := position{t.Position.Line, t.Position.Column}
		if t.Position.Line != line {
			line, dashes = t.Position.Line, 0
		}
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			d.fail(at, "write the value out, or put it in quotes if it begins with & or *", "anchors, aliases and merge keys are not supported")
			return false
		case token.TagType:
			d.fail(at, "remove it, or put the value in quotes if it begins with !", "YAML tags are not supported")
			return false
		case token.DirectiveType:
			d.fail(at, "remove the line", "YAML directives are not supported")
			return false
		case token.MappingKeyType:
			d.fail(at, "write `key: value`", "keys introduced by ? are not supported")
			return false
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		case token.SequenceEntryType:
			dashes++
		}
		if depth > maxYAMLDepth || dashes > maxYAMLDepth {
			d.fail(at, "", "nested more than %d deep", maxYAMLDepth)
			return false
		}
		if i >= maxYAMLTokens {
			d.fail(at, "split the pipeline", "the file has more than %d YAML tokens", maxYAMLTokens)
			return false
		}
	}
	return true
}

var duplicateKey = lazyregexp.New(`^mapping key ("(?:[^"\\]|\\.)*") already defined at \[(\d+):(\d+)\]$`)

func (d *decoder) syntax(err error) {
	var se *yaml.SyntaxError
	if !errors.As(err, &se) || se.Token == nil {
		d.fail(position{}, "", "not valid YAML: %v", err)
		return
	}
	at := position{se.Token.Position.Line, se.Token.Position.Column}
	if m := duplicateKey.FindStringSubmatch(se.Message); m != nil {
		d.fail(at, "remove one of them", "key %s is already given at %s:%s", m[1], m[2], m[3])
		return
	}
	d.fail(at, "", "not valid YAML: %s", se.Message)
}

// place returns the position at which a node begins.
func place(n ast.Node) position {
	for {
		// A mapping's own token is the colon after its first key.
		m, ok := n.(*ast.MappingNode)
		if !ok || len(m.Values) == 0 {
			break
		}
		if m.IsFlowStyle {
			break
		}
		n = m.Values[0].Key
	}
	t := n.GetToken()
	if t == nil || t.Position == nil {
		return position{1, 1}
	}
	return position{t.Position.Line, t.Position.Column}
}

// mapping decodes a mapping with the given keys. what is the mapping's name in
// errors ("a stage").
func (d *decoder) mapping(n ast.Node, what string, fields []field) bool {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		d.wrong(n, what+" (a mapping of keys to values)")
		return false
	}
	seen := make(map[string]bool, len(m.Values))
	for _, v := range m.Values {
		at := place(v.Key)
		key, ok := v.Key.(*ast.StringNode)
		if !ok {
			d.fail(at, expectedKeys(fields), "unknown key %q in %s", v.Key.String(), what)
			continue
		}
		f := find(fields, key.Value)
		if f == nil {
			hint := expectedKeys(fields)
			if near := wording.Nearest(key.Value, keysOf(fields)); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			d.fail(at, hint, "unknown key %s in %s", textfile.Quote(key.Value), what)
			continue
		}
		seen[f.key] = true
		f.decode(v.Value)
	}
	for _, f := range fields {
		if f.required && !seen[f.key] {
			d.fail(place(n), fmt.Sprintf("add `%s:`", f.key), "%s has no %q", what, f.key)
		}
	}
	return true
}

func find(fields []field, key string) *field {
	for i := range fields {
		if fields[i].key == key {
			return &fields[i]
		}
	}
	return nil
}

func keysOf(fields []field) []string {
	keys := make([]string, len(fields))
	for i, f := range fields {
		keys[i] = f.key
	}
	return keys
}

func expectedKeys(fields []field) string {
	return "expected one of " + strings.Join(keysOf(fields), ", ")
}

// list decodes a sequence.
func (d *decoder) list(n ast.Node, what string, each func(ast.Node)) {
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		d.wrong(n, what)
		return
	}
	for _, v := range s.Values {
		each(v)
	}
}

// text decodes a string. multi allows several lines.
func (d *decoder) text(n ast.Node, what string, multi bool) (string, bool) {
	var s string
	switch n := n.(type) {
	case *ast.StringNode:
		s = n.Value
	case *ast.LiteralNode:
		s = n.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		raw := n.GetToken().Value
		d.fail(place(n), fmt.Sprintf("put it in quotes: %q", raw), "expected %s, got %s", what, describe(n))
		return "", false
	default:
		d.wrong(n, what)
		return "", false
	}
	if strings.TrimSpace(s) == "" {
		d.fail(place(n), "", "expected %s, got an empty string", what)
		return "", false
	}
	for _, r := range s {
		if unicode.IsControl(r) && !(multi && r == '\n') {
			d.fail(place(n), "", "%s contains the control character %U", what, r)
			return "", false
		}
	}
	return s, true
}

func (d *decoder) boolean(n ast.Node, what string) bool {
	switch n := n.(type) {
	case *ast.BoolNode:
		return n.Value
	case *ast.StringNode:
		if b, ok := oldBools[strings.ToLower(n.Value)]; ok {
			d.fail(place(n), fmt.Sprintf("write %t", b), "expected true or false for %s, got %s, which is a string in YAML 1.2", what, textfile.Quote(n.Value))
			return false
		}
	}
	d.wrong(n, "true or false for "+what)
	return false
}

// oldBools are the booleans of YAML 1.1 (yaml.org/type/bool.html), and the
// quoted words true and false.
var oldBools = map[string]bool{
	"yes": true, "y": true, "on": true, "true": true,
	"no": false, "n": false, "off": false, "false": false,
}

// maxNumber is the largest number in a configuration. The largest machines have
// some ten thousand dependencies.
const maxNumber = 1_000_000

func (d *decoder) number(n ast.Node, what string, least int) (int, bool) {
	want := fmt.Sprintf("a whole number from %d for %s", least, what)
	i, ok := n.(*ast.IntegerNode)
	if !ok {
		d.wrong(n, want)
		return 0, false
	}
	raw := i.GetToken().Value
	v, err := strconv.Atoi(raw)
	if err != nil || strconv.Itoa(v) != raw {
		d.fail(place(n), "", "expected %s, got %s", want, textfile.Quote(raw))
		return 0, false
	}
	if v < least || v > maxNumber {
		d.fail(place(n), "", "expected %s to %d, got %d", want, maxNumber, v)
		return 0, false
	}
	return v, true
}

func (d *decoder) wrong(n ast.Node, want string) {
	d.fail(place(n), "", "expected %s, got %s", want, describe(n))
}

func describe(n ast.Node) string {
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return "nothing"
	case *ast.MappingNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.StringNode:
		return "the string " + textfile.Quote(n.Value)
	case *ast.LiteralNode:
		return "a block of text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "the number " + n.GetToken().Value
	case *ast.BoolNode:
		return "the boolean " + n.GetToken().Value
	}
	return "another value"
}
