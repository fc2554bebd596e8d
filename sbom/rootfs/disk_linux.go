package rootfs

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"golang.org/x/sys/unix"
)

// disk opens files below a root directory, and no others.
type disk struct {
	name string   // as the caller wrote it
	root *os.File // closed by close; its descriptor is used through control
	// stepwise is set to open one component at a time, where openat2(2) is
	// missing (Linux before 5.6) or forbidden by a seccomp filter.
	stepwise bool
	// fault, if set, is called before a system call, with its name and the path
	// below the root, and may return its error; [io.EOF] ends a directory. Tests
	// set it: no file system fails on request.
	fault func(call, path string) error
}

// maxPiece is the longest path that the kernel accepts in one call: PATH_MAX
// without the zero byte.
const maxPiece = unix.PathMax - 1

// openDisk opens a root, which may be a symbolic link.
func openDisk(path string) (*disk, error) {
	root, err := os.OpenFile(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	d := &disk{name: path, root: root}
	fd, err := d.open(".", unix.O_PATH|unix.O_DIRECTORY)
	switch {
	case err == nil:
		unix.Close(fd)
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM):
		d.stepwise = true
	}
	return d, nil
}

func (d *disk) close() error { return d.root.Close() }

// list reads the entries of a directory.
func (d *disk) list(ctx context.Context, path string, l *listing) error {
	fd, err := d.open(inside(path), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for {
		n, err := retry(func() (int, error) { return d.getdents(fd, path, l.buffer) })
		if err != nil {
			return os.NewSyscallError("getdents64", err)
		}
		if n <= 0 {
			return checkEnd(fd, l)
		}
		if err := d.parse(fd, path, l.buffer[:n], l); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

func (d *disk) getdents(fd int, path string, b []byte) (int, error) {
	if d.fault != nil {
		if err := d.fault("getdents64", inside(path)); err == io.EOF {
			return 0, nil
		} else if err != nil {
			return -1, err
		}
	}
	return unix.Getdents(fd, b)
}

// listsItself are the file systems that list every directory itself and its
// parent ("." and ".."). Others leave them out, FUSE for example.
var listsItself = map[int64]bool{
	unix.EXT4_SUPER_MAGIC: true, unix.XFS_SUPER_MAGIC: true, unix.BTRFS_SUPER_MAGIC: true, unix.TMPFS_MAGIC: true,
	unix.OVERLAYFS_SUPER_MAGIC: true, unix.F2FS_SUPER_MAGIC: true, unix.SQUASHFS_MAGIC: true, unix.EROFS_SUPER_MAGIC_V1: true,
}

// countsDirs are the file systems on which a directory has one link for each
// directory in it, besides its own two. Others have another number, or 1.
var countsDirs = map[int64]bool{unix.EXT4_SUPER_MAGIC: true, unix.XFS_SUPER_MAGIC: true, unix.TMPFS_MAGIC: true}

// checkEnd compares the list of a directory that has ended with what the file
// system tells about the directory: an empty result of getdents64(2) is also
// what a fault of a file system looks like.
func checkEnd(fd int, l *listing) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	dirs := 0
	for _, e := range l.entries {
		if e.kind == Dir {
			dirs++
		}
	}
	missing := st.Nlink > 2 && uint64(st.Nlink)-2 > uint64(dirs)
	if st.Nlink == 0 || l.dots > 0 && !missing { // 0 links: removed
		return nil
	}
	var in unix.Statfs_t
	if _, err := retry(func() (int, error) { return 0, unix.Fstatfs(fd, &in) }); err != nil {
		return os.NewSyscallError("fstatfs", err)
	}
	if l.dots == 0 && listsItself[int64(in.Type)] || missing && countsDirs[int64(in.Type)] {
		return errEndedEarly
	}
	return nil
}

// parse parses the result of getdents64(2): inode and offset (8 bytes each),
// length of the record (2), type (1), and the name up to a zero byte. Some FUSE
// file systems have files with an inode of 0.
func (d *disk) parse(fd int, path string, b []byte, l *listing) error {
	const header = 19
	for len(b) > 0 {
		if len(b) < header {
			return errors.New("the kernel returned an invalid directory entry")
		}
		size := int(binary.NativeEndian.Uint16(b[16:]))
		if size < header || size > len(b) {
			return errors.New("the kernel returned an invalid directory entry")
		}
		inode, typ, name := b[:8], b[18], b[header:size]
		b = b[size:]
		if i := bytes.IndexByte(name, 0); i >= 0 {
			name = name[:i]
		}
		if string(name) == "." || string(name) == ".." {
			l.dots++
			continue
		}
		if !validName(name) {
			l.gap(sbom.GapUnreadable, path, fmt.Sprintf("the file system returned %q as the name of a file", name))
			continue
		}
		kind := Other
		switch typ {
		case unix.DT_REG:
			kind = File
		case unix.DT_DIR:
			kind = Dir
		case unix.DT_LNK:
			kind = Symlink
		case unix.DT_UNKNOWN: // old XFS, some network file systems
			var ok bool
			if kind, ok = d.statKind(fd, path, name, l); !ok {
				continue
			}
		}
		if kind == Symlink {
			d.addLink(fd, path, name, l)
			continue
		}
		e := l.add(name, kind)
		if kind == File {
			e.inode = binary.NativeEndian.Uint64(inode)
		}
	}
	return nil
}

// statKind returns the kind of an entry whose directory does not contain it.
func (d *disk) statKind(fd int, path string, name []byte, l *listing) (Kind, bool) {
	var st unix.Stat_t
	_, err := retry(func() (int, error) {
		return 0, unix.Fstatat(fd, string(name), &st, unix.AT_SYMLINK_NOFOLLOW)
	})
	if err == unix.ENOENT {
		l.vanish(name)
		return 0, false
	}
	if err != nil {
		l.gap(sbom.GapUnreadable, join(path, name), fmt.Sprintf("its kind is unknown: %v", err))
		return 0, false
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return File, true
	case unix.S_IFDIR:
		return Dir, true
	case unix.S_IFLNK:
		return Symlink, true
	}
	return Other, true
}

// addLink adds a symbolic link with its text. A link whose text cannot be read
// is in the tree and leads nowhere.
func (d *disk) addLink(fd int, path string, name []byte, l *listing) {
	target := l.target[:]
	n, err := retry(func() (int, error) { return d.readlinkat(fd, path, string(name), target) })
	switch err {
	case nil:
	case unix.ENOENT:
		l.vanish(name)
		return
	case unix.EINVAL:
		n = 0
		l.gap(sbom.GapUnreadable, join(path, name), "was a symbolic link and "+becameOther)
	default:
		n = 0
		l.gap(sbom.GapUnreadable, join(path, name), fmt.Sprintf("the symbolic link could not be read: %v", err))
	}
	l.setTarget(l.add(name, Symlink), target[:n])
}

func (d *disk) readlinkat(fd int, path, name string, target []byte) (int, error) {
	if d.fault != nil {
		if err := d.fault("readlinkat", inside(join(path, []byte(name)))); err != nil {
			return -1, err
		}
	}
	return unix.Readlinkat(fd, name, target)
}

// device returns the number of the device of a directory. It opens nothing that
// would mount a file system.
func (d *disk) device(path string) (uint64, error) {
	fd, err := d.open(inside(path), unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0, err
	}
	return st.Dev, nil
}

func makeDevice(major, minor int) uint64 { return unix.Mkdev(uint32(major), uint32(minor)) }

// lstat describes an entry without following or opening it.
func (d *disk) lstat(path string) (fs.FileInfo, error) {
	fd, err := d.open(inside(path), unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	return f.Stat()
}

// openFile opens a regular file for reading. Without O_NONBLOCK, a FIFO that
// replaced it would block until a writer opens it.
func (d *disk) openFile(path string) (*os.File, error) {
	fd, _, err := d.openRegular(path)
	if err != nil {
		return nil, err
	}
	// Regular files ignore the flag, and os.NewFile would try to poll them.
	if err := unix.SetNonblock(fd, false); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

// head reads the first bytes of a file without an os.File: the descriptor is
// open for two calls, and a scan does this for every file without an owner.
func (d *disk) head(path string, b []byte) (n int, mode fs.FileMode, err error) {
	fd, mode, err := d.openRegular(path)
	if err != nil {
		return 0, 0, err
	}
	defer unix.Close(fd)
	for n < len(b) {
		got, err := retry(func() (int, error) { return d.pread(fd, path, b[n:], int64(n)) })
		if err != nil {
			return n, mode, err
		}
		if got <= 0 {
			break
		}
		n += got
	}
	if n < len(b) {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			return n, mode, err
		}
		if st.Size > int64(n) {
			return n, mode, errShort
		}
	}
	return n, mode, nil
}

func (d *disk) pread(fd int, path string, b []byte, at int64) (int, error) {
	if d.fault != nil {
		if err := d.fault("pread64", inside(path)); err == io.EOF {
			return 0, nil
		} else if err != nil {
			return -1, err
		}
	}
	return unix.Pread(fd, b, at)
}

// openRegular opens a regular file and returns its permissions.
func (d *disk) openRegular(path string) (int, fs.FileMode, error) {
	fd, err := d.open(inside(path), unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return -1, 0, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return -1, 0, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		unix.Close(fd)
		return -1, 0, errNotRegular
	}
	return fd, fs.FileMode(st.Mode & 0o777), nil
}

// open opens a relative path below the root, in pieces when it is too long for
// one call.
func (d *disk) open(path string, flags int) (int, error) {
	if d.fault != nil {
		if err := d.fault("openat2", path); err != nil {
			return -1, err
		}
	}
	conn, err := d.root.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd := -1
	var openErr error
	// Control keeps the root's descriptor from being closed, and its number from
	// being reused for another file, during the call.
	if err := conn.Control(func(root uintptr) { fd, openErr = d.openPieces(int(root), path, flags) }); err != nil {
		return -1, fs.ErrClosed
	}
	return fd, openErr
}

func (d *disk) openPieces(root int, path string, flags int) (int, error) {
	at := root
	defer func() {
		if at != root {
			unix.Close(at)
		}
	}()
	for len(path) > maxPiece {
		// A single name is shorter than a piece, so that there is a slash.
		cut := strings.LastIndexByte(path[:maxPiece+1], '/')
		if cut <= 0 {
			return -1, unix.ENAMETOOLONG
		}
		next, err := d.openPiece(at, path[:cut], unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW)
		if err != nil {
			return -1, err
		}
		if at != root {
			unix.Close(at)
		}
		at, path = next, path[cut+1:]
	}
	return d.openPiece(at, path, flags)
}

func (d *disk) openPiece(at int, path string, flags int) (int, error) {
	flags |= unix.O_CLOEXEC
	if d.stepwise {
		return openSteps(at, path, flags)
	}
	how := unix.OpenHow{
		Flags:   uint64(flags),
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	}
	return retry(func() (int, error) { return unix.Openat2(at, path, &how) })
}

// openSteps does the work of openat2 with RESOLVE_BENEATH and
// RESOLVE_NO_SYMLINKS for kernels without it. The path contains no "..".
func openSteps(root int, path string, flags int) (int, error) {
	at := root
	defer func() {
		if at != root {
			unix.Close(at)
		}
	}()
	for {
		first, rest, more := strings.Cut(path, "/")
		if !more {
			// O_NOFOLLOW with O_PATH opens a symbolic link itself. lstat
			// relies on this; with O_DIRECTORY it fails.
			return retry(func() (int, error) { return unix.Openat(at, first, flags|unix.O_NOFOLLOW, 0) })
		}
		next, err := retry(func() (int, error) {
			return unix.Openat(at, first, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		})
		if err != nil {
			return -1, err
		}
		if at != root {
			unix.Close(at)
		}
		at, path = next, rest
	}
}

// maxAgain is the number of retries of a call that returns EAGAIN. openat2
// returns it when something was renamed meanwhile. A file under a lease returns
// it until its holder releases it.
const maxAgain = 16

// retry repeats a system call that a signal interrupted (the Go runtime sends
// signals), or that returned EAGAIN.
func retry(call func() (int, error)) (int, error) {
	for again := 0; ; {
		n, err := call()
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN && again < maxAgain:
			again++
		default:
			return n, err
		}
	}
}

// inside converts a path of the environment to one relative to its root.
func inside(path string) string {
	if path == "/" {
		return "."
	}
	return path[1:]
}
