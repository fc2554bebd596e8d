package graph_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/graph"
	"github.com/depaudit/depaudit/sbom/ospkg"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// aptRoot is a Debian root file system, with apt itself as the oracle. apt
// simulates: it reads the root's records and changes nothing.
type aptRoot struct {
	path  string // of the copy of its records
	root  string
	doc   *sbom.Document
	graph *graph.Graph
	id    map[string]string
}

func aptRoots(t *testing.T) []*aptRoot {
	t.Helper()
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("DEPAUDIT_E2E is not set")
	}
	found, err := filepath.Glob(filepath.Join(os.Getenv("DEPAUDIT_E2E_ROOTS"), "*", "var/lib/apt/extended_states"))
	if err != nil || len(found) == 0 {
		t.Fatalf("DEPAUDIT_E2E is set, but DEPAUDIT_E2E_ROOTS names no directory with Debian root file systems that apt made (%v)", err)
	}
	var roots []*aptRoot
	for _, states := range found {
		roots = append(roots, openRoot(t, strings.TrimSuffix(states, "/var/lib/apt/extended_states")))
	}
	return roots
}

// openRoot copies the package database, so that no more is walked.
func openRoot(t *testing.T, root string) *aptRoot {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"var/lib/dpkg/status", "var/lib/apt/extended_states", "etc/os-release"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := rootfs.Open(context.Background(), rootfs.Ref{Scheme: "dir", Path: dir}, rootfs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })
	release, err := rootfs.Release(tree)
	if err != nil {
		t.Fatal(err)
	}
	db, err := ospkg.Open(context.Background(), tree, release.OS)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := sbom.New(sbom.Document{Environment: sbom.Environment{Ref: "dir:x", Kind: "dir"}, Components: db.Components, Relations: db.Relations})
	if err != nil {
		t.Fatal(err)
	}
	r := &aptRoot{path: dir, root: root, doc: doc, graph: graph.New(doc, graph.Options{}), id: map[string]string{}}
	for _, c := range doc.Components {
		r.id[c.Name] = c.ID
	}
	return r
}

// apt returns the names that apt removes, or the reason why it refuses. With
// states, that is used as apt's record of what came automatically. The
// configuration is the root's, and there is nothing that could be installed
// instead.
func (r *aptRoot) apt(t *testing.T, states string, args ...string) (names []string, refused string) {
	t.Helper()
	empty := t.TempDir()
	if states == "" {
		states = filepath.Join(r.path, "var/lib/apt/extended_states")
	}
	config := filepath.Join(empty, "config")
	text := fmt.Sprintf("Dir::Etc::main %q; Dir::Etc::parts %q;", filepath.Join(empty, "main"), filepath.Join(r.root, "etc/apt/apt.conf.d"))
	if err := os.WriteFile(config, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	args = append([]string{"-s", "-q", "-y", "--allow-remove-essential", "--allow-change-held-packages",
		"-o", "Dir=" + r.path, "-o", "Dir::State::status=" + filepath.Join(r.path, "var/lib/dpkg/status"),
		"-o", "Dir::State::extended_states=" + states, "-o", "Dir::State::lists=" + empty,
		"-o", "Dir::Cache=" + empty, "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=", "-o", "Debug::NoLocking=1",
		"autoremove", "--purge"}, args...)
	cmd := exec.Command("apt-get", args...)
	cmd.Env = append(os.Environ(), "APT_CONFIG="+config, "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		if strings.Contains(string(out), "The following packages have unmet dependencies:") {
			return nil, string(out)
		}
		t.Fatalf("apt-get %v: %v\n%s", args, err, out)
	}
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) > 1 && (f[0] == "Purg" || f[0] == "Remv") {
			name, _, _ := strings.Cut(f[1], ":")
			names = append(names, name)
		}
		if strings.HasPrefix(line, "Inst ") {
			t.Fatalf("apt-get would install something:\n%s", out)
		}
	}
	slices.Sort(names)
	return names, ""
}

func (r *aptRoot) leaving(c *graph.Removal) []string {
	var names []string
	for _, l := range c.Removed {
		names = append(names, r.graph.Component(l.ID).Name)
	}
	slices.Sort(names)
	return names
}

// breaksBase reports whether something would break that apt does not remove in
// order to solve a problem: what is essential.
func (r *aptRoot) breaksBase(c *graph.Removal) bool {
	return slices.ContainsFunc(c.Breaks, func(b graph.Break) bool { return b.Reason == graph.Essential })
}

func (r *aptRoot) names() []string {
	var names []string
	for _, c := range r.doc.Components {
		names = append(names, c.Name)
	}
	return names
}

// TestWhatIfAgreesWithApt removes packages one at a time, and several
// together.
func TestWhatIfAgreesWithApt(t *testing.T) {
	for _, r := range aptRoots(t) {
		names := r.names()
		var cases [][]string
		for i := 0; i < len(names); i += max(1, len(names)/60) {
			cases = append(cases, names[i:i+1])
		}
		random := rand.New(rand.NewPCG(1, 2))
		for range 60 {
			var some []string
			for range 1 + random.IntN(6) {
				some = append(some, names[random.IntN(len(names))])
			}
			cases = append(cases, some)
		}
		different, removed, refusals := 0, 0, 0
		for _, names := range cases {
			var ids []string
			for _, name := range names {
				ids = append(ids, r.id[name])
			}
			for _, mode := range []struct {
				opts    graph.WhatIf
				options []string
			}{
				{graph.WhatIf{}, nil},
				{graph.WhatIf{Follow: graph.FollowRecommends}, []string{"-o", "APT::AutoRemove::SuggestsImportant=false"}},
				{graph.WhatIf{Follow: graph.FollowNeeds}, []string{"-o", "APT::AutoRemove::SuggestsImportant=false", "-o", "APT::AutoRemove::RecommendsImportant=false"}},
			} {
				change, err := r.graph.Without(ids, mode.opts)
				if err != nil {
					t.Fatal(err)
				}
				got := r.leaving(change)
				want, refused := r.apt(t, "", append(mode.options, names...)...)
				removed += len(want)
				if refused != "" {
					refusals++
					if !r.breaksBase(change) {
						t.Errorf("%s without %v: apt refuses, and nothing of the base breaks:\n%s", r.path, names, refused)
					}
					continue
				}
				if diff := cmp.Diff(want, got); diff != "" {
					if different++; different < 10 {
						t.Errorf("%s without %v %v (-apt +got):\n%s", r.path, names, mode.options, diff)
					}
				}
			}
		}
		t.Logf("%d questions about %d packages, %d removals, %d refusals, %d differences", len(cases)*3, len(names), removed, refusals, different)
	}
}

// TestOnlyAgreesWithApt marks everything but some packages as automatic, for
// apt.
func TestOnlyAgreesWithApt(t *testing.T) {
	for _, r := range aptRoots(t) {
		names := r.names()
		random := rand.New(rand.NewPCG(3, 4))
		different := 0
		const questions = 60
		for range questions {
			var only, ids []string
			for range 1 + random.IntN(3) {
				name := names[random.IntN(len(names))]
				only, ids = append(only, name), append(ids, r.id[name])
			}
			states := filepath.Join(t.TempDir(), "extended_states")
			var text strings.Builder
			for _, c := range r.doc.Components {
				arch := c.Arch
				if arch == "all" {
					arch = "amd64"
				}
				if !slices.Contains(only, c.Name) {
					fmt.Fprintf(&text, "Package: %s\nArchitecture: %s\nAuto-Installed: 1\n\n", c.Name, arch)
				}
			}
			if err := os.WriteFile(states, []byte(text.String()), 0o666); err != nil {
				t.Fatal(err)
			}
			change, err := r.graph.Only(ids, graph.WhatIf{})
			if err != nil {
				t.Fatal(err)
			}
			want, refused := r.apt(t, states)
			if refused != "" {
				t.Fatal(refused)
			}
			if diff := cmp.Diff(want, r.leaving(change)); diff != "" {
				if different++; different < 5 {
					t.Errorf("%s with only %v (-apt +got):\n%s", r.path, only, diff)
				}
			}
		}
		t.Logf("%d questions, %d differences", questions, different)
	}
}
