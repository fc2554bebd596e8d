package artifact

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// equal compares the files of a manifest, and its name, version and architecture.
func equal(t *testing.T, m *Manifest, id string, want ...string) {
	t.Helper()
	if got := m.Name + " " + m.Version + " " + m.Arch; got != id {
		t.Errorf("it is %q, want %q", got, id)
	}
	if d := cmp.Diff(want, listing(m)); d != "" {
		t.Error(d)
	}
}

// refused checks that an artifact is refused with a text.
func refused(t *testing.T, k Kind, data []byte, text string) {
	t.Helper()
	_, err := Read(t.Context(), k, bytes.NewReader(data))
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("error %v, want %q", err, text)
	}
}

func TestCrate(t *testing.T) {
	m := mustRead(t, Crate, gz(tarOf(t, file("foo-2-1.0.0-rc.1/Cargo.toml", "x"), file("foo-2-1.0.0-rc.1/src/lib.rs", "y"), file("foo-2-1.0.0-rc.1/.cargo-ok", "z"))))
	equal(t, m, "foo-2 1.0.0-rc.1 ", "f 0644 Cargo.toml 1", "f 0644 src/lib.rs 1")
	refused(t, Crate, gz(tarOf(t, file("foo-1.0.0/a", "x"), file("bar-1.0.0/a", "x"))), "is not in the directory")
	refused(t, Crate, gz(tarOf(t, file("foo/a", "x"))), "not a name and a version")
}

func TestGoZip(t *testing.T) {
	m := mustRead(t, GoZip, zipOf(t, "example.com/M/v2@v2.0.1/go.mod", "module m", "example.com/M/v2@v2.0.1/a/b@c.go", "x"))
	equal(t, m, "example.com/M/v2 v2.0.1 ", "f 0644 a/b@c.go 1", "f 0644 go.mod 8")
	refused(t, GoZip, zipOf(t, "m@v1/a", "x", "m@v2/a", "x"), "is not in the directory")
	refused(t, GoZip, zipOf(t, "a", "x"), "a module and a version")
	refused(t, GoZip, zipOf(t), "no files")
}

const gemspec = `--- !ruby/object:Gem::Specification
name: foo
version: !ruby/object:Gem::Version
  version: '1.2'
platform: ruby
bindir: exe
dependencies:
- !ruby/object:Gem::Dependency
  name: bar
  requirement: !ruby/object:Gem::Requirement
    requirements:
    - - ">="
      - !ruby/object:Gem::Version
        version: '0'
executables:
- foo
extensions:
- ext/extconf.rb
`

func TestGem(t *testing.T) {
	data := string(gz(tarOf(t, file("lib/foo.rb", "x"), file("exe/foo", "y").mode(0o755))))
	meta := string(gz([]byte(gemspec)))
	m := mustRead(t, Gem, tarOf(t, file("metadata.gz", meta), file("data.tar.gz", data), file("checksums.yaml.gz", "")))
	equal(t, m, "foo 1.2 ruby", "f 0755 exe/foo 1", "f 0644 lib/foo.rb 1")
	if d := cmp.Diff([]Program{{"foo", "exe/foo"}}, m.Programs); d != "" {
		t.Error(d)
	}
	if m.Record["extensions"] != "ext/extconf.rb" {
		t.Error(m.Record)
	}
	refused(t, Gem, tarOf(t, file("metadata.gz", meta)), "missing")
	refused(t, Gem, tarOf(t, file("metadata.gz", meta), file("data.tar.gz", data), file("data.tar.gz", data)), "twice")
	refused(t, Gem, tarOf(t, file("metadata.gz", string(gz(nil))), file("data.tar.gz", data)), "no name")
	refused(t, Gem, tarOf(t, link(tar.TypeSymlink, "data.tar.gz", "/etc/passwd")), "unexpected member")
}

func TestConda(t *testing.T) {
	info := []member{
		file("info/index.json", `{"name":"foo","version":"1.0","build":"py_0","subdir":"noarch","license":null}`),
		file("info/paths.json", `{"paths":[{"_path":"etc/foo","path_type":"hardlink","prefix_placeholder":"/opt/old","file_mode":"text"},{"_path":"site-packages/foo.py"}]}`),
		file("info/link.json", `{"noarch":{"type":"python","entry_points":["foo = foo:main"]}}`),
		file("info/recipe/meta.yaml", "x"),
	}
	pkg := []member{file("etc/foo", "/opt/old"), file("site-packages/foo.py", "x"), file("python-scripts/run", "y")}
	inner := func(m []member) string { return string(zst(tarOf(t, m...))) }
	m := mustRead(t, Conda, zipOf(t, "metadata.json", "{}", "pkg-foo-1.0-py_0.tar.zst", inner(pkg), "info-foo-1.0-py_0.tar.zst", inner(info)))
	equal(t, m, "foo 1.0 noarch", "f 0644 etc/foo 8 to /opt/old prefix", "f 0644 run 1 in scripts", "f 0644 foo.py 1 in site-packages")
	if d := cmp.Diff([]Program{{"foo", "foo:main"}}, m.Programs); d != "" || m.Record["build"] != "py_0" {
		t.Error(d, m.Record)
	}
	old := append([]member{
		info[0], file("info/has_prefix", "bin/a\n/opt/old text bin/b\n/opt/old binary \"lib/c d\"\n"),
	}, file("bin/a", "1"), file("bin/b", "2"), file("lib/c d", "3"), file("lib/e", "4"))
	m = mustRead(t, Conda, tarOf(t, old...))
	equal(t, m, "foo 1.0 noarch", "f 0644 bin/a 1 to /opt/anaconda1anaconda2anaconda3 prefix", "f 0644 bin/b 1 to /opt/old prefix", "f 0644 lib/c d 1 to /opt/old binary", "f 0644 lib/e 1")
	refused(t, Conda, zipOf(t, "pkg-a.tar.zst", inner(pkg)), "missing")
	refused(t, Conda, zipOf(t, "pkg-a.tar.zst", inner(pkg), "pkg-b.tar.zst", inner(pkg)), "twice")
	refused(t, Conda, tarOf(t, pkg...), "index.json")
	refused(t, Conda, nil, "truncated")
}

func TestALPM(t *testing.T) {
	m := mustRead(t, ALPM, zst(tarOf(t,
		file(".PKGINFO", "# made by hand\npkgname = foo\npkgver = 1:1.0-1\narch = x86_64\nbackup = etc/foo.conf\nbackup = etc/bar.conf\n"),
		file(".MTREE", "x"), file(".INSTALL", "y"), dir("etc/"), file("etc/foo.conf", "z"), file("etc/.hidden", "z"))))
	equal(t, m, "foo 1:1.0-1 x86_64", "d 0755 etc 0", "f 0644 etc/.hidden 1", "f 0644 etc/foo.conf 1")
	if d := cmp.Diff([]string{"etc/bar.conf", "etc/foo.conf"}, m.Conffiles); d != "" {
		t.Error(d)
	}
	if len(m.Scripts) != 2 || m.Scripts[0].Path != "install" || m.Scripts[1].Path != "mtree" {
		t.Error(m.Scripts)
	}
	refused(t, ALPM, tarOf(t, file("a", "")), "no .PKGINFO")
}

// apkOf makes an .apk of its parts. The control part has no end of a tar archive.
func apkOf(t testing.TB, signed bool, info string, data []byte) []byte {
	cut := func(b []byte) []byte { return b[:len(b)-1024] }
	var out []byte
	if signed {
		out = gz(cut(tarOf(t, file(".SIGN.RSA.test.pub", "sig"))))
	}
	sum := sha256.Sum256(data)
	control := gz(cut(tarOf(t, file(".PKGINFO", info+"datahash = "+hex.EncodeToString(sum[:])+"\n"), file(".post-install", "#!/bin/sh\n"))))
	return append(append(out, control...), data...)
}

func TestAPK(t *testing.T) {
	const info = "pkgname = foo\npkgver = 1.0-r0\narch = x86_64\n"
	data := gz(tarOf(t, dir("usr/"), file("usr/foo", "x")))
	for _, signed := range []bool{true, false} {
		m := mustRead(t, APK, apkOf(t, signed, info, data))
		equal(t, m, "foo 1.0-r0 x86_64", "d 0755 usr 0", "f 0644 usr/foo 1")
		if len(m.Scripts) != 1 || m.Scripts[0].Path != "post-install" {
			t.Error(m.Scripts)
		}
	}
	signed, unsigned := apkOf(t, true, info, data), apkOf(t, false, info, data)
	of := func(b []byte) string {
		d, err := digest(newBudget(t.Context(), int64(len(b))), bytes.NewReader(b), algAPK)
		if err != nil {
			t.Error(err)
		}
		return d
	}
	if of(signed) != of(unsigned) || !strings.HasPrefix(of(signed), "apk:") {
		t.Error("the digest of the control part includes more")
	}
	refused(t, APK, append(bytes.Clone(signed), data...), "not the one of which")
	refused(t, APK, signed[:len(signed)-len(data)], "not the one of which")
	refused(t, APK, []byte("ADBd and more"), "format 3")
	refused(t, APK, gz(tarOf(t, file(".PKGINFO", ""))), "no .PKGINFO with")
	refused(t, APK, apkOf(t, false, "", data), "no .PKGINFO with")
	refused(t, APK, nil, "gzip")
}

// rpmTag is a tag of a header that a test makes: []string, []uint16 or []uint32.
type rpmTag struct {
	tag   uint32
	value any
}

func rpmHeaderOf(tags ...rpmTag) []byte {
	var index, store []byte
	for _, t := range tags {
		kind, count := uint32(0), 0
		var data []byte
		switch v := t.value.(type) {
		case string:
			kind, count, data = 6, 1, append([]byte(v), 0)
		case []string:
			kind, count = 8, len(v)
			for _, s := range v {
				data = append(append(data, s...), 0)
			}
		case []uint16:
			kind, count = 3, len(v)
			for _, n := range v {
				data = binary.BigEndian.AppendUint16(data, n)
			}
		case []uint32:
			kind, count = 4, len(v)
			for _, n := range v {
				data = binary.BigEndian.AppendUint32(data, n)
			}
		}
		for len(store)%4 != 0 {
			store = append(store, 0)
		}
		for _, n := range []uint32{t.tag, kind, uint32(len(store)), uint32(count)} {
			index = binary.BigEndian.AppendUint32(index, n)
		}
		store = append(store, data...)
	}
	out := []byte("\x8e\xad\xe8\x01\x00\x00\x00\x00")
	out = binary.BigEndian.AppendUint32(out, uint32(len(tags)))
	out = binary.BigEndian.AppendUint32(out, uint32(len(store)))
	return append(append(out, index...), store...)
}

func cpioOf(members ...string) []byte {
	var b bytes.Buffer
	pad := func() { b.Write(make([]byte, -b.Len()&3)) }
	entry := func(name, body string) {
		fmt.Fprintf(&b, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 1, 0o100644, 0, 0, 1, 0, len(body), 0, 0, 0, 0, len(name)+1, 0)
		b.WriteString(name + "\x00")
		pad()
		b.WriteString(body)
		pad()
	}
	for i := 0; i < len(members); i += 2 {
		entry(members[i], members[i+1])
	}
	entry("TRAILER!!!", "")
	return b.Bytes()
}

// rpmOf makes a package with two hard links, a configuration file, a ghost, a
// directory and a link.
func rpmOf(payload []byte) []byte {
	hash := func(s string) string {
		h := sha256.Sum256([]byte(s))
		return hex.EncodeToString(h[:])
	}
	r, n := "root", uint32(1)
	header := rpmHeaderOf(
		rpmTag{rpmName, "foo"}, rpmTag{rpmVersion, "1.0"}, rpmTag{rpmRelease, "2"}, rpmTag{rpmEpoch, []uint32{3}}, rpmTag{rpmArch, "x86_64"},
		rpmTag{rpmBaseNames, []string{"a", "b", "foo.conf", "ghost", "usr", "l"}},
		rpmTag{rpmDirNames, []string{"/usr/bin/", "/etc/", "/"}}, rpmTag{rpmDirIndexes, []uint32{0, 0, 1, 1, 2, 0}},
		rpmTag{rpmFileModes, []uint16{0o104755, 0o104755, 0o100644, 0o100644, 0o040755, 0o120777}},
		rpmTag{rpmFileFlags, []uint32{0, 0, rpmFlagConfig, rpmFlagGhost, 0, 0}},
		rpmTag{rpmFileUsers, []string{r, r, r, r, r, r}}, rpmTag{rpmFileGroups, []string{r, r, r, r, r, r}},
		rpmTag{rpmFileDigests, []string{hash("body"), hash("body"), hash("x=1"), "", "", ""}},
		rpmTag{rpmFileLinks, []string{"", "", "", "", "", "a"}},
		rpmTag{rpmFileDevices, []uint32{n, n, n, n, n, n}}, rpmTag{rpmFileInodes, []uint32{1, 1, 2, 3, 4, 5}},
		rpmTag{rpmFileSizes, []uint32{4, 4, 3, 9, 4096, 1}}, rpmTag{rpmDigestAlg, []uint32{8}}, rpmTag{rpmPayloadFormat, "cpio"})
	out := make([]byte, 96)
	copy(out, "\xed\xab\xee\xdb\x03")
	out = append(out, rpmHeaderOf(rpmTag{1000, []uint32{1}})...)
	out = append(out, make([]byte, -len(out)&7)...)
	return append(append(out, header...), payload...)
}

func TestRPM(t *testing.T) {
	payload := cpioOf("./usr/bin/a", "", "./usr/bin/b", "body", "./etc/foo.conf", "x=1", "./usr", "", "./usr/bin/l", "a")
	m := mustRead(t, RPM, rpmOf(zst(payload)))
	equal(t, m, "foo 3:1.0-2 x86_64",
		"f 0644 etc/foo.conf 3", "d 0755 usr 0", "f 4755 usr/bin/a 4", "f 4755 usr/bin/b 4", "l 0000 usr/bin/l 0 to a")
	if m.Files[2].Digest != sum("body") || m.Files[3].Digest != sum("body") {
		t.Error("digests")
	}
	if d := cmp.Diff([]string{"etc/foo.conf"}, m.Conffiles); d != "" {
		t.Error(d)
	}
	stripped := func(members ...any) []byte {
		var b bytes.Buffer
		for i := 0; i < len(members); i += 2 {
			fmt.Fprintf(&b, "07070X%08x\x00\x00%s", members[i], members[i+1])
			b.Write(make([]byte, -b.Len()&3))
		}
		return append(b.Bytes(), cpioOf()...)
	}
	large := mustRead(t, RPM, rpmOf(gz(stripped(0, "", 1, "body", 2, "x=1", 4, "", 5, "a"))))
	if d := cmp.Diff(m, large); d != "" {
		t.Error(d)
	}
	refused(t, RPM, rpmOf(cpioOf("./usr/bin/b", "body", "./etc/foo.conf", "x=2")), "not the one of which the header has the digest")
	refused(t, RPM, rpmOf(cpioOf("./usr/bin/b", "body", "./etc/foo.conf", "x=1", "./usr/bin/evil", "x")), "not in the list of files")
	refused(t, RPM, rpmOf(cpioOf("./usr/bin/b", "body")), "no content of")
	refused(t, RPM, rpmOf(payload[:len(payload)-200]), "truncated")
	refused(t, RPM, rpmOf(nil), "truncated")
	refused(t, RPM, rpmOf(payload)[:150], "truncated")
	refused(t, RPM, []byte("not"), "not a package")
}

func TestDecompressBzip2(t *testing.T) {
	// printf hello | bzip2
	data, err := hex.DecodeString("425a68393141592653591931653d00000081000244a000219a68334d07338bb9229c28480c98b29e80")
	if err != nil {
		t.Fatal(err)
	}
	r, err := decompress(bytes.NewReader(data), newBudget(t.Context(), 100))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || string(got) != "hello" {
		t.Errorf("%q, %v", got, err)
	}
}
