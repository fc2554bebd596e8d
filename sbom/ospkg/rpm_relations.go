package ospkg

import (
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/ospkg/internal/rpmdb"
	"github.com/depaudit/depaudit/sbom/version"
)

// relating returns the rules by which rpm's packages depend on each other: by
// package names, by provided names, by paths, and by boolean expressions of
// those. The features of rpm itself ("rpmlib(...)") have no package.
//
// Weak dependencies that point backwards (Supplements, Enhances) are not
// followed.
func (r *rpm) relating() relating {
	n := &rpmNames{rpm: r, offers: map[string][]offer{}}
	for i, p := range r.packages {
		// Packages provide their own names, except for very old ones.
		n.offers[p.Name] = append(n.offers[p.Name], offer{component: i, version: "= " + p.evr})
		for _, d := range p.Provides {
			if d.Name != p.Name {
				n.offers[d.Name] = append(n.offers[d.Name], offer{i, rangeOf(d), true})
			}
		}
	}
	needs := make([][]requires, len(r.packages))
	for i, p := range r.packages {
		needs[i] = n.requires(p.Package)
	}
	return relating{
		offers:    n.offers,
		requires:  func(i int) []requires { return needs[i] },
		satisfies: func(o offer, a alternative, _ int) bool { return provides(o, a) },
		write: func(q requirement) string {
			name, _, _ := strings.Cut(q[0].name, operandMark)
			return rpmdb.Dependency{Name: name, Version: q[0].version, Flags: senseOf(q[0].op)}.String()
		},
	}
}

// rpmNames resolves required names to offers.
type rpmNames struct {
	*rpm
	offers map[string][]offer
	// looked has the resolved paths and expressions, each with the number of
	// requirements it consists of.
	looked map[string]int
	// matches is the number of comparisons of a package with an expression.
	matches int
}

// requires returns the requirements of a package, by kind. A requirement of a
// scriptlet must be satisfied before it runs and is a pre-dependency.
func (n *rpmNames) requires(p *rpmdb.Package) []requires {
	const scriptlet = rpmdb.PreReq | rpmdb.PreTrans | rpmdb.PostTrans | rpmdb.PreUnTrans | rpmdb.PostUnTrans | rpmdb.ScriptVerify |
		rpmdb.ScriptPre | rpmdb.ScriptPost | rpmdb.ScriptPreUn | rpmdb.ScriptPostUn | rpmdb.Interp
	depends, pre, recommends, suggests := requires{kind: sbom.RelDepends}, requires{kind: sbom.RelPreDepends}, requires{kind: sbom.RelRecommends}, requires{kind: sbom.RelSuggests}
	for _, d := range p.Requires {
		if d.Flags&rpmdb.RPMLib != 0 || strings.HasPrefix(d.Name, "rpmlib(") {
			continue
		}
		into := &depends
		switch {
		case d.Flags&rpmdb.MissingOK != 0:
			into = &recommends
		case d.Flags&scriptlet != 0:
			into = &pre
		}
		into.items = append(into.items, n.requirements(d)...)
	}
	for _, d := range p.Recommends {
		recommends.items = append(recommends.items, n.requirements(d)...)
	}
	for _, d := range p.Suggests {
		suggests.items = append(suggests.items, n.requirements(d)...)
	}
	return []requires{depends, pre, recommends, suggests}
}

// requirements resolves a dependency, so that its offers can be looked up by
// name. The name of a path is its text, and the name of an operand of an
// expression is the text of the expression with the operand's number.
func (n *rpmNames) requirements(d rpmdb.Dependency) []requirement {
	switch {
	case strings.HasPrefix(d.Name, "/"):
		n.addPath(d.Name)
	case strings.HasPrefix(d.Name, "("):
		n.addRich(d.Name)
		out := make([]requirement, n.looked[d.Name])
		for i := range out {
			out[i] = requirement{{name: operandName(d.Name, i)}}
		}
		return out
	}
	return single([]alternative{{name: d.Name, op: d.Flags.Operator(), version: d.Version}})
}

// operandName returns a name that no package has.
func operandName(text string, i int) string { return text + operandMark + strconv.Itoa(i) }

const operandMark = "\x00"

func (n *rpmNames) first(name string) bool {
	if n.looked == nil {
		n.looked = map[string]int{}
	}
	_, before := n.looked[name]
	if !before {
		n.looked[name] = 0
	}
	return !before
}

// addPath offers the owner of a file under its path. The path may lead through
// links of directories, as /bin/sh does.
func (n *rpmNames) addPath(path string) {
	if !n.first(path) || !cleanPath(path) {
		return
	}
	if i := n.ownerOf(path); i >= 0 {
		n.offers[path] = append(n.offers[path], offer{component: i, provided: true})
	}
}

// addRich offers, under the text of a boolean expression, the packages that
// make it true: those of each operand of "a and b" under a separate name,
// since all of them are needed. For "a and b or c" it offers all of them as
// alternatives, which is less than the expression; distributions do not write
// that.
func (n *rpmNames) addRich(text string) {
	if !n.first(text) || n.matches > maxMatches {
		return
	}
	e, err := parseRich(text)
	if err != nil {
		n.gap(sbom.GapDatabase, n.database, "a dependency does not parse and has no edges: %v", err)
		return
	}
	operands := n.operands(e)
	found := make([]map[int]bool, len(operands))
	for i, o := range operands {
		found[i], _ = n.evaluate(o)
	}
	if n.matches > maxMatches {
		n.gap(sbom.GapLimit, n.database, "boolean dependencies beyond %s are not followed: more than %d candidates", excerpt(text), maxMatches)
		return
	}
	n.looked[text] = len(found)
	for i, members := range found {
		name := operandName(text, i)
		for _, m := range sortedKeys(members) {
			n.offers[name] = append(n.offers[name], offer{component: m, provided: true})
		}
	}
}

// rangeOf returns the version of an offer: an operator and a version, or "".
func rangeOf(d rpmdb.Dependency) string {
	if d.Flags.Operator() == "" || d.Version == "" {
		return ""
	}
	return d.Flags.Operator() + " " + d.Version
}

// provides reports whether an offer satisfies a requirement: rpm compares
// whether the two ranges have a version in common.
func provides(o offer, a alternative) bool {
	op, v, _ := strings.Cut(o.version, " ")
	return version.RPMOverlap(op, v, a.op, a.version)
}

func senseOf(op string) (s rpmdb.Sense) {
	for i := range len(op) {
		switch op[i] {
		case '<':
			s |= rpmdb.Less
		case '>':
			s |= rpmdb.Greater
		case '=':
			s |= rpmdb.Equal
		}
	}
	return s
}
