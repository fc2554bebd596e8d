package pep508

import (
	"fmt"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/ecosystem"
)

// Limits of a marker. Those of packages have five levels of parentheses and a
// dozen comparisons; those that a lock combines for several packages have some
// hundred.
const (
	maxDepth = 32
	maxTerms = 512
)

// maxMarker is the length in bytes of the longest marker that is parsed apart
// from a requirement.
const maxMarker = 64 << 10

// Marker is the condition under which a requirement applies: "and" or "or" of
// other markers, or one comparison.
type Marker struct {
	op          string // "and", "or", or the operator of a comparison
	args        []*Marker
	left, right operand
	// settled is set by Settle on a comparison without an extra; value is
	// then its result.
	settled bool
	value   Truth
}

// Truth is the value of a condition, of which only a part may be known.
type Truth int8

// The order is that of "and", the least of its parts, and "or", the greatest.
const (
	False Truth = iota - 1
	Unknown
	True
)

func truth(b bool) Truth {
	if b {
		return True
	}
	return False
}

// ParseMarker parses a condition that stands apart from a requirement, as in
// the lock files of Poetry, uv and Pipenv. An empty one is nil, which always
// holds. The error is an *[Error].
func ParseMarker(s string) (*Marker, error) {
	if len(s) > maxMarker {
		return nil, &Error{0, fmt.Sprintf("a marker longer than %d bytes", maxMarker)}
	}
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	p := &parser{text: s}
	m, err := p.marker(0)
	if err != nil {
		return nil, err
	}
	if p.blanks(); p.rest() != "" {
		return nil, p.fail("text after the end of a marker")
	}
	return m, nil
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

// Variables returns the variables of the environment that the marker compares,
// each once, in the order of the text.
func (m *Marker) Variables() []string { return m.variables(nil) }

func (m *Marker) variables(out []string) []string {
	if m == nil {
		return out
	}
	for _, a := range m.args {
		out = a.variables(out)
	}
	if m.args != nil || m.requests() {
		return out
	}
	for _, o := range []operand{m.left, m.right} {
		if o.variable && !slices.Contains(out, o.text) {
			out = append(out, o.text)
		}
	}
	return out
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

// Holds evaluates the marker for one wanted extra, or for none (""). It returns
// true where the environment does not decide. A nil marker holds.
func (m *Marker) Holds(env Environment, extra string) bool {
	return m.evaluate(env, func(c *Marker) Truth {
		value := func(o operand) string {
			if o.variable && o.text == "extra" {
				return extra
			}
			return o.text
		}
		return truth(compareText(value(c.left), c.op, value(c.right)))
	}) != False
}

// Applies evaluates the marker for an entry of a lock file. Which extras and
// groups were requested is not a property of the environment, so a comparison
// with them holds. The result is Unknown where the environment does not
// decide. A nil marker is True.
func (m *Marker) Applies(env Environment) Truth {
	return m.evaluate(env, func(*Marker) Truth { return True })
}

// evaluate evaluates the marker; requested evaluates a comparison with an extra
// or a group.
func (m *Marker) evaluate(env Environment, requested func(*Marker) Truth) Truth {
	if m == nil {
		return True
	}
	switch m.op {
	case "and":
		all := True
		for _, a := range m.args {
			all = min(all, a.evaluate(env, requested))
		}
		return all
	case "or":
		one := False
		for _, a := range m.args {
			one = max(one, a.evaluate(env, requested))
		}
		return one
	}
	if m.requests() {
		return requested(m)
	}
	if m.settled {
		return m.value
	}
	return m.compare(env)
}

// requests reports whether a comparison is about the request of the user:
// "extra", and the two sets that lock files compare (PEP 751).
func (m *Marker) requests() bool {
	return m.compares("extra") || m.compares("extras") || m.compares("dependency_groups")
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
	if m.args == nil && !m.requests() {
		m.value = m.compare(env)
		m.settled = true
	}
}

// compare evaluates a comparison with variables of the environment.
func (m *Marker) compare(env Environment) Truth {
	if m.compares("python_full_version") || m.compares("implementation_version") {
		return m.compareFull(env)
	}
	left, okL := m.left.value(env)
	right, okR := m.right.value(env)
	switch {
	case !okL || !okR:
		return Unknown
	case m.compares("python_version"):
		return truth(compare(left, m.op, right))
	}
	return truth(compareText(left, m.op, right))
}

// compareFull compares the full version of an interpreter. Where only the name
// of its directory shows the version, the last number is unknown: the result is
// known if it is the same for the first such version, for one after all of them
// and for the one that the marker names.
func (m *Marker) compareFull(env Environment) Truth {
	full := func(o operand) bool {
		return o.variable && (o.text == "python_full_version" || o.text == "implementation_version" && env["implementation_name"] == "cpython")
	}
	versions := fullVersions(env)
	if env["python_full_version"] == "" && (m.op == "in" || m.op == "not in") {
		return Unknown // a list of versions, any of which can be the one
	}
	for _, o := range []operand{m.left, m.right} {
		if short := env["python_version"]; env["python_full_version"] == "" && !o.variable && strings.HasPrefix(o.text, short+".") {
			versions = append(versions, strings.TrimSuffix(o.text, ".*"))
		}
	}
	if len(versions) == 0 {
		return Unknown
	}
	seen := map[Truth]bool{}
	for _, v := range versions {
		value := func(o operand) (string, bool) {
			if full(o) {
				return v, true
			}
			return o.value(env)
		}
		left, okL := value(m.left)
		right, okR := value(m.right)
		if !okL || !okR {
			return Unknown
		}
		seen[truth(compare(left, m.op, right))] = true
	}
	if len(seen) > 1 {
		return Unknown
	}
	return truth(seen[True])
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
