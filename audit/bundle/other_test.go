package bundle

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom"
)

// testKey is the key of the releases in testdata.
func testKey(t *testing.T) (private, public *Key) {
	t.Helper()
	keys := make([]*Key, 2)
	for i, name := range []string{"key.pem", "key.pub"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if keys[i], err = ParseKey(data, nil); err != nil {
			t.Fatal(err)
		}
	}
	return keys[0], keys[1]
}

// otherRelease is a release that an older program made: see testdata/README.md.
func otherRelease(t *testing.T) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/1f7373c/*")
	if err != nil || len(paths) != 21 {
		t.Fatalf("%v: %q", err, paths)
	}
	files := map[string][]byte{}
	for _, path := range paths {
		if files[filepath.Base(path)], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// rewritten returns the files of a release as another version would write and sign them.
func rewritten(t *testing.T, files map[string][]byte, key *Key, change func(*Manifest, map[string][]byte)) map[string][]byte {
	t.Helper()
	f := maps.Clone(files)
	manifest, err := ReadManifest(f[ManifestFile])
	if err != nil {
		t.Fatal(err)
	}
	bind := func(old, name string) {
		f[testResults] = bytes.Replace(f[testResults], []byte(old), []byte(digest(f[name])), 1)
	}
	oldManifest, oldReport := digest(f[ManifestFile]), digest(f[ReportFile])
	change(&manifest, f)
	bind(oldReport, ReportFile)
	for i, d := range manifest.Files {
		manifest.Files[i].SHA256 = digest(f[d.Name])
	}
	if f[ManifestFile], err = marshal(manifest); err != nil {
		t.Fatal(err)
	}
	bind(oldManifest, ManifestFile)
	if err := Sign(t.Context(), f, key); err != nil {
		t.Fatal(err)
	}
	f[SumsFile] = Sums(f)
	return f
}

// TestOtherVersion checks releases of other versions that hold, whatever they look like:
// a real one, and forms that a later version could write.
func TestOtherVersion(t *testing.T) {
	private, public := testKey(t)
	files := otherRelease(t)
	for what, test := range map[string]struct {
		change        func(*Manifest, map[string][]byte)
		alike, unread string
		format        bool
	}{
		"as it was made": {func(*Manifest, map[string][]byte) {}, "", "", false},
		"a page of other words": {func(_ *Manifest, f map[string][]byte) {
			f[PageFile] = regexp.MustCompile(`(?s)<style>.*?</style>|<svg.*?</svg>`).ReplaceAll(replaced(t, f[PageFile], "Evidence for each dependency, the weakest first", "Dependencies"), nil)
		}, PageFile, "", false},
		"a page without line breaks": {func(_ *Manifest, f map[string][]byte) { f[PageFile] = bytes.ReplaceAll(f[PageFile], []byte("\n"), nil) }, PageFile, "", false},
		"a page of another form":     {func(_ *Manifest, f map[string][]byte) { f[PageFile] = []byte("<html><canvas>") }, "", PageFile, false},
		"tables with a column more": {func(_ *Manifest, f map[string][]byte) {
			f[TableFile] = regexp.MustCompile(`(?m)^(\|.*)$`).ReplaceAll(f[TableFile], []byte("$1 x |"))
		}, TableFile, "", false},
		"tables of another form": {func(_ *Manifest, f map[string][]byte) { f[TableFile] = []byte("see report.html\n") }, "", TableFile, false},
		"SBOMs with properties": {func(_ *Manifest, f map[string][]byte) {
			for _, name := range []string{"build.cdx.json", "build.cdx.intoto.json"} {
				f[name] = bytes.ReplaceAll(f[name], []byte(`"properties": [`), []byte(`"properties": [{"name": "x", "value": "y"},`))
			}
		}, "build.cdx.intoto.json build.cdx.json", "", false},
		"SPDX with a comment": {func(_ *Manifest, f map[string][]byte) {
			for _, name := range []string{"build.spdx.json", "build.spdx.intoto.json"} {
				f[name] = bytes.ReplaceAll(f[name], []byte(`"downloadLocation"`), []byte(`"summary": "x", "downloadLocation"`))
			}
		}, "build.spdx.intoto.json build.spdx.json", "", false},
		"a report with a field": {func(_ *Manifest, f map[string][]byte) {
			f[ReportFile] = replaced(t, f[ReportFile], `"schema"`, `"new": 1, "schema"`)
		}, "", "", true},
		"a report of a later schema": {func(_ *Manifest, f map[string][]byte) {
			f[ReportFile] = []byte(`{"schema": 999, "new": 1}`)
		}, "", "", true},
		"a file that is new": {func(m *Manifest, f map[string][]byte) { f["z"] = nil; m.Files = append(m.Files, Digest{Name: "z"}) }, "", "z", false},
	} {
		changed := rewritten(t, files, private, test.change)
		res := Verify(t.Context(), changed, testTool, public, nil)
		if len(res.Problems) > 0 || res.Signed != 6 || !strings.Contains(res.Other, "1f7373c") || (res.Format != nil) != test.format || (res.Report == nil) != test.format {
			t.Errorf("%s: %+v", what, res.Problems)
			continue
		}
		alike := strings.Join(res.Alike, " ")
		if what == "as it was made" {
			// Later changes of this program move files from the ones to the others.
			if res.Equal+len(res.Alike) != 13 || len(res.Unread) > 0 {
				t.Errorf("%d files are equal, %s alike, %s not read", res.Equal, alike, res.Unread)
			}
			continue
		}
		if !strings.Contains(alike, test.alike) || strings.Join(res.Unread, " ") != test.unread {
			t.Errorf("%s: %s are alike, %s are not read", what, alike, res.Unread)
		}
		// A byte more in any of the files is found.
		for name := range changed {
			broken := maps.Clone(changed)
			broken[name] = append(bytes.Clone(broken[name]), ' ')
			if name != SumsFile {
				broken[SumsFile] = Sums(broken)
			}
			if res := Verify(t.Context(), broken, testTool, public, nil); len(res.Problems) == 0 {
				t.Errorf("%s: a byte more in %s is not found", what, name)
			}
		}
	}
	// The manifest of another format has no list of files that could be compared.
	changed := rewritten(t, files, private, func(m *Manifest, _ map[string][]byte) { m.Schema = 2 })
	if res := Verify(t.Context(), changed, testTool, public, nil); len(res.Problems) > 0 || res.Manifest.Tool != "" || res.Other == "" {
		t.Errorf("%+v", res)
	}
}

// TestOtherBuild checks a release of a program without a version by another one.
func TestOtherBuild(t *testing.T) {
	private, public := testKey(t)
	const devel = "(devel)"
	changed := rewritten(t, otherRelease(t), private, func(m *Manifest, f map[string][]byte) {
		m.Tool = devel
		f[TableFile] = append(f[TableFile], "The end.\n"...)
	})
	res := Verify(t.Context(), changed, devel, public, nil)
	if len(res.Problems) > 0 || res.Other != devel || !slices.Contains(res.Alike, TableFile) {
		t.Errorf("%q: %+v", res.Other, []Problem(res.Problems))
	}
	// What is not that of the manifest is not another build's.
	changed[TableFile] = append(changed[TableFile], '\n')
	changed[SumsFile] = Sums(changed)
	res = Verify(t.Context(), changed, devel, public, nil)
	if res.Other != "" || !slices.Contains(res.Problems, Problem{TableFile, "is not what the report says", CheckBytes}) {
		t.Errorf("%q: %+v", res.Other, []Problem(res.Problems))
	}
}

func replaced(t *testing.T, data []byte, old, new string) []byte {
	t.Helper()
	if !bytes.Contains(data, []byte(old)) {
		t.Fatalf("no %q", old)
	}
	return bytes.Replace(data, []byte(old), []byte(new), 1)
}

// TestEveryByteOfOther is [TestEveryByte] for a release that another version made, also
// if its manifest names this version.
func TestEveryByteOfOther(t *testing.T) {
	_, public := testKey(t)
	files := otherRelease(t)
	manifest, err := ReadManifest(files[ManifestFile])
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i := 0; i < len(data); i += 1 + len(data)/16 {
				changed := maps.Clone(files)
				changed[name] = bytes.Clone(data)
				changed[name][i] ^= byte(1 + i%255)
				if name != SumsFile {
					changed[SumsFile] = Sums(changed)
				}
				tools := []string{testTool}
				if i == 0 { // the same version makes all files again
					tools = append(tools, manifest.Tool)
				}
				for _, tool := range tools {
					if res := Verify(t.Context(), changed, tool, public, nil); len(res.Problems) == 0 {
						t.Errorf("byte %d of %d was changed, and %s finds nothing", i, len(data), tool)
					}
				}
			}
		})
	}
}

// TestOtherContent checks that files of another version that contradict the report are
// found, though the key signed them: all digests are those that were written.
func TestOtherContent(t *testing.T) {
	private, public := testKey(t)
	files := otherRelease(t)
	for what, test := range map[string]struct{ file, old, new string }{
		"page: the verdict":                 {PageFile, `<h1><b class="pass">✓ PASS`, `<h1><b class="pass">✕ FAIL`},
		"page: the verdict of a stage":      {PageFile, `</th><td><b class="pass">✓ PASS`, `</th><td><b class="fail">✕ FAIL`},
		"page: the number of a stage":       {PageFile, `<td class="n"><b>5</b>`, `<td class="n"><b>6</b>`},
		"page: the name of a stage":         {PageFile, `">build</a> <span`, `">bulid</a> <span`},
		"page: a name":                      {PageFile, `<tr><th>zlib1g<td>`, `<tr><th>zlib<td>`},
		"page: a version":                   {PageFile, `<td>1:1.2.13.dfsg-1<td>`, `<td>1:1.2.14.dfsg-1<td>`},
		"page: a row less":                  {PageFile, "<tr><th>libc6<td>2.36-9<td>deb<td>C db-owned<td>bash<td>11\n", ""},
		"tables: the verdict":               {TableFile, "## PASS", "## FAIL"},
		"tables: the verdict of a stage":    {TableFile, "| `docs` | PASS", "| `docs` | INCOMPLETE"},
		"tables: the number of a stage":     {TableFile, "| `build` | PASS | 5 |", "| `build` | PASS | 4 |"},
		"tables: a version":                 {TableFile, "| `libc6` | `2.36-9` |", "| `libc6` | `2.36-10` |"},
		"tables: a row less":                {TableFile, "| `zlib1g` | `1:1.2.13.dfsg-1` | deb | os (db-owned) |\n", ""},
		"CycloneDX: a name":                 {"build.cdx.json", `"name": "zlib1g"`, `"name": "zlib2g"`},
		"CycloneDX: a version":              {"build.cdx.json", `"version": "3.7"`, `"version": "3.8"`},
		"CycloneDX: a purl":                 {"build.cdx.json", `"purl": "pkg:pypi/idna@3.7"`, `"purl": "pkg:pypi/idna@3.8"`},
		"CycloneDX: no JSON":                {"build.cdx.json", `"bomFormat"`, `"bomFormat`},
		"SPDX: a name":                      {"docs.spdx.json", `"name": "bash"`, `"name": "bahs"`},
		"SPDX: a version":                   {"docs.spdx.json", `"versionInfo": "3.7"`, `"versionInfo": "3.8"`},
		"SPDX: a purl":                      {"docs.spdx.json", `"referenceLocator": "pkg:pypi/idna@3.7"`, `"referenceLocator": "pkg:pypi/idna@3.8"`},
		"test results: the result":          {testResults, `"result": "WARNED"`, `"result": "PASSED"`},
		"test results: a rule that warned":  {testResults, `"docs/not-pinned"`, `"docs/growth"`},
		"test results: a subject":           {testResults, `"name": "app-1.0.tar.gz"`, `"name": "app-1.1.tar.gz"`},
		"test results: the lock":            {testResults, `"name": "requirements.txt"`, `"name": "uv.lock"`},
		"summary: a stage that was no gate": {"svr.intoto.json", `"DEPAUDIT_GATED_build"`, `"DEPAUDIT_GATED_docs"`},
		"summary: the time":                 {"svr.intoto.json", "2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z"},
		"statement: another SBOM":           {"docs.spdx.intoto.json", `"versionInfo": "3.7"`, `"versionInfo": "3.8"`},
		"statement: another kind":           {"docs.spdx.intoto.json", "https://spdx.dev/Document", "https://cyclonedx.org/bom"},
		"report: the verdict":               {ReportFile, `"verdict": "pass"`, `"verdict": "fail"`},
	} {
		changed := rewritten(t, files, private, func(_ *Manifest, f map[string][]byte) { f[test.file] = replaced(t, f[test.file], test.old, test.new) })
		res := Verify(t.Context(), changed, testTool, public, nil)
		if len(res.Problems) == 0 || res.Problems[0].File != test.file {
			t.Errorf("%s: %+v", what, []Problem(res.Problems))
		}
		if res.Signed != 6 {
			t.Errorf("%s: the test did not sign it: %d", what, res.Signed)
		}
	}
	// A pass without its summary, which the manifest does not name either.
	changed := rewritten(t, files, private, func(m *Manifest, f map[string][]byte) {
		delete(f, "svr.intoto.json")
		delete(f, "svr.dsse.json")
		for i, d := range m.Files {
			if d.Name == "svr.intoto.json" {
				m.Files = append(m.Files[:i:i], m.Files[i+1:]...)
				break
			}
		}
	})
	if res := Verify(t.Context(), changed, testTool, public, nil); len(res.Problems) != 1 {
		t.Errorf("no summary of a pass: %+v", res.Problems)
	}
}

// TestBOMDigests compares the digests in SBOMs: another one contradicts the report, and
// none does not, as an older version did not have it.
func TestBOMDigests(t *testing.T) {
	r := sample(t, audit.Pass)
	const value = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	r.Stages[0].Dependencies[0].Digests = []sbom.Digest{{Algorithm: "sha256", Value: value}}
	files, err := Files(r, manifest())
	if err != nil {
		t.Fatal(err)
	}
	without, err := Files(sample(t, audit.Pass), manifest())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"build.cdx.json", "build.spdx.json"} {
		other := bytes.ReplaceAll(files[name], []byte(value), []byte(strings.Repeat("0", 64)))
		if bytes.Equal(other, files[name]) {
			t.Fatalf("%s has no digest", name)
		}
		if p := sameBOM(t.Context(), name, other, files[name]); !strings.Contains(p, "has the digest") || !strings.Contains(p, "bash 1") {
			t.Errorf("%s with another digest: %q", name, p)
		}
		if p := sameBOM(t.Context(), name, without[name], files[name]); p != "" {
			t.Errorf("%s without a digest: %q", name, p)
		}
		if p := sameBOM(t.Context(), name, files[name], without[name]); !strings.Contains(p, "has the digest") {
			t.Errorf("%s with a digest more: %q", name, p)
		}
	}
}

// TestSaysAll reads our own page and tables with the hostile names: they say all, and
// with any of the names left out they do not.
func TestSaysAll(t *testing.T) {
	r := large(t, len(hostileNames))
	files, err := Files(r, manifest())
	if err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func([]byte) document{PageFile: pageText, TableFile: tableText} {
		if ok, missing := saysAll(read(files[name]), r); !ok || missing != "" {
			t.Errorf("%s: %v, %s", name, ok, missing)
		}
	}
	for i := range r.Stages[0].Dependencies {
		var other audit.Report
		data, err := json.Marshal(r)
		if err == nil {
			err = json.Unmarshal(data, &other)
		}
		if err != nil {
			t.Fatal(err)
		}
		other.Stages[0].Dependencies[i].Version += "0"
		for name, read := range map[string]func([]byte) document{PageFile: pageText, TableFile: tableText} {
			if _, missing := saysAll(read(files[name]), &other); missing == "" {
				t.Errorf("%s: another version of %q is not found", name, other.Stages[0].Dependencies[i].Name)
			}
		}
	}
}
