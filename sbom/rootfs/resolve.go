package rootfs

import (
	"path"
	"strings"
)

// maxLinks is the number of symbolic links that one path may lead through,
// as in Linux (path_resolution(7)).
const maxLinks = 40

// Lookup returns the node at exactly that path, None if there is none. The path
// is cleaned and starts at the root. No symbolic link is followed, neither in
// the last component nor before it.
func (t *Tree) Lookup(name string) Node {
	n, rest := Node(0), path.Clean("/" + name)[1:]
	for rest != "" && n != None {
		var first string
		first, rest, _ = strings.Cut(rest, "/")
		n = t.Child(n, first)
	}
	return n
}

// Resolve returns the node that a path leads to, with every symbolic link
// followed inside of the environment: an absolute target starts at the root of
// the environment, and ".." at the root stays there. It returns None if the
// target does not exist, or is behind a loop or more than 40 links.
func (t *Tree) Resolve(name string) Node { return t.resolve(0, name, true) }

// ResolveParent follows the symbolic links in all components except the last.
// On a system with a merged /usr, "/bin/bash" leads to the node of
// /usr/bin/bash; the path of a symbolic link leads to the link.
func (t *Tree) ResolveParent(name string) Node { return t.resolve(0, name, false) }

// ResolveNode returns the node that a symbolic link finally leads to. It
// returns any other node unchanged.
func (t *Tree) ResolveNode(n Node) Node {
	if t.Kind(n) != Symlink {
		return n
	}
	return t.resolve(t.Parent(n), t.Name(n), true)
}

// resolve follows a path from a directory. As in the kernel, ".." is the parent
// of the directory that was reached, and not of the text of the path.
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
