package ospkg

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom/ospkg/internal/rpmdb"
)

// namesOf returns packages 0, 1, 2, ... with "name" or "name = version" each,
// and the names after a colon that they provide.
func namesOf(packages ...string) *rpmNames {
	n := &rpmNames{rpm: &rpm{system: system{DB: &DB{}}}, offers: map[string][]offer{}}
	for i, text := range packages {
		own, provided, _ := strings.Cut(text, ":")
		name, version, _ := strings.Cut(own, " ")
		n.offers[name] = append(n.offers[name], offer{component: i, version: version})
		for p := range strings.FieldsSeq(provided) {
			n.offers[p] = append(n.offers[p], offer{component: i, provided: true})
		}
	}
	return n
}

// TestRich checks the expressions of rpm's own documentation.
func TestRich(t *testing.T) {
	n := namesOf("pkgA = 3.5", "pkgB:capA capB", "pkgC:capB", "mariaDB", "backend", "lib.so.6()(64bit)")
	for _, test := range []struct {
		text string
		true bool
		want string
	}{
		{"(pkgA and pkgB)", true, "[0 1]"},
		{"(pkgA and none)", false, "[0]"},
		{"(pkgA >= 3.2 or pkgB)", true, "[0 1]"},
		{"(pkgA < 3.2 or pkgB)", true, "[1]"},
		{"(none or (pkgB and pkgC))", true, "[1 2]"},
		{"(pkgA if pkgB)", true, "[0]"},
		{"(pkgA if none)", true, "[]"},
		{"(none if pkgB)", false, "[]"},
		{"(backend if mariaDB else sqlite)", true, "[4]"},
		{"(backend if none else pkgA)", true, "[0]"},
		{"(pkgA unless none)", true, "[0]"},
		{"(pkgA unless pkgB)", false, "[]"},
		{"(pkgA unless pkgB else pkgC)", true, "[2]"},
		{"(capA with capB)", true, "[1]"},
		{"(capB without capA)", true, "[2]"},
		{"((pkgA with none) or (pkgB without capC))", true, "[1]"},
		{"((capB with capA) and lib.so.6()(64bit))", true, "[1 5]"},
		{"(pkgA)", true, "[0]"},
		{"( pkgA,  or\tpkgB )", true, "[0 1]"},
	} {
		e, err := parseRich(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		found, ok := n.evaluate(e)
		if got := fmt.Sprint(slices.Sorted(maps.Keys(found))); got != test.want || ok != test.true {
			t.Errorf("%s is %v by %s, want %v by %s", test.text, ok, got, test.true, test.want)
		}
	}
	for _, text := range []string{"", "(", "()", "(a", "(a and)", "(a xor b)", "(a and b or c)", "(a if b if c)", "(a if b else c else d)", "(a else b)",
		"(a >= )", "a", "(a) b", "(a and b", "(a with b without c)", strings.Repeat("(", 60) + "a" + strings.Repeat(")", 60)} {
		if e, err := parseRich(text); err == nil {
			t.Errorf("%s is read as %+v", text, e)
		}
	}
}

// FuzzRich checks that parsing and printing an expression gives the same text.
func FuzzRich(f *testing.F) {
	f.Add("(pkgA >= 3.2 or (pkgB and pkgC))")
	f.Add("(lib.so()(64bit) if (a without b) else c)")
	f.Fuzz(func(t *testing.T, text string) {
		e, err := parseRich(text)
		if err != nil || strings.Count(writeRich(e), "(") != strings.Count(writeRich(e), ")") {
			return // a name with one parenthesis, as "a( )" has, cannot be written
		}
		written := writeRich(e)
		if e.op == "" {
			written = "(" + written + ")"
		}
		again, err := parseRich(written)
		if err != nil || writeRich(again) != writeRich(e) {
			t.Errorf("%q is %q, which is %q: %v", text, written, writeRich(again), err)
		}
		namesOf("a", "b").evaluate(e)
	})
}

func writeRich(e rich) string {
	if e.op == "" {
		if e.dep.Flags == 0 {
			return e.dep.Name
		}
		return e.dep.Name + " " + rpmdb.Sense(e.dep.Flags).Operator() + " " + e.dep.Version
	}
	var b strings.Builder
	b.WriteString("(" + writeRich(e.deps[0]))
	for i, d := range e.deps[1:] {
		op := e.op
		if i == 1 && (op == "if" || op == "unless") {
			op = "else"
		}
		b.WriteString(" " + op + " " + writeRich(d))
	}
	return b.String() + ")"
}
