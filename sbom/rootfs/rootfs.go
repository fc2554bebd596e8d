// Package rootfs opens an environment and returns a read-only file tree that
// is fully indexed. An environment is a root file system in a directory, the
// machine that depaudit runs on, or a container image. The package has no
// notion of software packages.
//
// # One walk, no stat
//
// A scan queries the tree many times: for the files with a base name, for the
// target of a path, for the files below a directory. A query of the disk costs
// one system call each; a query of an index costs nanoseconds. So [Open] reads
// every directory once, in parallel, takes the kind of each entry from the
// directory entry and reads the text of symbolic links, but no inode.
// [Tree.Stat] reads sizes and times, for the few files that need them.
//
// # Walking by descriptor
//
// The walk does not use github.com/charlievieth/fastwalk, for two reasons.
// fastwalk opens directories by their whole path: a directory that is replaced
// by a symbolic link during the walk leads out of the root, and nothing below
// PATH_MAX can be reached. It also allocates a path and an entry for every
// file, and this package keeps neither: on a Debian root of 229,000 files (two
// cores, warm cache) fastwalk takes about twice the time, as measured by
// BenchmarkWalkers.
//
// Every directory and every file is opened relative to the descriptor of the
// root, with openat2(2) and RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS where the
// kernel has it, and otherwise one component at a time with O_NOFOLLOW. Another
// process that changes the tree meanwhile may hide a file from the walk. It
// cannot lead the walk out of the root or block it on a FIFO. Paths longer than
// PATH_MAX are opened in pieces.
//
// On systems other than Linux, [os.Root] does this work. It follows symbolic
// links that stay inside the root.
//
// # Numbers
//
// Nodes are numbered after the walk, in pre-order with siblings sorted by
// name. So the number of a node depends only on the tree and not on the order
// of goroutines, parents come before children, and a subtree is a range
// ([Tree.Subtree]).
//
// # Memory
//
// A node takes 17 bytes: parent, name, end of its subtree, next node of the
// same name, kind. Each distinct base name is stored once in one blob, with 17
// bytes for its offset and its slots in the tables of names and of extensions.
// Most names occur once, so that following the nodes of a name finds a child;
// names with many nodes have a hash table of (parent, name). The sum is about
// 55 bytes a file on a Debian root, in which nearly all names differ, and less
// elsewhere; BenchmarkOpen reports it. No file has a pointer or a string
// header, so that the garbage collector has nothing to scan.
//
// # Images
//
// Package image finds an image. Package layer reads each of its layers once, as
// a stream, as many in parallel as there are processors. Nothing is unpacked.
// The entries of the layers are merged, the lowest first, by the rules at the
// type merge. A file of an image takes 31 bytes more than a file of a
// directory: size, time, mode, class, layer, and the place of its content.
//
// The contents that [Options.Keep] selected when a layer was read stay in the
// file of the layer, on disk. Opening any other content returns a
// [*NotKeptError]. The rule gets a file by its path in the layer. A file that
// it selects only by the name of a hard link or symbolic link is read when it
// is opened, in a second pass over its layer; see the type linked.
//
// An entry of a layer that cannot be part of the tree, because its path climbs
// out of the image, the target of its hard link does not exist or a file is in
// its way, is a gap with the path of the entry. Owners,
// capabilities and digests are kept if [Options.Sums] requests them; other
// extended attributes and device numbers are not.
//
// # What is not read
//
// The walk never follows symbolic links. It does not enter mounts of pseudo
// file systems below the root, which it recognizes by their type in the mount
// table and never by their name: a /srv/proc that a user made is read. On a live
// host it also skips /proc, /sys, /dev and /run. [Tree.Excluded] lists all of
// these, and [Tree.Gaps] lists everything that could not be read.
//
// A file or directory that was removed after it was listed is no gap. The error
// "no such file" does not prove that: the directory is read again, and what it
// still lists is a gap ([Tree.Faults] for files).
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

// Options are options of [Open]. The zero value opens the environment of the
// reference, and keeps no content of an image.
type Options struct {
	// Progress, if set, is called from time to time while Open runs, from one
	// goroutine at a time, and never after Open returns.
	Progress func(Progress)
	// Classify returns the class of a file for its first bytes: [HeadSize] of
	// them, or the whole file if it is shorter. nil makes every class 0.
	Classify func(head []byte) Class
	// Keep selects the contents of an image that are kept; nil keeps none.
	Keep *Keep
	// Sums are the digests that [Tree.Sum] can return of the files of an image:
	// they are computed while its layers are read. 0 also leaves out owners and
	// capabilities. A directory needs no request.
	Sums SumSet
	// Platform selects one image of a multi-platform index,
	// "os/architecture" or "os/architecture/variant". Empty selects the
	// platform of this process.
	Platform string
	// Cache is a directory for the indexes of an image's layers, so that a
	// layer is read once for all images with it; see [DefaultCache]. Open
	// creates it if it does not exist. It must belong to the user, and is kept
	// below 2 GiB. Empty disables the cache.
	Cache string
	// Warn, if set, gets messages about what does not change the result: a cache
	// that cannot be written. It may be called from several goroutines.
	Warn func(string)
	// Reading, if set, is called with the path of each file that is opened, and
	// what it returns when the file is closed, from several goroutines.
	Reading func(path string) (closed func())
}

// Progress is the progress of [Open]. Its numbers only grow.
type Progress struct {
	Files int   // entries read
	Bytes int64 // bytes read of an image's layers, as they are stored
	Total int64 // final value of Bytes, 0 when unknown
}

// Keep selects the contents of an image that are kept. A layer is read once, as
// a stream, before the other layers are known. So the rule selects every content
// that may be opened later.
type Keep struct {
	// ID identifies the rule. Rules with the same ID share indexes of layers,
	// so it must change when the results of Content or Classify change.
	ID string
	// Content reports whether [Tree.OpenFile] may be called for a file. path is
	// absolute and as it is in the layer; it may lead through symbolic links.
	// class is the result of Classify. Opening a content that was not selected
	// returns an error. Content and Classify are called from several
	// goroutines.
	Content func(path string, size int64, class Class) bool
}

// Open walks the environment, or reads the layers of the image. If the context
// is canceled, it returns an error and never a part of a tree. Directories that
// cannot be read are gaps of the tree and not errors, except for the root.
//
// The tree holds a descriptor of the root, or of the file of each layer, until
// [Tree.Close]. The context must stay valid until then: opening a linked file
// of an image may read its layer again.
func Open(ctx context.Context, ref Ref, opts Options) (*Tree, error) {
	return open(ctx, ref, opts, readMountTable)
}

// open is Open with the mount table as an argument, so that tests can describe
// mounts that they cannot make.
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
	candidates := shared(w.build.inodes)
	t, numbers := w.build.number()
	t.ref, t.disk = ref, d
	t.reading = opts.Reading
	if t.classify = opts.Classify; t.classify == nil {
		t.classify = func([]byte) Class { return 0 }
	}
	t.gaps, t.excluded = w.findings()
	nodes := make([]Node, len(candidates))
	for i, n := range candidates {
		nodes[i] = Node(numbers[n])
	}
	slices.Sort(nodes)
	if err := t.findHardLinks(ctx, nodes); err != nil {
		d.close()
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		d.close()
		return nil, err
	}
	return t, nil
}

// rootError adds the cause and a hint to the error of opening a root.
func rootError(ref Ref, path string, err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("environment %q: directory does not exist: %s (build the stage first, or check the path): %w", ref, path, fs.ErrNotExist)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("environment %q: cannot read directory %s (run as a user who may read it): %w", ref, path, fs.ErrPermission)
	}
	if info, statErr := os.Stat(path); statErr == nil && !info.IsDir() {
		return fmt.Errorf("environment %q: not a directory: %s (give the directory that contains the root file system)", ref, path)
	}
	return fmt.Errorf("environment %q: %w", ref, err)
}

// Close closes the descriptors of the root or of the layers. The index remains
// usable; opening files returns an error.
func (t *Tree) Close() error {
	switch {
	case t.stored != nil:
		return errors.Join(t.stored.linked.end(), closeAll(t.stored.indexes))
	case t.disk == nil:
		return nil
	}
	return t.disk.close()
}

// Ref returns the reference of the environment.
func (t *Tree) Ref() Ref { return t.ref }

// Image describes the image that the tree was read from; zero if it was not an
// image.
func (t *Tree) Image() sbom.Image { return t.image }

// Notes returns remarks about the image: metadata of the image that could not
// be trusted.
func (t *Tree) Notes() []string { return slices.Clone(t.notes) }

// Env returns the environment variables of the image's configuration, "NAME=value"
// each; none if the tree is not of an image.
func (t *Tree) Env() []string { return slices.Clone(t.env) }

// Layer returns the number of the layer that last wrote a node, from 1 for the
// lowest; 0 if the environment is not an image.
func (t *Tree) Layer(n Node) int {
	if !t.has(n) || len(t.layers) == 0 {
		return 0
	}
	return int(t.layers[n])
}

// ChangedIn returns the number of the layer that last changed a node: that of
// [Tree.Layer], unless it wrote again what a lower layer had there, as a copy for
// a new time of modification does. It is 0 unless [Options.Sums] was set.
func (t *Tree) ChangedIn(n Node) int {
	if !t.has(n) || t.stored == nil || t.stored.changed == nil {
		return 0
	}
	return int(t.stored.changed[n])
}

// Gaps returns everything that could not be read: directories without
// permission, mounts that could not be entered, directories beyond a limit,
// entries of layers that cannot be part of a tree. Sorted by path.
func (t *Tree) Gaps() []sbom.Gap { return slices.Clone(t.gaps) }

// Excluded returns everything that was left out on purpose: mounts of pseudo
// file systems, with the type of the file system as the detail. Sorted by path.
// The directories themselves are nodes of the tree, without children.
func (t *Tree) Excluded() []sbom.Exclusion { return slices.Clone(t.excluded) }
