package rootfs

import (
	"path"
	"strings"
)

// maxLinks is the number of symbolic links that one path may lead through,
// as in Linux (path_resolution(7)).
const maxLinks = 40

// Lookup is the node at exactly that path, None when there is none. The path
// is cleaned and taken from the root; no symbolic link is followed, neither
// in the last component nor before it.
func (t *Tree) Lookup(name string) Node {
	n, rest := Node(0), path.Clean("/" + name)[1:]
	for rest != "" && n != None {
		var first string
		first, rest, _ = strings.Cut(rest, "/")
		n = t.Child(n, first)
	}
	return n
}

// Resolve is the node that a path leads to when every symbolic link in it is
// followed inside the environment: an absolute target starts at the root of
// the environment, and ".." above the root stays there. None when the path
// leads nowhere, in circles, or through more than 40 links.
func (t *Tree) Resolve(name string) Node { return t.resolve(0, name, true) }

// ResolveParent follows the symbolic links in all components but the last. On
// a system with a merged /usr, "/bin/bash" gives the node of /usr/bin/bash;
// and the path of a symbolic link gives the link.
func (t *Tree) ResolveParent(name string) Node { return t.resolve(0, name, false) }

// ResolveNode is the node that a symbolic link leads to in the end; any other
// node is returned as it is.
func (t *Tree) ResolveNode(n Node) Node {
	if t.Kind(n) != Symlink {
		return n
	}
	return t.resolve(t.Parent(n), t.Name(n), true)
}

// resolve follows a path from a directory. As in the kernel, ".." is the parent
// of the directory that the path led to so far, not of what its text says.
func (t *Tree) resolve(at Node, rest string, last bool) Node {
	for links := 0; ; {
		rest = strings.TrimLeft(rest, "/")
		if rest == "" {
			return at
		}
		if t.Kind(at) != Dir {
			return None
		}
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		switch name {
		case ".":
			continue
		case "..":
			at = max(t.Parent(at), 0)
			continue
		}
		n := t.Child(at, name)
		if n == None {
			return None
		}
		if t.Kind(n) != Symlink || !last && strings.Trim(rest, "/") == "" {
			at = n
			continue
		}
		if links++; links > maxLinks {
			return None
		}
		target := t.Target(n)
		if target == "" {
			return None
		}
		if target[0] == '/' {
			at = 0
		}
		if strings.Trim(rest, "/") == "" {
			rest = target
		} else {
			rest = target + "/" + rest
		}
	}
}
