package ospkg

import (
	"fmt"
	"strings"

	"github.com/depaudit/depaudit/sbom/ospkg/internal/rpmdb"
)

// rich is a boolean dependency of rpm
// (https://rpm-software-management.github.io/rpm/manual/boolean_dependencies.html).
type rich struct {
	op   string // "and", "or", "if", "unless", "with", "without"; "" for a plain dependency
	deps []rich // operands: two or more, three for "if" and "unless" with an "else"
	dep  rpmdb.Dependency
}

const (
	// maxRichDepth is the nesting of expressions. rpm has no limit; those of
	// distributions have three levels.
	maxRichDepth = 50
	// maxRich is the length of an expression. The longest in Fedora have some
	// hundred bytes.
	maxRich = 64 << 10
)

// parseRich parses an expression as rpmrichParse in lib/rpmds.cc does.
func parseRich(text string) (rich, error) {
	if len(text) > maxRich {
		return rich{}, fmt.Errorf("%s is longer than %d bytes", excerpt(text), maxRich)
	}
	p := &richParser{text: text}
	e, err := p.group(0)
	if err == nil && p.at != len(text) {
		err = fmt.Errorf("text after the last parenthesis")
	}
	if err != nil {
		return rich{}, fmt.Errorf("%s: %w", excerpt(text), err)
	}
	return e, nil
}

type richParser struct {
	text string
	at   int
}

// group reads "(a op b ...)".
func (p *richParser) group(depth int) (e rich, err error) {
	if depth == maxRichDepth {
		return e, fmt.Errorf("nested deeper than %d levels", maxRichDepth)
	}
	if p.peek() != '(' {
		return e, fmt.Errorf("byte %d is not an opening parenthesis", p.at)
	}
	p.at++
	for {
		operand, err := p.operand(depth)
		if err != nil {
			return e, err
		}
		e.deps = append(e.deps, operand)
		p.skipSpace()
		if p.peek() == ')' {
			p.at++
			if e.op == "" { // one operand in parentheses
				return e.deps[0], nil
			}
			return e, nil
		}
		op := p.word()
		switch {
		case e.op == "" && isRichOp(op):
			e.op = op
		case e.op == op && (op == "and" || op == "or" || op == "with"):
		case (e.op == "if" || e.op == "unless") && op == "else" && len(e.deps) == 2:
		default:
			return e, fmt.Errorf("unexpected operator %s at byte %d", excerpt(op), p.at)
		}
	}
}

func isRichOp(op string) bool {
	switch op {
	case "and", "or", "if", "unless", "with", "without":
		return true
	}
	return false
}

// operand reads a group, or "name", or "name op version".
func (p *richParser) operand(depth int) (rich, error) {
	p.skipSpace()
	if p.peek() == '(' {
		return p.group(depth + 1)
	}
	name := p.name()
	if name == "" {
		return rich{}, fmt.Errorf("a name is missing at byte %d", p.at)
	}
	e := rich{dep: rpmdb.Dependency{Name: name}}
	p.skipSpace()
	back := p.at
	op := p.name()
	if op == "" || strings.Trim(op, "<>=") != "" {
		p.at = back
		return e, nil
	}
	p.skipSpace()
	e.dep.Flags = senseOf(op)
	if e.dep.Version = p.name(); e.dep.Version == "" {
		return e, fmt.Errorf("a version is missing at byte %d", p.at)
	}
	return e, nil
}

func (p *richParser) peek() byte {
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func isRichSpace(c byte) bool { return c == ',' || c == ' ' || c >= '\t' && c <= '\r' }

func (p *richParser) skipSpace() {
	for p.at < len(p.text) && isRichSpace(p.text[p.at]) {
		p.at++
	}
}

// name reads up to a blank or to a parenthesis that it did not open itself,
// as in "libc.so.6()(64bit)".
func (p *richParser) name() string {
	start, open := p.at, 0
	for p.at < len(p.text) && !isRichSpace(p.text[p.at]) {
		switch p.text[p.at] {
		case '(':
			open++
		case ')':
			if open--; open < 0 {
				return p.text[start:p.at]
			}
		}
		p.at++
	}
	return p.text[start:p.at]
}

// word reads an operator.
func (p *richParser) word() string {
	start := p.at
	for p.at < len(p.text) && !isRichSpace(p.text[p.at]) && p.text[p.at] != ')' {
		p.at++
	}
	return p.text[start:p.at]
}

// evaluate returns the installed packages that make an expression true, and
// whether it is true. "a if b" is true without b, and then needs nothing; with
// b it needs a. It never needs the condition itself: the package works without
// it.
func (n *rpmNames) evaluate(e rich) (map[int]bool, bool) {
	switch e.op {
	case "":
		found := n.providers(e.dep)
		return found, len(found) > 0
	case "and":
		all, ok := map[int]bool{}, true
		for _, d := range e.deps {
			found, is := n.evaluate(d)
			join(all, found)
			ok = ok && is
		}
		return all, ok
	case "or":
		all, ok := map[int]bool{}, false
		for _, d := range e.deps {
			found, is := n.evaluate(d)
			join(all, found)
			ok = ok || is
		}
		return all, ok
	case "if", "unless":
		_, condition := n.evaluate(e.deps[1])
		switch {
		case condition == (e.op == "if"):
			return n.evaluate(e.deps[0])
		case len(e.deps) == 3:
			return n.evaluate(e.deps[2])
		}
		return nil, e.op == "if"
	}
	// "with" and "without" are about single packages.
	found, _ := n.evaluate(e.deps[0])
	for _, d := range e.deps[1:] {
		others, _ := n.evaluate(d)
		both := map[int]bool{}
		for i := range found {
			if others[i] == (e.op == "with") {
				both[i] = true
			}
		}
		found = both
	}
	return found, len(found) > 0
}

// operands returns the parts of an expression that must all be true.
func (n *rpmNames) operands(e rich) []rich {
	switch e.op {
	case "and":
		var all []rich
		for _, d := range e.deps {
			all = append(all, n.operands(d)...)
		}
		return all
	case "if", "unless":
		_, condition := n.evaluate(e.deps[1])
		switch {
		case condition == (e.op == "if"):
			return n.operands(e.deps[0])
		case len(e.deps) == 3:
			return n.operands(e.deps[2])
		}
		return nil
	}
	return []rich{e}
}

// providers returns the installed packages that satisfy a plain dependency.
func (n *rpmNames) providers(d rpmdb.Dependency) map[int]bool {
	if strings.HasPrefix(d.Name, "/") {
		n.addPath(d.Name)
	}
	found := map[int]bool{}
	a := alternative{name: d.Name, op: d.Flags.Operator(), version: d.Version}
	offers := n.offers[d.Name]
	if n.matches += len(offers); n.matches > maxMatches {
		return found // addRich adds the gap
	}
	for _, o := range offers {
		if provides(o, a) {
			found[o.component] = true
		}
	}
	return found
}

func join(into, from map[int]bool) {
	for i := range from {
		into[i] = true
	}
}
