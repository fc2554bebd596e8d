package rootfs

import (
	"fmt"
	"strings"
	"testing"
)

func TestResolve(t *testing.T) {
	paths := []string{
		"bin -> usr/bin", "usr/bin/bash", "usr/bin/sh -> bash", "lib64 -> /usr/lib64", "usr/lib64/ld.so",
		"etc/os-release -> ../usr/lib/os-release", "usr/lib/os-release",
		"etc/alternatives/vi -> /usr/bin/vim", "usr/bin/vi -> /etc/alternatives/vi", "usr/bin/vim",
		"out -> ../../../../usr/bin/bash", "abs -> /", "dangling -> /nowhere/at/all", "into -> usr/bin/bash/x",
		"loop -> loop", "a -> b", "b -> a", "dot -> .", "slash -> usr//bin/",
		"deep/one -> ../two", "two -> /three", "three -> usr", "d/e/up -> ..", "d/file",
	}
	// chain-N leads through N links.
	paths = append(paths, "chain-0")
	for i := 1; i <= maxLinks+1; i++ {
		paths = append(paths, fmt.Sprintf("chain-%d -> chain-%d", i, i-1))
	}
	tree := treeOf(t, paths...)
	for _, test := range []struct{ path, lookup, resolve, parent string }{
		{"/", "/", "/", "/"},
		{"", "/", "/", "/"},
		{"/usr/bin/bash", "/usr/bin/bash", "/usr/bin/bash", "/usr/bin/bash"},
		{"usr//bin/./bash", "/usr/bin/bash", "/usr/bin/bash", "/usr/bin/bash"},
		{"/bin", "/bin", "/usr/bin", "/bin"},
		{"/bin/", "/bin", "/usr/bin", "/bin"},
		{"/bin/.", "/bin", "/usr/bin", "/usr/bin"},
		{"/bin/bash", "", "/usr/bin/bash", "/usr/bin/bash"},
		{"/bin/sh", "", "/usr/bin/bash", "/usr/bin/sh"},
		{"/lib64/ld.so", "", "/usr/lib64/ld.so", "/usr/lib64/ld.so"},
		{"/etc/os-release", "/etc/os-release", "/usr/lib/os-release", "/etc/os-release"},
		{"/bin/vi", "", "/usr/bin/vim", "/usr/bin/vi"},
		{"/out", "/out", "/usr/bin/bash", "/out"},
		{"/abs/abs/bin/sh", "", "/usr/bin/bash", "/usr/bin/sh"},
		{"/dangling", "/dangling", "", "/dangling"},
		{"/dangling/x", "", "", ""},
		{"/into", "/into", "", "/into"},
		{"/loop", "/loop", "", "/loop"},
		{"/loop/x", "", "", ""},
		{"/a", "/a", "", "/a"},
		{"/dot/dot/dot", "", "/", "/dot"},
		{"/slash/bash", "", "/usr/bin/bash", "/usr/bin/bash"},
		{"/deep/one/bin", "", "/usr/bin", "/usr/bin"},
		{"/../../etc/../bin", "/bin", "/usr/bin", "/bin"},
		// Lexically /bin/.. is the root, in the file system it is /usr.
		{"/bin/../lib", "", "/usr/lib", "/usr/lib"},
		{"/bin/../out", "/out", "", ""},
		{"/d/e/up/file", "", "/d/file", "/d/file"},
		{"/d/file/..", "/d", "", ""},
		{"/d/file/.", "/d/file", "", ""},
		{"/d/file/x", "", "", ""},
		{"/nothing", "", "", ""},
		{fmt.Sprintf("/chain-%d", maxLinks), fmt.Sprintf("/chain-%d", maxLinks), "/chain-0", fmt.Sprintf("/chain-%d", maxLinks)},
		{fmt.Sprintf("/chain-%d", maxLinks+1), fmt.Sprintf("/chain-%d", maxLinks+1), "", fmt.Sprintf("/chain-%d", maxLinks+1)},
	} {
		for _, got := range []struct {
			method string
			node   Node
			want   string
		}{
			{"Lookup", tree.Lookup(test.path), test.lookup},
			{"Resolve", tree.Resolve(test.path), test.resolve},
			{"ResolveParent", tree.ResolveParent(test.path), test.parent},
		} {
			if path := tree.Path(got.node); path != got.want {
				t.Errorf("%s(%q): %q, want %q", got.method, test.path, path, got.want)
			}
		}
		if n := tree.Lookup(test.path); n != None && tree.Path(tree.ResolveNode(n)) != tree.Path(tree.Resolve(tree.Path(n))) {
			t.Errorf("ResolveNode(%q): %q", test.path, tree.Path(tree.ResolveNode(n)))
		}
	}
}

func FuzzResolve(f *testing.F) {
	f.Add("a/b -> ../c\nc -> /a\nd", "/a/b/b/../c")
	f.Add("x -> x/x\ny -> ../../../x", "y/x/")
	f.Add("l -> l2/l2/l2\nl2 -> /l3/l3\nl3 -> .\nf", "l/f")
	f.Fuzz(func(t *testing.T, tree, path string) {
		if len(tree) > 2000 || len(path) > 1000 {
			return
		}
		made := treeOf(t, strings.Split(tree, "\n")...)
		for _, n := range []Node{made.Resolve(path), made.ResolveParent(path), made.Lookup(path)} {
			if n < None || n >= Node(made.Len()) {
				t.Fatalf("%q leads to %d of %d", path, n, made.Len())
			}
			if n != None && made.Lookup(made.Path(n)) != n {
				t.Fatalf("%q leads to %q, which leads elsewhere", path, made.Path(n))
			}
		}
		n := made.Resolve(path)
		if n == None {
			return
		}
		if made.Kind(n) == Symlink {
			t.Fatalf("%q leads to a link, %q", path, made.Path(n))
		}
		// A path without links leads to itself, and a second time too.
		if made.Resolve(made.Path(n)) != n || made.ResolveParent(made.Path(n)) != n {
			t.Fatalf("%q leads to %q, which leads elsewhere", path, made.Path(n))
		}
	})
}
