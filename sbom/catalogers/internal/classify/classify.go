// Package classify recognises well-known programs and libraries by text in
// their content: the interpreters, servers and tools that containers get
// without a package manager.
//
// # The table
//
// classifiers.txt has one block for each class of file. A line is an
// operation and its argument; what belongs to it is indented below it.
//
//	class NAME      begins a block
//	glob PATTERN    the files that the class is looked for in
//	name, purl      the package; its version comes from the content
//
// The rest of a block is one condition:
//
//	content RE      the content matches; the group "version" is the version
//	each            all of the expressions below match
//	any, all, none  the first, all or none of the conditions below hold
//	first           the first class below whose condition holds
//	path GLOB       the path matches
//	named RE        the path matches; VERSION below is the version in it
//	library RE      a shared library of this name that the file links holds
//	beside GLOB     a file at this relative path holds
//
// The expressions are those of syft's binary classifiers
// (https://github.com/anchore/syft, Apache License 2.0), which has collected
// and tested them against the released binaries. syft's own package cannot be
// linked without a downloader with three cloud SDKs (docs/modules.md). A test
// compares the results on syft's samples of 300 releases.
package classify

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/depaudit/depaudit/sbom/catalogers/internal/exe"
)

//go:embed classifiers.txt
var table string

//go:embed php.txt
var phpTable string

// Content is an open file.
type Content interface {
	io.Reader
	io.ReaderAt
	io.Seeker
	io.Closer
}

// Environment is where files are looked up.
type Environment interface {
	Open(name string) (Content, error)
	// Glob returns the real paths of the files that match.
	Glob(pattern string) ([]string, error)
}

// Match is a recognised package.
type Match struct {
	Class, Name, Version string
	PURL                 string   // without the version
	Beside               []string // other files that it was recognised by
}

// Class is one block of the table.
type Class struct {
	Glob string
	rule
}

// Classes parses the table of programs and libraries.
func Classes() ([]Class, error) { return parse(table) }

// PHP parses the table of PHP's interpreters, which syft has apart.
func PHP() ([]Class, error) { return parse(phpTable) }

// PHPExtension returns the class of a PHP extension, by the name of its file
// without ".so". Extensions record their version before the name of the API.
func PHPExtension(name string) (Class, error) {
	content := `(?m)(\x00+` + name + `)?\x00+(?P<version>[0-9]+\.[0-9]+\.[0-9]+)\x00+API`
	switch name {
	case "mysqli":
		content = `(mysqlnd|mysqli)?\s*\x00*(?P<version>[0-9]+\.[0-9]+\.[0-9]+)\x00+API`
	case "opcache":
		content = `(?m)\x00+(?P<version>[0-9]+\.[0-9]+\.[0-9]+)\x00+`
	case "zip":
		content = `\x00+(?P<version>[0-9]+\.[0-9]+\.[0-9]+)\x00+Zip`
	}
	if _, err := regexp.Compile(content); err != nil {
		return Class{}, err // the name of a file is no expression
	}
	return Class{rule: rule{
		class: "php-ext-" + name + "-binary", name: name, purl: "pkg:generic/" + name,
		condition: &condition{op: "content", arg: content},
	}}, nil
}

// Match reports the package that a file is recognised as, nil for none.
func (c *Class) Match(env Environment, file string) (*Match, error) {
	m := &matcher{env: env}
	out, err := m.class(&c.rule, file)
	if err != nil || out == nil || out.match == nil {
		return nil, err
	}
	return out.match, nil
}

type rule struct {
	class, name, purl string
	condition         *condition
}

type condition struct {
	op, arg string
	below   []*condition
	classes []*rule // of "first"
}

// outcome is that of a condition that holds. One without a version, such as
// that a path matches, has no match.
type outcome struct{ match *Match }

// matcher evaluates conditions. version is that of an enclosing "named".
type matcher struct {
	env     Environment
	version string
}

func (m *matcher) class(r *rule, file string) (*outcome, error) {
	return m.eval(r, r.condition, file)
}

func (m *matcher) eval(r *rule, c *condition, file string) (*outcome, error) {
	switch c.op {
	case "content":
		return m.content(r, []*condition{c}, file)
	case "each":
		return m.content(r, c.below, file)
	case "any":
		for _, b := range c.below {
			if out, err := m.eval(r, b, file); out != nil || err != nil {
				return out, err
			}
		}
		return nil, nil
	case "all":
		last := &outcome{}
		for _, b := range c.below {
			out, err := m.eval(r, b, file)
			if out == nil || err != nil {
				return nil, err
			}
			if out.match != nil {
				last = out
			}
		}
		return last, nil
	case "none":
		for _, b := range c.below {
			if out, err := m.eval(r, b, file); out != nil || err != nil {
				return nil, err
			}
		}
		return &outcome{}, nil
	case "first":
		for _, b := range c.classes {
			if out, err := m.class(b, file); err != nil || out != nil && out.match != nil {
				return out, err
			}
		}
		return nil, nil
	case "path":
		if ok, err := doublestar.Match(c.arg, file); !ok || err != nil {
			return nil, err
		}
		return &outcome{}, nil
	case "named":
		return m.named(r, c, file)
	case "library":
		return m.library(r, c, file)
	case "beside":
		return m.beside(r, c, file)
	}
	return nil, fmt.Errorf("unknown operation %q", c.op)
}

func (m *matcher) named(r *rule, c *condition, file string) (*outcome, error) {
	re, err := regexp.Compile(c.arg)
	if err != nil {
		return nil, err
	}
	found := re.FindStringSubmatch(file)
	if found == nil {
		return nil, nil
	}
	inner := &matcher{env: m.env}
	if i := re.SubexpIndex("version"); i >= 0 {
		inner.version = regexp.QuoteMeta(found[i])
	}
	return inner.eval(r, c.below[0], file)
}

// library evaluates the condition below for the shared libraries that a
// program links, wherever in the environment they are.
func (m *matcher) library(r *rule, c *condition, file string) (*outcome, error) {
	re, err := regexp.Compile(c.arg)
	if err != nil {
		return nil, err
	}
	f, err := m.env.Open(file)
	if err != nil {
		return nil, err
	}
	libraries := exe.Imports(f)
	f.Close()
	var result *outcome
	for _, lib := range libraries {
		if !re.MatchString(lib) {
			continue
		}
		paths, err := m.env.Glob("**/" + lib)
		if err != nil {
			return nil, err
		}
		for _, p := range paths {
			out, err := m.eval(r, c.below[0], p)
			if err != nil {
				return nil, err
			}
			if out == nil {
				continue
			}
			if out.match != nil {
				out.match.Beside = append(out.match.Beside, p)
			}
			if result == nil || result.match == nil {
				result = out
			}
		}
	}
	return result, nil
}

func (m *matcher) beside(r *rule, c *condition, file string) (*outcome, error) {
	paths, err := m.env.Glob(path.Join(path.Dir(file), c.arg))
	if err != nil {
		return nil, err
	}
	for _, p := range paths {
		out, err := m.eval(r, c.below[0], p)
		if err != nil {
			return nil, err
		}
		if out != nil {
			if out.match != nil {
				out.match.Beside = append(out.match.Beside, p)
			}
			return out, nil
		}
	}
	return nil, nil
}

// content matches all expressions, and takes the groups from the last one
// that has them.
func (m *matcher) content(r *rule, expressions []*condition, file string) (*outcome, error) {
	groups := make(map[string]string)
	for _, e := range expressions {
		re, err := regexp.Compile(strings.ReplaceAll(e.arg, "VERSION[", m.version+"["))
		if err != nil {
			return nil, err
		}
		found, err := m.search(re, file)
		if err != nil || found == nil {
			return nil, err
		}
		maps.Copy(groups, found)
	}
	version, ok := groups["version"]
	if !ok {
		return &outcome{}, nil
	}
	return &outcome{&Match{Class: r.class, Name: r.name, Version: version, PURL: r.purl}}, nil
}

// window is the number of bytes that are searched at once; half of it is
// searched again with the next ones. A match has some hundred bytes.
const window = 1 << 20

// beginning is the number of bytes that are read before there is memory for a window:
// a file is read once for each expression, and scripts are smaller.
const beginning = 32 << 10

// search returns the named groups of the first match in a file, nil for none.
func (m *matcher) search(re *regexp.Regexp, file string) (map[string]string, error) {
	f, err := m.env.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	buf := make([]byte, beginning)
	n, err := io.ReadFull(f, buf)
	buf = buf[:n]
	if err == nil {
		buf = append(make([]byte, 0, window+window/2), buf...)
		n, err = io.ReadFull(f, buf[len(buf):window])
		buf = buf[:len(buf)+n]
		n = len(buf)
	}
	for {
		if n > 0 {
			if found := find(re, buf); found != nil {
				groups := make(map[string]string)
				for i, name := range re.SubexpNames() {
					if name != "" {
						groups[name] = string(found[i])
					}
				}
				return groups, nil
			}
		}
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return nil, nil
		case err != nil:
			return nil, err
		}
		keep := min(len(buf), window/2)
		buf = append(buf[:0], buf[len(buf)-keep:]...)
		n, err = io.ReadFull(f, buf[len(buf):len(buf)+window])
		buf = buf[:len(buf)+n]
	}
}

// find returns the first match. Many expressions begin with a zero byte, and
// are tried at each of them: a hole in a file is skipped.
func find(re *regexp.Regexp, buf []byte) [][]byte {
	if len(bytes.TrimLeft(buf, "\x00")) == 0 {
		return nil
	}
	return re.FindSubmatch(buf)
}

// parse parses a table.
func parse(text string) ([]Class, error) {
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if trimmed := strings.TrimLeft(line, "\t"); trimmed != "" && trimmed[0] != '#' {
			lines = append(lines, line)
		}
	}
	p := &parser{lines: lines}
	var out []Class
	for p.next() == 0 {
		r, glob, err := p.class(0)
		if err != nil {
			return nil, err
		}
		out = append(out, Class{Glob: glob, rule: *r})
	}
	if len(p.lines) > 0 {
		return nil, fmt.Errorf("indented without a class: %q", p.lines[0])
	}
	return out, nil
}

type parser struct{ lines []string }

// next is the depth of the next line, -1 at the end.
func (p *parser) next() int {
	if len(p.lines) == 0 {
		return -1
	}
	return len(p.lines[0]) - len(strings.TrimLeft(p.lines[0], "\t"))
}

func (p *parser) take() (op, arg string) {
	line := strings.TrimLeft(p.lines[0], "\t")
	p.lines = p.lines[1:]
	op, arg, _ = strings.Cut(line, " ")
	return op, arg
}

func (p *parser) class(depth int) (*rule, string, error) {
	op, arg := p.take()
	if op != "class" {
		return nil, "", fmt.Errorf("%q where a class begins", op)
	}
	r := &rule{class: arg}
	glob := ""
	for p.next() == depth+1 {
		switch first, _, _ := strings.Cut(strings.TrimLeft(p.lines[0], "\t"), " "); first {
		case "glob":
			_, glob = p.take()
		case "name":
			_, r.name = p.take()
		case "purl":
			_, r.purl = p.take()
		default:
			if r.condition != nil {
				return nil, "", fmt.Errorf("class %s has two conditions", r.class)
			}
			c, err := p.condition(depth + 1)
			if err != nil {
				return nil, "", fmt.Errorf("class %s: %w", r.class, err)
			}
			r.condition = c
		}
	}
	if r.condition == nil {
		return nil, "", fmt.Errorf("class %s has no condition", r.class)
	}
	return r, glob, nil
}

// operations has the number of conditions below each operation, -1 for any.
var operations = map[string]int{
	"content": 0, "path": 0, "each": -1, "any": -1, "all": -1, "none": -1, "first": -1, "named": 1, "library": 1, "beside": 1,
}

func (p *parser) condition(depth int) (*condition, error) {
	op, arg := p.take()
	c := &condition{op: op, arg: arg}
	below, ok := operations[op]
	if !ok {
		return nil, fmt.Errorf("unknown operation %q", op)
	}
	for p.next() == depth+1 {
		if op == "first" {
			r, _, err := p.class(depth + 1)
			if err != nil {
				return nil, err
			}
			c.classes = append(c.classes, r)
			continue
		}
		b, err := p.condition(depth + 1)
		if err != nil {
			return nil, err
		}
		c.below = append(c.below, b)
	}
	if below >= 0 && len(c.below) != below || below < 0 && len(c.below)+len(c.classes) == 0 {
		return nil, fmt.Errorf("%s has %d conditions", op, len(c.below))
	}
	if op == "each" && slices.ContainsFunc(c.below, func(b *condition) bool { return b.op != "content" }) {
		return nil, errors.New("each has something else than expressions")
	}
	return c, nil
}
