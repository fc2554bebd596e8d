package artifact

import (
	"archive/tar"
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDeb(t *testing.T) {
	control := controlPart(t,
		file("./conffiles", "/etc/hello.conf\nremove-on-upgrade /etc/old\n"),
		file("./md5sums", "0  usr/bin/hello\n"), file("./postinst", "#!/bin/sh\n").mode(0o755))
	data := tarOf(t,
		dir("./"), dir("./usr/"), dir("./usr/bin/"),
		file("./usr/bin/hello", "program").mode(0o4755),
		link(tar.TypeSymlink, "./usr/bin/hi", "hello"),
		link(tar.TypeLink, "./usr/bin/hullo", "./usr/bin/hello"),
		file("./etc/hello.conf", "x=1"))
	for name, part := range map[string][]byte{"data.tar": data, "data.tar.gz": gz(data), "data.tar.zst": zst(data)} {
		t.Run(name, func(t *testing.T) {
			m := mustRead(t, Deb, arOf("debian-binary", "2.0\n", "control.tar.gz", string(control), name, string(part), "_gpgorigin", "sig"))
			want := []string{
				"f 0644 etc/hello.conf 3",
				"d 0755 usr 0",
				"d 0755 usr/bin 0",
				"f 4755 usr/bin/hello 7",
				"l 0000 usr/bin/hi 0 to hello",
				"h 4755 usr/bin/hullo 7 to usr/bin/hello",
			}
			if d := cmp.Diff(want, listing(m)); d != "" {
				t.Error(d)
			}
			if m.Name != "hello" || m.Version != "1:2.10-3" || m.Arch != "amd64" {
				t.Errorf("%s %s %s", m.Name, m.Version, m.Arch)
			}
			if d := cmp.Diff([]string{"etc/hello.conf"}, m.Conffiles); d != "" {
				t.Error(d)
			}
			if m.Files[3].Digest != sum("program") || m.Files[5].Digest != sum("program") || m.Files[3].User != "root" {
				t.Error("digest or owner")
			}
			if len(m.Scripts) != 3 || m.Scripts[2].Path != "postinst" || m.Scripts[2].Digest != sum("#!/bin/sh\n") {
				t.Errorf("scripts %v", m.Scripts)
			}
			if got, want := m.Record["Description"], "example package based on GNU hello\nThe GNU hello program produces a familiar greeting.\n.\nMore."; got != want {
				t.Errorf("description %q", got)
			}
		})
	}
}

// TestDebRefused has one .deb for each reason to refuse it.
func TestDebRefused(t *testing.T) {
	data := string(gz(tarOf(t, file("./a", "a"))))
	control := string(controlPart(t))
	with := func(m ...member) []byte { return debOf(t, m...) }
	good := debOf(t, file("./a", "a"))
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":             {nil, "not an ar archive"},
		"not ar":            {[]byte("PK\x03\x04 and more"), "not an ar archive"},
		"no version":        {arOf("control.tar.gz", control, "data.tar.gz", data), "the first member is not debian-binary"},
		"version 3":         {arOf("debian-binary", "3.0\n", "control.tar.gz", control, "data.tar.gz", data), `unknown version of the format: "3.0\n"`},
		"no data":           {arOf("debian-binary", "2.0\n", "control.tar.gz", control), "is missing"},
		"data first":        {arOf("debian-binary", "2.0\n", "data.tar.gz", data, "control.tar.gz", control), "before the control part"},
		"two data":          {arOf("debian-binary", "2.0\n", "control.tar.gz", control, "data.tar.gz", data, "data.tar", data), "programs read in different ways"},
		"two controls":      {arOf("debian-binary", "2.0\n", "control.tar.gz", control, "control.tar", control, "data.tar.gz", data), "programs read in different ways"},
		"truncated":         {good[:len(good)-9], "truncated"},
		"half a header":     {good[:8+60+4+30], "truncated"},
		"bad size":          {bytes.Replace(good, []byte("4         `"), []byte("-4        `"), 1), "header of the member"},
		"absolute":          {with(file("/etc/passwd", "x")), `absolute path "/etc/passwd"`},
		"climbs":            {with(file("./a/../../etc/passwd", "x")), "climbs out"},
		"hard link outside": {with(link(tar.TypeLink, "./a", "/etc/shadow")), "absolute path"},
		"hard link climbs":  {with(link(tar.TypeLink, "./a", "../etc/shadow")), "climbs out"},
		"hard link nowhere": {with(link(tar.TypeLink, "./a", "./b")), "no earlier file"},
		"hard link to link": {with(link(tar.TypeSymlink, "./b", "/etc/shadow"), link(tar.TypeLink, "./a", "./b")), "no earlier file"},
		"lzma":              {arOf("debian-binary", "2.0\n", "control.tar.gz", control, "data.tar.lzma", "\x5d\x00\x00\x80\x00\x00"), "lzma is not supported"},
		"two fields":        {arOf("debian-binary", "2.0\n", "control.tar.gz", string(gz(tarOf(t, file("control", helloControl+"package: evil\n")))), "data.tar", data), "there twice"},
		"two paragraphs":    {arOf("debian-binary", "2.0\n", "control.tar.gz", string(gz(tarOf(t, file("control", helloControl+"\nPackage: evil\n")))), "data.tar", data), "second paragraph"},
		"two control files": {arOf("debian-binary", "2.0\n", "control.tar.gz", string(gz(tarOf(t, file("control", helloControl), file("./control", helloControl)))), "data.tar", data), "programs read in different ways"},
		"no control file":   {arOf("debian-binary", "2.0\n", "control.tar.gz", string(gz(tarOf(t, file("x", "")))), "data.tar", data), "no file control"},
		"control bomb":      {arOf("debian-binary", "2.0\n", "control.tar.gz", string(gz(tarOf(t, file("md5sums", strings.Repeat("0", maxControl+1))))), "data.tar", data), "bomb"},
		"long control":      {arOf("debian-binary", "2.0\n", "control.tar.gz", string(gz(tarOf(t, file("control", strings.Repeat("0", maxText+1))))), "data.tar", data), "larger than the limit"},
		"damaged gzip":      {arOf("debian-binary", "2.0\n", "control.tar.gz", control, "data.tar.gz", data[:len(data)-6]+"xxxxxx"), "gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(t.Context(), Deb, bytes.NewReader(c.data))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), ".deb: ") {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestWheel(t *testing.T) {
	m := mustRead(t, Wheel, zipOf(t,
		"foo/__init__.py", "x = 1\n",
		"foo-1.0.data/purelib/bar.py", "pure",
		"foo-1.0.data/platlib/baz.so", "plat",
		"foo-1.0.data/scripts/run", "#!python\nimport foo\n",
		"foo-1.0.data/scripts/shell", "#!/bin/sh\n",
		"foo-1.0.data/scripts/short", "a\nb",
		"foo-1.0.data/data/etc/foo.conf", "conf",
		"foo-1.0.data/headers/foo.h", "h",
		"foo-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: Foo\nVersion: 1.0\n\nName: other\n",
		"foo-1.0.dist-info/entry_points.txt", "[console_scripts]\nfoo = foo.cli:main [extra]\n; no\n[foo.plugins]\na = b\n[gui_scripts]\nfoow=foo:win\n",
		"foo-1.0.dist-info/RECORD", ""))
	want := []string{
		"f 0644 bar.py 4",
		"f 0644 baz.so 4",
		"f 0644 foo-1.0.dist-info/METADATA 58",
		"f 0644 foo-1.0.dist-info/RECORD 0",
		"f 0644 foo-1.0.dist-info/entry_points.txt 97",
		"f 0644 foo/__init__.py 6",
		"f 0644 etc/foo.conf 4 in data",
		"f 0644 foo.h 1 in headers",
		"f 0644 run 20 in scripts shebang",
		"f 0644 shell 10 in scripts",
		"f 0644 short 3 in scripts",
	}
	if d := cmp.Diff(want, listing(m)); d != "" {
		t.Error(d)
	}
	if m.Name != "Foo" || m.Version != "1.0" {
		t.Errorf("%s %s", m.Name, m.Version)
	}
	if d := cmp.Diff([]Program{{"foo", "foo.cli:main"}, {"foow", "foo:win"}}, m.Programs); d != "" {
		t.Error(d)
	}
	if m.Files[8].Rest != sum("import foo\n") {
		t.Error("digest of the rest of a script")
	}
}

func TestWheelRefused(t *testing.T) {
	meta := []string{"foo-1.0.dist-info/METADATA", "Name: foo\nVersion: 1.0\n"}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":       {nil, "zip"},
		"no metadata": {zipOf(t, "a", "b"), "no .dist-info/METADATA"},
		"two":         {zipOf(t, append(meta, "bar-1.dist-info/METADATA", "Name: bar")...), "two distributions"},
		"twice":       {zipOf(t, append(meta, "a.py", "1", "./a.py", "2")...), "twice"},
		"moved twice": {zipOf(t, append(meta, "a.py", "1", "foo-1.0.data/purelib/a.py", "2")...), "twice"},
		"climbs":      {zipOf(t, append(meta, "foo-1.0.data/scripts/../../../x", "1")...), "climbs"},
		"absolute":    {zipOf(t, append(meta, "/etc/x", "1")...), "absolute"},
		"part":        {zipOf(t, append(meta, "foo-1.0.data/stdlib/x", "1")...), "unknown part"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(t.Context(), Wheel, bytes.NewReader(c.data))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestNPM(t *testing.T) {
	m := mustRead(t, NPM, gz(tarOf(t,
		member{tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "abc"}}, ""},
		file("package/package.json", "\ufeff"+`{"name":"@a/foo","NAME":"lodash","version":"1.0.0","bin":"./cli.js"}`),
		file("package/cli.js", "1"), file("package/cli.js", "22"),
		link(tar.TypeSymlink, "package/link", "/etc/passwd"),
		dir("package/lib/"), file("other/lib/x.js", "x"))))
	want := []string{"f 0644 cli.js 2", "f 0644 lib/x.js 1", "f 0644 package.json 71"}
	if d := cmp.Diff(want, listing(m)); d != "" {
		t.Error(d)
	}
	if m.Name != "@a/foo" || m.Version != "1.0.0" {
		t.Errorf("%s %s", m.Name, m.Version)
	}
	if d := cmp.Diff([]Program{{"foo", "cli.js"}}, m.Programs); d != "" {
		t.Error(d)
	}
}

// TestSparse checks that a sparse file counts with the size that it unpacks to.
func TestSparse(t *testing.T) {
	header := make([]byte, 512)
	copy(header, "package/a")
	copy(header[100:], "0000644\x000000000\x000000000\x00")
	copy(header[124:], "00000000000\x0000000000000\x00")
	header[156] = 'S'
	copy(header[257:], "ustar  \x00")
	copy(header[386:], "77777777777\x0000000000000\x00") // one hole
	copy(header[483:], "77777777777\x00")
	sum := 8 * int(' ')
	for i, c := range header {
		if i < 148 || i >= 156 {
			sum += int(c)
		}
	}
	copy(header[148:], []byte(strings.Repeat("0", 6)))
	for i := 5; i >= 0; i-- {
		header[148+i] = byte('0' + sum&7)
		sum >>= 3
	}
	header[154], header[155] = 0, ' '
	_, err := Read(t.Context(), NPM, bytes.NewReader(gz(append(header, make([]byte, 1024)...))))
	if err == nil || !strings.Contains(err.Error(), "bomb") && !strings.Contains(err.Error(), "tar") {
		t.Errorf("error %v", err)
	}
}

// TestBombs checks that what unpacks to too much is refused early, in every
// compression and in zip files.
func TestBombs(t *testing.T) {
	zeros := strings.Repeat("\x00", 8<<20)
	wheel := zipOf(t, "a", zeros, "a-1.dist-info/METADATA", "Name: a\n")
	tarball := tarOf(t, file("package/package.json", "{}"), file("package/a", zeros))
	for name, c := range map[string]struct {
		read func(*builder, Reader) error
		data []byte
	}{
		"gzip": {readNPM, gz(tarball)},
		"zstd": {readNPM, zst(tarball)},
		"zip":  {readWheel, wheel},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBuilder(t.Context(), NPM, 0)
			b.left = 1 << 20
			if err := c.read(b, bytes.NewReader(c.data)); err == nil || !strings.Contains(err.Error(), "bomb") {
				t.Errorf("error %v", err)
			}
		})
	}
	if b := newBuilder(t.Context(), NPM, 1000); b.left != freeUnpacked+1000*maxRatio {
		t.Errorf("budget %d", b.left)
	}
}
