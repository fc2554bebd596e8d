package rootfs

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// heldDir is the descriptor of a directory.
type heldDir struct{ fd int }

func (d heldDir) close() { unix.Close(d.fd) }

// enter opens the directory of a node. The descriptor is only good for opening
// entries by name, so that it needs no permission to list.
func (x *examiner) enter(n Node) (fd int, name string, err error) {
	dir, name := x.tree.Parent(n), x.tree.Name(n)
	if n == 0 {
		dir, name = 0, "."
	}
	if dir != x.in {
		x.close()
		x.path = x.tree.Path(dir)
		if x.at.fd, err = x.tree.disk.open(inside(x.path), unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW); err != nil {
			return -1, "", err
		}
		x.in = dir
	}
	return x.at.fd, name, nil
}

// onDisk examines a node of a directory. A single name is opened relative to
// its directory without following links, which cannot lead out of the root.
func (x *examiner) onDisk(ctx context.Context, found *Examined, want SumSet) error {
	n := found.Node
	dir, name, err := x.enter(n)
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if want == 0 {
		if _, err := retry(func() (int, error) { return 0, unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) }); err != nil {
			return err
		}
		if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Mode&0o111 == 0 {
			return x.meta(&st, found)
		}
	}
	if want != 0 && x.tree.known != nil {
		if known, err := x.recall(dir, name, found, want); known || err != nil {
			return err
		}
	}
	fd, err := x.tree.disk.openName(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if err := x.meta(&st, found); err != nil {
		return err
	}
	if st.Mode&0o111 != 0 {
		if found.Meta.Capabilities, err = capabilities(fd); err != nil {
			return err
		}
	}
	if want == 0 {
		return nil
	}
	if found.Meta.Size, err = x.hash(ctx, fd, &st, found, want); err != nil {
		return err
	}
	if r := x.tree.record; r != nil && r.answers != nil && found.Meta.Size == st.Size {
		r.sums.add(x.fingerprint(&st, name), want, found.Sums)
	}
	return nil
}

// fingerprint returns the fingerprint of an entry of the directory that is open.
func (x *examiner) fingerprint(st *unix.Stat_t, name string) currentFingerprint {
	return fingerprintOf(st, strings.TrimSuffix(x.path, "/")+"/"+name, &x.print)
}

// recall returns the digests of a file that has not changed since they were
// computed. What may be executed is opened for its capabilities.
func (x *examiner) recall(dir int, name string, found *Examined, want SumSet) (bool, error) {
	var st unix.Stat_t
	if _, err := retry(func() (int, error) { return 0, unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) }); err != nil {
		return false, err
	}
	known, ok := x.tree.known.find(x.fingerprint(&st, name).fingerprint, want)
	if !ok {
		return false, nil
	}
	if err := x.meta(&st, found); err != nil {
		return false, err
	}
	if st.Mode&0o111 != 0 {
		fd, err := x.tree.disk.openName(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC)
		if err != nil {
			return false, err
		}
		defer unix.Close(fd)
		var opened unix.Stat_t
		if err := unix.Fstat(fd, &opened); err != nil {
			return false, err
		}
		if opened.Ino != st.Ino || opened.Dev != st.Dev || opened.Ctim != st.Ctim {
			return false, nil // replaced in between
		}
		if found.Meta.Capabilities, err = capabilities(fd); err != nil {
			return false, err
		}
	}
	found.Sums = known
	return true, nil
}

func (d *disk) openName(dir int, name string, flags int) (int, error) {
	if d.fault != nil {
		if err := d.fault("openat", name); err != nil {
			return -1, err
		}
	}
	return retry(func() (int, error) { return unix.Openat(dir, name, flags, 0) })
}

// hash reads a file to its end and returns its size. A read of a regular file
// that returns fewer bytes than the buffer has is the last one.
func (x *examiner) hash(ctx context.Context, fd int, st *unix.Stat_t, found *Examined, want SumSet) (int64, error) {
	x.hasher.Reset(want)
	var size int64
	for {
		n, err := retry(func() (int, error) { return x.tree.disk.read(fd, found.Node, x.tree, x.buffer) })
		if err != nil {
			return size, err
		}
		size += int64(max(n, 0))
		x.hasher.Write(x.buffer[:max(n, 0)])
		if n <= 0 || n < len(x.buffer) && size >= st.Size {
			break
		}
		if err := ctx.Err(); err != nil {
			return size, err
		}
	}
	if size < st.Size {
		var now unix.Stat_t
		if err := unix.Fstat(fd, &now); err != nil {
			return size, err
		}
		if now.Size > size {
			return size, errShort
		}
	}
	found.Sums = x.hasher.Sums()
	return size, nil
}

func (d *disk) read(fd int, n Node, t *Tree, b []byte) (int, error) {
	if d.fault != nil {
		if err := d.fault("read", inside(t.Path(n))); err == io.EOF {
			return 0, nil
		} else if err != nil {
			return -1, err
		}
	}
	return unix.Read(fd, b)
}

// meta converts the metadata of a node, which must still be of the same kind.
func (x *examiner) meta(st *unix.Stat_t, found *Examined) error {
	kind := Other
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		kind = File
	case unix.S_IFDIR:
		kind = Dir
	case unix.S_IFLNK:
		kind = Symlink
	}
	if is := x.tree.Kind(found.Node); is != kind {
		if is == File {
			return errNotRegular
		}
		return errors.New("was a " + is.String() + " and " + becameOther)
	}
	found.Meta = Meta{Mode: st.Mode & 0o7777, UID: int(st.Uid), GID: int(st.Gid)}
	found.Changed = st.Ctim.Nano()
	if kind == File {
		found.Meta.Size = st.Size
	}
	return nil
}

// maxAttribute is the size of the largest value of an extended attribute that
// Linux allows.
const maxAttribute = 64 << 10

// capabilities reads the capabilities of a program: 20 or 24 bytes
// (capabilities(7)), unless something else was written there.
func capabilities(fd int) ([]byte, error) {
	b := make([]byte, 32)
	for {
		n, err := retry(func() (int, error) { return unix.Fgetxattr(fd, "security.capability", b) })
		switch {
		case err == nil:
			return slices.Clip(b[:n]), nil
		case errors.Is(err, unix.ENODATA), errors.Is(err, unix.ENOTSUP), errors.Is(err, unix.ENOSYS):
			return nil, nil
		case errors.Is(err, unix.ERANGE) && len(b) < maxAttribute:
			b = make([]byte, maxAttribute)
		default:
			return nil, err
		}
	}
}
