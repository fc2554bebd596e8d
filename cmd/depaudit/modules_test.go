package main

import (
	"encoding/json"
	goflag "flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/zip"

	"github.com/depaudit/depaudit/sbom/catalogers"
)

// updateDocs writes the parts of the documentation that are generated:
//
//	go test ./cmd/depaudit -update-docs
var updateDocs = goflag.Bool("update-docs", false, "write the generated parts of the documentation")

// TestModules checks the list of modules that the binary links against what
// the go command lists, so that a new one is a line of a diff in review.
func TestModules(t *testing.T) {
	var list strings.Builder
	for _, m := range linked(t) {
		fmt.Fprintln(&list, m)
	}
	generated(t, "docs/modules.md", "modules", "```text\n"+list.String()+"```\n")
}

// maxModules is the largest number of modules that the binary may link: the
// limit of the stage in depaudit.yaml.
const maxModules = 102

// TestOwnBaseline checks that the baseline at the root, with which depaudit
// audits its own binary, has exactly the modules that the binary links, so
// that a new one fails without a build of the binary too.
func TestOwnBaseline(t *testing.T) {
	var baseline struct {
		Stages map[string]struct {
			Dependencies []struct {
				Key, Version string
			}
		}
	}
	if err := json.Unmarshal([]byte(read(t, "depaudit.baseline.json")), &baseline); err != nil {
		t.Fatal(err)
	}
	var accepted []string
	for _, d := range baseline.Stages["release"].Dependencies {
		if d.Key != "golang/stdlib" {
			accepted = append(accepted, strings.TrimPrefix(d.Key, "golang/")+" "+d.Version)
		}
	}
	modules := linked(t)
	slices.Sort(accepted)
	if !slices.Equal(accepted, modules) {
		t.Errorf("depaudit.baseline.json is not what the binary links: look at what changed, then build build/depaudit (.ci/run) and run\n\tbuild/depaudit baseline update\n%s",
			firstDifference(strings.Join(accepted, "\n"), strings.Join(modules, "\n")))
	}
	if len(modules)+1 > maxModules { // and the standard library
		t.Errorf("%d modules are linked, more than the limit of %d", len(modules)+1, maxModules)
	}
}

// linked returns the modules of the packages in the binary, on Linux.
func linked(t *testing.T) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}", ".")
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	modules := strings.Split(string(out), "\n")
	slices.Sort(modules)
	return slices.DeleteFunc(slices.Compact(modules), func(m string) bool { return m == "" })
}

// TestModuleReasons checks that each module that go.mod requires directly is in
// docs/modules.md with a reason, in the right one of the two tables.
func TestModuleReasons(t *testing.T) {
	page := read(t, "docs/modules.md")
	tables := regexp.MustCompile(`(?m)^## (.+)\n`).Split(page, -1)
	tables = slices.DeleteFunc(tables, func(s string) bool { return strings.Contains(s, "| cataloger |") })
	if len(tables) < 3 {
		t.Fatal("docs/modules.md: want two sections with tables of modules")
	}
	row := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| \\S.* \\|$")
	inTable := map[string]int{}
	for i, section := range tables {
		for _, m := range row.FindAllStringSubmatch(section, -1) {
			if inTable[m[1]] != 0 {
				t.Errorf("docs/modules.md has %s twice", m[1])
			}
			inTable[m[1]] = i
		}
	}
	var imported []string
	for _, f := range sources(t) {
		for _, spec := range f.ast.Imports {
			if !f.test {
				imported = append(imported, strings.Trim(spec.Path.Value, `"`))
			}
		}
	}
	for _, r := range goMod(t).Require {
		if r.Indirect {
			continue
		}
		want := 1 // linked
		if !slices.ContainsFunc(imported, func(name string) bool { return within(name, r.Mod.Path) }) {
			want = 2 // tests only
		}
		switch have := inTable[r.Mod.Path]; {
		case have == 0:
			t.Errorf("docs/modules.md: no reason for %s", r.Mod.Path)
		case have != want:
			t.Errorf("docs/modules.md: %s is in table %d of these two, want %d", r.Mod.Path, have, want)
		}
		delete(inTable, r.Mod.Path)
	}
	for name := range inTable {
		t.Errorf("docs/modules.md: a reason for %s, which go.mod does not require", name)
	}
}

// TestCatalogerOrigins checks that docs/modules.md has each cataloger once,
// with its origin and the reason.
func TestCatalogerOrigins(t *testing.T) {
	var listed []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| \\S.* \\| \\S.* \\|$").FindAllStringSubmatch(read(t, "docs/modules.md"), -1) {
		listed = append(listed, m[1])
	}
	slices.Sort(listed)
	if want := catalogers.Covered(); !slices.Equal(listed, want) {
		t.Errorf("docs/modules.md has the origin of other catalogers than those that run: %s", firstDifference(strings.Join(listed, "\n"), strings.Join(want, "\n")))
	}
}

// TestGoMod checks that `go install .../cmd/depaudit@latest` works: it refuses a
// module with replace or exclude directives.
func TestGoMod(t *testing.T) {
	f := goMod(t)
	if f.Module.Mod.Path != module {
		t.Errorf("go.mod: module %s, want %s", f.Module.Mod.Path, module)
	}
	if len(f.Replace)+len(f.Exclude) > 0 {
		t.Errorf("go.mod: %d replace and %d exclude directives, which go install refuses", len(f.Replace), len(f.Exclude))
	}
}

// TestModuleZip checks that the module can be packed, and so be installed: no
// file has a name or a size that a module may not have.
func TestModuleZip(t *testing.T) {
	checked, err := zip.CheckDir(moduleRoot)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"go.mod", "LICENSE", "cmd/depaudit/main.go"} {
		if !slices.Contains(checked.Valid, filepath.FromSlash(want)) && !slices.Contains(checked.Valid, filepath.Join(moduleRoot, want)) {
			t.Errorf("%s would not be in the module", want)
		}
	}
}

func goMod(t *testing.T) *modfile.File {
	t.Helper()
	f, err := modfile.Parse("go.mod", []byte(read(t, "go.mod")), nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// read reads a file of the module.
func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(moduleRoot, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// generated compares the text between two comments of a page, or writes it.
func generated(t *testing.T, page, part, want string) {
	t.Helper()
	begin, end := "<!-- "+part+": generated -->\n", "<!-- /"+part+" -->\n"
	text := read(t, page)
	before, rest, ok := strings.Cut(text, begin)
	have, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no part between %q and %q", page, begin, end)
	}
	if have == want {
		return
	}
	if !*updateDocs {
		t.Errorf("%s: the part %q is out of date; look at what changed, then run\n\tgo test ./cmd/depaudit -update-docs\n%s", page, part, firstDifference(have, want))
		return
	}
	if err := os.WriteFile(filepath.Join(moduleRoot, filepath.FromSlash(page)), []byte(before+begin+want+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// firstDifference returns the first line in which two texts differ.
func firstDifference(have, want string) string {
	h, w := strings.Split(have, "\n"), strings.Split(want, "\n")
	for i := range max(len(h), len(w)) {
		var a, b string
		if i < len(h) {
			a = h[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b || i >= len(h) || i >= len(w) {
			return fmt.Sprintf("line %d\n\twritten %q\n\tnow     %q", i+1, a, b)
		}
	}
	return "they are the same"
}
