package rootfs

import (
	"io"
	"io/fs"
	"slices"
	"strings"
)

// FS returns a directory of the environment as a file system of package io/fs,
// for readers that do not need a tree. Symbolic links are followed inside of the
// environment, also those that lead out of the directory. It is valid until
// [Tree.Close].
func (t *Tree) FS(dir string) fs.FS { return treeFS{t, t.Resolve(dir)} }

type treeFS struct {
	tree *Tree
	root Node
}

// find returns the node of a name, with links followed. A name may be any bytes,
// unlike one of [fs.ValidPath].
func (f treeFS) find(op, name string) (Node, error) {
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == ".." || part == "." && name != "." {
			return None, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
		}
	}
	n := None
	if f.tree.has(f.root) {
		n = f.tree.resolve(f.root, name, true)
	}
	if n == None {
		return None, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return n, nil
}

// Open implements [fs.FS].
func (f treeFS) Open(name string) (fs.File, error) {
	n, err := f.find("open", name)
	if err != nil {
		return nil, err
	}
	if f.tree.Kind(n) == Dir {
		entries, err := f.ReadDir(name)
		return &treeDir{f.tree, n, entries}, err
	}
	content, err := f.tree.OpenFile(n)
	if err != nil {
		return nil, err
	}
	return content, nil
}

// Stat implements [fs.StatFS].
func (f treeFS) Stat(name string) (fs.FileInfo, error) {
	n, err := f.find("stat", name)
	if err != nil {
		return nil, err
	}
	return f.tree.Stat(n)
}

// ReadDir implements [fs.ReadDirFS].
func (f treeFS) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := f.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if f.tree.Kind(n) != Dir {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errNotRegular}
	}
	var out []fs.DirEntry
	for child := range f.tree.Children(n) {
		out = append(out, treeEntry{f.tree, child})
	}
	slices.SortFunc(out, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return out, nil
}

// treeDir is an open directory.
type treeDir struct {
	tree *Tree
	node Node
	rest []fs.DirEntry
}

func (d *treeDir) Stat() (fs.FileInfo, error) { return d.tree.Stat(d.node) }
func (d *treeDir) Close() error               { return nil }
func (d *treeDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.tree.Path(d.node), Err: io.ErrUnexpectedEOF}
}

// ReadDir implements [fs.ReadDirFile].
func (d *treeDir) ReadDir(n int) ([]fs.DirEntry, error) {
	out := d.rest
	if n > 0 {
		if len(out) == 0 {
			return nil, io.EOF
		}
		out = out[:min(n, len(out))]
	}
	d.rest = d.rest[len(out):]
	return out, nil
}

// treeEntry is an entry of a directory.
type treeEntry struct {
	tree *Tree
	node Node
}

func (e treeEntry) Name() string               { return e.tree.Name(e.node) }
func (e treeEntry) IsDir() bool                { return e.tree.Kind(e.node) == Dir }
func (e treeEntry) Info() (fs.FileInfo, error) { return e.tree.Stat(e.node) }

// Type implements [fs.DirEntry]. Every kind that is not a file, a directory or a
// symbolic link is irregular.
func (e treeEntry) Type() fs.FileMode {
	switch e.tree.Kind(e.node) {
	case File:
		return 0
	case Dir:
		return fs.ModeDir
	case Symlink:
		return fs.ModeSymlink
	}
	return fs.ModeIrregular
}
