package catalogers

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anchore/syft/syft/artifact"
	"github.com/anchore/syft/syft/file"
	"github.com/anchore/syft/syft/pkg"

	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/timetest"
)

// plant writes files below a new directory and opens it.
func plant(t testing.TB, files map[string]string) *rootfs.Tree {
	t.Helper()
	root := t.TempDir()
	for path, text := range files {
		full := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			if err := os.Symlink(target, full); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := rootfs.Open(context.Background(), rootfs.Ref{Scheme: rootfs.SchemeDir, Path: root}, rootfs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })
	return tree
}

func everything(rootfs.Node) bool { return true }

// zipped is a zip file with these entries.
func zipped(t testing.TB, entries ...string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(entries); i += 2 {
		w, err := z.Create(entries[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(entries[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func mavenJar(t testing.TB, group, name, version string, more ...string) string {
	return zipped(t, append([]string{
		"META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n\n",
		"META-INF/maven/" + group + "/" + name + "/pom.properties", "groupId=" + group + "\nartifactId=" + name + "\nversion=" + version + "\n",
	}, more...)...)
}

// TestJarsAreUnpacked checks a jar in a jar, and that no temporary file is left.
func TestJarsAreUnpacked(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	inner := mavenJar(t, "org.inner", "inner", "2.0")
	tree := plant(t, map[string]string{"opt/outer-1.0.jar": mavenJar(t, "org.outer", "outer", "1.0", "lib/inner-2.0.jar", inner)})
	found, problems, err := Run(t.Context(), View{Tree: tree, Visible: everything})
	if err != nil || len(problems) > 0 {
		t.Fatalf("problems %+v, error %v", problems, err)
	}
	got := map[string]Found{}
	for _, f := range found {
		got[f.PURL] = f
	}
	outer, inside := got["pkg:maven/org.outer/outer@1.0"], got["pkg:maven/org.inner/inner@2.0"]
	if outer.Path != "/opt/outer-1.0.jar" || outer.Carried || outer.Within != "" || len(outer.Digests) == 0 || outer.Namespace != "org.outer" {
		t.Errorf("the jar is %+v", outer)
	}
	if inside.Path != "/opt/outer-1.0.jar" || !inside.Carried || inside.Within != "lib/inner-2.0.jar" || len(inside.Digests) > 0 {
		t.Errorf("the jar in the jar is %+v", inside)
	}
	left, err := os.ReadDir(tmp)
	if err != nil || len(left) > 0 {
		t.Errorf("left in the temporary directory: %v, %v", left, err)
	}
}

// TestProblemsHavePlaces provokes errors of our readers, and real ones of syft:
// their type is internal to syft, so only a real one shows that its fields have
// the names that coordinates expects.
func TestProblemsHavePlaces(t *testing.T) {
	tree := plant(t, map[string]string{
		"a/node_modules/x/package.json":           `{"name": "x", `,
		"b/node_modules/y/package.json":           `{"name": 7}`,
		"b/node_modules/z/package.json":           `{"name": "z", "version": "1.0.0"}`,
		"c/broken.jar":                            "PK\x03\x04 this is no jar",
		"d/vendor/composer/installed.json":        `[[[`,
		"opt/conda/conda-meta/python-3.12.1.json": `{`,
	})
	found, problems, err := Run(t.Context(), View{Tree: tree, Visible: everything})
	if err != nil {
		t.Fatal(err)
	}
	byPath := map[string]Problem{}
	for _, p := range problems {
		if p.Cataloger == "" || p.Detail == "" || strings.Contains(p.Detail, "\n") || len(p.Detail) > maxDetail+3 {
			t.Errorf("problem %+v", p)
		}
		byPath[p.Path] = p
	}
	for _, path := range []string{
		"/a/node_modules/x/package.json", "/b/node_modules/y/package.json", "/c/broken.jar",
		"/d/vendor/composer/installed.json", "/opt/conda/conda-meta/python-3.12.1.json",
	} {
		if _, ok := byPath[path]; !ok {
			t.Errorf("no problem names %s: %+v", path, problems)
		}
	}
	if len(byPath) != 5 {
		t.Errorf("problems: %+v", problems)
	}
	// A package beside a broken file is found.
	if len(found) != 1 || found[0].PURL != "pkg:npm/z@1.0.0" {
		t.Errorf("found %+v", found)
	}
}

func TestProblemsOfWrappedErrors(t *testing.T) {
	tree := plant(t, map[string]string{"node_modules/x/package.json": `{`})
	_, problems, err := Run(t.Context(), View{Tree: tree, Visible: everything})
	if err != nil || len(problems) != 1 {
		t.Fatalf("%+v, %v", problems, err)
	}
	real := realError(t, tree)
	for name, err := range map[string]error{
		"as it is":         real,
		"joined":           errors.Join(real, errors.New("other")),
		"wrapped":          fmt.Errorf("cataloger: %w", real),
		"wrapped and join": fmt.Errorf("cataloger: %w", errors.Join(real)),
	} {
		got := problemsOf(err)
		if len(got) == 0 || got[0].Path != "/node_modules/x/package.json" || got[0].Detail != problems[0].Detail {
			t.Errorf("%s: %+v, want %+v", name, got, problems)
		}
	}
	if got := problemsOf(nil); got != nil {
		t.Errorf("no error: %+v", got)
	}
	if got := problemsOf(errors.New(strings.Repeat("é", 1000) + "\nmore")); len(got) != 1 || len(got[0].Detail) > maxDetail+3 || strings.Contains(got[0].Detail, "more") {
		t.Errorf("a long error: %+v", got)
	}
}

// realError returns the error of one of syft's catalogers for a tree.
func realError(t *testing.T, tree *rootfs.Tree) error {
	t.Helper()
	ctx, done := withTempDir(withExecutors(t.Context()))
	defer done()
	for _, c := range catalogers() {
		if c.Name() == "javascript-package-cataloger" {
			_, _, err := c.Catalog(ctx, newResolver(View{Tree: tree, Visible: everything}, c.Name(), t.Context().Err))
			if err == nil {
				t.Fatal("a broken package.json is no error")
			}
			return err
		}
	}
	t.Fatal("no cataloger of that name")
	return nil
}

// misbehaving is a cataloger that panics, fails or asks for an unknown type.
type misbehaving struct{ what string }

func (m misbehaving) Name() string { return "misbehaving" }

func (m misbehaving) Catalog(_ context.Context, r file.Resolver) ([]pkg.Package, []artifact.Relationship, error) {
	some := []pkg.Package{{Name: "some", Version: "1", Type: pkg.GemPkg}}
	switch m.what {
	case "panic":
		panic("out of cheese")
	case "error":
		return some, nil, errors.New("half of it")
	case "MIME":
		if l, err := r.FilesByMIMEType("text/x-unheard-of"); err != nil || len(l) > 0 {
			return nil, nil, fmt.Errorf("%v %v", l, err)
		}
	}
	return some, nil, nil
}

func TestMisbehavingCatalogers(t *testing.T) {
	tree := plant(t, map[string]string{"x": ""})
	for what, want := range map[string]string{
		"panic": "panic: out of cheese",
		"error": "half of it",
		"MIME":  "text/x-unheard-of",
	} {
		c := misbehaving{what}
		res := runOne(t.Context(), c, newResolver(View{Tree: tree, Visible: everything}, c.Name(), t.Context().Err))
		if len(res.problems) != 1 || !strings.Contains(res.problems[0].Detail, want) {
			t.Errorf("%s: problems %+v", what, res.problems)
		}
		if what == "error" && (len(res.found) != 1 || res.found[0].Name != "some") {
			t.Errorf("what was found before an error is lost: %+v", res.found)
		}
	}
}

// TestCanceled cancels at fifty moments of a run: when it has looked at so many files.
// syft's executors go on writing after
// they are canceled, and some of them deadlock. A canceled run ends soon, with
// an error and without a result, and no worker is left (go test -race reports
// one that still writes).
func TestCanceled(t *testing.T) {
	files := map[string]string{}
	for i := range 60 {
		files[fmt.Sprintf("node_modules/p%d/package.json", i)] = fmt.Sprintf(`{"name": "p%d", "version": "1.0.0"}`, i)
		files[fmt.Sprintf("site-packages/p%d-1.dist-info/METADATA", i)] = fmt.Sprintf("Metadata-Version: 2.1\nName: p%d\nVersion: 1\n", i)
		files[fmt.Sprintf("jars/j%d.jar", i)] = mavenJar(t, "org.example", fmt.Sprintf("j%d", i), "1")
	}
	tree := plant(t, files)
	// viewed is the tree, with a call at the look of a number.
	viewed := func(looks *atomic.Int64, at int64, call func()) View {
		return View{Tree: tree, Visible: func(n rootfs.Node) bool {
			if looks.Add(1) == at {
				call()
			}
			return everything(n)
		}}
	}
	var looks atomic.Int64
	whole, problems, err := Run(t.Context(), viewed(&looks, 0, nil))
	all := looks.Load()
	if err != nil || len(problems) > 0 || len(whole) != 180 {
		t.Fatalf("%d found, problems %v, error %v", len(whole), problems, err)
	}
	late := 0
	const moments = 50
	for i := range int64(moments) {
		ctx, cancel := context.WithCancel(t.Context())
		view := viewed(new(atomic.Int64), 1+i*(all-1)/(moments-1), cancel) // the last one is near the end
		type outcome struct {
			found    []Found
			problems []Problem
			err      error
		}
		done := make(chan outcome, 1)
		go func() {
			f, p, err := Run(ctx, view)
			done <- outcome{f, p, err}
		}()
		select {
		case o := <-done:
			switch {
			case o.err == nil:
				late++ // it ended before it was canceled, and must be complete
				if len(o.found) != len(whole) || len(o.problems) > 0 {
					t.Errorf("no error, but %d of %d found", len(o.found), len(whole))
				}
			case !errors.Is(o.err, context.Canceled) || o.found != nil || o.problems != nil:
				t.Errorf("canceled: %d found, %d problems, error %v", len(o.found), len(o.problems), o.err)
			}
		case <-time.After(timetest.Patience):
			t.Fatal("a canceled run does not end")
		}
		cancel()
	}
	if late > moments/2 {
		t.Errorf("%d of %d runs were complete, although they were canceled at a half of their work", late, moments)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if f, p, err := Run(ctx, viewed(&looks, 0, nil)); !errors.Is(err, context.Canceled) || f != nil || p != nil {
		t.Errorf("canceled before: %v %v %v", f, p, err)
	}
}
