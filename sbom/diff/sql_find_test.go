package diff

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/moduletest"
	"github.com/depaudit/depaudit/sbom/version"
)

// oddVersions are those in which a part is empty, at its limit or in an unusual place.
func oddVersions() []string {
	long := strings.Repeat("9", 40)
	return append(strings.Fields(`- -1 1- -- 1-- 1--1 1-1-1 1-r -r1 1-r0-ruff2 1-r1-r2 1_p-r1 1_rc_p1-r2 1~ab-r1 1~-r1 1.0-~ ~ 1~ 1~~-1 ~-~ ^ 1^~ 1~^-1 1-0 1-00 1.0-1 1.0-01
		: :1 1: 1:-1 1: 1:1 1:: 1:2:3 1:2:3-4 2:3 :: 0:1 00:1 01:1 1:0 1:01 -1:1 1-1:1 a:1 1a:1 1:1-1 1:1-r1 2:1 2147483648:1 4294967295:1 4294967296:1 999999999:1 9999999999:1
		0 00 0.0 007 1.07 1.00007 123456789 1234567890 012345678 .1 1. 1..1 1.-1 +1 1+ _ 1_ 1__1 @ é 1é é:1 1.١ 1.0poſt1 1.0'x 'x' 1''
		v v1 v1.0 1.0 1 go go1 go1.21 go1.22 go1.22rc1 go1.22.0 1.22 1.22rc1 go1.20 go1.20rc1 go1.22.1-custom 1.0+a.b 1.0+A_b-1 1.0-- 1.0---a 1.0-0a 1.0-a.-b 1.0.pre 1.0a0 1.0.a 1.0.a.0 1.0-a.1 A a 1A 1.A-a latest`),
		long, long+":1", "1-"+long, "1:"+long+"-"+long, strings.Repeat("1.", 200)+"1", strings.Repeat("-", 300), "1.0"+strings.Repeat("~", 50))
}

// versionLists are the odd versions and some of those that the orders are tested with,
// by type; with everything, all of the latter.
func versionLists(t *testing.T, everything bool) map[string][]string {
	t.Helper()
	const perType = 60
	files := map[string]string{
		"deb": "debian-versions.txt", "opkg": "debian-versions.txt", "rpm": "redhat-versions.txt", "apk": "alpine-versions.txt", "alpm": "redhat-versions.txt",
		"pypi": "pypi-versions.txt", "npm": "semver-versions.txt", "cargo": "semver-versions.txt", "golang": "semver-versions.txt", "gem": "rubygems-versions.txt", "maven": "semver-versions.txt",
	}
	out := map[string][]string{}
	for typ, file := range files {
		var list []string
		for line := range strings.Lines(moduletest.File(t, moduletest.Scalibr, "semantic/testdata", file)) {
			if f := strings.Fields(line); len(f) == 3 && !strings.HasPrefix(line, "#") {
				list = append(list, f[0], f[2])
				if typ == "golang" {
					list = append(list, "v"+f[0])
				}
			}
		}
		slices.Sort(list)
		list = slices.Compact(list)
		if !everything {
			r := rand.New(rand.NewPCG(5, 6))
			r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			list = list[:min(perType, len(list))]
		}
		list = append(list, oddVersions()...)
		slices.Sort(list)
		out[typ] = slices.Compact(list)
	}
	return out
}

// rowOf is the row of a component in the table.
func rowOf(c *sbom.Component) sqlRow {
	row := sqlRow{"type": c.Type, "name": c.Name}
	if c.Version != "" {
		row["version"] = c.Version
	}
	if epoch, key := version.Key(c.Type, c.Version); key != "" {
		row["version_key"] = key
		if version.HasEpochs(c.Type) {
			row["version_epoch"] = epoch
		}
	}
	return row
}

// answer is what find has for a component as a value of SQL.
func answer(v *versions, c *sbom.Component) any {
	switch ok, why := v.holds(c); {
	case ok:
		return true
	case why != "":
		return nil
	}
	return false
}

// wellFormed are the versions that package managers write, in types that order any text.
// An upstream version with a hyphen is none: without its revision it would have another.
func wellFormed() map[string]*regexp.Regexp {
	deb := regexp.MustCompile(`^([0-9]{1,9}:)?[0-9A-Za-z.+~]+(-[0-9A-Za-z.+~]+)?$`)
	return map[string]*regexp.Regexp{
		"deb": deb, "opkg": deb,
		"rpm":  regexp.MustCompile(`^([0-9]{1,9}:)?[0-9A-Za-z.+~^_]+(-[0-9A-Za-z.+~^_]+)?$`),
		"apk":  regexp.MustCompile(`^[0-9]+(\.[0-9]+)*[a-z]?(_(alpha|beta|pre|rc|cvs|svn|git|hg|p)[0-9]*)*(~[0-9a-f]+)?(-r[0-9]+)?$`),
		"alpm": regexp.MustCompile(`^([0-9]{1,9}:)?[0-9a-z]+([._+][0-9a-z]+)*-[0-9]+(\.[0-9]+)?$`),
	}
}

// spelled is what a constraint means, by the order of versions that are cut as text:
// without their revision if the constraint has none, without their epoch likewise.
func spelled(typ, v string, it constraint) any {
	if v == it.version {
		return fits(it.op, 0)
	}
	if packageManager := version.HasEpochs(typ) || typ == "apk"; packageManager && !strings.Contains(it.version, "-") {
		if i := strings.LastIndexByte(v, '-'); i > 0 {
			v = v[:i]
		}
	}
	compare := func(v string) any {
		order, err := version.Compare(typ, v, it.version)
		switch {
		case err == nil:
			return fits(it.op, order)
		case it.equality() && !version.Ordered(typ):
			return it.op == "!="
		}
		return nil
	}
	asItIs := compare(v)
	if _, without, has := strings.Cut(v, ":"); has && version.HasEpochs(typ) && !strings.Contains(it.version, ":") {
		switch plain := compare(without); {
		case it.equality():
			return plain
		case plain != asItIs:
			return nil
		}
	}
	return asItIs
}

// TestFindAsSQL compares what find has for each version against each other one with the
// conditions of SQL, and with the order of the versions as they are spelled.
func TestFindAsSQL(t *testing.T) {
	everything := os.Getenv("DEPAUDIT_E2E") != ""
	operators := []string{"=", "!=", "<", "<=", ">", ">="}
	compared, spellings := 0, 0
	formed := wellFormed()
	for typ, list := range versionLists(t, everything) {
		good := formed[typ]
		isGood := func(v string) bool { return good == nil || good.MatchString(v) }
		rows := make([]sqlRow, len(list))
		for i, v := range list {
			rows[i] = rowOf(&sbom.Component{Type: typ, Version: v})
		}
		for i, pattern := range list {
			conditions := make([]sqlValue, len(operators))
			text := make([]string, len(operators))
			for j, op := range operators {
				v := &versions{constraints: []constraint{{op: op, version: pattern}}}
				var err error
				if text[j], err = v.constraintsSQL(typ); err == nil {
					conditions[j], err = parseSQL(text[j])
				}
				if err != nil {
					t.Fatalf("%s %s%s: %v", typ, op, pattern, err)
				}
			}
			for j, v := range list {
				for k, op := range operators {
					if !everything && (i+j)%len(operators) != k {
						continue
					}
					it := constraint{op: op, version: pattern}
					c := &sbom.Component{Type: typ, Version: v}
					want := answer(&versions{constraints: []constraint{it}}, c)
					if got := conditions[k](rows[j]); got != want {
						t.Errorf("%s: %s of %q is %v, and in SQL %v: %s", typ, op+pattern, v, want, got, text[k])
					}
					compared++
					if isGood(v) && isGood(pattern) && typ != "alpm" || typ == "alpm" && isGood(v) && isGood(pattern+"-1") != isGood(pattern) {
						spellings++
						if got := spelled(typ, v, it); got != want {
							t.Errorf("%s: %s of %q is %v, and as it is spelled %v", typ, op+pattern, v, want, got)
						}
					}
				}
			}
			if t.Failed() {
				break
			}
		}
	}
	if compared < 100_000 || spellings < 50_000 {
		t.Errorf("%d comparisons, %d of them by the spelling", compared, spellings)
	}
	t.Logf("%d comparisons, %d of them by the spelling", compared, spellings)
}

// TestRangesAsSQL compares ranges of several constraints, with epochs and without, and
// those of vers, with the conditions of SQL.
func TestRangesAsSQL(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	operators := []string{"=", "!=", "<", "<=", ">", ">=", "<", ">=", ""}
	seen := map[any]int{}
	lists := versionLists(t, false)
	for _, typ := range slices.Sorted(maps.Keys(lists)) {
		list := lists[typ]
		for range 400 {
			v := &versions{}
			vers := r.IntN(2) == 0
			used := map[string]bool{}
			for range 1 + r.IntN(4) {
				it := constraint{op: operators[r.IntN(len(operators))], version: list[r.IntN(len(list))]}
				if r.IntN(3) == 0 && version.HasEpochs(typ) {
					it.version = fmt.Sprintf("%d:%s", r.IntN(3), it.version)
				}
				switch {
				case used[it.version]:
					continue
				case vers:
					it.op = cmp.Or(it.op, "=")
					if _, err := version.Compare(typ, it.version, it.version); err != nil && version.Ordered(typ) {
						continue // which ParsePattern refuses
					}
				case it.op == "":
					it.glob, it.version = true, it.version[:1]+"*"
					if strings.ContainsAny(it.version[:1], "@'") || it.version[0] >= 0x80 {
						continue
					}
				}
				used[it.version] = true
				v.constraints = append(v.constraints, it)
			}
			if len(v.constraints) == 0 {
				continue
			}
			var text string
			if vers {
				v.typ = typ
				if version.Ordered(typ) {
					sortConstraints(typ, v.constraints)
				}
				text = v.rangeSQL()
			} else {
				var err error
				if text, err = v.constraintsSQL(typ); err != nil {
					t.Fatal(err)
				}
			}
			condition, err := parseSQL(text)
			if err != nil {
				t.Fatal(err)
			}
			for range 60 {
				c := &sbom.Component{Type: typ, Version: list[r.IntN(len(list))]}
				switch r.IntN(20) {
				case 0:
					c.Version = ""
				case 1, 2, 3:
					c.Version = fmt.Sprintf("%d:%s", r.IntN(3), c.Version)
				}
				want, got := answer(v, c), condition(rowOf(c))
				seen[want]++
				if got != want {
					t.Errorf("%s: %v of %q is %v, and in SQL %v: %s", typ, v.constraints, c.Version, want, got, text)
				}
			}
			if t.Failed() {
				break
			}
		}
	}
	for _, v := range []any{true, false, nil} {
		if seen[v] < 2_000 {
			t.Errorf("%v is only %d answers", v, seen[v])
		}
	}
}

// FuzzFindAsSQL compares what find has for one version and a range of two others with the
// condition of SQL.
func FuzzFindAsSQL(f *testing.F) {
	odd := oddVersions()
	for i, v := range odd {
		f.Add(v, odd[(i+7)%len(odd)], odd[(i+23)%len(odd)], byte(i))
	}
	types := append(slices.Concat(versionTypes()...), "maven")
	operators := []string{"=", "!=", "<", "<=", ">", ">="}
	f.Fuzz(func(t *testing.T, row, a, b string, ops byte) {
		if a == "" || b == "" {
			return // which ParsePattern refuses
		}
		for _, typ := range types {
			v := &versions{constraints: []constraint{
				{op: operators[int(ops)%6], version: a},
				{op: operators[int(ops)/6%6], version: b},
			}}
			text, err := v.constraintsSQL(typ)
			if err != nil {
				t.Fatal(err)
			}
			condition, err := parseSQL(text)
			if err != nil {
				t.Fatal(err)
			}
			c := &sbom.Component{Type: typ, Version: row}
			if want, got := answer(v, c), condition(rowOf(c)); got != want {
				t.Errorf("%s: %v of %q is %v, and in SQL %v: %s", typ, v.constraints, row, want, got, text)
			}
		}
	})
}
