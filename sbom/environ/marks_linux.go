package environ

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// states looks at files by the descriptor of their folder: one system call a
// file and two a folder.
func (d *disk) states(t *Tree, nodes []Node, see func(Node, fileState) bool) error {
	folder, fd := None, -1
	var path string
	var scratch []byte
	defer func() {
		if fd >= 0 {
			unix.Close(fd)
		}
	}()
	for _, n := range nodes {
		if n == 0 { // the root has no folder
			if !see(n, fileState{}) {
				return nil
			}
			continue
		}
		if p := t.Parent(n); p != folder {
			if fd >= 0 {
				unix.Close(fd)
			}
			folder, path = p, t.Path(p)
			var err error
			if fd, err = d.open(inside(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW); err != nil {
				fd = -1 // gone, or another kind of thing now
			}
			if path == "/" {
				path = ""
			}
		}
		var s fileState
		if fd >= 0 {
			name := t.Name(n)
			var st unix.Stat_t
			_, err := retry(func() (int, error) { return 0, unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) })
			if err == nil {
				s.state, scratch = newState(scratch, path+"/"+name, [stateNumbers]uint64{
					st.Dev, st.Ino, uint64(st.Mode), uint64(st.Size),
					uint64(st.Mtim.Sec), uint64(st.Mtim.Nsec), uint64(st.Ctim.Sec), uint64(st.Ctim.Nsec),
				})
				s.changed = time.Unix(st.Ctim.Unix())
			}
		}
		if !see(n, s) {
			return nil
		}
	}
	return nil
}

// Root identifies the folder that the tree was opened from, by device and
// inode, whatever path leads there.
func (t *Tree) Root() (string, error) {
	if t.disk == nil {
		return "", fmt.Errorf("the root of %s is no folder", t.ref)
	}
	var st unix.Stat_t
	fd, err := t.disk.open(".", unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	if err := unix.Fstat(fd, &st); err != nil {
		return "", err
	}
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, st.Dev), st.Ino))
	return fmt.Sprintf("%x", sum[:8]), nil
}
