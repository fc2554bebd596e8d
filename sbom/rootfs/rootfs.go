// Package rootfs opens an environment, a root file system in a directory, the
// machine it runs on, or a container image, and gives a read-only file tree
// that is fully indexed. It knows nothing of packages.
//
// # One walk, no stat
//
// A scan asks the same questions of the tree over and over: which files have
// this base name, where does this path lead, what lies below this directory.
// Asking the disk costs a system call each; asking an index costs
// nanoseconds. So [Open] reads every directory once, in parallel, takes the kind
// of each entry from the directory itself and reads the text of symbolic links,
// but no inode. Sizes and times come from [Tree.Stat], for the few files that
// somebody wants them of.
//
// # Walking by descriptor
//
// The walk is our own and not github.com/charlievieth/fastwalk, for two
// reasons. That one opens directories by their whole path: a directory that is
// swapped for a symbolic link during the walk leads out of the root, and
// nothing below PATH_MAX can be reached. And it allocates a path and an entry
// for every file, of which we keep neither: on a Debian root of 229,000 files
// (two cores, warm cache) it needs about twice the time. The numbers are those
// of BenchmarkWalkers.
//
// Every directory and every file is opened relative to the root's descriptor,
// with openat2(2) and RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS where the kernel
// has it, and one component at a time with O_NOFOLLOW where it has not. What
// another process does to the tree meanwhile may hide a file from us, but
// cannot lead us out of the root nor make us wait on a FIFO. Paths longer than
// PATH_MAX are opened in pieces.
//
// On systems other than Linux, [os.Root] does that work; it does follow
// symbolic links that stay inside the root.
//
// # Numbers
//
// Nodes are numbered after the walk, in pre-order with siblings sorted by
// name. So the number of a node depends on the tree alone and not on which
// goroutine came first, parents come before children, and a subtree is a
// range ([Tree.Subtree]).
//
// # Memory
//
// A node costs 17 bytes: parent, name, end of its subtree, next node of the
// same name, kind. Each distinct base name is stored once in one blob, with 17
// bytes for its offset and its slots in the tables of names and of extensions.
// Most names occur once, so that following the nodes of a name finds a child;
// only for names with many nodes there is a hash table of (parent, name).
// Together that is some 55 bytes a file on a Debian root in which nearly all
// names differ, and less elsewhere: BenchmarkOpen reports it. There is no
// pointer and no string header for each file, so that the garbage collector
// has nothing to look at.
//
// # Images
//
// Package image finds an image, package layer reads each of its layers once,
// as a stream, as many side by side as there are processors; nothing is
// unpacked. What then lies in the file of each layer is merged, the lowest
// first, by the rules that stand at the type merge. A file costs 31 bytes more
// than one of a directory: size, time, mode, class, layer, and where its content
// is.
//
// Contents stay in the files of the layers, on disk: those that
// [Options.Keep] wanted when the layer was read. Others are a [*NotKeptError].
// The rule gets a file by its path in the layer. A file that it wants only by
// the name of a hard link or symbolic link is read when it is opened, in a
// second pass over its layer; see the type linked.
//
// An entry of a layer that cannot be part of the tree, because its path
// climbs out of the image, its hard link leads nowhere or a file is in its
// way, is a gap that names it. Owners, extended attributes and the numbers of
// devices are not kept.
//
// # What is not read
//
// Symbolic links are never followed while walking. Mounts of pseudo file
// systems below the root are not entered, by their type in the mount table and
// never by their name: a /srv/proc that a user made is read. On a live host
// /proc, /sys, /dev and /run are left out as well. All of it is listed by
// [Tree.Excluded]; what could not be read is listed by [Tree.Gaps].
package rootfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/depaudit/depaudit/sbom"
	"github.com/moby/sys/mountinfo"
)

// Options are what a caller may want of [Open] beyond the tree. The zero
// value reads what the reference names, and keeps no content of an image.
type Options struct {
	// Progress, if set, is called now and then while Open runs, from one
	// goroutine at a time, and never after it returned.
	Progress func(Progress)
	// Classify says what the first bytes of a file, [HeadSize] of them or as
	// many as it has, mean to the caller. nil makes every class 0.
	Classify func(head []byte) Class
	// Keep says what content of an image's files is kept; nil keeps nothing.
	Keep *Keep
	// Platform chooses one image of a multi-platform index,
	// "os/architecture" or "os/architecture/variant"; the platform that we
	// run on when empty.
	Platform string
	// Cache is a directory in which the indexes of an image's layers are kept,
	// so that the next one who reads an image with the same layer need not
	// read it; see [DefaultCache]. It is made when it is not there, must belong
	// to the user, and is kept below layer.MaxCache bytes. Empty for none.
	Cache string
}

// Progress says how far [Open] is. Numbers only grow.
type Progress struct {
	Files int   // entries seen
	Bytes int64 // bytes read of an image's layers, compressed as they are
	Total int64 // of Bytes, 0 when unknown
}

// Keep is a rule for the files of an image. A layer is read once, as a
// stream, before it is known what the other layers say: whose content may be
// asked for has to be kept then.
type Keep struct {
	// ID names the rule. Indexes of layers made by rules of one ID are shared,
	// so it changes when Content, or Classify, answers differently.
	ID string
	// Content says whether [Tree.OpenFile] will be asked for a file. path is
	// absolute, as the layer has it, which may lead through symbolic links;
	// class is what Classify said. Content that was not kept is an error for
	// whoever asks for it. It is called from several goroutines, as Classify
	// is.
	Content func(path string, size int64, class Class) bool
}

// Open walks the environment, or reads the layers of the image. A cancelled context gives an error and never a
// part of a tree. Directories that cannot be read are not errors but gaps of the
// tree, except for the root itself.
//
// The tree holds a descriptor of the root, or of the file of each layer, until
// [Tree.Close].
func Open(ctx context.Context, ref Ref, opts Options) (*Tree, error) {
	return open(ctx, ref, opts, readMountTable)
}

// open is Open with the mount table as an argument, so that tests can
// describe mounts that they may not make.
func open(ctx context.Context, ref Ref, opts Options, mounts func() ([]*mountinfo.Info, error)) (*Tree, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if ref.IsImage() {
		return openImage(ctx, ref, opts)
	}
	path := ref.Path
	switch ref.Scheme {
	case SchemeDir:
	case SchemeHost:
		path = "/"
	default:
		return nil, fmt.Errorf("environment %q: %q has no file tree", ref, ref.Scheme)
	}
	d, err := openDisk(path)
	if err != nil {
		return nil, rootError(ref, path, err)
	}
	var progress func(int)
	if opts.Progress != nil {
		progress = func(files int) { opts.Progress(Progress{Files: files}) }
	}
	w := newWalker(d, progress)
	if ref.Scheme == SchemeHost {
		w.skip = hostDirs
	}
	if err := w.readMounts(mounts, ref.Scheme == SchemeHost); err != nil {
		d.close()
		return nil, fmt.Errorf("environment %q: %w", ref, err)
	}
	if err := w.walk(ctx); err != nil {
		d.close()
		return nil, rootError(ref, path, err)
	}
	t := w.build.tree()
	t.ref, t.disk = ref, d
	if t.classify = opts.Classify; t.classify == nil {
		t.classify = func([]byte) Class { return 0 }
	}
	t.gaps, t.excluded = w.findings()
	if err := ctx.Err(); err != nil {
		d.close()
		return nil, err
	}
	return t, nil
}

// rootError says what is wrong with a root and what to do about it.
func rootError(ref Ref, path string, err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("environment %q: there is no directory %q: check the path: %w", ref, path, fs.ErrNotExist)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("environment %q: the directory %q cannot be read: run as a user who may read it: %w", ref, path, fs.ErrPermission)
	}
	if info, statErr := os.Stat(path); statErr == nil && !info.IsDir() {
		return fmt.Errorf("environment %q: %q is not a directory: name the directory that holds the root file system", ref, path)
	}
	return fmt.Errorf("environment %q: %w", ref, err)
}

// Close gives the descriptors of the root or of the layers back. The index
// stays usable; opening files does not.
func (t *Tree) Close() error {
	switch {
	case t.stored != nil:
		return errors.Join(t.stored.linked.end(), closeAll(t.stored.indexes))
	case t.disk == nil:
		return nil
	}
	return t.disk.close()
}

// Ref is the reference that the tree was opened by.
func (t *Tree) Ref() Ref { return t.ref }

// Image describes the image that the tree was read from; zero for a directory.
func (t *Tree) Image() sbom.Image { return t.image }

// Notes are remarks about the image: what it says of itself and could not be
// believed.
func (t *Tree) Notes() []string { return slices.Clone(t.notes) }

// Layer is the number, from 1 for the lowest, of the layer that a node is
// from: the last one that wrote it. 0 outside of images.
func (t *Tree) Layer(n Node) int {
	if !t.has(n) || len(t.layers) == 0 {
		return 0
	}
	return int(t.layers[n])
}

// Gaps is what could not be read: directories without permission, mounts that
// could not be entered, directories beyond a limit, entries of layers that cannot
// be part of a tree. Sorted by path.
func (t *Tree) Gaps() []sbom.Gap { return slices.Clone(t.gaps) }

// Excluded is what was left out on purpose: mounts of pseudo file systems,
// with the type of the file system as the detail. Sorted by path. The directories
// themselves are nodes of the tree, without children.
func (t *Tree) Excluded() []sbom.Exclusion { return slices.Clone(t.excluded) }
