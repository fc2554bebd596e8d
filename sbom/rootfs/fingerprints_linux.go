package rootfs

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// fingerprints reads metadata through the descriptor of the directory: one
// system call a file and two a directory.
func (d *disk) fingerprints(t *Tree, nodes []Node, see func(Node, currentFingerprint) bool) error {
	directory, fd := None, -1
	var path string
	var scratch []byte
	defer func() {
		if fd >= 0 {
			unix.Close(fd)
		}
	}()
	for _, n := range nodes {
		if n == 0 { // the root has no directory
			var st unix.Stat_t
			root, err := d.stat(&st)
			if err != nil {
				return err
			}
			if !see(n, fingerprintOf(&st, root, &scratch)) {
				return nil
			}
			continue
		}
		if p := t.Parent(n); p != directory {
			if fd >= 0 {
				unix.Close(fd)
			}
			directory, path = p, t.Path(p)
			var err error
			if fd, err = d.open(inside(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW); err != nil {
				fd = -1 // removed, or of another kind now
			}
			if path == "/" {
				path = ""
			}
		}
		var s currentFingerprint
		if fd >= 0 {
			name := t.Name(n)
			var st unix.Stat_t
			_, err := retry(func() (int, error) { return 0, unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) })
			if err == nil {
				s = fingerprintOf(&st, path+"/"+name, &scratch)
			}
		}
		if !see(n, s) {
			return nil
		}
	}
	return nil
}

// fingerprintOf returns the fingerprint of a path.
func fingerprintOf(st *unix.Stat_t, path string, scratch *[]byte) currentFingerprint {
	var s currentFingerprint
	s.fingerprint, *scratch = newFingerprint(*scratch, path, [fingerprintNumbers]uint64{
		st.Dev, st.Ino, uint64(st.Mode), uint64(st.Size),
		uint64(st.Mtim.Sec), uint64(st.Mtim.Nsec), uint64(st.Ctim.Sec), uint64(st.Ctim.Nsec),
	})
	s.changed = time.Unix(st.Ctim.Unix())
	s.id = fileID{st.Dev, st.Ino}
	return s
}

// stat describes the root, and returns its path.
func (d *disk) stat(st *unix.Stat_t) (string, error) {
	fd, err := d.open(".", unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	return "/", unix.Fstat(fd, st)
}

// identity identifies the root by device and inode, whatever its path is.
func (d *disk) identity() (string, error) {
	var st unix.Stat_t
	if _, err := d.stat(&st); err != nil {
		return "", err
	}
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, st.Dev), st.Ino))
	return fmt.Sprintf("%x", sum[:8]), nil
}

// posixTimes are the types of file systems that change the times of a directory
// when its entries change. The times of network and user space file systems
// depend on their servers, and may change later or never.
var posixTimes = map[string]bool{
	"bcachefs": true, "btrfs": true, "erofs": true, "ext2": true, "ext3": true, "ext4": true, "f2fs": true, "jfs": true,
	"overlay": true, "ramfs": true, "reiserfs": true, "rootfs": true, "squashfs": true, "tmpfs": true, "xfs": true, "zfs": true,
}

// unmapped are the file systems of those that do not set the time of change when
// a process writes to a mapping of a file (mmap(2)): those in memory, and an
// overlay that may be on one of them. ZFS sets it later.
var unmapped = map[string]bool{"overlay": true, "ramfs": true, "rootfs": true, "tmpfs": true, "zfs": true}

// mountsOf returns a digest of the mounts at and below the root, and what the
// times of all of them are good for.
func (d *disk) mountsOf() (digest string, times fileTimes, err error) {
	root, err := filepath.Abs(d.name)
	if err != nil {
		return "", times, err
	}
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return "", times, err
	}
	infos, err := readMountTable()
	if err != nil {
		return "", times, err
	}
	h := sha256.New()
	times = fileTimes{posix: true, mapped: true}
	see := func(fsType string) {
		times.posix = times.posix && posixTimes[fsType]
		times.mapped = times.mapped && posixTimes[fsType] && !unmapped[fsType]
	}
	var at *mountinfo.Info // the mount of the root itself
	for _, info := range infos {
		switch path, ok := below(root, info.Mountpoint); {
		case ok:
			fmt.Fprintf(h, "%q %q %d:%d %q\n", path, info.FSType, info.Major, info.Minor, info.Root)
			if !pseudo[info.FSType] {
				see(info.FSType)
			}
		case info.Mountpoint == "/" || info.Mountpoint == root || strings.HasPrefix(root, info.Mountpoint+"/"):
			if at == nil || len(info.Mountpoint) >= len(at.Mountpoint) {
				at = info
			}
		}
	}
	if at == nil {
		return "", times, fmt.Errorf("no mount for %s", root)
	}
	fmt.Fprintf(h, "%q %d:%d\n", at.FSType, at.Major, at.Minor)
	see(at.FSType)
	return fmt.Sprintf("%x", h.Sum(nil)[:8]), times, nil
}

// Same reports whether a scan of the environment would read the same as when the
// fingerprints were taken, without walking it: every directory has the same
// fingerprint, and so the same names in it, and every file is as
// [Tree.Unchanged] requires. It needs a system call for each directory and file
// with a fingerprint, and two more for each of their directories. It returns
// false in every doubtful case.
func Same(ctx context.Context, ref Ref, opts Options, m *Fingerprints) (bool, error) {
	if ref.Scheme != SchemeDir && ref.Scheme != SchemeHost || m.Mounts == "" {
		return false, nil
	}
	path := ref.Path
	if ref.Scheme == SchemeHost {
		path = "/"
	}
	d, err := openDisk(path)
	if err != nil {
		return false, nil // Open reports the error
	}
	defer d.close()
	if root, err := d.identity(); err != nil || root != m.Root {
		return false, nil
	}
	if mounts, times, err := d.mountsOf(); err != nil || !times.posix || mounts != m.Mounts {
		return false, nil
	}
	c, ok := newComparison(d, opts.Classify, m.Files)
	if !ok {
		return false, nil
	}
	return c.run(ctx)
}

// comparison compares files with their fingerprints, directory by directory.
type comparison struct {
	disk         *disk
	classify     func([]byte) Class
	fingerprints []FileFingerprint
	// The files of directory i are order[first[i]:first[i+1]], as indexes of
	// fingerprints.
	first, order []int32
	parents      []int32 // of fingerprints, -1 for the root
}

// newComparison checks that the fingerprints are those of a whole tree: each is
// in a directory that has one, and all of them are valid.
func newComparison(d *disk, classify func([]byte) Class, fingerprints []FileFingerprint) (*comparison, bool) {
	if len(fingerprints) == 0 || fingerprints[0].Node != 0 || !fingerprints[0].Dir {
		return nil, false
	}
	c := &comparison{disk: d, classify: classify, fingerprints: fingerprints, first: make([]int32, len(fingerprints)+1), parents: make([]int32, len(fingerprints))}
	c.parents[0] = -1
	for i, m := range fingerprints {
		if m.Read&ReadFailed != 0 || m.Fingerprint == (Fingerprint{}) && m.Read != ReadClass {
			return nil, false
		}
		if i == 0 {
			continue
		}
		p, ok := slices.BinarySearchFunc(fingerprints[:i], m.Parent, func(m FileFingerprint, n Node) int { return int(m.Node) - int(n) })
		if !ok || !fingerprints[p].Dir || !validName([]byte(m.Name)) {
			return nil, false
		}
		c.parents[i] = int32(p)
		c.first[p+1]++
	}
	for i := range fingerprints {
		c.first[i+1] += c.first[i]
	}
	c.order = make([]int32, len(fingerprints)-1)
	next := slices.Clone(c.first)
	for i := 1; i < len(fingerprints); i++ {
		p := c.parents[i]
		c.order[next[p]] = int32(i)
		next[p]++
	}
	return c, true
}

func (c *comparison) run(ctx context.Context) (bool, error) {
	var scratch []byte
	var st unix.Stat_t
	root, err := c.disk.stat(&st)
	if err != nil || fingerprintOf(&st, root, &scratch).fingerprint != c.fingerprints[0].Fingerprint {
		return false, nil
	}
	const chunk = 256
	var next atomic.Int64
	var changed atomic.Bool
	var group sync.WaitGroup
	for range min(max(runtime.GOMAXPROCS(0), minWorkers), maxWorkers) {
		group.Go(func() {
			var scratch []byte
			for !changed.Load() && ctx.Err() == nil {
				from := int(next.Add(chunk)) - chunk
				if from >= len(c.fingerprints) {
					return
				}
				for i := from; i < min(from+chunk, len(c.fingerprints)); i++ {
					if c.first[i] < c.first[i+1] && !c.sameDir(int32(i), &scratch) {
						changed.Store(true)
						return
					}
				}
			}
		})
	}
	group.Wait()
	return !changed.Load() && ctx.Err() == nil, ctx.Err()
}

// sameDir compares the files of one directory.
func (c *comparison) sameDir(directory int32, scratch *[]byte) bool {
	path := c.path(directory)
	fd, err := c.disk.open(inside(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	if path == "/" {
		path = ""
	}
	for _, i := range c.order[c.first[directory]:c.first[directory+1]] {
		m := &c.fingerprints[i]
		var st unix.Stat_t
		_, err := retry(func() (int, error) { return 0, unix.Fstatat(fd, m.Name, &st, unix.AT_SYMLINK_NOFOLLOW) })
		if err != nil {
			return false
		}
		at := path + "/" + m.Name
		if s := fingerprintOf(&st, at, scratch).fingerprint; s == m.Fingerprint {
			continue
		}
		if m.Dir || m.Read != ReadClass || c.classify == nil {
			return false
		}
		var head [HeadSize]byte
		n, perm, err := c.disk.head(at, head[:])
		if err != nil || c.classify(head[:n]) != m.Class || perm.Perm() != m.Perm.Perm() {
			return false
		}
	}
	return true
}

func (c *comparison) path(i int32) string {
	var names []string
	for ; i > 0; i = c.parents[i] {
		names = append(names, c.fingerprints[i].Name)
	}
	slices.Reverse(names)
	return "/" + strings.Join(names, "/")
}
