package artifact

import (
	"archive/tar"
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zeebo/blake3"
)

// endToEnd skips a test that needs the network or the tools of other systems.
func endToEnd(t *testing.T, tools ...string) {
	t.Helper()
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("set DEPAUDIT_E2E=1 to compare with the real tools")
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
}

// run runs a program in a directory.
func run(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%q: %v\n%s%s", args, err, out, stderr.Bytes())
	}
	return out
}

// open opens an artifact on disk.
func open(t *testing.T, name string) Reader {
	t.Helper()
	r, c, err := openFile(os.DirFS(filepath.Dir(name)), filepath.Base(name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return r
}

// readFile makes the manifest of an artifact on disk.
func readFile(t *testing.T, k Kind, name string) *Manifest {
	t.Helper()
	m, err := Read(t.Context(), k, open(t, name))
	if err != nil {
		t.Fatal(name, err)
	}
	return m
}

// TestRealDebs compares manifests with what dpkg-deb unpacks, of the .debs in
// DEPAUDIT_DEBS, or of some that are downloaded.
func TestRealDebs(t *testing.T) {
	endToEnd(t, "dpkg-deb", "apt-get")
	dir := os.Getenv("DEPAUDIT_DEBS")
	if dir == "" {
		dir = t.TempDir()
		run(t, dir, "apt-get", "download", "bash", "hello", "tzdata", "perl-base", "iputils-ping", "passwd")
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(names) == 0 {
		t.Fatal("no packages", err)
	}
	files := 0
	for _, name := range names {
		m := readFile(t, Deb, name)
		files += len(m.Files)
		want := map[string]File{}
		cmd := exec.CommandContext(t.Context(), "dpkg-deb", "--fsys-tarfile", name)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for r := tar.NewReader(out); ; {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			f := File{Path: strings.Trim(strings.TrimPrefix(h.Name, "."), "/"), Mode: uint32(h.Mode), User: h.Uname, Group: h.Gname, Type: "fhlood"[h.Typeflag-'0']}
			hash := blake3.New()
			f.Size, _ = io.Copy(hash, r)
			hash.Sum(f.Digest[:0])
			switch f.Type {
			case 'l':
				f.Target, f.Mode, f.Digest = h.Linkname, 0, [32]byte{}
			case 'd':
				f.Digest = [32]byte{}
			case 'h':
				f.Target = strings.TrimPrefix(h.Linkname, "./")
				to := want[f.Target]
				f.Size, f.Digest = to.Size, to.Digest
			}
			if f.Path != "" {
				want[f.Path] = f
			}
		}
		io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		var list []File
		for _, p := range slices.Sorted(maps.Keys(want)) {
			list = append(list, want[p])
		}
		if d := cmp.Diff(list, m.Files); d != "" {
			t.Fatalf("%s: %s", name, d)
		}
		for i, field := range []string{"Package", "Version", "Architecture"} {
			if got := []string{m.Name, m.Version, m.Arch}[i]; got != strings.TrimSpace(string(run(t, dir, "dpkg-deb", "-f", name, field))) {
				t.Errorf("%s: %s %q", name, field, got)
			}
		}
		conffiles := run(t, dir, "sh", "-c", `dpkg-deb --ctrl-tarfile "$1" | tar -xO ./conffiles 2>/dev/null || true`, "sh", name)
		if got := strings.Join(m.Conffiles, "\n"); strings.Count(string(conffiles), "\n") < len(m.Conffiles) || !containsAll(string(conffiles), m.Conffiles) {
			t.Errorf("%s: conffiles %q, dpkg %q", name, got, conffiles)
		}
	}
	t.Logf("%d packages, %d files", len(names), files)
}

func containsAll(text string, all []string) bool {
	return !slices.ContainsFunc(all, func(s string) bool { return !strings.Contains(text, "/"+s+"\n") })
}

// TestRealRoot compares a root that debootstrap made with the manifests of its
// .debs: DEPAUDIT_ROOT with those in DEPAUDIT_DEBS, or one that is made.
func TestRealRoot(t *testing.T) {
	endToEnd(t, "debootstrap")
	root, dir := os.Getenv("DEPAUDIT_ROOT"), os.Getenv("DEPAUDIT_DEBS")
	if root == "" {
		if os.Geteuid() != 0 {
			t.Skip("debootstrap needs root")
		}
		root, dir = t.TempDir(), t.TempDir()
		run(t, dir, "debootstrap", "--variant=minbase", "--cache-dir="+dir, "bookworm", root)
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*.deb"))
	installed := run(t, root, "dpkg-query", "--admindir="+filepath.Join(root, "var/lib/dpkg"), "-W", "-f", "${Package} ${Version} ${Architecture}\n")
	packages, regular := 0, 0
	for _, name := range names {
		m := readFile(t, Deb, name)
		if !strings.Contains(string(installed), m.Name+" "+m.Version+" "+m.Arch+"\n") {
			continue
		}
		packages++
		for _, f := range m.Files {
			p := filepath.Join(root, f.Path)
			info, err := os.Lstat(p)
			if errors.Is(err, fs.ErrNotExist) && slices.Contains(m.Conffiles, f.Path) {
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", m.Name, err)
				continue
			}
			switch f.Type {
			case 'f', 'h':
				regular++
				data, err := os.ReadFile(p)
				if err != nil {
					t.Fatal(err)
				}
				if blake3.Sum256(data) != f.Digest && !slices.Contains(m.Conffiles, f.Path) {
					t.Errorf("%s: %s has another content", m.Name, f.Path)
				}
				if got := info.Sys().(*syscall.Stat_t).Mode & 0o7777; got != f.Mode {
					t.Errorf("%s: %s has mode %o, not %o", m.Name, f.Path, got, f.Mode)
				}
			case 'l':
				if got, err := os.Readlink(p); err != nil || got != f.Target {
					t.Errorf("%s: %s is a link to %q, not %q (%v)", m.Name, f.Path, got, f.Target, err)
				}
			}
		}
	}
	if packages == 0 || packages != strings.Count(string(installed), "\n") {
		t.Errorf("%d of %d packages", packages, strings.Count(string(installed), "\n"))
	}
	t.Logf("%d packages, %d regular files", packages, regular)
}

// TestRealNPM installs packages by npm, and compares them with the tarballs in
// npm's own cache.
func TestRealNPM(t *testing.T) {
	endToEnd(t, "npm")
	dir, home := t.TempDir(), t.TempDir()
	write(t, []byte(`{"name":"x","version":"1.0.0","dependencies":{"express":"4.19.2","eslint":"8.57.0","typescript":"5.4.5"}}`), dir, "package.json")
	run(t, dir, "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--cache", filepath.Join(home, ".npm/"), "--package-lock=true")
	var lock struct {
		Packages map[string]struct{ Version, Integrity string }
	}
	data, err := os.ReadFile(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &lock); err != nil {
		t.Fatal(err)
	}
	s := NewStore(Options{Sources: []Source{{FS: os.DirFS(home), Homes: []string{"."}}}})
	packages, files := 0, 0
	for key, p := range lock.Packages {
		if key == "" {
			continue
		}
		_, name, _ := strings.Cut("/"+key, "node_modules/")
		if i := strings.LastIndex(name, "node_modules/"); i >= 0 {
			name = name[i+len("node_modules/"):]
		}
		m, _, err := s.Manifest(t.Context(), Want{Kind: NPM, Name: name, Version: p.Version, Digests: []string{fromIntegrity(t, p.Integrity)}})
		if err != nil {
			t.Errorf("%s: %v", key, err)
			continue
		}
		if m.Name != name || m.Version != p.Version {
			t.Errorf("%s is %s %s", key, m.Name, m.Version)
		}
		packages++
		have := map[string]bool{}
		for _, f := range m.Files {
			files++
			have[f.Path] = true
			data, err := os.ReadFile(filepath.Join(dir, key, f.Path))
			if errors.Is(err, fs.ErrNotExist) && strings.HasSuffix(f.Path, ".gitignore") {
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", key, err)
			} else if blake3.Sum256(data) != f.Digest {
				t.Errorf("%s: %s has another content", key, f.Path)
			}
		}
		for _, p := range listed(t, filepath.Join(dir, key)) {
			if !have[p] && filepath.Base(p) != ".npmignore" {
				t.Errorf("%s: %s is not in the tarball", key, p)
			}
		}
	}
	t.Logf("%d packages, %d files", packages, files)
}

// listed returns the files below a directory, without those in node_modules.
func listed(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == "node_modules" && p != dir {
			return fs.SkipDir
		}
		if d.Type().IsRegular() {
			rel, err := filepath.Rel(dir, p)
			out = append(out, filepath.ToSlash(rel))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// fromIntegrity converts Subresource Integrity metadata.
func fromIntegrity(t *testing.T, s string) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, "sha512-"))
	if err != nil {
		t.Fatal(s, err)
	}
	return "sha512:" + hex.EncodeToString(raw)
}

// TestRealWheels installs wheels by pip, and compares them: the wheels that Python
// has for ensurepip, and one that is built with every part of a data directory.
func TestRealWheels(t *testing.T) {
	endToEnd(t, "python3", "pip")
	dir := t.TempDir()
	bundled := strings.TrimSpace(string(run(t, dir, "python3", "-c", "import ensurepip, os; print(os.path.join(os.path.dirname(ensurepip.__file__), '_bundled'))")))
	wheels, _ := filepath.Glob(filepath.Join(bundled, "*.whl"))
	made := zipOf(t,
		"made/__init__.py", "x = 1\n",
		"made-1.0.data/purelib/pure.py", "1",
		"made-1.0.data/scripts/made-run", "#!python\nimport made\n",
		"made-1.0.data/scripts/made-pythonw", "#!pythonw -x\r\nimport made\n",
		"made-1.0.data/scripts/made-sh", "#!/bin/sh\n",
		"made-1.0.data/data/etc/made.conf", "c",
		"made-1.0.data/headers/made.h", "h",
		"made-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: made\nVersion: 1.0\n",
		"made-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
		"made-1.0.dist-info/entry_points.txt", "[console_scripts]\nmade-entry = made:main\n",
		"made-1.0.dist-info/RECORD", "")
	wheels = append(wheels, write(t, made, dir, "made-1.0-py3-none-any.whl"))
	run(t, dir, "python3", "-m", "venv", "--without-pip", "env")
	env := filepath.Join(dir, "env")
	run(t, dir, append([]string{"pip", "--python", filepath.Join(env, "bin/python"), "install", "--no-index", "--no-deps", "--no-compile"}, wheels...)...)
	sites, _ := filepath.Glob(filepath.Join(env, "lib/python3*/site-packages"))
	have := map[string]bool{}
	for _, name := range wheels {
		m := readFile(t, Wheel, name)
		places := map[string]string{"": sites[0], "data": env, "scripts": filepath.Join(env, "bin")}
		headers, _ := filepath.Glob(filepath.Join(env, "include/site/python3*", m.Name))
		if len(headers) > 0 {
			places["headers"] = headers[0]
		}
		for _, p := range m.Programs {
			have[filepath.Join(env, "bin", p.Name)] = true
		}
		for _, f := range m.Files {
			p := filepath.Join(places[f.Place], f.Path)
			have[p] = true
			data, err := os.ReadFile(p)
			if err != nil {
				t.Errorf("%s: %v", m.Name, err)
				continue
			}
			if f.Rewrite == RewriteShebang {
				_, data, _ = bytes.Cut(data, []byte("\n"))
				if blake3.Sum256(data) != f.Rest {
					t.Errorf("%s: %s has another rest", m.Name, p)
				}
			} else if blake3.Sum256(data) != f.Digest && filepath.Base(p) != "RECORD" {
				t.Errorf("%s: %s has another content", m.Name, p)
			}
		}
		t.Logf("%s %s, %d files", m.Name, m.Version, len(m.Files))
	}
	for _, p := range listed(t, env) {
		p := filepath.Join(env, p)
		base := filepath.Base(p)
		if !have[p] && base != "INSTALLER" && base != "REQUESTED" && base != "pyvenv.cfg" && base != "direct_url.json" &&
			!strings.HasPrefix(p, filepath.Join(env, "bin/python")) && !strings.HasPrefix(base, "activate") && !strings.HasPrefix(base, "Activate") &&
			!strings.HasPrefix(base, "pip3.") {
			t.Errorf("%s is in no wheel", p)
		}
	}
}

// TestRealGem builds and installs a gem.
func TestRealGem(t *testing.T) {
	endToEnd(t, "gem")
	dir := t.TempDir()
	write(t, []byte("x = 1\n"), dir, "lib/foo.rb")
	write(t, []byte("#!/usr/bin/env ruby\n"), dir, "exe/foo-run")
	if err := os.Chmod(filepath.Join(dir, "exe/foo-run"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, []byte(`Gem::Specification.new do |s|
  s.name = "foo"; s.version = "1.2.0"; s.summary = "x"; s.authors = ["a: b"]; s.files = ["lib/foo.rb", "exe/foo-run"]
  s.bindir = "exe"; s.executables = ["foo-run"]; s.homepage = "https://example.com"; s.license = "MIT"
  s.description = "several\n- lines\nname: evil\n"; s.add_dependency "bar", "~> 1.0"
end
`), dir, "foo.gemspec")
	run(t, dir, "gem", "build", "foo.gemspec")
	run(t, dir, "gem", "install", "--local", "--force", "--no-document", "--install-dir", "gems", "foo-1.2.0.gem")
	m := readFile(t, Gem, filepath.Join(dir, "foo-1.2.0.gem"))
	equal(t, m, "foo 1.2.0 ruby", "f 0755 exe/foo-run 20", "f 0600 lib/foo.rb 6")
	if d := cmp.Diff([]Program{{"foo-run", "exe/foo-run"}}, m.Programs); d != "" {
		t.Error(d)
	}
	have := map[string]bool{}
	for _, f := range m.Files {
		have[f.Path] = true
		data, err := os.ReadFile(filepath.Join(dir, "gems/gems/foo-1.2.0", f.Path))
		if err != nil || blake3.Sum256(data) != f.Digest {
			t.Errorf("%s: %v", f.Path, err)
		}
	}
	for _, p := range listed(t, filepath.Join(dir, "gems/gems/foo-1.2.0")) {
		if !have[p] {
			t.Errorf("%s is not in the gem", p)
		}
	}
	if cached, err := os.ReadFile(filepath.Join(dir, "gems/cache/foo-1.2.0.gem")); err != nil || sha256Of(cached) == "" {
		t.Error(err)
	}
}

// TestRealCrate packages a crate.
func TestRealCrate(t *testing.T) {
	endToEnd(t, "cargo")
	dir := t.TempDir()
	write(t, []byte("[package]\nname = \"foo-2\"\nversion = \"1.0.0-rc.1\"\nedition = \"2021\"\n"), dir, "Cargo.toml")
	write(t, []byte("pub fn f() {}\n"), dir, "src/lib.rs")
	run(t, dir, "cargo", "package", "--offline", "--no-verify", "--allow-dirty")
	m := readFile(t, Crate, filepath.Join(dir, "target/package/foo-2-1.0.0-rc.1.crate"))
	if m.Name != "foo-2" || m.Version != "1.0.0-rc.1" {
		t.Errorf("%s %s", m.Name, m.Version)
	}
	var names []string
	for _, f := range m.Files {
		names = append(names, f.Path)
		if f.Path == "src/lib.rs" && f.Digest != sum("pub fn f() {}\n") {
			t.Error("content of src/lib.rs")
		}
	}
	for _, want := range []string{"Cargo.toml", "Cargo.toml.orig", "src/lib.rs"} {
		if !slices.Contains(names, want) {
			t.Errorf("no %s in %q", want, names)
		}
	}
}

// TestRealRPM builds packages with each compression, and compares them with what
// bsdtar unpacks.
func TestRealRPM(t *testing.T) {
	endToEnd(t, "rpmbuild", "bsdtar")
	for _, compression := range []string{"w9.gzdio", "w9.bzdio", "w6.xzdio", "w19.zstdio", "w.ufdio"} {
		t.Run(compression, func(t *testing.T) {
			dir := t.TempDir()
			write(t, []byte(`Name: foo
Epoch: 2
Version: 1.0
Release: 3
Summary: x
License: MIT
BuildArch: noarch
%description
x
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/etc %{buildroot}/var/lib/foo
echo body > %{buildroot}/usr/bin/a
ln %{buildroot}/usr/bin/a %{buildroot}/usr/bin/b
ln -s a %{buildroot}/usr/bin/link
echo x=1 > %{buildroot}/etc/foo.conf
touch %{buildroot}/var/lib/foo/ghost %{buildroot}/var/lib/foo/empty
%files
%attr(4755, root, tty) /usr/bin/a
%attr(4755, root, tty) /usr/bin/b
/usr/bin/link
%config(noreplace) /etc/foo.conf
%dir %attr(0700, daemon, daemon) /var/lib/foo
%ghost /var/lib/foo/ghost
/var/lib/foo/empty
`), dir, "foo.spec")
			run(t, dir, "rpmbuild", "-bb", "--define", "_topdir "+dir, "--define", "_binary_payload "+compression, "foo.spec")
			name := filepath.Join(dir, "RPMS/noarch/foo-1.0-3.noarch.rpm")
			m := readFile(t, RPM, name)
			equal(t, m, "foo 2:1.0-3 noarch",
				"f 0644 etc/foo.conf 4", "f 4755 usr/bin/a 5", "f 4755 usr/bin/b 5", "l 0000 usr/bin/link 0 to a",
				"d 0700 var/lib/foo 0", "f 0644 var/lib/foo/empty 0")
			if m.Files[1].Group != "tty" || m.Files[4].User != "daemon" || !slices.Equal(m.Conffiles, []string{"etc/foo.conf"}) {
				t.Errorf("%+v, conffiles %q", m.Files[1], m.Conffiles)
			}
			out := filepath.Join(dir, "out")
			if err := os.Mkdir(out, 0o755); err != nil {
				t.Fatal(err)
			}
			run(t, out, "bsdtar", "-xf", name)
			for _, f := range m.Files {
				if f.Type != 'f' {
					continue
				}
				data, err := os.ReadFile(filepath.Join(out, f.Path))
				if err != nil || blake3.Sum256(data) != f.Digest {
					t.Errorf("%s: %v", f.Path, err)
				}
			}
		})
	}
}

// pipServer serves a directory as an index of packages, with answers that pip may
// keep. It prints its address.
const pipServer = `
import http.server, sys, functools
class H(http.server.SimpleHTTPRequestHandler):
    def end_headers(self):
        self.send_header("Cache-Control", "max-age=31536000, public")
        super().end_headers()
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(H, directory=sys.argv[1]))
print(s.server_port, flush=True)
s.serve_forever()
`

// TestRealPipCache finds a wheel in the cache of pip, which must be a version that
// caches: DEPAUDIT_PIP names others than the one in PATH, separated by colons.
func TestRealPipCache(t *testing.T) {
	endToEnd(t, "python3", "pip")
	dir := t.TempDir()
	wheel := zipOf(t, "made.py", strings.Repeat("x = 1\n", 50000), "made-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: made\nVersion: 1.0\n",
		"made-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n", "made-1.0.dist-info/RECORD", "")
	write(t, wheel, dir, "made", "made-1.0-py3-none-any.whl")
	server := exec.CommandContext(t.Context(), "python3", "-c", pipServer, dir)
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	}()
	port, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	for _, pip := range append([]string{"pip"}, strings.FieldsFunc(os.Getenv("DEPAUDIT_PIP"), func(r rune) bool { return r == ':' })...) {
		home := t.TempDir()
		run(t, dir, pip, "install", "--no-deps", "--isolated", "--index-url", "http://127.0.0.1:"+strings.TrimSpace(port), "--trusted-host", "127.0.0.1:"+strings.TrimSpace(port), "--target", filepath.Join(home, "target"),
			"--cache-dir", filepath.Join(home, ".cache/pip"), "made==1.0")
		s := NewStore(Options{Sources: []Source{{FS: os.DirFS(home), Homes: []string{"."}}}})
		m, _, err := s.Manifest(t.Context(), Want{Kind: Wheel, Name: "made", Version: "1.0", Digests: []string{sha256Of(wheel)}})
		if err != nil || len(m.Files) != 4 {
			t.Errorf("%s: %v, %q", pip, err, listed(t, home))
		}
	}
}

// TestRealYarn finds tarballs in the cache of Yarn 1, which npm downloads.
func TestRealYarn(t *testing.T) {
	endToEnd(t, "npx")
	dir, home := t.TempDir(), t.TempDir()
	write(t, []byte(`{"name":"x","version":"1.0.0","dependencies":{"@types/node":"20.0.0","ms":"2.1.3"}}`), dir, "package.json")
	run(t, dir, "npx", "-y", "yarn@1.22.22", "install", "--registry", "https://registry.npmjs.org", "--cache-folder", filepath.Join(home, ".cache/yarn"), "--ignore-scripts")
	lock, err := os.ReadFile(filepath.Join(dir, "yarn.lock"))
	if err != nil {
		t.Fatal(err)
	}
	s := NewStore(Options{Sources: []Source{{FS: os.DirFS(home), Homes: []string{"."}}}})
	for name, version := range map[string]string{"@types/node": "20.0.0", "ms": "2.1.3"} {
		_, rest, _ := strings.Cut(string(lock), name+"@"+version)
		_, rest, _ = strings.Cut(rest, "integrity ")
		integrity, _, _ := strings.Cut(rest, "\n")
		m, _, err := s.Manifest(t.Context(), Want{Kind: NPM, Name: name, Version: version, Digests: []string{fromIntegrity(t, integrity)}})
		if err != nil || m.Name != name || m.Version != version {
			t.Errorf("%s: %v", name, err)
		}
	}
}
