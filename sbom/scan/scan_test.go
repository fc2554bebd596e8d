package scan

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// files are the contents of a root by path. A path that ends with "/" is an
// empty directory. What starts with "-> " is a symbolic link, with "=> " a hard
// link, with "x:" a file with the execute bit, and "fifo" is a named pipe.
type files map[string]string

func (f files) plant(tb testing.TB) string {
	tb.Helper()
	root := tb.TempDir()
	f.plantIn(tb, root, sortedKeys(f))
	return root
}

// plantIn makes the files in that order, hard links last.
func (f files) plantIn(tb testing.TB, root string, order []string) {
	tb.Helper()
	must := func(err error) {
		if err != nil {
			tb.Helper()
			tb.Fatal(err)
		}
	}
	for _, hard := range []bool{false, true} {
		for _, path := range order {
			text, full := f[path], filepath.Join(root, path)
			target, isHard := strings.CutPrefix(text, "=> ")
			if isHard != hard {
				continue
			}
			if strings.HasSuffix(path, "/") {
				must(os.MkdirAll(full, 0o755))
				continue
			}
			must(os.MkdirAll(filepath.Dir(full), 0o755))
			if isHard {
				must(os.Link(filepath.Join(root, target), full))
			} else if link, ok := strings.CutPrefix(text, "-> "); ok {
				must(os.Symlink(link, full))
			} else if body, ok := strings.CutPrefix(text, "x:"); ok {
				must(os.WriteFile(full, []byte(body), 0o755))
			} else if text == "fifo" {
				must(syscall.Mkfifo(full, 0o644))
			} else {
				must(os.WriteFile(full, []byte(text), 0o644))
			}
		}
	}
	now := time.Now() // npm writes its record last
	for _, path := range order {
		if filepath.Base(path) == ".package-lock.json" {
			must(os.Chtimes(filepath.Join(root, path), now, now))
		}
	}
}

func sortedKeys(f files) []string {
	var keys []string
	for k := range f {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// with adds files to a copy.
func (f files) with(more files) files {
	out := files{}
	for _, m := range []files{f, more} {
		for k, v := range m {
			out[k] = v
		}
	}
	return out
}

func (f files) scan(tb testing.TB) *sbom.Document {
	tb.Helper()
	return scanFolder(tb, f.plant(tb))
}

func scanFolder(tb testing.TB, root string) *sbom.Document {
	tb.Helper()
	d, err := Run(context.Background(), rootfs.Ref{Scheme: rootfs.SchemeDir, Path: root}, Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// summary is what a document says, a line for each thing.
func summary(d *sbom.Document) []string {
	var out []string
	for _, c := range d.Components {
		switch {
		case c.Kind == sbom.KindOS:
		case c.Counts():
			out = append(out, "counts "+c.ID)
		default:
			out = append(out, "inside "+c.ID+" in "+c.Owner)
		}
	}
	for _, g := range d.Gaps {
		out = append(out, fmt.Sprintf("gap %s %s", g.Kind, g.Path))
	}
	for _, n := range d.Notices {
		line := fmt.Sprintf("notice %s %s", n.Kind, n.Path)
		if n.Component != "" {
			line += " of " + n.Component
		}
		out = append(out, line)
	}
	for _, e := range d.Excluded {
		out = append(out, fmt.Sprintf("excluded %s %s", e.Reason, e.Path))
	}
	slices.Sort(out)
	return out
}

func checkSummary(t *testing.T, d *sbom.Document, want ...string) {
	t.Helper()
	slices.Sort(want)
	if diff := cmp.Diff(want, summary(d)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
		for _, g := range d.Gaps {
			t.Logf("gap: %+v", g)
		}
		for _, n := range d.Notices {
			t.Logf("notice: %+v", n)
		}
	}
}

// cases run scans of small trees.
type scanCase struct {
	name  string
	files files
	want  []string
}

func runCases(t *testing.T, cases []scanCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			checkSummary(t, c.files.scan(t), c.want...)
		})
	}
}

const site = "/usr/local/lib/python3.11/site-packages"

// dist is an installed Python distribution with one module directory of its
// name, and a RECORD of both and of more.
func dist(at, name, version string, more ...string) files {
	info := at + "/" + name + "-" + version + ".dist-info"
	f := files{
		at + "/" + name + "/__init__.py": "x = 1\n",
		info + "/METADATA":               "Metadata-Version: 2.1\nName: " + name + "\nVersion: " + version + "\n\nText\n",
		info + "/INSTALLER":              "pip\n",
	}
	record := ""
	for _, p := range append(sortedKeys(f), more...) {
		record += strings.TrimPrefix(p, at+"/") + ",,\n"
	}
	f[info+"/RECORD"] = record + filepath.Base(info) + "/RECORD,,\n"
	return f
}

// debs is a dpkg database of packages, each with the files that it owns. The
// files themselves are not made.
func debs(owns map[string][]string) files {
	f := files{
		"/etc/os-release":         "ID=debian\nVERSION_ID=\"12\"\n",
		"/var/lib/dpkg/available": "",
	}
	status := ""
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for k := range owns {
			if !yield(k) {
				return
			}
		}
	}) {
		status += "Package: " + name + "\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\nMaintainer: M <m@example.org>\nDescription: d\n\n"
		list := "/.\n"
		for _, p := range owns[name] {
			list += p + "\n"
		}
		f["/var/lib/dpkg/info/"+name+".list"] = list
	}
	f["/var/lib/dpkg/status"] = status
	// The release belongs to a package, as on a real system.
	f["/var/lib/dpkg/info/base-files.list"] = "/.\n/etc\n/etc/os-release\n"
	f["/var/lib/dpkg/status"] += "Package: base-files\nEssential: yes\nStatus: install ok installed\nArchitecture: amd64\nVersion: 12\n\n"
	return f
}

// zipped is a zip file with these entries.
func zipped(entries ...string) string {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(entries); i += 2 {
		w, err := z.Create(entries[i])
		if err == nil {
			_, err = w.Write([]byte(entries[i+1]))
		}
		if err != nil {
			panic(err) // a bytes.Buffer does not fail
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.String()
}

func mavenJar(group, name, version string, more ...string) string {
	return zipped(append([]string{
		"META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n\n",
		"META-INF/maven/" + group + "/" + name + "/pom.properties", "groupId=" + group + "\nartifactId=" + name + "\nversion=" + version + "\n",
	}, more...)...)
}

// program is a small real program for Linux without build information: what
// "strip" leaves of one, and then its build information overwritten.
func program(tb testing.TB) string {
	tb.Helper()
	return strings.ReplaceAll(goProgram(tb), "\xff Go buildinf:", "\x00 no such info")
}

// goProgram is a program as "go build" makes it in a working tree.
func goProgram(tb testing.TB) string {
	tb.Helper()
	p, err := builtProgram()
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

var builtProgram = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "scan-test")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	for name, text := range map[string]string{
		"go.mod":                        "module example.org/tool\n\ngo 1.26\n\nrequire example.org/dep v1.2.3\n",
		"main.go":                       "package main\n\nimport \"example.org/dep\"\n\nfunc main() { println(dep.Name) }\n",
		"vendor/modules.txt":            "# example.org/dep v1.2.3\n## explicit; go 1.26\nexample.org/dep\n",
		"vendor/example.org/dep/dep.go": "package dep\n\nvar Name = \"dep\"\n",
	} {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			return "", err
		}
	}
	if err := goBuild(dir, "-mod=vendor", "-o", "tool"); err != nil {
		return "", err
	}
	data, err := os.ReadFile(filepath.Join(dir, "tool"))
	return string(data), err
})

// goBuild makes a program for Linux, wherever the test runs.
func goBuild(dir string, args ...string) error {
	cmd := exec.Command("go", append([]string{"build", "-buildvcs=false", "-trimpath", "-ldflags=-s -w"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOTOOLCHAIN=local")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// files that nothing accounts for are identified by their path.
func unaccounted(file string) string { return "generic/" + filepath.Base(file) + "?path=" + file }
