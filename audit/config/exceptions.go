package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/anchore/packageurl-go"
	"github.com/goccy/go-yaml/ast"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/textfile"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/wording"
)

// Exceptions are in the configuration, or in a file of their own that
// `exceptions:` names, so that code owners can guard it. It is one key with
// either, so that a file cannot be extended beside it.

// DefaultNotice is the number of days before the end of an exception in which
// audits warn about it.
const DefaultNotice = 30

// Exception excuses a dependency, or a file, from rules that it breaks.
type Exception struct {
	// PURL is a package URL. Without a version it matches all versions, without
	// qualifiers all qualifiers. A "*" in namespace, name and version matches any
	// characters but a slash, and "**" as a part of the name any number of parts.
	PURL string
	// Path is a doublestar pattern, and covers everything below a directory that
	// it matches. It narrows PURL down. Without PURL it matches files that no
	// package accounts for, and packages if Rules names their rule.
	Path string
	// Stages are the names of the stages in which it holds, empty for all.
	Stages []string
	// Rules are the IDs of the rules that it excuses, empty for those of
	// [audit.Rule.ExcusedByDefault].
	Rules []string
	// Introduces limits what the excused dependencies may introduce, nil without
	// a limit.
	Introduces *Introduces
	// Reason and Owner are for the reviewers.
	Reason string
	Owner  string
	// Added is the day, YYYY-MM-DD, on which it was written, empty if that is not
	// recorded.
	Added string
	// Expires is the last day, YYYY-MM-DD, on which the exception holds.
	Expires string
	// File is the path of the file that has it, and Line its line there. Ends is
	// the place of Expires.
	File string
	Line int
	Ends Place
}

// Place is a position in a file, from 1.
type Place struct{ Line, Column int }

// Introduces limits the dependencies that are there only because of an excused
// one. It excuses none of them.
type Introduces struct {
	// Most is their largest number, if PURLs is empty.
	Most int
	// PURLs are package URLs, with wildcards as in an exception: others may not
	// be introduced.
	PURLs []string
}

// String names the exception in messages. Baselines record by it.
func (x *Exception) String() string { return strings.TrimSpace(x.PURL + " " + x.Path) }

// At returns its file and line.
func (x *Exception) At() string { return x.File + ":" + strconv.Itoa(x.Line) }

// ForStage reports whether the exception holds in a stage.
func (x *Exception) ForStage(name string) bool {
	return len(x.Stages) == 0 || slices.Contains(x.Stages, name)
}

// SameScope reports whether two exceptions have the same subject, and a stage
// and a rule in common.
func (x *Exception) SameScope(y *Exception) bool {
	common := func(a, b []string) bool {
		return len(a) == 0 || len(b) == 0 || slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
	}
	purl := func(s string) string { // in one spelling: @types and %40types
		p, err := packageurl.FromString(s)
		if err != nil {
			return s
		}
		return p.ToString()
	}
	path := func(s string) string { return strings.TrimRight(s, "/") }
	return purl(x.PURL) == purl(y.PURL) && path(x.Path) == path(y.Path) && common(x.Stages, y.Stages) && common(x.Rules, y.Rules)
}

func (p *configParser) exceptionFields(e *Exception) []field {
	return []field{
		{"purl", false, func(n ast.Node) { e.PURL = p.purl(n, true) }},
		{"path", false, func(n ast.Node) { e.Path = p.absolutePattern(n) }},
		{"stage", false, func(n ast.Node) { e.Stages = p.stageRefs(n) }},
		{"rule", false, func(n ast.Node) { e.Rules = p.excused(n) }},
		{"introduces", false, func(n ast.Node) { e.Introduces = p.introduces(n) }},
		{"reason", true, func(n ast.Node) { e.Reason = p.filledIn(n, "the reason for the exception", true) }},
		{"owner", true, func(n ast.Node) { e.Owner = p.filledIn(n, "who answers for the exception", false) }},
		{"added", false, func(n ast.Node) { e.Added = p.day(n, "write the day on which it was added as YYYY-MM-DD") }},
		{"expires", true, func(n ast.Node) {
			at := place(n)
			e.Expires, e.Ends = p.date(n), Place{at.line, at.column}
		}},
	}
}

func (p *configParser) exception(n ast.Node) {
	e := Exception{File: p.file, Line: place(n).line}
	before := len(p.errs)
	if p.mapping(n, "an exception", p.exceptionFields(&e)) && len(p.errs) == before {
		p.checkException(n, &e)
	}
	p.config.Exceptions = append(p.config.Exceptions, e)
}

// checkException checks what no key alone shows.
func (p *configParser) checkException(n ast.Node, e *Exception) {
	at := place(n)
	switch {
	case e.PURL == "" && e.Path == "":
		p.fail(at, "add `purl:` (or `path:`, for files that no package accounts for)", "an exception without purl and path excuses nothing")
	case e.Added > e.Expires:
		p.fail(position{e.Ends.Line, e.Ends.Column}, "write the last day on which it holds", "the exception ends on %s, before it was added", e.Expires)
	}
	if !strings.Contains(e.PURL, "*") && !strings.ContainsAny(e.Path, "*?[{") {
		return
	}
	for _, id := range e.Rules {
		if r, _ := audit.RuleByID(id); r.ComparesAccepted() {
			p.fail(at, "name one package, or accept the change: depaudit baseline update", "a wildcard cannot excuse %s: it would cover every later change", id)
			return
		}
	}
}

// exceptions decodes a list of exceptions, or the path of the file that has it.
func (p *configParser) exceptions(n ast.Node) {
	if s, ok := n.(*ast.StringNode); ok {
		p.config.ExceptionsFile, _ = p.text(s, "a list of exceptions, or the path of a file with them", false)
		p.exceptionsAt = place(n)
		return
	}
	p.list(n, "a list of exceptions, or the path of a file with them", p.exception)
}

// stageRef is the name of a stage where an exception names it.
type stageRef struct {
	name string
	at   position
}

func (p *configParser) stageRefs(n ast.Node) []string {
	return p.oneOrMore(n, "the name of a stage", func(n ast.Node) (string, bool) {
		name, ok := p.text(n, "the name of a stage", false)
		if ok {
			p.refs = append(p.refs, stageRef{name, place(n)})
		}
		return name, ok
	})
}

// checkStages reports the names of stages that there are not: an exception for a
// renamed stage would silently excuse nothing.
func (p *configParser) checkStages(stages []Stage) {
	var names []string
	for _, s := range stages {
		names = append(names, s.Name)
	}
	for _, ref := range p.refs {
		if slices.Contains(names, ref.name) {
			continue
		}
		hint := "there are " + strings.Join(names, ", ")
		if near := wording.Nearest(ref.name, names); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		p.fail(ref.at, hint, "the exception is for the stage %s, which is not configured", textfile.Quote(ref.name))
	}
}

// oneOrMore decodes one value, or a list of different ones.
func (p *configParser) oneOrMore(n ast.Node, what string, one func(ast.Node) (string, bool)) []string {
	var out []string
	add := func(n ast.Node) {
		s, ok := one(n)
		switch {
		case !ok:
		case slices.Contains(out, s):
			p.fail(place(n), "remove one of them", "%s is named twice", textfile.Quote(s))
		default:
			out = append(out, s)
		}
	}
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		add(n)
		return out
	}
	for _, v := range s.Values {
		add(v)
	}
	if len(s.Values) == 0 {
		p.fail(place(n), "remove the key, or name one", "expected %s, or a list, got an empty list", what)
	}
	return out
}

// excused decodes the rules that an exception excuses.
func (p *configParser) excused(n ast.Node) []string {
	return p.oneOrMore(n, "the ID of a rule", func(n ast.Node) (string, bool) {
		if s, ok := n.(*ast.StringNode); ok {
			if r, known := audit.RuleByID(s.Value); known && !slices.Contains(audit.ExcusableRules(), r.ID) {
				p.fail(place(n), r.Accept, "no exception excuses the rule %q", r.ID)
				return "", false
			}
		}
		return p.word(n, "the ID of a rule", "unknown rule %s", audit.ExcusableRules())
	})
}

func (p *configParser) introduces(n ast.Node) *Introduces {
	switch n.(type) {
	case *ast.IntegerNode:
		most, _ := p.number(n, "introduces", 0)
		return &Introduces{Most: most}
	case *ast.SequenceNode:
		return &Introduces{PURLs: p.oneOrMore(n, "a package URL", func(n ast.Node) (string, bool) {
			s := p.purl(n, true)
			return s, s != ""
		})}
	}
	p.wrong(n, "a whole number for introduces, or a list of package URLs")
	return nil
}

// toDo matches the placeholder that depaudit proposes for a text.
var toDo = lazyregexp.New(`^(?i)TODO\b`)

// hasWord matches a text with at least one letter or digit.
var hasWord = lazyregexp.New(`[\pL\pN]`)

// filledIn decodes a text that has words and is not a placeholder.
func (p *configParser) filledIn(n ast.Node, what string, multi bool) string {
	s, ok := p.text(n, what, multi)
	if ok && (toDo.MatchString(s) || !hasWord.MatchString(s)) {
		p.fail(place(n), "fill it in", "expected %s, got %s", what, textfile.Quote(s))
		return ""
	}
	return s
}

// loadExceptions reads the file that `exceptions:` names.
func loadExceptions(c *Config, at position) error {
	if c.ExceptionsFile == "" {
		return nil
	}
	path := c.ExceptionsPath()
	place, err := c.placed(path)
	var data []byte
	if err == nil {
		data, err = textfile.ReadAt(path, place, maxSize)
	}
	if errors.Is(err, fs.ErrNotExist) {
		d := &decoder{file: c.File}
		d.fail(at, "create it with depaudit except add, or write `exceptions: []` in it; paths are relative to the directory of this file",
			"exceptions: %s does not exist", textfile.Quote(c.ExceptionsFile))
		return d.errs
	}
	if err != nil {
		return err
	}
	c.ExceptionsDigest = audit.TextDigest(data)
	c.Exceptions, err = ParseExceptions(path, data, c.Stages)
	return err
}

// ParseExceptions parses a file of exceptions: a mapping with the key
// "exceptions". file is its path in errors, and stages are those that an exception
// can name.
func ParseExceptions(file string, data []byte, stages []Stage) ([]Exception, error) {
	d := &decoder{file: file}
	p := &configParser{decoder: d, config: &Config{File: file}}
	if root := d.parse(data, "`exceptions: []`"); root != nil {
		d.mapping(root, "the file of exceptions", p.exceptionFileFields())
		p.checkStages(stages)
	}
	if len(d.errs) > 0 {
		return nil, d.errs.Sorted()
	}
	return p.config.Exceptions, nil
}

func (p *configParser) exceptionFileFields() []field {
	return []field{{"exceptions", true, func(n ast.Node) { p.list(n, "a list of exceptions", p.exception) }}}
}

// ExceptionsPath returns the path of the file that has the exceptions: that of
// the configuration if they are in it.
func (c *Config) ExceptionsPath() string {
	if c.ExceptionsFile == "" {
		return c.File
	}
	return filepath.ToSlash(c.path(c.ExceptionsFile))
}

// CheckExceptions returns [textfile.Errors] for exceptions that end later than
// `exception-days` allows. today is YYYY-MM-DD. The span begins on the day on
// which an exception was added, or today if that is not recorded.
func (c *Config) CheckExceptions(today string) error {
	now, err := time.Parse(time.DateOnly, today)
	if err != nil {
		return err
	}
	var errs textfile.Errors
	for i := range c.Exceptions {
		x := &c.Exceptions[i]
		fail := func(hint, format string, args ...any) {
			errs = append(errs, &textfile.Error{File: x.File, Line: x.Ends.Line, Column: x.Ends.Column, Msg: fmt.Sprintf(format, args...), Hint: hint})
		}
		if x.Added > today {
			fail("write the day on which it was added", "the exception for %s was added on %s, which is yet to come", textfile.Quote(x.String()), x.Added)
			continue
		}
		if c.ExceptionDays == nil {
			continue
		}
		begin := now
		if added, err := time.Parse(time.DateOnly, x.Added); err == nil {
			begin = added
		}
		if last := begin.AddDate(0, 0, *c.ExceptionDays).Format(time.DateOnly); x.Expires > last {
			fail("write "+last+" or an earlier day", "the exception for %s ends on %s, and exception-days: %d allows %s at the latest",
				textfile.Quote(x.String()), x.Expires, *c.ExceptionDays, last)
		}
	}
	if len(errs) > 0 {
		return errs.Sorted()
	}
	return nil
}

// Notice returns the number of days before the end of an exception in which
// audits warn about it.
func (c *Config) Notice() int {
	if c.ExceptionNotice == nil {
		return DefaultNotice
	}
	return *c.ExceptionNotice
}

// HasWildcard reports whether the namespace or the name of a package URL has a
// wildcard. A version is no part of what a baseline compares.
func HasWildcard(purl string) bool {
	p, err := packageurl.FromString(purl)
	return err == nil && strings.Contains(p.Namespace+p.Name, "*")
}
