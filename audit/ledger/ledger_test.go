package ledger

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/scan"
)

// root is a root file system: content by path. "-> X" is a link, "+x " before a
// content makes it executable, "+s " set-id.
type root map[string]string

func (r root) with(more root) root {
	out := maps.Clone(r)
	for p, c := range more {
		if c == gone {
			delete(out, p)
			continue
		}
		out[p] = c
	}
	return out
}

const gone = "\x00gone"

func (r root) write(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, p := range slices.Sorted(maps.Keys(r)) {
		c, full := r[p], filepath.Join(dir, p)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if target, ok := strings.CutPrefix(c, "-> "); ok {
			if err := os.Symlink(target, full); err != nil {
				t.Fatal(err)
			}
			continue
		}
		mode := os.FileMode(0o644)
		if rest, ok := strings.CutPrefix(c, "+x "); ok {
			c, mode = rest, 0o755
		}
		if rest, ok := strings.CutPrefix(c, "+s "); ok {
			c, mode = rest, 0o755|os.ModeSetuid
		}
		if err := os.WriteFile(full, []byte(c), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(full, mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func prove(t *testing.T, dir string, r Request) *audit.Proof {
	t.Helper()
	var p *audit.Proof
	_, err := scan.Run(context.Background(), rootfs.Ref{Scheme: rootfs.SchemeDir, Path: dir}, scan.Options{Use: func(ctx context.Context, f *scan.Files) (err error) {
		p, err = Make(ctx, f, r)
		return err
	}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// told are the lines of a ledger, one string each.
func told(p *audit.Proof) []string {
	var out []string
	for _, l := range p.Ledger.Lines {
		s := string(l.Status) + " " + l.Path
		if len(l.How) > 0 {
			s += " " + strings.Join(l.How, ",")
		}
		if l.Runs != "" {
			s += " runs=" + l.Runs
		}
		if l.Flaw {
			s += " flaw"
		}
		out = append(out, s)
	}
	return out
}

func componentOf(t *testing.T, p *audit.Proof, part string) audit.ComponentProof {
	t.Helper()
	for _, c := range p.Components {
		if strings.Contains(c.ID, part) {
			return c
		}
	}
	t.Fatalf("no component %s", part)
	return audit.ComponentProof{}
}

const elf = "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x3e\x00"

// debian is a root with two packages, as dpkg leaves it.
func debian() root {
	r := root{
		"etc/os-release": "ID=debian\nVERSION_ID=12\n",
		"var/lib/dpkg/status": "Package: tool\nStatus: install ok installed\nPriority: optional\nSection: x\nMaintainer: x\nArchitecture: amd64\nVersion: 1.0\nConffiles:\n /etc/tool.conf " + md5sum("setting\n") + "\nDescription: x\n\n" +
			"Package: awk\nStatus: install ok installed\nPriority: optional\nSection: x\nMaintainer: x\nArchitecture: amd64\nVersion: 2\nDescription: x\n\n",
		"var/lib/dpkg/info/tool.list":      "/.\n/usr\n/usr/bin\n/usr/bin/tool\n/usr/bin/t\n/etc\n/etc/os-release\n/etc/tool.conf\n/usr/share\n/usr/share/doc\n/usr/share/doc/tool\n/usr/share/doc/tool/copyright\n",
		"var/lib/dpkg/info/tool.postinst":  "+x #!/bin/sh\ntrue\n",
		"var/lib/dpkg/info/tool.conffiles": "/etc/tool.conf\n",
		"var/lib/dpkg/info/awk.list":       "/.\n/usr\n/usr/bin\n/usr/bin/mawk\n/usr/bin/gawk\n",
		"usr/bin/tool":                     "+x " + elf + "tool",
		"usr/bin/t":                        "-> tool",
		"etc/tool.conf":                    "setting\n",
		"usr/share/doc/tool/copyright":     "free\n",
		"usr/bin/mawk":                     "+x " + elf + "mawk",
		"usr/bin/gawk":                     "+x " + elf + "gawk",
		"usr/bin/awk":                      "-> /etc/alternatives/awk",
		"etc/alternatives/awk":             "-> /usr/bin/gawk",
		"var/lib/dpkg/alternatives/awk":    "auto\n/usr/bin/awk\n\n/usr/bin/gawk\n10\n/usr/bin/mawk\n5\n\n",
		"etc/hosts":                        "127.0.0.1 localhost\n",
		"etc/fstab":                        "# nothing\n",
		"var/log/dpkg.log":                 "x\n",
	}
	r["var/lib/dpkg/info/tool.md5sums"] = sums(r, "etc/os-release", "usr/bin/tool", "usr/share/doc/tool/copyright")
	r["var/lib/dpkg/info/awk.md5sums"] = sums(r, "usr/bin/mawk", "usr/bin/gawk")
	return r
}

func md5sum(s string) string {
	s = strings.TrimPrefix(s, "+x ")
	h := md5.Sum([]byte(s))
	return hex.EncodeToString(h[:])
}

func sums(r root, paths ...string) string {
	var b strings.Builder
	for _, p := range paths {
		fmt.Fprintf(&b, "%s  %s\n", md5sum(r[p]), p)
	}
	return b.String()
}

func TestSystem(t *testing.T) {
	clean := debian()
	if got := told(prove(t, clean.write(t), Request{})); len(got) > 0 {
		t.Fatalf("an honest root has the lines %q", got)
	}
	for _, c := range []struct {
		name string
		more root
		want []string
	}{
		{"a program is replaced", root{"usr/bin/tool": "+x " + elf + "evil"}, []string{"changed /usr/bin/tool content runs=program"}},
		{"a program and its digest", root{"usr/bin/tool": "+x " + elf + "evil", "var/lib/dpkg/info/tool.md5sums": strings.Replace(clean["var/lib/dpkg/info/tool.md5sums"], md5sum(elf+"tool"), md5sum(elf+"evil"), 1)}, nil},
		{"a program is gone", root{"usr/bin/tool": gone, "usr/bin/t": "-> gone"}, []string{"missing /usr/bin/tool"}},
		{"documentation is gone", root{"usr/share/doc/tool/copyright": gone}, []string{"missing /usr/share/doc/tool/copyright"}},
		{"a set-id program", root{"usr/bin/tool": "+s " + elf + "tool"}, []string{"consistent /usr/bin/tool runs=set-id"}},
		{"a conffile is edited", root{"etc/tool.conf": "other\n"}, []string{"conffile /etc/tool.conf content"}},
		{"a conffile is deleted", root{"etc/tool.conf": gone}, []string{"conffile /etc/tool.conf"}},
		{"a file that the list has and the digests do not", root{"usr/bin/evil": "+x " + elf + "evil", "var/lib/dpkg/info/tool.list": clean["var/lib/dpkg/info/tool.list"] + "/usr/bin/evil\n"},
			[]string{"unexplained /usr/bin/evil runs=program flaw"}},
		{"an alternative that the record does not have", root{"etc/alternatives/awk": "-> /usr/bin/tool"}, []string{"unexplained /etc/alternatives/awk runs=program flaw"}},
		{"an alternative that is not the best", root{"etc/alternatives/awk": "-> /usr/bin/mawk"}, []string{"unexplained /etc/alternatives/awk runs=program flaw"}},
		{"one that the administrator chose", root{"etc/alternatives/awk": "-> /usr/bin/mawk", "var/lib/dpkg/alternatives/awk": "manual" + strings.TrimPrefix(clean["var/lib/dpkg/alternatives/awk"], "auto")}, nil},
		{"an alternative without a record", root{"etc/alternatives/sh": "-> /usr/bin/mawk"}, []string{"unexplained /etc/alternatives/sh runs=program flaw"}},
		{"a link that shadows a program", root{"usr/local/bin/gpgv": "-> /usr/bin/tool"}, []string{"unexplained /usr/local/bin/gpgv runs=program"}},
		{"a program among dpkg's records", root{"var/lib/dpkg/info/evil.list": "+x " + elf}, []string{"unexplained /var/lib/dpkg/info/evil.list runs=program"}},
		{"a script of no package", root{"var/lib/dpkg/info/evil.postinst": "+x #!/bin/sh\n"}, []string{"unexplained /var/lib/dpkg/info/evil.postinst runs=program"}},
		{"hosts names a registry", root{"etc/hosts": "203.0.113.9 registry.example.org\n"}, []string{"unexplained /etc/hosts"}},
		{"fstab has a line", root{"etc/fstab": "/dev/sda1 / ext4\n"}, []string{"unexplained /etc/fstab"}},
		{"a program in the log", root{"var/log/x": "+x #!/bin/sh\n"}, []string{"unexplained /var/log/x runs=program"}},
		{"an empty program", root{"usr/local/bin/gpgv": "+x "}, []string{"unexplained /usr/local/bin/gpgv runs=program"}},
		{"an empty file", root{"srv/lock": ""}, nil},
		{"code of another interpreter", root{"usr/share/evil/evil.pl": "1\n", "usr/lib/cmake/x.cmake": "x\n", "srv/app/x.pl": "1\n"},
			[]string{"unexplained /srv/app/x.pl", "unexplained /usr/lib/cmake/x.cmake runs=library", "unexplained /usr/share/evil/evil.pl runs=library"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := told(prove(t, clean.with(c.more).write(t), Request{})); !slices.Equal(got, c.want) {
				t.Errorf("lines:\n got %q\nwant %q", got, c.want)
			}
		})
	}
}

// TestContent checks that the content of a package changes with its files, and
// with nothing else.
func TestContent(t *testing.T) {
	clean := debian()
	content := func(r root) string { return componentOf(t, prove(t, r.write(t), Request{}), "/tool@").Content }
	want := content(clean)
	if want == "" {
		t.Fatal("no content")
	}
	list := clean["var/lib/dpkg/info/tool.list"]
	for name, c := range map[string]struct {
		more root
		same bool
	}{
		"nothing":           {root{}, true},
		"a conffile":        {root{"etc/tool.conf": "other\n"}, true},
		"another package":   {root{"usr/bin/mawk": "+x " + elf + "evil"}, true},
		"a script":          {root{"var/lib/dpkg/info/tool.postinst": "+x #!/bin/sh\nid\n"}, false},
		"a program":         {root{"usr/bin/tool": "+x " + elf + "evil"}, false},
		"a link":            {root{"usr/bin/t": "-> mawk"}, false},
		"a set-id program":  {root{"usr/bin/tool": "+s " + elf + "tool"}, false},
		"a file that comes": {root{"usr/bin/evil": "x", "var/lib/dpkg/info/tool.list": list + "/usr/bin/evil\n"}, false},
		"a file that goes":  {root{"usr/share/doc/tool/copyright": gone}, false},
	} {
		if got := content(clean.with(c.more)); (got == want) != c.same {
			t.Errorf("%s: the content is the same: %v", name, got == want)
		}
	}
}

// venv is a virtual environment with a distribution, as pip leaves it.
func venv(wheel map[string]string) root {
	const site = "opt/venv/lib/python3.11/site-packages/"
	r := debian().with(root{"opt/venv/pyvenv.cfg": "home = /usr/bin\ninclude-system-site-packages = false\n", "opt/venv/bin/python3": "-> /usr/bin/python3", "opt/venv/bin/python": "-> python3"})
	r["usr/bin/python3"] = "+x " + elf + "python"
	r["var/lib/dpkg/info/awk.list"] += "/usr/bin/python3\n"
	r["var/lib/dpkg/info/awk.md5sums"] += md5sum(r["usr/bin/python3"]) + "  usr/bin/python3\n"
	record := ""
	for _, p := range slices.Sorted(maps.Keys(wheel)) {
		if strings.HasSuffix(p, "/RECORD") {
			continue
		}
		r[site+p] = wheel[p]
		record += recordRow(p, wheel[p])
	}
	r[site+"acme-1.2.0.dist-info/INSTALLER"] = "pip\n"
	command := "#!/opt/venv/bin/python3\n" + strings.NewReplacer("{module}", "acme.cli", "{import}", "main", "{func}", "main").Replace(consoleTemplates[0])
	r["opt/venv/bin/acme"] = "+x " + command
	record += recordRow("../../../bin/acme", command) + "acme-1.2.0.dist-info/INSTALLER,,\nacme-1.2.0.dist-info/RECORD,,\n"
	r[site+"acme-1.2.0.dist-info/RECORD"] = record
	return r
}

func recordRow(p, content string) string {
	h := sha256.Sum256([]byte(content))
	return fmt.Sprintf("%s,sha256=%s,%d\n", p, base64.RawURLEncoding.EncodeToString(h[:]), len(content))
}

func acme() map[string]string {
	return map[string]string{
		"acme/__init__.py": "def main(): pass\n", "acme/util.py": "x = 1\n", "acme/cli.py": "from acme import main\n",
		"acme-1.2.0.dist-info/METADATA":         "Metadata-Version: 2.1\nName: acme\nVersion: 1.2.0\n",
		"acme-1.2.0.dist-info/WHEEL":            "Wheel-Version: 1.0\nTag: py3-none-any\n",
		"acme-1.2.0.dist-info/entry_points.txt": "[console_scripts]\nacme = acme.cli:main\n",
		"acme-1.2.0.dist-info/RECORD":           "",
	}
}

// wheelOf writes a wheel and a lock with its digest.
func wheelOf(t *testing.T, files map[string]string) Request {
	t.Helper()
	dir := t.TempDir()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, p := range slices.Sorted(maps.Keys(files)) {
		w, err := z.Create(p)
		if err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(files[p]))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	h := sha256.Sum256(b.Bytes())
	write(t, filepath.Join(dir, "acme-1.2.0-py3-none-any.whl"), b.String())
	lock := filepath.Join(t.TempDir(), "requirements.txt")
	write(t, lock, "acme==1.2.0 --hash=sha256:"+hex.EncodeToString(h[:])+"\n")
	return Request{Locks: []string{lock}, Artifacts: []string{dir}}
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestPython(t *testing.T) {
	const site = "opt/venv/lib/python3.11/site-packages/"
	clean := venv(acme())
	request := wheelOf(t, acme())
	locked := Request{Locks: request.Locks}
	if p := prove(t, clean.write(t), request); len(told(p)) > 0 || !componentOf(t, p, "pypi/acme").Proved {
		t.Fatalf("an honest installation: %q %+v", told(p), componentOf(t, p, "pypi/acme"))
	}
	if p := prove(t, clean.write(t), locked); len(told(p)) > 0 || !componentOf(t, p, "pypi/acme").Consistent || len(p.Absent) != 1 {
		t.Fatalf("without the wheel: %q %+v %+v", told(p), componentOf(t, p, "pypi/acme"), p.Absent)
	}
	edited := clean.with(root{site + "acme/util.py": "evil\n"})
	record := clean[site+"acme-1.2.0.dist-info/RECORD"]
	pyc := func(flags byte, size int) string {
		return "\xa7\x0d\r\n" + string([]byte{flags, 0, 0, 0, 0, 0, 0, 0, byte(size), 0, 0, 0}) + "code"
	}
	for _, c := range []struct {
		name    string
		root    root
		request Request
		want    []string
	}{
		{"a module is edited", edited, locked, []string{"changed /" + site + "acme/util.py content runs=library"}},
		{"and its row of RECORD", edited.with(root{site + "acme-1.2.0.dist-info/RECORD": strings.ReplaceAll(record, recordRow("acme/util.py", "x = 1\n"), recordRow("acme/util.py", "evil\n"))}), locked, nil},
		{"and the wheel is at hand", edited.with(root{site + "acme-1.2.0.dist-info/RECORD": strings.ReplaceAll(record, recordRow("acme/util.py", "x = 1\n"), recordRow("acme/util.py", "evil\n"))}), request,
			[]string{"changed /" + site + "acme/util.py content runs=library"}},
		{"RECORD lists another program", clean.with(root{"opt/venv/bin/evil": "+x " + elf, site + "acme-1.2.0.dist-info/RECORD": record + "../../../bin/evil,,\n"}), locked, []string{"unexplained /opt/venv/bin/evil runs=program flaw"}},
		{"a module with a row of its own", clean.with(root{site + "evil.py": "1\n", site + "acme-1.2.0.dist-info/RECORD": record + recordRow("evil.py", "1\n")}), request, []string{"unexplained /" + site + "evil.py runs=library flaw"}},
		{"a module is gone", clean.with(root{site + "acme/util.py": gone}), request, []string{"missing /" + site + "acme/util.py"}},
		{"the command is edited", clean.with(root{"opt/venv/bin/acme": clean["opt/venv/bin/acme"] + "import evil\n"}), request, []string{"unexplained /opt/venv/bin/acme runs=program flaw"}},
		{"byte code", clean.with(root{site + "acme/__pycache__/util.cpython-311.pyc": pyc(0, 6)}), request, nil},
		{"byte code that does not look at its source", clean.with(root{site + "acme/__pycache__/util.cpython-311.pyc": pyc(1, 6)}), request, []string{"unexplained /" + site + "acme/__pycache__/util.cpython-311.pyc runs=library flaw"}},
		{"pyvenv.cfg uses packages of the system", clean.with(root{"opt/venv/pyvenv.cfg": "home = /usr/bin\ninclude-system-site-packages = true\n"}), request, []string{"unexplained /opt/venv/pyvenv.cfg"}},
		{"python is a link to elsewhere", clean.with(root{"opt/venv/bin/python3": "-> /srv/python3", "srv/python3": "+x #!/bin/sh\n"}), request,
			[]string{"unexplained /opt/venv/bin/python", "unexplained /opt/venv/bin/python3", "unexplained /srv/python3 runs=program"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := told(prove(t, c.root.write(t), c.request))
			for i := range got { // whether it is a startup place is the scan's decision
				got[i] = strings.TrimSuffix(got[i], " runs=startup")
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("lines:\n got %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestNPM(t *testing.T) {
	files := map[string]string{"package.json": `{"name":"left","version":"1.0.0","bin":"cli.js"}`, "index.js": "1\n", "cli.js": "#!/usr/bin/env node\n"}
	var b bytes.Buffer
	g := gzip.NewWriter(&b)
	w := tar.NewWriter(g)
	clean := root{"etc/os-release": "ID=x\n", "srv/node_modules/.bin/left": "-> ../left/cli.js"}
	for _, p := range slices.Sorted(maps.Keys(files)) {
		w.WriteHeader(&tar.Header{Name: "package/" + p, Mode: 0o644, Size: int64(len(files[p]))})
		w.Write([]byte(files[p]))
		clean["srv/node_modules/left/"+p] = files[p]
	}
	clean["srv/node_modules/left/cli.js"] = "+x " + files["cli.js"] // npm makes commands executable
	w.Close()
	g.Close()
	h := sha512.Sum512(b.Bytes())
	sri := "sha512-" + base64.StdEncoding.EncodeToString(h[:])
	dir := t.TempDir()
	write(t, filepath.Join(dir, "left-1.0.0.tgz"), b.String())
	lock := filepath.Join(t.TempDir(), "package-lock.json")
	packages := `"node_modules/left":{"version":"1.0.0","resolved":"https://registry.npmjs.org/left/-/left-1.0.0.tgz","integrity":"` + sri + `"}`
	write(t, lock, `{"name":"app","version":"1.0.0","lockfileVersion":3,"packages":{"":{"name":"app","version":"1.0.0","dependencies":{"left":"1.0.0"}},`+packages+`}}`)
	clean["srv/node_modules/.package-lock.json"] = `{"name":"app","version":"1.0.0","lockfileVersion":3,"packages":{` + packages + `}}`
	request := Request{Locks: []string{lock}, Artifacts: []string{dir}}
	if p := prove(t, clean.write(t), request); !componentOf(t, p, "npm/left").Proved {
		t.Fatalf("an honest installation: %q %+v", told(p), p.Components)
	}
	for _, c := range []struct {
		name string
		more root
		want string
	}{
		{"edited", root{"srv/node_modules/left/index.js": "evil\n"}, "changed /srv/node_modules/left/index.js content runs=library"},
		{"one more", root{"srv/node_modules/left/evil.js": "evil\n"}, "unexplained /srv/node_modules/left/evil.js runs=library flaw"},
		{"a program", root{"srv/node_modules/left/evil": elf}, "unexplained /srv/node_modules/left/evil runs=program flaw"},
		{"one less", root{"srv/node_modules/left/index.js": gone}, "missing /srv/node_modules/left/index.js"},
		{"a script in .bin", root{"srv/node_modules/.bin/evil": "#!/usr/bin/env node\n"}, "unexplained /srv/node_modules/.bin/evil runs=program"},
		{"a link in .bin to elsewhere", root{"srv/node_modules/.bin/evil": "-> ../../evil.js", "srv/evil.js": "1\n"}, "unexplained /srv/node_modules/.bin/evil"},
	} {
		p := prove(t, clean.with(c.more).write(t), request)
		if got := told(p); !slices.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if !strings.Contains(c.want, ".bin") && componentOf(t, p, "npm/left").Proved {
			t.Errorf("%s: still proved", c.name)
		}
	}
}
