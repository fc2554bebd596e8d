package ledger

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/scan"
)

// TestNPMPrograms has a package whose install script replaces its command by the
// program of an optional dependency, as esbuild does, and what an attacker may put
// there instead.
func TestNPMPrograms(t *testing.T) {
	native := "\x7fELF" + string(make([]byte, 5000))
	packages := map[string]map[string]string{
		"tool":          {"package.json": `{"name":"tool","version":"1.0.0","bin":"bin/tool","optionalDependencies":{"@tool/linux":"1.0.0"}}`, "bin/tool": "#!/usr/bin/env node\n"},
		"@tool/linux":   {"package.json": `{"name":"@tool/linux","version":"1.0.0"}`, "bin/tool": native + "1"},
		"other":         {"package.json": `{"name":"other","version":"1.0.0"}`, "program": native + "2"},
		"@tool/scripts": {"package.json": `{"name":"@tool/scripts","version":"1.0.0"}`, "index.js": "1"},
	}
	root, dir, lock, put := npmTree(t, packages, "")
	for _, c := range []struct {
		name, file, text string
		want             audit.FileStatus
	}{
		{"as the tarball has it", "tool/bin/tool", packages["tool"]["bin/tool"], ""},
		{"the optional dependency's program", "tool/bin/tool", native + "1", audit.FileDerived},
		{"another package's program", "tool/bin/tool", native + "2", audit.FileChanged},
		{"another program", "tool/bin/tool", native + "3", audit.FileChanged},
		{"the program of a package that does not name it", "other/program", native + "1", audit.FileChanged},
		{"no program", "tool/bin/tool", packages["@tool/linux"]["package.json"], audit.FileChanged},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(root, "app/node_modules", c.file)
			before, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			put(file, c.text)
			defer put(file, string(before))
			p := npmProof(t, root, dir, lock)
			var got audit.FileStatus
			for _, l := range p.Ledger.Lines {
				if l.Path == "/app/node_modules/"+c.file {
					got = l.Status
					if (l.Rule == ruleNPMProgram) != (c.want == audit.FileDerived) {
						t.Errorf("rule %q", l.Rule)
					}
				}
			}
			if got != c.want && !(c.want == "" && got == audit.FileProved) {
				t.Errorf("status %q, want %q", got, c.want)
			}
		})
	}
}

// TestNPMBundle has a package with another one in its tarball, of which the author
// left out a file, while the same version is installed from its own tarball too.
func TestNPMBundle(t *testing.T) {
	root, dir, lock, put := npmTree(t, map[string]map[string]string{
		"outer": {"package.json": `{"name":"outer","version":"1.0.0"}`, "node_modules/inner/package.json": `{"name":"inner","version":"1.0.0"}`},
		"inner": {"package.json": `{"name":"inner","version":"1.0.0"}`, "README.md": "text"},
	}, `,"node_modules/outer/node_modules/inner":{"version":"1.0.0","inBundle":true}`)
	problems := func() (out []string) {
		for _, l := range npmProof(t, root, dir, lock).Ledger.Lines {
			if l.Status == audit.FileMissing || l.Status == audit.FileChanged || l.Component != "" && l.Status == audit.FileUnexplained {
				out = append(out, string(l.Status)+" "+l.Path)
			}
		}
		return out
	}
	if got := problems(); got != nil {
		t.Error(got)
	}
	put(filepath.Join(root, "app/node_modules/outer/node_modules/inner/package.json"), `{"name":"inner","version":"1.0.0" }`)
	put(filepath.Join(root, "app/node_modules/outer/node_modules/inner/index.js"), "evil")
	want := []string{"unexplained /app/node_modules/outer/node_modules/inner/index.js", "changed /app/node_modules/outer/node_modules/inner/package.json"}
	if got := problems(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestNodeLinks has links that pnpm, Yarn and Bun make between packages, and others.
func TestNodeLinks(t *testing.T) {
	root, dir, lock, put := npmTree(t, map[string]map[string]string{
		"a":    {"package.json": `{"name":"a","version":"1.0.0"}`},
		"@s/b": {"package.json": `{"name":"@s/b","version":"1.0.0"}`},
	}, "")
	app := filepath.Join(root, "app")
	put(filepath.Join(root, "elsewhere/node_modules/a/package.json"), `{"name":"a","version":"1.0.0"}`)
	put(filepath.Join(app, "packages/a/package.json"), `{"name":"a","version":"1.0.0"}`)
	want := map[string]audit.FileStatus{}
	for at, link := range map[string]struct {
		to   string
		want audit.FileStatus
	}{
		"node_modules/.store/x/node_modules/a":    {"../../../a", audit.FileDerived},
		"node_modules/.store/x/node_modules/@s/b": {"../../../../@s/b", audit.FileDerived},
		"packages/p/node_modules/a":               {"../../../node_modules/a", audit.FileDerived},
		"node_modules/.store/x/node_modules/c":    {"../../../a", audit.FileUnexplained},
		"node_modules/.store/y/node_modules/a":    {"../../../@s/b", audit.FileUnexplained},
		"node_modules/.store/z/node_modules/a":    {"../../../../../elsewhere/node_modules/a", audit.FileUnexplained},
		"node_modules/.store/v/node_modules/a":    {"../../../../packages/a", audit.FileUnexplained},
		"node_modules/.store/x/node_modules/d":    {"/nowhere", audit.FileUnexplained},
		"a":                                       {"node_modules/a", audit.FileUnexplained},
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(app, at)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(link.to, filepath.Join(app, at)); err != nil {
			t.Fatal(err)
		}
		want["/app/"+at] = link.want
	}
	got := map[string]audit.FileStatus{}
	for _, l := range npmProof(t, root, dir, lock).Ledger.Lines {
		if _, link := want[l.Path]; link {
			got[l.Path] = l.Status
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// npmTree installs packages, whose tarballs are in dir, and writes the lock.
func npmTree(t *testing.T, packages map[string]map[string]string, more string) (root, dir, lock string, put func(name, text string)) {
	t.Helper()
	root, dir = t.TempDir(), t.TempDir()
	put = func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	entries := ""
	for name, files := range packages {
		var data bytes.Buffer
		z := gzip.NewWriter(&data)
		w := tar.NewWriter(z)
		for path, text := range files {
			if err := w.WriteHeader(&tar.Header{Name: "package/" + path, Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg}); err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(w, text)
			put(filepath.Join(root, "app/node_modules", name, path), text)
		}
		w.Close()
		z.Close()
		put(filepath.Join(dir, filepath.Base(name)+"-1.0.0.tgz"), data.String())
		sum := sha512.Sum512(data.Bytes())
		entries += fmt.Sprintf(`,"node_modules/%s":{"version":"1.0.0","resolved":"https://registry.npmjs.org/%[1]s/-/%s-1.0.0.tgz","integrity":"sha512-%s"}`, name, filepath.Base(name), base64.StdEncoding.EncodeToString(sum[:]))
	}
	lock = filepath.Join(dir, "package-lock.json")
	put(lock, `{"name":"app","version":"1.0.0","lockfileVersion":3,"packages":{"":{"name":"app","version":"1.0.0"}`+entries+more+`}}`)
	return root, dir, lock, put
}

// npmProof verifies the packages.
func npmProof(t *testing.T, root, dir, lock string) *audit.Proof {
	t.Helper()
	ref, err := rootfs.ParseRefIn("/", root)
	if err != nil {
		t.Fatal(err)
	}
	var p *audit.Proof
	_, err = scan.Run(t.Context(), ref, scan.Options{Sums: rootfs.SumBLAKE3, Use: func(ctx context.Context, f *scan.Files) error {
		p, err = Make(ctx, f, Request{Sealed: true, Artifacts: []string{dir}, Locks: []string{lock}})
		return err
	}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// pnpmLauncher is the launcher that pnpm 10.34.9 writes for a program.
const pnpmLauncher = `#!/bin/sh
basedir=$(dirname "$(echo "$0" | sed -e 's,\\,/,g')")

case ` + "`uname`" + ` in
    *CYGWIN*|*MINGW*|*MSYS*)
        if command -v cygpath > /dev/null 2>&1; then
            basedir=` + "`cygpath -w \"$basedir\"`" + `
        fi
    ;;
esac

if [ -x "$basedir/node" ]; then
  exec "$basedir/node"  "$basedir/PROGRAM" "$@"
else
  exec node  "$basedir/PROGRAM" "$@"
fi
`

// TestPnpmFiles has what pnpm writes beside packages, and what only looks like it.
func TestPnpmFiles(t *testing.T) {
	root, dir, lock, put := npmTree(t, map[string]map[string]string{
		"a": {"package.json": `{"name":"a","version":"1.0.0","bin":"cli.js"}`, "cli.js": "#!/usr/bin/env node\n"},
	}, "")
	app := filepath.Join(root, "app")
	put(filepath.Join(app, "node_modules/a/evil.js"), "#!/usr/bin/env node\n")
	want := map[string]audit.FileStatus{"/app/node_modules/a/evil.js": audit.FileUnexplained}
	for at, file := range map[string]struct {
		text string
		mode os.FileMode
		want audit.FileStatus
	}{
		"node_modules/.modules.yaml":                 {"{}", 0o644, audit.FileDerived},
		"node_modules/.pnpm/lock.yaml":               {"lockfileVersion: '9.0'\n", 0o644, audit.FileDerived},
		"node_modules/.pnpm-workspace-state-v1.json": {"#!/bin/sh\n", 0o755, audit.FileUnexplained},
		"lock.yaml":                {"a: b\n", 0o644, audit.FileUnexplained},
		"node_modules/.bin/a":      {strings.ReplaceAll(pnpmLauncher, "PROGRAM", "../a/cli.js"), 0o755, audit.FileDerived},
		"node_modules/.bin/evil":   {strings.ReplaceAll(pnpmLauncher, "PROGRAM", "../a/evil.js"), 0o755, audit.FileUnexplained},
		"node_modules/.bin/more":   {strings.ReplaceAll(pnpmLauncher, "PROGRAM", "../a/cli.js") + "curl https://evil.example\n", 0o755, audit.FileUnexplained},
		"node_modules/.bin/absent": {strings.ReplaceAll(pnpmLauncher, "PROGRAM", "../../tmp/x.js"), 0o755, audit.FileUnexplained},
		"bin/a":                    {strings.ReplaceAll(pnpmLauncher, "PROGRAM", "../node_modules/a/cli.js"), 0o755, audit.FileUnexplained},
	} {
		put(filepath.Join(app, at), file.text)
		if err := os.Chmod(filepath.Join(app, at), file.mode); err != nil {
			t.Fatal(err)
		}
		want["/app/"+at] = file.want
	}
	got := map[string]audit.FileStatus{}
	for _, l := range npmProof(t, root, dir, lock).Ledger.Lines {
		if _, ok := want[l.Path]; ok {
			got[l.Path] = l.Status
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
