package lockcheck

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom/ecosystem"
)

const (
	docsBegin = "<!-- lock formats: generated -->\n"
	docsEnd   = "<!-- end -->\n"
)

// docsTable returns the tables of docs/locks.md.
func docsTable() string {
	var b strings.Builder
	code := func(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }
	b.WriteString("| format | tool | packages | files | strongest evidence |\n| --- | --- | --- | --- | --- |\n")
	for _, f := range readFormats() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | `%s` |\n", f.Name, f.Tool, strings.Join(f.Types, ", "), code(f.Names), f.Strongest)
	}
	b.WriteString("\nRecognised, and not read yet:\n\n| tool | files |\n| --- | --- |\n")
	for _, f := range formats() {
		if f.parse == nil {
			fmt.Fprintf(&b, "| %s | %s |\n", f.Tool, code(f.Names))
		}
	}
	return b.String()
}

// TestDocs checks that docs/locks.md has the formats that are read and those
// that are recognised. With DEPAUDIT_UPDATE in the environment it writes them.
func TestDocs(t *testing.T) {
	const file = "../docs/locks.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), docsBegin)
	_, after, ok2 := strings.Cut(rest, docsEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has no generated part", file)
	}
	want := before + docsBegin + docsTable() + docsEnd + after
	if string(text) == want {
		return
	}
	if os.Getenv("DEPAUDIT_UPDATE") != "" {
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s differs from the formats; DEPAUDIT_UPDATE=1 go test ./lockcheck -run TestDocs writes it", file)
}

// TestReadme checks that README.md names only what has a lock that is read.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, line, ok := strings.Cut(string(text), "**[Locks](docs/locks.md)**: those of ")
	if !ok {
		t.Fatal("README.md has no line about locks")
	}
	line, others, _ := strings.Cut(line, " and twenty others")
	if others == "" {
		t.Fatalf("README.md: %s", line)
	}
	page, err := os.ReadFile("../docs/locks.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Split(line, ", ") {
		if !strings.Contains(string(page), name) {
			t.Errorf("README.md names %s, which docs/locks.md does not have", name)
		}
	}
	if named, all := strings.Count(line, ",")+1, len(readFormats()); named < 8 || all < named+20 {
		t.Errorf("README.md names %d of %d", named, all)
	}
}

// TestFormatNames checks that the formats and the lock files that a scan excludes
// are the same by name, but for go.mod, which locks nothing by itself.
func TestFormatNames(t *testing.T) {
	for _, f := range formats() {
		if f.parse != nil && f.Strongest.rank() == 0 || len(f.Types) == 0 || len(f.Names) == 0 || f.Tool == "" {
			t.Errorf("%s: tool %q, types %q, names %q, evidence %q", f.Name, f.Tool, f.Types, f.Names, f.Strongest)
		}
		if !slices.ContainsFunc(ecosystem.LockFiles(), func(l ecosystem.LockFile) bool { return l.Format == f.Name }) {
			continue // not a lock file to a scan: a workflow, a Dockerfile
		}
		for _, pattern := range f.Names {
			name := strings.TrimPrefix(strings.ReplaceAll(pattern, "*", "x"), "x")
			if got := formatOf(name); got != f.Name {
				t.Errorf("%s is of the format %q, want %q", name, got, f.Name)
			}
			if l, ok := ecosystem.FindLockFile(name); name != "go.mod" && name != "package.json" && !strings.HasPrefix(name, "constraints") && (!ok || l.Format != f.Name) {
				t.Errorf("%s is a lock file of %q, want %q", name, l.Format, f.Name)
			}
		}
	}
}

// lockSamples has a lock of each format that is read, with a package that it pins
// with the strongest evidence of the table.
func lockSamples() map[string]lockSample {
	h1 := "qJmnOUb4YB+FsEuM3HcWucdZASCPGhsX6uljO6pog0c="
	digest := Hash{Algorithm: "sha256", Value: shaA}
	locks := map[string]lockSample{
		formatRequirements: {"foo==1.0 --hash=sha256:" + shaA + "\n", py("foo", "1.0", digest)},
		formatPylock:       {pylockSample, py("attrs", "25.1.0", digest)},
		formatUV:           {uvLock(`{ registry = "https://pypi.org/simple" }`, "https://files.pythonhosted.org/foo-1.0-py3-none-any.whl"), py("foo", "1.0", digest)},
		formatPoetry:       {poetryLock("legacy", "https://pypi.org/simple", ""), py("foo", "1.0", digest)},
		formatPipfile:      {pipfileSample, py("a", "1.0", digest)},
		formatNPM: {npmLock("node_modules/a", `"version":"1.0.0","integrity":"`+sri512+`"`),
			js("a", "1.0.0", "/app/node_modules/a", Hash{Algorithm: "sha512", Value: hex512})},
		formatCorepack:            {`{"packageManager": "pnpm@9.8.0+sha512.` + hex512 + `"}`, js("pnpm", "9.8.0", "/root/.cache/node/corepack/v1/pnpm/9.8.0/package.json", Hash{Algorithm: "sha512", Value: hex512})},
		formatYarn:                {yarnClassic, js("@s/a", "1.2.0", "/app/node_modules/@s/a")},
		formatGo:                  {"example.org/a v1.0.0 h1:" + h1 + "\n", Package{Type: "golang", Name: "example.org/a", Version: "v1.0.0", Digests: []Hash{{Algorithm: "h1", Value: h1}}}},
		formatCargo:               {cargoLock("registry+https://github.com/rust-lang/crates.io-index"), Package{Type: "cargo", Name: "foo", Version: "1.0.0"}},
		"devcontainer-lock.json":  {`{"features": {"ghcr.io/a/node:1": {"resolved": "ghcr.io/a/node@sha256:` + shaA + `"}}}`, Package{Type: "devcontainer", Namespace: "ghcr.io/a", Name: "node", Version: "sha256:" + shaA}},
		"actions.lock":            {"dependencies:\n  a/b@v1: {commit: sha1-" + shaA[:40] + "}\n", Package{Type: "github", Name: "a/b", Version: shaA[:40]}},
		".pre-commit-config.yaml": {"repos:\n- {repo: https://github.com/a/b, rev: " + shaA[:40] + ", hooks: []}\n", Package{Type: "github", Name: "a/b", Version: shaA[:40]}},
		formatWorkflow:            {"jobs: {a: {container: debian@sha256:" + shaA + "}}\n", Package{Type: "docker", Name: "debian", Version: "sha256:" + shaA}},
		"Dockerfile":              {"FROM debian@sha256:" + shaA + "\n", Package{Type: "docker", Name: "debian", Version: "sha256:" + shaA}},
		"compose.yaml":            {"services: {a: {image: 'debian@sha256:" + shaA + "'}}\n", Package{Type: "docker", Name: "debian", Version: "sha256:" + shaA}},
		"devcontainer.json":       {"{\"image\": \"debian@sha256:" + shaA + "\",}\n", Package{Type: "docker", Name: "debian", Version: "sha256:" + shaA}},
		formatBundler:             {gemfileLock, gem("rake", "13.0.6", "", digest)},
		formatComposer:            {composerLock("1.0", symfonySource, symfonyDist), Package{Type: "composer", Name: "symfony/console", Version: "1.0", Install: Install{Kind: KindRegistry, URL: symfonyDist, Commit: commit}}},
	}
	maps.Copy(locks, furtherSamples())
	locks[formatPnpm] = lockSample{pnpmSample, js("a", "1.0.0", "/app/node_modules/.pnpm/a@1.0.0/node_modules/a", Hash{Algorithm: "sha512", Value: hex512})}
	maps.Copy(locks, condaSamples())
	maps.Copy(locks, jvmSamples())
	return locks
}

// fileOf returns a name that a file of a format has.
func fileOf(format string) string {
	if format == formatWorkflow {
		return ".github/workflows/a.yml"
	}
	return format
}

// TestStrongest checks that a lock of each format gives the strongest evidence
// of the table for a package with the best digest that a scan finds: Go programs
// contain the hashes of their modules, npm and pip record hashes that the files
// are not bound to, and Cargo records none.
func TestStrongest(t *testing.T) {
	locks := lockSamples()
	for _, f := range readFormats() {
		sample, ok := locks[f.Name]
		if !ok {
			t.Errorf("no lock of the format %s", f.Name)
			continue
		}
		l := open(t, fileOf(f.Name), sample.text)
		if r := match([]*Lock{l}, sample.p); r.Evidence != f.Strongest || l.Format != f.Name || !slices.Contains(f.Types, l.Entries[0].Type) {
			t.Errorf("%s: %s, want %s", f.Name, outcome(r), f.Strongest)
		}
	}
}
