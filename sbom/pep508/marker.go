package pep508

import (
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/ecosystem"
)

// Limits of a marker. Real ones have five levels of parentheses and a dozen
// comparisons.
const (
	maxDepth = 32
	maxTerms = 64
)

// Marker is the condition under which a requirement applies: "and" or "or" of
// other markers, or one comparison.
type Marker struct {
	op          string // "and", "or", or the operator of a comparison
	args        []*Marker
	left, right operand
	// settled is set by Settle on a comparison without an extra; value is
	// then its result.
	settled, value bool
}

// operand is a text, or a variable of the environment.
type operand struct {
	text     string
	variable bool
}

// Environment has the values of marker variables, such as "python_version".
// Variables that are not in it are unknown.
type Environment map[string]string

// marker parses a condition: "or" binds less than "and".
func (p *parser) marker(depth int) (*Marker, *Error) {
	return p.chain("or", func() (*Marker, *Error) {
		return p.chain("and", func() (*Marker, *Error) { return p.term(depth) })
	})
}

func (p *parser) chain(op string, next func() (*Marker, *Error)) (*Marker, *Error) {
	first, err := next()
	if err != nil {
		return nil, err
	}
	all := []*Marker{first}
	for p.blanks(); p.word(op); p.blanks() {
		m, err := next()
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	if len(all) == 1 {
		return first, nil
	}
	return &Marker{op: op, args: all}, nil
}

func (p *parser) term(depth int) (*Marker, *Error) {
	p.blanks()
	if p.take("(") {
		if depth++; depth > maxDepth {
			return nil, p.fail("a marker with more than %d nested parentheses", maxDepth)
		}
		m, err := p.marker(depth)
		if err != nil {
			return nil, err
		}
		if p.blanks(); !p.take(")") {
			return nil, p.fail("a marker without a closing parenthesis")
		}
		return m, nil
	}
	if p.terms++; p.terms > maxTerms {
		return nil, p.fail("a marker with more than %d comparisons", maxTerms)
	}
	var m Marker
	var err *Error
	if m.left, err = p.operand(); err != nil {
		return nil, err
	}
	p.blanks()
	if m.op = p.operator(); m.op == "" {
		return nil, p.fail("not an operator of markers")
	}
	if m.right, err = p.operand(); err != nil {
		return nil, err
	}
	if m.compares("extra") {
		for _, o := range []*operand{&m.left, &m.right} {
			if !o.variable {
				o.text = ecosystem.Python(o.text)
			}
		}
	}
	return &m, nil
}

func (p *parser) operator() string {
	for _, op := range operators() {
		if p.take(op) {
			return op
		}
	}
	if p.word("in") {
		return "in"
	}
	if p.word("not") {
		if p.blanks(); p.word("in") {
			return "not in"
		}
	}
	return ""
}

func (p *parser) operand() (operand, *Error) {
	p.blanks()
	if p.rest() == "" {
		return operand{}, p.fail("a marker that ends early")
	}
	if q := p.rest()[0]; q == '"' || q == '\'' {
		text, _, ok := strings.Cut(p.rest()[1:], string(q))
		if !ok {
			return operand{}, p.fail("a marker without a closing quote")
		}
		p.at += len(text) + 2
		return operand{text: text}, nil
	}
	name := p.identifier()
	if name == "" {
		return operand{}, p.fail("neither a variable nor a text in quotes")
	}
	return operand{text: variableName(name), variable: true}, nil
}

// variableName returns the current name for the names of PEP 345.
func variableName(s string) string {
	switch s {
	case "os.name":
		return "os_name"
	case "sys.platform":
		return "sys_platform"
	case "platform.version":
		return "platform_version"
	case "platform.machine":
		return "platform_machine"
	case "platform.python_implementation", "python_implementation":
		return "platform_python_implementation"
	}
	return s
}

// Extras returns the extras that the marker compares, normalised.
func (m *Marker) Extras() []string { return m.extras(nil) }

func (m *Marker) extras(out []string) []string {
	if m == nil {
		return out
	}
	for _, a := range m.args {
		out = a.extras(out)
	}
	for _, pair := range [][2]operand{{m.left, m.right}, {m.right, m.left}} {
		if pair[0].variable && pair[0].text == "extra" && !pair[1].variable {
			if extra := pair[1].text; !slices.Contains(out, extra) {
				out = append(out, extra)
			}
		}
	}
	return out
}

// Holds evaluates the marker for one wanted extra, or for none (""). A
// comparison with a variable that is not in env holds. A nil marker holds.
func (m *Marker) Holds(env Environment, extra string) bool {
	if m == nil {
		return true
	}
	switch m.op {
	case "and":
		return !slices.ContainsFunc(m.args, func(a *Marker) bool { return !a.Holds(env, extra) })
	case "or":
		return slices.ContainsFunc(m.args, func(a *Marker) bool { return a.Holds(env, extra) })
	}
	if m.compares("extra") {
		value := func(o operand) string {
			if o.variable && o.text == "extra" {
				return extra
			}
			return o.text
		}
		return compareText(value(m.left), m.op, value(m.right))
	}
	if m.settled {
		return m.value
	}
	if m.compares("python_full_version") || m.compares("implementation_version") {
		return m.holdsFull(env)
	}
	left, okL := m.left.value(env)
	right, okR := m.right.value(env)
	if !okL || !okR {
		return true
	}
	if m.compares("python_version") {
		return compare(left, m.op, right)
	}
	return compareText(left, m.op, right)
}

// Settle evaluates the comparisons that do not depend on an extra, once. Holds
// then returns their result for any environment.
func (m *Marker) Settle(env Environment) {
	if m == nil {
		return
	}
	for _, a := range m.args {
		a.Settle(env)
	}
	if m.args == nil && !m.compares("extra") {
		m.value = m.Holds(env, "")
		m.settled = true
	}
}

// holdsFull compares the full version of an interpreter. Where only the name
// of its directory shows the version, the last number is unknown: the
// comparison holds if it holds for the first such version, or for one after
// all of them.
func (m *Marker) holdsFull(env Environment) bool {
	for _, full := range fullVersions(env) {
		value := func(o operand) (string, bool) {
			if o.variable && (o.text == "python_full_version" || o.text == "implementation_version" && env["implementation_name"] == "cpython") {
				return full, true
			}
			return o.value(env)
		}
		left, okL := value(m.left)
		right, okR := value(m.right)
		if !okL || !okR || compare(left, m.op, right) {
			return true
		}
	}
	return env["python_version"] == ""
}

func fullVersions(env Environment) []string {
	if full := env["python_full_version"]; full != "" {
		return []string{full}
	}
	if short := env["python_version"]; short != "" {
		return []string{short + ".0", short + ".999"}
	}
	return nil
}

// compares reports whether one side of a comparison is that variable.
func (m *Marker) compares(variable string) bool {
	return m.left.variable && m.left.text == variable || m.right.variable && m.right.text == variable
}

func (o operand) value(env Environment) (string, bool) {
	if !o.variable {
		return o.text, true
	}
	v, ok := env[o.text]
	return v, ok
}

// compare compares by PEP 440, and as text where that is impossible.
func compare(left, op, right string) bool {
	if holds, ok := compareVersions(left, op, right); ok {
		return holds
	}
	return compareText(left, op, right)
}

func compareText(left, op, right string) bool {
	switch op {
	case "==", "===":
		return left == right
	case "!=":
		return left != right
	case "<":
		return left < right
	case "<=":
		return left <= right
	case ">":
		return left > right
	case ">=":
		return left >= right
	case "in":
		return strings.Contains(right, left)
	case "not in":
		return !strings.Contains(right, left)
	}
	return true // "~=" of texts that are not versions: unknown
}
