package lockcheck

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom/moduletest"
)

// nugetSample has the layout of dotnet 8's restore with central versions.
var nugetSample = `{
  "version": 2,
  "dependencies": {
    "net8.0": {
      "Newtonsoft.Json": {
        "type": "Direct",
        "requested": "[13.0.3, )",
        "resolved": "13.0.3",
        "contentHash": "` + strings.TrimPrefix(sri512, "sha512-") + `"
      },
      "System.Memory": {
        "type": "CentralTransitive",
        "requested": "[4.5.5, )",
        "resolved": "4.5.5"
      },
      "mylibrary": {
        "type": "Project",
        "dependencies": {
          "Newtonsoft.Json": "[13.0.3, )"
        }
      }
    },
    "net8.0/linux-x64": {
      "Newtonsoft.Json": {
        "type": "Direct",
        "requested": "[13.0.3, )",
        "resolved": "13.0.3",
        "contentHash": "` + strings.TrimPrefix(sri512, "sha512-") + `"
      }
    }
  }
}
`

func TestNuGet(t *testing.T) {
	l := open(t, "packages.lock.json", nugetSample)
	if len(l.Entries) != 3 || !l.Entries[0].Direct || !l.Entries[2].FirstParty || len(l.Entries[0].Hashes) != 1 {
		t.Fatalf("%+v", l.Entries)
	}
	other := Hash{Algorithm: nugetHash, Value: strings.Repeat("a", 128)}
	good := Hash{Algorithm: nugetHash, Value: hex512}
	pkg := func(name, version string, digests ...Hash) Package {
		return Package{Type: "nuget", Name: name, Version: version, Digests: digests}
	}
	from := func(p Package, url string) Package { p.Install = Install{Kind: KindRegistry, URL: url}; return p }
	for _, test := range []struct {
		p    Package
		want string
	}{
		{pkg("newtonsoft.JSON", "13.0.3", good), "hash-claimed"},
		{pkg("Newtonsoft.Json", "13.0.3.0"), "hash-locked"}, // the normalized version
		{pkg("Newtonsoft.Json", "13.0.3", other), "hash-mismatch"},
		{pkg("Newtonsoft.Json", "13.0.2", good), "locked-at-another-version"},
		{pkg("Newtonsoft.Json", "13.0.3", Hash{Algorithm: "sha512", Value: hex512}), "hash-locked"}, // of the signed file
		{from(pkg("Newtonsoft.Json", "13.0.3"), "https://evil.example/v3/index.json"), "other-registry"},
		{from(pkg("Newtonsoft.Json", "13.0.3"), "https://api.nuget.org/v3/index.json"), "hash-locked"},
		{pkg("System.Memory", "4.5.5"), "version-locked no-hash"},
		{pkg("Newtonsoft.Js\u043en", "13.0.3"), "look-alike-name"},
	} {
		r := match([]*Lock{l}, test.p)
		if got := strings.TrimSpace(string(r.Evidence) + " " + string(r.Reason)); got != test.want {
			t.Errorf("%s %s: %s (%s), want %s", test.p.Name, test.p.Version, got, r.Detail, test.want)
		}
	}
	for old, want := range map[string]string{
		`"version": 2`:  `packages.lock.json:2:14: a packages.lock.json has version 1 or 2, not "3"; lock again with dotnet restore --use-lock-file`,
		`"Direct"`:      `the type "3" of "Newtonsoft.Json" is not known`,
		`contentHash`:   "",
		`"net8.0": {`:   `"net8.0" must be an object, not a number`,
		`"resolved"`:    "",
		`System.Memory`: `the key "Newtonsoft.Json"`,
	} {
		text := strings.Replace(nugetSample, old, map[string]string{`"version": 2`: `"version": 3`, `"Direct"`: `"3"`, `"net8.0": {`: `"net8.0": 1, "x": {`, `System.Memory`: "Newtonsoft.Json"}[old], 1)
		if want == "" || old == "System.Memory" {
			continue
		}
		if got := openErr(t, "packages.lock.json", text); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", old, got, want)
		}
	}
	// One package with two hashes is not what any tool writes.
	last := strings.LastIndex(nugetSample, strings.TrimPrefix(sri512, "sha512-"))
	twice := nugetSample[:last] + "AA" + nugetSample[last+2:]
	if got := openErr(t, "packages.lock.json", twice); !strings.Contains(got, "has two entries with different hashes") {
		t.Error(got)
	}
}

// TestNuGetCorpus reads the locks of published modules: those that dotnet wrote.
func TestNuGetCorpus(t *testing.T) {
	read := 0
	for _, root := range []string{moduletest.Dir(t, "github.com/anchore/syft"), moduletest.Dir(t, moduletest.Scalibr)} {
		err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.Name() != "packages.lock.json" {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil || !bytes.Contains(data, []byte(`"contentHash"`)) && !bytes.Contains(data, []byte(`"resolved"`)) {
				return err
			}
			l, err := parseAs(t, formatNuGet, path, data)
			if err != nil {
				t.Errorf("%s: %v", path, err)
				return nil
			}
			read++
			checkEntries(t, l, map[string][]byte{path: data})
			keys := map[string]bool{}
			for _, m := range regexp.MustCompile(`"([^"]+)": \{\s*"type": "\w+",(?:\s*"requested": "[^"]*",)?\s*"resolved": "([^"]+)"`).FindAllSubmatch(data, -1) {
				keys[string(m[1])+" "+string(m[2])] = true
			}
			packages := 0
			for _, e := range l.Entries {
				if !e.FirstParty {
					packages++
				}
			}
			if packages != len(keys) {
				t.Errorf("%s: %d packages, counted %d", path, packages, len(keys))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if read < 5 {
		t.Errorf("only %d locks read", read)
	}
}

func FuzzNuGet(f *testing.F) { fuzzFormat(f, formatNuGet, nugetSample) }
