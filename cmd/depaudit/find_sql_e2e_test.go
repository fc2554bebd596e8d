package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/audit/query"
	"github.com/depaudit/depaudit/sbom/moduletest"
)

// versionsOf are the versions of one package of each type: those that the orders are
// tested with, which were mostly made with the tools themselves, and a few by which
// patterns with and without an epoch, a revision or a letter differ.
func versionsOf(t *testing.T) map[string][]string {
	t.Helper()
	const perType = 120
	r := rand.New(rand.NewPCG(7, 8))
	out := map[string][]string{
		"deb":    strings.Fields("5.6.0-0.2 5.6.1-1 5.6.1-1+b2 5.6.1+really5.4.5-1 5.6.1~rc1-1 5.6 1:5.6.1-1 2:1.0-1 0:5.6.1-1 1:2.39.5-0+deb12u2"),
		"opkg":   strings.Fields("5.6.1-r0 5.6.1~rc1-r0 1:5.6.1-r2"),
		"rpm":    strings.Fields("5.6.1-1.el9 0:5.6.1-1 1:5.6.1-2.fc40 5.6.1~rc1-1 5.6.1^git1-1 5.6.1"),
		"apk":    strings.Fields("5.6.1-r0 5.6.1-r3 5.6.1_rc1-r0 5.6.1_p2-r0 5.6.1"),
		"alpm":   strings.Fields("5.6.1-1 1:5.6.1-1 5.6.1rc1-1 5.6.1.arch1-1 5.6.1"),
		"pypi":   strings.Fields("5.6.1 5.6.1rc1 5.6.1.dev3 5.6.1.post1 5.6.1+local.7 1!1.0 5.6.1.0 unknown"),
		"npm":    strings.Fields("5.6.1 5.6.1-beta.2 5.6.1-beta.10 5.6.1+build latest"),
		"cargo":  strings.Fields("5.6.1 5.6.1-alpha"),
		"golang": strings.Fields("v5.6.1 v5.6.1-rc.1 v0.0.0-20240101000000-abcdefabcdef 5.6.1 go1.22.5 go1.22rc1 1.22.5"),
		"gem":    strings.Fields("5.6.1 5.6.1.pre 5.6.1.rc2 5.6.1.1"),
		"maven":  strings.Fields("5.6.1 5.6.1.Final 5.7"),
	}
	files := map[string]string{
		"deb": "debian-versions.txt", "opkg": "debian-versions.txt", "rpm": "redhat-versions.txt", "apk": "alpine-versions.txt", "alpm": "redhat-versions.txt",
		"pypi": "pypi-versions.txt", "npm": "semver-versions.txt", "cargo": "semver-versions.txt", "golang": "semver-versions.txt", "gem": "rubygems-versions.txt",
	}
	for _, typ := range slices.Sorted(maps.Keys(files)) { // one order for the random numbers
		var list []string
		for line := range strings.Lines(moduletest.File(t, moduletest.Scalibr, "semantic/testdata", files[typ])) {
			if f := strings.Fields(line); len(f) == 3 && !strings.HasPrefix(line, "#") {
				if typ == "golang" {
					f[0], f[2] = "v"+f[0], "v"+f[2]
				}
				list = append(list, f[0], f[2])
			}
		}
		slices.Sort(list)
		list = slices.Compact(list)
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		out[typ] = append(out[typ], list[:min(perType, len(list))]...)
	}
	// Others have no order (see version.Key), and no package is without a release.
	pacman := regexp.MustCompile(`^([0-9]+:)?[0-9a-z]+([._+][0-9a-z]+)*-[0-9]+(\.[0-9]+)?$`)
	out["alpm"] = slices.DeleteFunc(out["alpm"], func(v string) bool { return !pacman.MatchString(v) })
	for typ := range out {
		slices.Sort(out[typ])
		out[typ] = slices.Compact(out[typ])
	}
	return out
}

// inventory is a CycloneDX document that has "x" of each type at all of its versions,
// and some names that patterns are about.
func inventory(t *testing.T, versions map[string][]string) string {
	t.Helper()
	type component struct {
		Type    string `json:"type"`
		Ref     string `json:"bom-ref"`
		Group   string `json:"group,omitempty"`
		Name    string `json:"name"`
		Version string `json:"version,omitempty"`
		PURL    string `json:"purl"`
	}
	var list []component
	add := func(typ, group, name, version, qualifiers string) {
		purl := "pkg:" + typ + "/"
		if group != "" {
			purl += strings.ReplaceAll(group, "@", "%40") + "/"
		}
		purl += name
		if version != "" {
			purl += "@" + strings.NewReplacer("%", "%25", "?", "%3F", "#", "%23", "/", "%2F", "@", "%40", "+", "%2B", " ", "%20").Replace(version)
		}
		list = append(list, component{"library", fmt.Sprint(len(list)), group, name, version, purl + qualifiers})
	}
	for typ, all := range versions {
		group, qualifiers := "", ""
		switch typ {
		case "deb":
			group, qualifiers = "debian", "?arch=amd64&distro=debian-12"
		case "rpm", "apk", "alpm":
			group, qualifiers = "os", "?arch=x86_64"
		case "golang":
			group = "example.org/a"
		case "maven":
			group = "org.example"
		}
		for _, v := range all {
			add(typ, group, "x", v, qualifiers)
		}
		add(typ, group, "x", "", qualifiers)
	}
	for _, name := range []string{"liblzma5", "liblzma-dev", "libx_y", "lib'quote", "lib%25percent"} {
		add("deb", "debian", name, "5.6.1-1", "?arch=arm64&distro=debian-12")
	}
	add("npm", "@types", "node", "20.1.0", "")
	add("npm", "", "JSONStream", "1.3.5", "")
	add("npm", "", "jsonstream", "1.0.0", "")
	add("pypi", "", "typing-extensions", "4.9.0", "")
	add("golang", "github.com/spf13", "cobra", "v1.8.0", "")
	slices.SortFunc(list, func(a, b component) int { return strings.Compare(a.PURL, b.PURL) })
	data, err := json.Marshal(map[string]any{"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": list})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestFindSQL compares "depaudit find PATTERN -o sql", which DuckDB and SQLite evaluate
// for each row of an export, with what "depaudit find PATTERN REPORT" finds and is unsure about
// in the report of the export.
func TestFindSQL(t *testing.T) {
	dir := t.TempDir()
	db := newDuckDB(t, dir)
	versions := versionsOf(t)
	writeFile(t, filepath.Join(dir, "x.cdx.json"), inventory(t, versions))
	report := filepath.Join(dir, "report.json")
	if _, stderr, code := inProcess(t, dir, []string{"scan", "x.cdx.json", "-o", "json=" + report}, nil); code != exitIncomplete { // with names that are not of their types
		t.Fatalf("scan: exit %d\n%s", code, stderr)
	}
	if _, stderr, code := inProcess(t, dir, []string{"export", report, "--date", "2026-11-28", "-o", "ndjson=fleet"}, nil); code != exitPass {
		t.Fatalf("export: exit %d\n%s", code, stderr)
	}
	db.views(t)
	db.query(t, "CREATE TABLE rows AS SELECT * FROM dependency")

	patterns := []string{
		"x", "X", "deb/x", "debian/x", "deb/debian/x", "rpm/x", "example.org/a/x", "golang/example.org/a/x", "a/x", "pkg:deb/debian/x", "pkg:deb/x", "pkg:deb/ubuntu/x", "pkg:golang/example.org/a/x",
		"@types/node", "npm/@types/node", "types/node", "JSONStream", "jsonstream", "Typing_Extensions", "pypi/Typing.Extensions", "pkg:pypi/Typing_Extensions",
		"liblzma*", "lib{lzma5,lzma-dev}", "liblzma[5]", "lib*", "libx_*", "lib'*", "lib%*", "lib'quote", "LIB*", "Typing-*", "pypi/*", "**", "*/x", "**/x", "github.com/**/cobra", "golang/**", "pkg:golang/github.com/*/c*", "pkg:npm/@*/n*",
		"liblzma5?arch=arm64", "liblzma5?arch=amd64", "liblzma5?arch=arm64&distro=debian-12", "liblzma5?distro=debian-1", "x?distro=debian-12",
		"x@5.6*", "x@5.6.1*", "x@*rc*", "x@!=5.6*", "x@[0-4]*", "x@{5.6.1,5.6}*", "x@>=5.6,<5.6.2", "x >= 5.6.1-1, != 5.6.1-1", "liblzma5@5.6.1", "liblzma5@>=5.6,<5.6.2",
		"x@go1.22.5", "x<go1.22.5", "x>=1.22.5", "x<v5.6.1", "x@latest", "x<latest", "x!=latest", "pkg:npm/x@>=5.6.1-beta.3,<5.6.1",
		"vers:deb/>=5.6|<5.6.2", "vers:deb/<5|>=5.6|<5.6.2|>=9", "vers:deb/5.6.1-1|5.6.1-1+b2", "vers:deb/!=5.6.1-1", "vers:npm/*", "vers:npm/5.6.1", "vers:npm/!=5.6.1", "vers:pypi/>=5|!=5.6.1", "vers:npm/>=5.6.1-beta|<6|!=5.6.1",
		"vers:maven/5.6.1", "vers:maven/!=5.6.1", "vers:maven/>=5.6.1", "vers:maven/>5.6.1|<5.7", "vers:maven/>5.6.1", "vers:golang/>=v1|<v2", "vers:rpm/<=5.6.1-1.el9", "vers:alpm/>5.6.1-1|<=9", "vers:apk/>=5|<=5.6.1-r0", "vers:gem/<=5.6.1|!=5.6.1.pre",
	}
	// Each version in a constraint, on the packages of its type or of all types.
	r := rand.New(rand.NewPCG(9, 10))
	operators := []string{"", "=", "!=", "<", "<=", ">", ">="}
	for _, typ := range []string{"deb", "opkg", "rpm", "apk", "alpm", "pypi", "npm", "cargo", "golang", "gem", "maven"} {
		for i, v := range versions[typ] {
			if strings.ContainsAny(v, " <>=!|,*?[{\\@/%") || strings.ContainsAny(v[:1], "_+") || i%4 != 0 && i > 20 {
				continue
			}
			name := "x"
			if r.IntN(2) == 0 {
				name = "pkg:" + typ + "/x"
			}
			patterns = append(patterns, name+"@"+operators[r.IntN(len(operators))]+v)
		}
	}
	type asked struct {
		pattern, condition string
		want               map[string]string
	}
	var all []asked
	hits, doubts := 0, 0
	for _, pattern := range patterns {
		out, stderr, code := inProcess(t, dir, []string{"find", pattern, report, "-o", "json"}, nil)
		if code == exitUsage {
			if _, _, same := inProcess(t, dir, []string{"find", pattern, "-o", "sql"}, nil); same != exitUsage {
				t.Errorf("%s: exit %d as SQL, and %d in a report: %s", pattern, same, code, stderr)
			}
			continue
		}
		var found query.Find
		if err := json.Unmarshal([]byte(out), &found); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{}
		for _, h := range found.Subjects[0].Hits {
			if !found.Subjects[0].AnyCase { // which a condition on one row cannot have
				want[h.ID] = "true"
			}
		}
		for _, d := range found.Subjects[0].Doubts {
			if !found.Subjects[0].AnyCase {
				want[d.ID] = "NULL"
			}
		}
		hits, doubts = hits+len(found.Subjects[0].Hits), doubts+len(found.Subjects[0].Doubts)
		condition, stderr, code := inProcess(t, dir, []string{"find", pattern, "-o", "sql"}, nil)
		if code != exitPass {
			t.Errorf("%s: exit %d: %s", pattern, code, stderr)
			continue
		}
		all = append(all, asked{pattern, condition, want})
		answer := db.try(t, "SELECT id, version_key, "+condition+" FROM rows")
		if answer.Error != "" {
			t.Errorf("%s: %s\n%s", pattern, answer.Error, condition)
			continue
		}
		for _, row := range answer.Rows {
			id, got := row[0].(string), fmt.Sprint(row[2])
			switch got {
			case "false":
				got = ""
			case "<nil>":
				got = "NULL"
			}
			if got != want[id] {
				t.Errorf("%s: %s (%v) is %q in SQL, and %q by find", pattern, id, row[1], got, want[id])
			}
		}
		if t.Failed() {
			t.Logf("%s", condition)
		}
	}
	// SQLite evaluates many of them for each row at once.
	lite := newSQLite(t, filepath.Join(dir, "fleet"))
	for chunk := range slices.Chunk(all, 50) {
		var conditions []string
		for _, a := range chunk {
			conditions = append(conditions, a.condition)
		}
		for _, row := range lite.query(t, "SELECT id, "+strings.Join(conditions, ", ")+" FROM dependency").Rows {
			for i, a := range chunk {
				if got := map[any]string{"1": "true", "0": "", nil: "NULL"}[row[i+1]]; got != a.want[row[0].(string)] {
					t.Errorf("%s: %s is %q in SQLite, and %q by find", a.pattern, row[0], got, a.want[row[0].(string)])
				}
			}
		}
	}
	if hits < 1000 || doubts < 100 {
		t.Errorf("%d hits, %d doubts", hits, doubts)
	}
	t.Logf("%d patterns: %d hits, %d doubts", len(patterns), hits, doubts)
}
