package rootfs

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/moby/sys/mountinfo"
)

// hostDirs are excluded on a live host, whatever is mounted there: the file
// systems of the kernel, and the state of running programs.
var hostDirs = map[string]bool{"/proc": true, "/sys": true, "/dev": true, "/run": true}

// pseudo are the types of file systems without user files, which are interfaces
// to the kernel (filesystems(5) and Documentation/filesystems of the kernel).
// tmpfs, ramfs and overlay contain real files and are read, as are network and
// FUSE file systems. autofs is in the list because entering it would mount a
// file system that was not requested.
var pseudo = map[string]bool{
	"autofs": true, "binder": true, "binfmt_misc": true, "bpf": true, "cgroup": true, "cgroup2": true,
	"configfs": true, "cpuset": true, "debugfs": true, "devpts": true, "devtmpfs": true, "efivarfs": true,
	"functionfs": true, "fusectl": true, "gadgetfs": true, "hugetlbfs": true, "mqueue": true, "nfsd": true,
	"nsfs": true, "ocfs2_dlmfs": true, "openpromfs": true, "proc": true, "pstore": true, "resctrl": true,
	"rpc_pipefs": true, "securityfs": true, "selinuxfs": true, "smackfs": true, "spufs": true, "sysfs": true,
	"tracefs": true, "usbfs": true, "xenfs": true,
}

// mount is a line of the mount table for a path below the root.
type mount struct {
	fsType string
	device uint64
}

// readMountTable returns the mounts of this process.
func readMountTable() ([]*mountinfo.Info, error) { return mountinfo.GetMounts(nil) }

// readMounts records the mounts below the root. Without a mount table nothing
// is excluded by its type. On a live host this is a gap, because files may be
// read that are not content of the host.
func (w *walker) readMounts(table func() ([]*mountinfo.Info, error), host bool) error {
	root, err := filepath.Abs(w.disk.name)
	if err != nil {
		return err
	}
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return err
	}
	infos, err := table()
	if err != nil {
		if host {
			w.gaps = append(w.gaps, sbom.Gap{Kind: sbom.GapMount, Path: "/",
				Detail: fmt.Sprintf("the mount table could not be read, so that pseudo file systems are not told from real ones: %v", err)})
		}
		return nil
	}
	w.mounts = make(map[string][]mount)
	for _, info := range infos {
		path, ok := below(root, info.Mountpoint)
		if !ok {
			continue
		}
		w.mounts[path] = append(w.mounts[path], mount{info.FSType, makeDevice(info.Major, info.Minor)})
	}
	return nil
}

// below converts a path on this machine to one within the environment. The root
// itself is not below it: a mount that is given as the root is read.
func below(root, path string) (string, bool) {
	if root != "/" {
		var ok bool
		if path, ok = strings.CutPrefix(path, root); !ok {
			return "", false
		}
	}
	return path, len(path) > 1 && path[0] == '/'
}

// pseudoMount reports whether the directory at that path is now the root of a
// pseudo file system. The table alone is not enough, since a later mount can
// cover it or a directory above it. The device of the directory shows what is
// really there.
func (w *walker) pseudoMount(path string) (mount, bool) {
	mounts := w.mounts[path]
	if len(mounts) == 0 {
		return mount{}, false
	}
	device, err := w.disk.device(path)
	for i := len(mounts) - 1; i >= 0; i-- {
		m := mounts[i]
		if err == nil && m.device == device || err != nil && i == len(mounts)-1 {
			return m, pseudo[m.fsType]
		}
	}
	return mount{}, false
}

// typeOf returns the type of the file system that is mounted at a path, for
// messages.
func (w *walker) typeOf(path string) string {
	mounts := w.mounts[path]
	if len(mounts) == 0 {
		return "left out on a live host"
	}
	return mounts[len(mounts)-1].fsType
}
