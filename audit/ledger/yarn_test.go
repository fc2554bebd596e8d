package ledger

import (
	"archive/zip"
	"bytes"
	"crypto/sha512"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/audit"
)

// yarnArchive is a zip file as Yarn makes them of a package with two files.
func yarnArchive(t *testing.T, name, version, code string) (data []byte, checksum string) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range [][2]string{{"package.json", fmt.Sprintf(`{"name":%q,"version":%q}`, name, version)}, {"index.js", code}, {".gitignore", "x"}} {
		w, err := z.Create("node_modules/" + name + "/" + f[0])
		if err == nil {
			_, err = w.Write([]byte(f[1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), fmt.Sprintf("%x", sha512.Sum512(b.Bytes()))
}

// TestYarn leads from a yarn.lock of Yarn 2 or later to the files of each linker:
// unpacked in node_modules and in the store, unplugged, and as a zip file that
// Plug'n'Play loads. One of the packages is patched by Yarn itself, so that its zip
// file and not that of its base must be taken.
func TestYarn(t *testing.T) {
	plain, sum := yarnArchive(t, "a", "1.0.0", "code")
	base, baseSum := yarnArchive(t, "b", "1.0.0", "before")
	patched, patchedSum := yarnArchive(t, "b", "1.0.0", "after")
	lock := "__metadata:\n  version: 8\n\n" +
		"\"a@npm:1.0.0\":\n  version: 1.0.0\n  resolution: \"a@npm:1.0.0\"\n  checksum: 10/" + sum + "\n\n" +
		"\"b@npm:1.0.0\":\n  version: 1.0.0\n  resolution: \"b@npm:1.0.0\"\n  checksum: 10/" + baseSum + "\n\n" +
		"\"b@patch:b@npm%3A1.0.0#optional!builtin<compat/b>\":\n  version: 1.0.0\n  resolution: \"b@patch:b@npm%3A1.0.0#optional!builtin<compat/b>::version=1.0.0&hash=0\"\n  checksum: 10/" + patchedSum + "\n"
	cache := map[string]string{
		"a-npm-1.0.0-0123456789-" + sum[:10] + ".zip":     string(plain),
		"b-npm-1.0.0-0123456789-" + baseSum[:10] + ".zip": string(base),
		"b-patch-0123456789-" + patchedSum[:10] + ".zip":  string(patched),
	}
	pnp := func(location string) string {
		return "const RAW_RUNTIME_STATE =\n'{\"packageRegistryData\": [[null,[[null,{\"packageLocation\":\"./\",\"packageDependencies\":[]}]]]," +
			"[\"a\",[[\"npm:1.0.0\",{\"packageLocation\":\"" + location + "\",\"packageDependencies\":[],\"linkType\":\"HARD\"}]]]," +
			"[\"b\",[[\"patch:b@npm%3A1.0.0#optional!builtin<compat/b>::version=1.0.0&hash=0\",{\"packageLocation\":\"./.yarn/cache/b-patch-0123456789-" + patchedSum[:10] + ".zip/node_modules/b/\",\"packageDependencies\":[],\"linkType\":\"HARD\"}]]]]}';\n"
	}
	unpacked := func(dir, name, code string) map[string]string {
		return map[string]string{dir + "/package.json": fmt.Sprintf(`{"name":%q,"version":"1.0.0"}`, name), dir + "/index.js": code, dir + "/.gitignore": "x"}
	}
	for _, tt := range []struct {
		name  string
		files []map[string]string
		want  []string
	}{
		{"node_modules", []map[string]string{unpacked("app/node_modules/a", "a", "code"), unpacked("app/node_modules/b", "b", "after")}, []string{"npm/a@1.0.0", "npm/b@1.0.0"}},
		{"a changed file", []map[string]string{unpacked("app/node_modules/a", "a", "evil"), unpacked("app/node_modules/b", "b", "after")}, []string{"npm/b@1.0.0"}},
		{"the base in place of the patched one", []map[string]string{unpacked("app/node_modules/a", "a", "code"), unpacked("app/node_modules/b", "b", "before")}, []string{"npm/a@1.0.0"}},
		{"the store", []map[string]string{unpacked("app/node_modules/.store/a-npm-1.0.0-0123456789/package", "a", "code"), {"app/node_modules/a": "-> .store/a-npm-1.0.0-0123456789/package"}}, []string{"npm/a@1.0.0"}},
		{"Plug'n'Play", []map[string]string{{"app/.pnp.cjs": pnp("./.yarn/cache/a-npm-1.0.0-0123456789-" + sum[:10] + ".zip/node_modules/a/")}}, []string{"npm/a@1.0.0", "npm/b@1.0.0"}},
		{"unplugged", []map[string]string{{"app/.pnp.cjs": pnp("./.yarn/unplugged/a-npm-1.0.0-0123456789/node_modules/a/")}, unpacked("app/.yarn/unplugged/a-npm-1.0.0-0123456789/node_modules/a", "a", "code")}, []string{"npm/a@1.0.0", "npm/b@1.0.0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root, dir := t.TempDir(), t.TempDir()
			put := func(name, text string) {
				t.Helper()
				if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
					t.Fatal(err)
				}
				err := os.WriteFile(name, []byte(text), 0o644)
				if to, ok := strings.CutPrefix(text, "-> "); ok {
					os.Remove(name)
					err = os.Symlink(to, name)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			for name, text := range cache {
				put(filepath.Join(root, "app/.yarn/cache", name), text)
			}
			for _, files := range tt.files {
				for name, text := range files {
					put(filepath.Join(root, name), text)
				}
			}
			put(filepath.Join(dir, "yarn.lock"), lock)
			var got []string
			for _, c := range npmProof(t, root, dir, filepath.Join(dir, "yarn.lock")).Components {
				if c.Proved {
					got = append(got, c.ID)
					if len(c.Artifact) != 1 || !strings.HasPrefix(c.Artifact[0], "yarn/10:") || c.ID == "npm/b@1.0.0" && c.Artifact[0] != "yarn/10:"+patchedSum {
						t.Errorf("%s: %v", c.ID, c.Artifact)
					}
				}
			}
			if slices.Sort(got); !slices.Equal(got, tt.want) {
				t.Errorf("proved %q, want %q", got, tt.want)
			}
		})
	}

	// Without the zip files, nothing is proved, and they are absent by name.
	root, dir := t.TempDir(), t.TempDir()
	for name, text := range unpacked("app/node_modules/b", "b", "after") {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "yarn.lock"), []byte(lock), 0o644); err != nil {
		t.Fatal(err)
	}
	p := npmProof(t, root, dir, filepath.Join(dir, "yarn.lock"))
	want := audit.Artifact{Component: "npm/b@1.0.0", Kind: "yarn", Name: "b", Version: "1.0.0", Digests: []string{"yarn/10:" + patchedSum}, File: "b-patch-0000000000-0.zip"}
	if len(p.Absent) != 1 || fmt.Sprint(p.Absent[0]) != fmt.Sprint(want) {
		t.Errorf("%+v, want %+v", p.Absent, want)
	}
}
