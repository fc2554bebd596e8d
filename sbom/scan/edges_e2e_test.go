package scan

import (
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// tool is the output of a program that an end-to-end run needs.
func tool(t *testing.T, dir, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return out
}

func endToEnd(t *testing.T) {
	t.Helper()
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("DEPAUDIT_E2E is not set")
	}
}

// askPackaging prints what each distribution of a directory requires of the
// others by the library of pip, with the requested extras.
const askPackaging = `
import importlib.metadata as md, json, re, sys
from pip._vendor.packaging.requirements import Requirement
name = lambda s: re.sub(r"[-_.]+", "-", s).lower()
dists = {}
for d in md.distributions(path=[sys.argv[1]]):
    dists.setdefault(name(d.metadata["Name"]), d)
edges, todo, seen = set(), [(n, "") for n in dists], set()
while todo:
    n, extra = todo.pop()
    if (n, extra) in seen: continue
    seen.add((n, extra))
    for line in dists[n].requires or []:
        r = Requirement(line)
        to = name(r.name)
        if to not in dists or r.marker and not r.marker.evaluate({"extra": extra}): continue
        if to != n: edges.add((n, to))
        todo += [(to, name(e)) for e in r.extras]
print(json.dumps(sorted(n + " " + to for n, to in edges)))
`

// TestPythonEdgesAsPackaging compares requirements with those of the library
// that pip uses, for what is installed for this machine's Python.
func TestPythonEdgesAsPackaging(t *testing.T) {
	endToEnd(t)
	where := strings.Fields(string(tool(t, "", "python3", "-c", "import sys, sysconfig; print(sys.base_prefix, sysconfig.get_path('purelib'))")))
	if !strings.HasPrefix(where[1], where[0]) {
		t.Fatalf("python3 is one of a virtual environment: %q", where)
	}
	var want []string
	if err := json.Unmarshal(tool(t, "", "python3", "-c", askPackaging, where[1]), &want); err != nil {
		t.Fatal(err)
	}
	if len(want) < 20 {
		t.Fatalf("only %d requirements: this test says nothing", len(want))
	}
	d := scanFolder(t, where[0])
	got := []string{}
	for _, r := range d.Relations {
		from, to := d.Component(r.From), d.Component(r.To)
		if r.Kind == sbom.RelDepends && from.Type == "pypi" && under(from, strings.TrimPrefix(where[1], where[0])) {
			got = append(got, from.Name+" "+to.Name)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, slices.Compact(got)); diff != "" {
		t.Errorf("(-packaging +got):\n%s", diff)
	}
}

// under reports whether a component lies directly in a directory of packages.
func under(c *sbom.Component, dir string) bool {
	return slices.ContainsFunc(c.Paths, func(p string) bool { return filepath.Dir(filepath.Dir(p)) == dir })
}

// TestNodeEdgesAsNpm compares dependencies with those that npm sees in what
// it installed.
func TestNodeEdgesAsNpm(t *testing.T) {
	endToEnd(t)
	root := files{"/app/package.json": `{"name": "app", "version": "1.0.0", "dependencies": {"eslint": "8.57.1", "express": "4.21.2"}, "devDependencies": {"mocha": "10.8.2", "chokidar": "3.6.0"}}`}.plant(t)
	app := filepath.Join(root, "app")
	tool(t, app, "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error")
	if err := os.RemoveAll(filepath.Join(app, "node_modules")); err != nil {
		t.Fatal(err)
	}
	tool(t, app, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error")
	type node struct {
		Name, Version, Path string
		Dependencies        map[string]node
	}
	var tree node
	if err := json.Unmarshal(tool(t, app, "npm", "ls", "--all", "--json", "--long"), &tree); err != nil {
		t.Fatal(err)
	}
	var want []string
	var visit func(n node)
	visit = func(n node) {
		for name, to := range n.Dependencies {
			if to.Version == "" {
				continue // optional, and not installed
			}
			if n.Name != "app" {
				want = append(want, n.Name+"@"+n.Version+" "+name+"@"+to.Version)
			}
			to.Name = name
			visit(to)
		}
	}
	visit(tree)
	slices.Sort(want)
	want = slices.Compact(want)
	if len(want) < 100 {
		t.Fatalf("only %d dependencies: this test says nothing", len(want))
	}
	d := scanFolder(t, root)
	var got []string
	asked := []string{}
	npmName := func(id string) string { return strings.TrimPrefix(id, "npm/") }
	for _, r := range d.Relations {
		if r.Kind != sbom.RelInterpreter {
			got = append(got, npmName(r.From)+" "+npmName(r.To))
		}
	}
	for _, c := range d.Components {
		if c.InstallReason == sbom.ReasonExplicit {
			asked = append(asked, c.Name)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, slices.Compact(got)); diff != "" {
		t.Errorf("(-npm +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"chokidar", "eslint", "express", "mocha"}, asked); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
}

var readelfLine = regexp.MustCompile(`\((NEEDED|RPATH|RUNPATH)\).*\[(.*)\]`)

// TestNeedsAsReadelf compares what programs and libraries name with what
// readelf prints, and what the linker finds with its own cache.
func TestNeedsAsReadelf(t *testing.T) {
	endToEnd(t)
	var all []string
	for _, dir := range []string{"/usr/bin", "/usr/lib"} {
		err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && len(all) < 1500 {
				if f, err := os.Open(p); err == nil {
					var head [64]byte
					if n, _ := f.Read(head[:]); magic(head[:n]) == magicELF {
						all = append(all, p)
					}
					f.Close()
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(all) < 200 {
		t.Fatalf("only %d files: this test says nothing", len(all))
	}
	named := 0
	for _, p := range all {
		out, err := exec.Command("readelf", "--dynamic", "--wide", p).Output()
		if err != nil {
			t.Fatalf("readelf %s: %v", p, err)
		}
		want := elfNeeds{}
		for _, m := range readelfLine.FindAllStringSubmatch(string(out), -1) {
			switch m[1] {
			case "NEEDED":
				want.needed = append(want.needed, m[2])
			case "RPATH":
				want.rpath = m[2]
			case "RUNPATH":
				want.runpath = m[2]
			}
		}
		f, err := os.Open(p)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseNeeds(f)
		f.Close()
		if err != nil {
			t.Errorf("%s: %v", p, err)
		}
		if !slices.Equal(got.needed, want.needed) || got.rpath != want.rpath || got.runpath != want.runpath {
			t.Errorf("%s: %q %q %q, readelf says %q %q %q", p, got.needed, got.rpath, got.runpath, want.needed, want.rpath, want.runpath)
		}
		named += len(got.needed)
	}
	t.Logf("%d files name %d libraries", len(all), named)
}

var cacheLine = regexp.MustCompile(`^\s+(\S+) \(.*x86-64.*\) => (\S+)$`)

// TestLinkAsLdconfig compares where the linker's directories lead with the cache
// that ldconfig made of them, on the machine that the test runs on.
func TestLinkAsLdconfig(t *testing.T) {
	endToEnd(t)
	tree, err := rootfs.Open(context.Background(), rootfs.Ref{Scheme: rootfs.SchemeDir, Path: "/"}, rootfs.Options{Classify: magic})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	s := &inventory{tree: tree}
	e := newEdges(s, nil)
	e.kept = s.isFile // all that the linker reads, whatever is kept of an image
	self := tree.Resolve("/usr/bin/env")
	needs := e.readNeeds(self)
	checked := make(map[string]bool)
	for line := range strings.Lines(string(tool(t, "", "/sbin/ldconfig", "-p"))) {
		m := cacheLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil || checked[m[1]] {
			continue // a later line is a later directory
		}
		checked[m[1]] = true
		if got, want := e.link(self, &needs, m[1]), tree.Resolve(m[2]); got != want {
			t.Errorf("%s: %s, the cache says %s", m[1], tree.Path(got), tree.Path(want))
		}
	}
	if len(checked) < 50 {
		t.Errorf("only %d libraries: this test says nothing", len(checked))
	}
}
