package scan

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// FuzzParseCoreMetadata: a name that is accepted is the first one of the
// headers, on one line, and what comes after the headers changes nothing.
func FuzzParseCoreMetadata(f *testing.F) {
	for _, s := range []string{
		"Metadata-Version: 2.1\nName: six\nVersion: 1.16.0\n\nText", "\ufeffName: x\r\nVersion: 1\r\n\r\n", "Name: a\nName: b\n", "Name:\n six\n",
		"name : x\n", "Version: 1\n\nName: x\n", "Name: x\x00\n", "Description: a\n  Name: y\nName: x\n", "Name: a\rVersion: 2\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseCoreMetadata(bytes.NewReader(data))
		name, version := m.name, m.version
		if err != nil {
			if name != "" || version != "" {
				t.Errorf("an error and %q %q", name, version)
			}
			return
		}
		if name == "" || strings.Contains(name, "\n") || strings.Contains(version, "\n") || name != strings.TrimSpace(name) {
			t.Errorf("name %q, version %q", name, version)
		}
		lines := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data))
		head, _, _ := strings.Cut(lines, "\n\n")
		m2, err := parseCoreMetadata(strings.NewReader(head + "\n\nName: other\nVersion: 0\n"))
		if again, versionAgain := m2.name, m2.version; err != nil || again != name || versionAgain != version {
			t.Errorf("%q %q with another text: %q %q, %v", name, version, again, versionAgain, err)
		}
	})
}

// FuzzParsePackageJSON: where no key stands twice, name and version are what
// encoding/json reads into a map, whose keys have a case.
func FuzzParsePackageJSON(f *testing.F) {
	for _, s := range []string{
		`{"name": "x", "version": "1.0.0"}`, "\ufeff" + `{"name": "x"}`, `{"name": "x", "NAME": "y"}`, `{"name": "x", "n\u0061me": "y"}`, `{"name": null}`,
		`{"name": 1}`, `{"dependencies": {"a": "1"}, "bundleDependencies": ["a"]}`, `[]`, `{} {}`, `{"dependencies": []}`, `{"a":{"name":"x"}}`, "{\"name\":\"\xff\"}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parsePackageJSON(data)
		var want map[string]any
		text := bytes.TrimPrefix(data, []byte("\ufeff"))
		invalid := json.Unmarshal(text, &want)
		if err != nil {
			if m != nil {
				t.Errorf("an error and %+v", m)
			}
			return
		}
		if invalid != nil || want == nil {
			t.Fatalf("accepted %q, which is no JSON object: %v", data, invalid)
		}
		for key, got := range map[string]string{"name": m.Name, "version": m.Version} {
			s, isString := want[key].(string)
			if want[key] != nil && !isString || got != s {
				t.Errorf("%s is %q, encoding/json reads %v", key, got, want[key])
			}
		}
		deps, _ := want["dependencies"].(map[string]any)
		if len(m.dependencies) != len(deps) {
			t.Errorf("dependencies %v, encoding/json reads %v", m.dependencies, deps)
		}
	})
}

// FuzzHiddenLock: whatever npm's record says, the scan ends, the package is
// there, and every digest has the form that a document promises.
func FuzzHiddenLock(f *testing.F) {
	for _, s := range []string{
		`{"packages": {"node_modules/x": {"version": "1.0.0", "resolved": "https://u:p@h/x?q#f", "integrity": "sha512-AQI= sha1-Aw=="}}}`,
		`{"packages": {"node_modules/x": {"integrity": "sha512-"}}}`, `{"packages": {"node_modules/x": {"integrity": "-AA== sha512-AA==?a"}}}`,
		`{"packages": {"node_modules/x": {"inBundle": true}}}`, `{"packages": {"node_modules/x": {"link": true}}}`, `{"packages": []}`, `{}`, ``,
		`{"packages": {"node_modules/x": {"version": 1}}}`, `{"packages": {"node_modules/x": {"resolved": "git+ssh://git@h/x.git#c0ffee"}}}`,
	} {
		f.Add([]byte(s))
	}
	root := npm(modules+"/x", "x", "1.0.0").plant(f)
	record := filepath.Join(root, modules, ".package-lock.json")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(record, data, 0o644); err != nil {
			t.Fatal(err)
		}
		tree, err := rootfs.Open(context.Background(), rootfs.Ref{Scheme: rootfs.SchemeDir, Path: root}, rootfs.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer tree.Close()
		s, err := open(context.Background(), tree)
		if err != nil {
			t.Fatal(err)
		}
		s.claims = make([]int32, tree.Len())
		s.readNode()
		if len(s.units) != 1 || s.units[0].Name != "x" || s.units[0].inside >= 0 {
			t.Fatalf("units %+v", s.units)
		}
		for _, d := range s.units[0].Digests {
			if d.Algorithm == "" || d.Value == "" || strings.Trim(d.Value, "0123456789abcdef") != "" || d.Proved || d.File != modules+"/.package-lock.json" {
				t.Errorf("digest %+v", d)
			}
		}
		if in := s.units[0].Install; in != nil && in.Kind == sbom.InstallRegistry && strings.ContainsAny(in.URL, "?#") {
			t.Errorf("install %+v", in)
		}
	})
}

// FuzzReceipt: what a keg needs is in its receipt, and where the receipt says
// which of it is direct, it is that.
func FuzzReceipt(f *testing.F) {
	f.Add(kegReceiptOf(true, "homebrew/core", "b 1.0 direct", "b 1.0_1", "x/y/c 2 direct"))
	f.Add(`{"runtime_dependencies": [{"full_name": "a", "version": "1"}], "installed_on_request": null}`)
	f.Add(`{"runtime_dependencies": {}}`)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseReceipt([]byte(text))
		if err != nil {
			if len(r.Needs) > 0 || r.asked() != sbom.ReasonUnknown {
				t.Errorf("an error and %+v", r)
			}
			return
		}
		direct := r.direct()
		for _, n := range r.Needs {
			if n.Direct != nil && *n.Direct && !slices.Contains(direct, n) {
				t.Errorf("%+v is not among %+v", n, direct)
			}
		}
		for _, n := range direct {
			if !slices.Contains(r.Needs, n) || n.Direct != nil && !*n.Direct {
				t.Errorf("%+v of %+v", n, r.Needs)
			}
		}
	})
}

// FuzzNixManifest: the paths are sorted, and those of a list are those of an
// object with the same elements.
func FuzzNixManifest(f *testing.F) {
	f.Add(`{"version": 2, "elements": [{"storePaths": ["/nix/store/x"]}]}`)
	f.Add(`{"version": 3, "elements": {"hello": {"storePaths": ["/nix/store/b", "/nix/store/a"]}}}`)
	f.Add(`{"elements": null}`)
	f.Fuzz(func(t *testing.T, text string) {
		paths, err := nixManifest([]byte(text))
		if err != nil {
			return
		}
		if !slices.IsSorted(paths) {
			t.Errorf("%q", paths)
		}
		list, err := json.Marshal(map[string]any{"elements": []any{map[string]any{"storePaths": paths}}})
		if err != nil {
			t.Fatal(err)
		}
		again, err := nixManifest(list)
		if err != nil || !slices.Equal(again, paths) {
			t.Errorf("%q, and then %q, %v", paths, again, err)
		}
	})
}

// FuzzRockManifest: every name in a list is in its text, and a list that is
// written from the result has the same files.
func FuzzRockManifest(f *testing.F) {
	f.Add("rock_manifest = {\n   bin = {\n      tool = \"91ac\"\n   },\n   [\"foo-1.0-1.rockspec\"] = \"d58b\",\n}\n")
	f.Fuzz(func(t *testing.T, text string) {
		files, err := parseRockManifest(text)
		if err != nil {
			return
		}
		again := "rock_manifest={"
		for _, file := range files {
			again += "[\"" + file + "\"]=\"\","
		}
		got, err := parseRockManifest(again + "}")
		if err != nil || !slices.Equal(got, files) {
			t.Errorf("%q: %q, again %q, %v", text, files, got, err)
		}
	})
}

// FuzzCrates: a record that can be read has crates whose names can be told from
// their versions, or is reported.
func FuzzCrates(f *testing.F) {
	f.Add("[v1]\n\"a 1.0.0 (path+file:///a)\" = [\"a\"]\n", false)
	f.Add(`{"installs": {"a 1.0.0 (git+https://x#1)": {"bins": ["a"]}}}`, true)
	f.Fuzz(func(t *testing.T, text string, second bool) {
		name := cratesRecord
		if second {
			name = cratesRecord2
		}
		crates, err := parseCrates(name, []byte(text))
		if err != nil {
			return
		}
		for id := range crates {
			if m := crateID.FindStringSubmatch(id); m != nil && !strings.HasPrefix(id, m[1]+" "+m[2]) {
				t.Errorf("%q: %q", id, m)
			}
		}
	})
}

// FuzzEntryPoints: each program is one word of a line in a section of programs,
// and what is in other sections changes nothing.
func FuzzEntryPoints(f *testing.F) {
	for _, s := range []string{
		"[console_scripts]\na = b:c\n", "[gui_scripts]\nx=y\n[other]\nz = 1\n", "a = b\n", "[ console_scripts ]\r\na=b\r\n", "[console_scripts\n= x\n", "[console_scripts]\na\n# b = c\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		names := entryPoints(text)
		for _, name := range names {
			if name == "" || strings.ContainsAny(name, "\n=/") || name != strings.TrimSpace(name) || !strings.Contains(text, name) {
				t.Errorf("%q in %q", name, text)
			}
		}
		if strings.HasSuffix(text, "\n") && !slices.Equal(entryPoints(text+"[other]\nevil = x\n"), names) {
			t.Errorf("another section changes the programs of %q", text)
		}
	})
}
