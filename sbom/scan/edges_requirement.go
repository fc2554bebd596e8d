package scan

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	pep440 "github.com/aquasecurity/go-pep440-version"

	"github.com/depaudit/depaudit/sbom/ecosystem"
)

// Limits of one requirement. The longest of real packages have some hundred
// bytes, two dozen extras and five levels of parentheses.
const (
	maxRequirement  = 8 << 10
	maxMarkerDepth  = 32
	maxMarkerTerms  = 64
	maxMarkerNumber = 64 // of a version in a marker: the library's time is not linear in it
)

// requirement is what a Python distribution needs, by the grammar of
// https://packaging.python.org/en/latest/specifications/dependency-specifiers/.
type requirement struct {
	Name   string // normalised
	Extras []string
	// Text is the requirement as written, without its marker.
	Text string
	// marker is nil when the requirement always holds.
	marker *marker
}

// marker is a condition: "and" or "or" of others, or one comparison.
type marker struct {
	op          string // "and", "or", or the operator of a comparison
	args        []*marker
	left, right operand
	// settled is what a comparison came to that asks for no extra: it is the
	// same however often the marker is evaluated.
	settled, value bool
}

// operand is a text, or a variable of the environment.
type operand struct {
	text     string
	variable bool
}

// parseRequirement reads one requirement. What follows the name up to the
// marker (versions, a URL) is only kept as text: what is installed is what
// import finds, whether it is the version that was wanted or not.
func parseRequirement(s string) (requirement, error) {
	if len(s) > maxRequirement {
		return requirement{}, fmt.Errorf("a requirement of more than %d bytes", maxRequirement)
	}
	p := requirementReader{rest: s}
	p.blanks()
	begin := p.rest
	name := p.identifier()
	if name == "" {
		return requirement{}, errors.New("a requirement does not start with a name")
	}
	r := requirement{Name: ecosystem.Python(name)}
	p.blanks()
	if p.take("[") {
		for {
			p.blanks()
			if p.take("]") {
				break
			}
			extra := p.identifier()
			if extra == "" {
				return requirement{}, errors.New("an extra without a name")
			}
			r.Extras = append(r.Extras, ecosystem.Python(extra))
			p.blanks()
			if !p.take(",") && !strings.HasPrefix(p.rest, "]") {
				return requirement{}, errors.New("extras without a closing bracket")
			}
		}
		p.blanks()
	}
	end := strings.IndexByte(p.rest, ';')
	if strings.HasPrefix(p.rest, "@") {
		// A URL may have a semicolon in it; one after a blank ends it.
		if end = strings.Index(p.rest, " ;"); end < 0 {
			end = len(p.rest)
		}
	} else if end < 0 {
		end = len(p.rest)
	}
	versions := p.rest[:end]
	if versions != "" && !strings.ContainsRune("<>=!~(@", rune(versions[0])) {
		return requirement{}, fmt.Errorf("%+q after the name %s", shorten(versions), r.Name)
	}
	r.Text = strings.TrimSpace(begin[:len(begin)-len(p.rest)+end])
	p.rest = strings.TrimLeft(p.rest[end:], " \t")
	if p.take(";") {
		p.blanks()
		if p.rest != "" {
			m, err := p.marker(0)
			if err != nil {
				return requirement{}, err
			}
			r.marker = m
		}
	}
	if p.blanks(); p.rest != "" {
		return requirement{}, fmt.Errorf("%+q after the end of a requirement", shorten(p.rest))
	}
	return r, nil
}

// shorten cuts foreign text for an error.
func shorten(s string) string {
	const enough = 40
	if len(s) > enough {
		return s[:enough]
	}
	return s
}

type requirementReader struct {
	rest  string
	terms int
}

func (p *requirementReader) blanks() { p.rest = strings.TrimLeft(p.rest, " \t") }

func (p *requirementReader) take(s string) bool {
	rest, ok := strings.CutPrefix(p.rest, s)
	p.rest = rest
	return ok
}

// word takes a word if it stands here as a whole.
func (p *requirementReader) word(s string) bool {
	rest, ok := strings.CutPrefix(p.rest, s)
	if !ok || rest != "" && isWordByte(rest[0]) {
		return false
	}
	p.rest = rest
	return true
}

func isWordByte(c byte) bool {
	return c == '_' || c == '.' || c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// identifier takes a name: letters and digits, with "-", "_" and "." between
// them.
func (p *requirementReader) identifier() string {
	n := 0
	for n < len(p.rest) && isWordByte(p.rest[n]) {
		n++
	}
	name := p.rest[:n]
	if strings.Trim(name, "-_.") != name {
		return ""
	}
	p.rest = p.rest[n:]
	return name
}

// marker reads a condition: "or" binds less than "and".
func (p *requirementReader) marker(depth int) (*marker, error) {
	return p.chain("or", depth, func() (*marker, error) {
		return p.chain("and", depth, func() (*marker, error) { return p.term(depth) })
	})
}

func (p *requirementReader) chain(op string, depth int, next func() (*marker, error)) (*marker, error) {
	first, err := next()
	if err != nil {
		return nil, err
	}
	all := []*marker{first}
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
	return &marker{op: op, args: all}, nil
}

func (p *requirementReader) term(depth int) (*marker, error) {
	p.blanks()
	if p.take("(") {
		if depth++; depth > maxMarkerDepth {
			return nil, fmt.Errorf("a marker with more than %d parentheses in each other", maxMarkerDepth)
		}
		m, err := p.marker(depth)
		if err != nil {
			return nil, err
		}
		if p.blanks(); !p.take(")") {
			return nil, errors.New("a marker without a closing parenthesis")
		}
		return m, nil
	}
	if p.terms++; p.terms > maxMarkerTerms {
		return nil, fmt.Errorf("a marker of more than %d comparisons", maxMarkerTerms)
	}
	var m marker
	var err error
	if m.left, err = p.operand(); err != nil {
		return nil, err
	}
	p.blanks()
	if m.op = p.operator(); m.op == "" {
		return nil, fmt.Errorf("%+q in a marker is no operator", shorten(p.rest))
	}
	if m.right, err = p.operand(); err != nil {
		return nil, err
	}
	if m.asks("extra") {
		for _, o := range []*operand{&m.left, &m.right} {
			if !o.variable {
				o.text = ecosystem.Python(o.text)
			}
		}
	}
	return &m, nil
}

func (p *requirementReader) operator() string {
	for _, op := range []string{"===", "==", "~=", "!=", "<=", ">=", "<", ">"} {
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

func (p *requirementReader) operand() (operand, error) {
	p.blanks()
	if p.rest == "" {
		return operand{}, errors.New("a marker ends in the middle")
	}
	if q := p.rest[0]; q == '"' || q == '\'' {
		text, rest, ok := strings.Cut(p.rest[1:], string(q))
		if !ok {
			return operand{}, errors.New("a marker with a quote that does not end")
		}
		p.rest = rest
		return operand{text: text}, nil
	}
	name := p.identifier()
	if name == "" {
		return operand{}, fmt.Errorf("%+q in a marker is neither a variable nor a text", shorten(p.rest))
	}
	return operand{text: variableName(name), variable: true}, nil
}

// variableName is the name of today for those of PEP 345.
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

// extras are the extras that a marker asks about.
func (m *marker) extras(out []string) []string {
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

// holds evaluates a marker with one extra asked for, or none (""). What the
// environment does not say is taken for fulfilled: to follow an edge that did
// not matter is the safer mistake, and markers know no "not" that could turn
// that round.
func (m *marker) holds(env map[string]string, extra string) bool {
	if m == nil {
		return true
	}
	switch m.op {
	case "and":
		for _, a := range m.args {
			if !a.holds(env, extra) {
				return false
			}
		}
		return true
	case "or":
		for _, a := range m.args {
			if a.holds(env, extra) {
				return true
			}
		}
		return false
	}
	if m.asks("extra") {
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
	if m.asks("python_full_version") || m.asks("implementation_version") {
		return m.holdsFull(env)
	}
	left, okl := m.left.value(env)
	right, okr := m.right.value(env)
	if !okl || !okr {
		return true
	}
	if m.asks("python_version") {
		return compareVersion(left, m.op, right)
	}
	return compareText(left, m.op, right)
}

// settle evaluates what does not depend on extras, once.
func (m *marker) settle(env map[string]string) {
	if m == nil {
		return
	}
	for _, a := range m.args {
		a.settle(env)
	}
	if m.args == nil && !m.asks("extra") {
		m.value = m.holds(env, "")
		m.settled = true
	}
}

// holdsFull compares the whole version of an interpreter. Where only its
// folder says which it is, the last number is not known: the comparison holds
// if it does for the first such version, or for one after all of them.
func (m *marker) holdsFull(env map[string]string) bool {
	for _, full := range fullVersions(env) {
		value := func(o operand) (string, bool) {
			if o.variable && (o.text == "python_full_version" || o.text == "implementation_version" && env["implementation_name"] == "cpython") {
				return full, true
			}
			return o.value(env)
		}
		left, okl := value(m.left)
		right, okr := value(m.right)
		if !okl || !okr || compareVersion(left, m.op, right) {
			return true
		}
	}
	return env["python_version"] == ""
}

func fullVersions(env map[string]string) []string {
	if full := env["python_full_version"]; full != "" {
		return []string{full}
	}
	if short := env["python_version"]; short != "" {
		return []string{short + ".0", short + ".999"}
	}
	return nil
}

func (m *marker) asks(variable string) bool {
	return m.left.variable && m.left.text == variable || m.right.variable && m.right.text == variable
}

func (o operand) value(env map[string]string) (string, bool) {
	if !o.variable {
		return o.text, true
	}
	v, ok := env[o.text]
	return v, ok
}

var markerNumber = regexp.MustCompile(`^\s*[0-9A-Za-z.!+_*-]+\s*$`)

// compareVersion compares by PEP 440, and as text where that is not possible.
func compareVersion(left, op, right string) bool {
	if op == "in" || op == "not in" || len(left) > maxMarkerNumber || len(right) > maxMarkerNumber || !markerNumber.MatchString(right) {
		return compareText(left, op, right)
	}
	v, err := pep440.Parse(left)
	if err != nil {
		return compareText(left, op, right)
	}
	spec, err := pep440.NewSpecifiers(op+right, pep440.WithPreRelease(true))
	if err != nil {
		return compareText(left, op, right)
	}
	return spec.Check(v)
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
	return true // "~=" of what are no versions: not known
}
