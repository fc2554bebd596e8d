//go:build !linux

package rootfs

import (
	"context"
	"io"
	"io/fs"
)

// heldDir is not used: [os.Root] opens files by their path.
type heldDir struct{}

func (heldDir) close() {}

// onDisk examines a node of a directory. Owners and capabilities are not known
// to [fs.FileInfo].
func (x *examiner) onDisk(ctx context.Context, found *Examined, want SumSet) error {
	t, path := x.tree, x.tree.Path(found.Node)
	info, err := t.disk.lstat(path)
	if err != nil {
		return err
	}
	found.Meta = Meta{Mode: unixMode(info.Mode()), UID: -1, GID: -1}
	if info.Mode().IsRegular() {
		found.Meta.Size = info.Size()
	}
	if want == 0 {
		return nil
	}
	f, err := t.disk.openFile(path)
	if err != nil {
		return err
	}
	defer f.Close()
	x.hasher.Reset(want)
	found.Meta.Size = 0
	for {
		n, err := f.Read(x.buffer)
		x.hasher.Write(x.buffer[:n])
		found.Meta.Size += int64(n)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	if info, err := f.Stat(); err != nil {
		return err
	} else if info.Size() > found.Meta.Size {
		return errShort
	}
	found.Sums = x.hasher.Sums()
	return nil
}

func unixMode(m fs.FileMode) uint32 {
	mode := uint32(m.Perm())
	if m&fs.ModeSetuid != 0 {
		mode |= 0o4000
	}
	if m&fs.ModeSetgid != 0 {
		mode |= 0o2000
	}
	if m&fs.ModeSticky != 0 {
		mode |= 0o1000
	}
	return mode
}
