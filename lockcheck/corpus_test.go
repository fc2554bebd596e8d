package lockcheck

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom/moduletest"
)

// TestCorpus parses every lock file in syft's test data and compares the number
// of entries with a count without this package's parsers.
func TestCorpus(t *testing.T) {
	root := moduletest.Dir(t, "github.com/anchore/syft")
	read, refused := map[string]int{}, map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		format := corpusFormat(path)
		if format == "" {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		l, err := parseAs(t, format, path, data)
		rel := strings.TrimPrefix(path, root+"/")
		if err != nil {
			refused[rel] = true
			if _, ok := errors.AsType[*SyntaxError](err); !ok {
				t.Errorf("%s: %v has no position", rel, err)
			}
			return nil
		}
		read[format]++
		want, ok := countEntries(format, data)
		if !ok {
			t.Errorf("%s: read, but the count that it is compared with failed", rel)
		} else if len(l.Entries) != want {
			t.Errorf("%s: %d entries, counted %d", rel, len(l.Entries), want)
		}
		checkEntries(t, l, map[string][]byte{path: data})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for format, least := range map[string]int{formatUV: 6, formatPoetry: 7, formatPipfile: 2, formatNPM: 10, formatCargo: 3, formatGo: 1, formatRequirements: 4} {
		if read[format] < least {
			t.Errorf("%s: only %d files read", format, read[format])
		}
	}
	// The refused files are broken on purpose, or pip refuses them too.
	python, js := "syft/pkg/cataloger/python/testdata/", "syft/pkg/cataloger/javascript/testdata/"
	broken := []string{
		python + "requires/requirements.txt", // -r of a file that is missing, "==2.3.4"
		python + "glob-paths/src/requirements.txt", python + "glob-paths/src/1-requirements-dev.txt", python + "glob-paths/src/requirements-dev.txt",
		python + "glob-paths/src/extra-requirements.txt", python + "glob-paths/src/poetry.lock", python + "glob-paths/src/uv.lock", python + "glob-paths/src/Pipfile.lock",
		js + "glob-paths/src/package-lock.json", js + "corrupt/package-lock.json", "syft/pkg/cataloger/rust/testdata/glob-paths/src/Cargo.lock",
		"test/cli/testdata/malformed/truncated-lockfile/package-lock.json", "test/cli/testdata/malformed/list-for-scalar/Cargo.lock",
		"test/cli/testdata/image-unknowns/package-lock.json",
	}
	for _, path := range broken {
		if !refused[path] {
			t.Errorf("%s was read", path)
		}
		delete(refused, path)
	}
	for path := range refused {
		t.Errorf("%s was refused", path)
	}
}

func corpusFormat(path string) string {
	counted := []string{formatUV, formatPoetry, formatPipfile, formatNPM, formatCargo, formatGo, formatRequirements}
	if format := formatOf(path); slices.Contains(counted, format) && filepath.Base(path) != "go.mod" {
		return format
	}
	if strings.HasSuffix(path, ".json") && strings.Contains(filepath.Base(path), "package-lock") && !strings.HasPrefix(filepath.Base(path), ".") {
		return formatNPM
	}
	return ""
}

// countEntries counts the packages of a lock without this package's parsers.
func countEntries(format string, data []byte) (int, bool) {
	matches := func(pattern string) (int, bool) {
		return len(regexp.MustCompile(pattern).FindAll(data, -1)), true
	}
	switch format {
	case formatUV, formatPoetry, formatCargo:
		return matches(`(?m)^\[\[package\]\]\s*$`)
	case formatGo:
		all, _ := matches(`(?m) h1:`)
		mod, _ := matches(`(?m)/go\.mod h1:`)
		return all - mod, true
	case formatRequirements:
		return matches(`(?m)^[A-Za-z0-9][^#\n]*==`)
	case formatPipfile:
		var doc map[string]map[string]any
		if json.Unmarshal(data, &doc) != nil {
			return 0, false
		}
		return len(doc["default"]) + len(doc["develop"]), true
	}
	var doc struct {
		Packages     map[string]any
		Dependencies map[string]any
	}
	if json.Unmarshal(data, &doc) != nil {
		return 0, false
	}
	if doc.Packages != nil {
		delete(doc.Packages, "")
		return len(doc.Packages), true
	}
	return countTree(doc.Dependencies), true
}

func countTree(deps map[string]any) int {
	n := len(deps)
	for _, d := range deps {
		if inner, ok := d.(map[string]any)["dependencies"].(map[string]any); ok {
			n += countTree(inner)
		}
	}
	return n
}

// checkEntries checks the properties of every lock: each entry has a name, a
// known kind of source and hashes of the right form, and its line exists in its
// file. The line contains the name where the format does not encode it.
func checkEntries(t testing.TB, l *Lock, content map[string][]byte) {
	t.Helper()
	for i := range l.Entries {
		e := &l.Entries[i]
		if e.Name == "" || e.Type == "" || e.Source.Kind == "" {
			t.Errorf("entry %d of %s: no name, type or source: %+v", i, l.Path, *e)
		}
		data, ok := content[e.File]
		if !ok {
			t.Errorf("%s: an entry of another file: %q", l.Path, e.File)
			continue
		}
		lines := bytes.Split(data, []byte("\n"))
		if e.Line < 1 || e.Line > len(lines) {
			t.Errorf("%s:%d: the file has %d lines", e.File, e.Line, len(lines))
			continue
		}
		named := e.Name
		if l.Format == formatNPM && e.Install != "" {
			named = e.Install[strings.LastIndexByte(e.Install, '/')+1:]
		}
		inParts := l.Format == "Dockerfile" || named == "?" // an instruction of several lines, a name by an argument
		if l.Format == formatBundler && named == "bundler" {
			continue // the line of BUNDLED WITH
		}
		// A name can be on the line after its key, and the host of a repository
		// in it is in lower case.
		at := bytes.Join(lines[e.Line-1:min(e.Line+1, len(lines))], nil)
		if plain(named) && !inParts && !bytes.ContainsRune(at, '\\') && !bytes.ContainsRune(at, '%') && !bytes.Contains(bytes.ToLower(at), bytes.ToLower([]byte(named))) {
			t.Errorf("%s:%d does not contain %q: %q", e.File, e.Line, named, lines[e.Line-1])
		}
		for _, h := range e.Hashes {
			algorithm := h.Algorithm
			if strings.HasPrefix(algorithm, berryAlgorithm) {
				algorithm = "sha512"
			}
			algorithm = strings.TrimPrefix(algorithm, "nuget-")
			if algorithm != "h1" && len(h.Value) != hexLength(algorithm) {
				t.Errorf("%s:%d: hash %+v", e.File, e.Line, h)
			}
		}
	}
	for _, n := range l.Notes {
		if n.Kind == "" || n.Detail == "" || n.File == "" || n.Line < 1 {
			t.Errorf("note %+v", n)
		}
	}
}

func plain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < '!' || r > '~' || r == '\\' || r == '"' })
}
