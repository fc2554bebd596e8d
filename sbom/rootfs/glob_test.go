package rootfs

import (
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/google/go-cmp/cmp"
)

// syftPatterns are the globs in the sources of syft 1.54.1's catalogers. They
// were listed with:
//
//	grep -rhoE --include=*.go --exclude=*_test.go '"(\*\*/|/opt/bitnami/)[^" ]*"' syft/pkg/cataloger
func syftPatterns(tb testing.TB) []string {
	tb.Helper()
	data, err := os.ReadFile("testdata/syft-globs.txt")
	if err != nil {
		tb.Fatal(err)
	}
	return strings.Fields(string(data))
}

// patterns are those of syft and some that are more difficult.
func patterns(tb testing.TB) []string {
	own := []string{
		"**", "/**", "*", "/*", "/", "**/*", "**/", "src/**", "/src/**", "/src/*/", "src", "src/go/*.go", "/src/go/ast/ast.go", "/src//go",
		"**/*.*", "**/.*", "**/a*b", "**/?o", "**/[a-c]*.go", "**/[^a]*.s", "**/{a,b}*/x", "**/go/**/*.go", "**/*_test.go", "**/testdata/**",
		"**/{src/go,lib}", "/{src,lib}/**", "**/*.{md,txt}", `**/\*`, "**/x**y", "src/go{,/ast}", "/src/go/ast/**/ast.go", "**/LICENSE{,.txt}",
		"**/go/*", "src/go/**", "**/go/{ast/b,*}", "**/{a/go,go}/*", "**/go/**/*", "**/*o/**", "/src/*o/**/*", "**/go/x**/*", "**/go/[a-z]*",
		"**/*rin*", "**/*o*o*", "**/*_?e*", "**/go/{ast,parser/*}", "src/{go,*/}*/*.go", "**/*[x]a*", `**/*\\*a*`,
	}
	return append(syftPatterns(tb), own...)
}

// expand makes paths that a pattern matches, or nearly so.
func expand(pattern string) []string {
	var paths []string
	for _, directory := range []string{"", "x/", "x/y.z/"} {
		for _, text := range []string{"", "a", "a.b", "_1234567890123456"} {
			p := strings.NewReplacer("**/", directory, "**", directory+"f"+text, "*", text, "?", "q", "{", "", "}", "", ",", "/", "[", "", "]", "").Replace(pattern)
			paths = append(paths, p, p+"x", "z/"+p, p+"/below")
		}
	}
	return paths
}

// treeOf builds a tree of files with those paths, without a disk. A path that
// needs a directory where there is a file is left out.
func treeOf(tb testing.TB, paths ...string) *Tree {
	tb.Helper()
	build := newBuilder()
	nodes := map[string]int32{"": 0}
	for _, path := range paths {
		path, target, link := strings.Cut(path, " -> ")
		at, full := int32(0), ""
		parts := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
		for i, part := range parts {
			full += "/" + part
			n, ok := nodes[full]
			if !ok {
				kind := Dir
				switch {
				case i < len(parts)-1, strings.HasSuffix(path, "/"):
				case link:
					kind = Symlink
				default:
					kind = File
				}
				var err error
				if n, err = build.add(at, []byte(part), kind); err != nil {
					break
				}
				nodes[full] = n
				if kind == Symlink {
					if err := build.setTarget(n, []byte(target)); err != nil {
						tb.Fatal(err)
					}
				}
			}
			if at = n; build.kinds[n] != Dir {
				break
			}
		}
	}
	return build.tree()
}

// checkGlob compares both ways of asking with doublestar.
func checkGlob(t *testing.T, tree *Tree, paths []string, pattern string) (matches int) {
	t.Helper()
	g, err := CompileGlob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	absolute := pattern
	if absolute[0] != '/' {
		absolute = "/" + absolute
	}
	var want []Node
	for n := range Node(tree.Len()) {
		matched, err := doublestar.Match(absolute, paths[n])
		if err != nil {
			t.Fatal(err)
		}
		if matched {
			want = append(want, n)
		}
		if got := g.Match(tree, n); got != matched {
			t.Errorf("%q, %q: %v, doublestar says %v", pattern, paths[n], got, matched)
		}
	}
	var got []Node
	tree.Glob(g, nil, func(n Node) bool { got = append(got, n); return true })
	if !slices.Equal(want, got) {
		t.Errorf("%q: the tree yields %v, doublestar matches %v", pattern, got, want)
	}
	return len(want)
}

func allPaths(tree *Tree) []string {
	paths := make([]string, tree.Len())
	for n := range paths {
		paths[n] = tree.Path(Node(n))
	}
	return paths
}

// TestGlobEqualsDoublestar asks for all patterns on a real tree.
func TestGlobEqualsDoublestar(t *testing.T) {
	tree := openDir(t, goroot(t)+"/src")
	paths := allPaths(tree)
	if len(paths) < 1000 {
		t.Fatalf("only %d paths", len(paths))
	}
	for _, p := range patterns(t) {
		checkGlob(t, tree, paths, p)
	}
}

// TestGlobMatches asks for each pattern on a tree that was made for it, so
// that every one of them matches something.
func TestGlobMatches(t *testing.T) {
	// No path of a tree ends in a slash or has two in a row, and expand does
	// not understand a backslash.
	silent := []string{"/src/*/", "/src//go", `**/\*`}
	for _, p := range patterns(t) {
		tree := treeOf(t, expand(p)...)
		if n := checkGlob(t, tree, allPaths(tree), p); (n == 0) != slices.Contains(silent, p) {
			t.Errorf("%q matches %d paths of a tree made for it", p, n)
		}
		if !strings.HasPrefix(p, "**/") {
			continue
		}
		// It needs no leading slash, which is what catalogers rely on.
		for n, path := range allPaths(tree)[1:] {
			if matched, _ := doublestar.Match(p, path); matched != mustGlob(t, p).Match(tree, Node(n)+1) {
				t.Errorf("%q, %q: doublestar says %v without a leading slash", p, path, matched)
			}
		}
	}
}

func TestGlobVisibleAndStop(t *testing.T) {
	tree := treeOf(t, "a/x.jar", "b/x.jar", "c/y.jar", "d/x.jar")
	g := mustGlob(t, "**/*.jar")
	var got []string
	tree.Glob(g, func(n Node) bool { return tree.Path(n) != "/b/x.jar" }, func(n Node) bool {
		got = append(got, tree.Path(n))
		return len(got) < 2
	})
	if diff := cmp.Diff([]string{"/a/x.jar", "/c/y.jar"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestGlobErrors(t *testing.T) {
	for _, p := range []string{"", "[", "a/{b", `x\`, "*\xff", "*\ufffd", strings.Repeat("x", maxPattern+1)} {
		if g, err := CompileGlob(p); err == nil {
			t.Errorf("%.20q: %v", p, g)
		}
	}
}

func FuzzCompileGlob(f *testing.F) {
	for _, p := range patterns(f) {
		f.Add(p, "usr/lib/"+strings.NewReplacer("**/", "x/", "*", "y").Replace(p))
	}
	f.Add(`/{a/b,c}`, "a/b")
	f.Add(`/a{/b,}`, "a/b")
	f.Add(`[/]a`, "a")
	f.Fuzz(func(t *testing.T, pattern, path string) {
		// doublestar takes exponential time for some patterns; those of
		// catalogers are not among them.
		if len(pattern) > 60 || len(path) > 100 || strings.Count(pattern, "*") > 6 || strings.Count(pattern, "{") > 3 {
			return
		}
		_, err := CompileGlob(pattern)
		valid := pattern != "" && doublestar.ValidatePattern(pattern) && !strings.ContainsRune(pattern, utf8.RuneError)
		if (err == nil) != valid {
			t.Fatalf("%q: %v, valid for doublestar: %v", pattern, err, valid)
		}
		if err != nil {
			return
		}
		tree := treeOf(t, path, pattern, "a.jar", "b/a.jar")
		checkGlob(t, tree, allPaths(tree), pattern)
	})
}
