package rootfs

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/moby/sys/mountinfo"
)

// hostDirs are left out of a live host as a whole, whatever is mounted
// there: the kernel's own file systems, and what running programs keep for as
// long as they run.
var hostDirs = map[string]bool{"/proc": true, "/sys": true, "/dev": true, "/run": true}

// pseudo are the types of file systems that hold no files of anybody's, but
// are windows into the kernel (filesystems(5) and Documentation/filesystems of
// the kernel). tmpfs, ramfs and overlay hold real files and are read; network
// and FUSE file systems as well. autofs is in the list because entering it
// would mount what nobody asked for.
var pseudo = map[string]bool{
	"autofs": true, "binder": true, "binfmt_misc": true, "bpf": true, "cgroup": true, "cgroup2": true,
	"configfs": true, "cpuset": true, "debugfs": true, "devpts": true, "devtmpfs": true, "efivarfs": true,
	"functionfs": true, "fusectl": true, "gadgetfs": true, "hugetlbfs": true, "mqueue": true, "nfsd": true,
	"nsfs": true, "ocfs2_dlmfs": true, "openpromfs": true, "proc": true, "pstore": true, "resctrl": true,
	"rpc_pipefs": true, "securityfs": true, "selinuxfs": true, "smackfs": true, "spufs": true, "sysfs": true,
	"tracefs": true, "usbfs": true, "xenfs": true,
}

// mount is one line of the mount table that lies below the root.
type mount struct {
	fsType string
	device uint64
}

// readMountTable gives the mounts of this process.
func readMountTable() ([]*mountinfo.Info, error) { return mountinfo.GetMounts(nil) }

// readMounts notes what is mounted below the root. Without a mount table
// nothing is left out by its type; on a live host that means that something
// may have been read that is not the host's content, which is a gap.
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

// below turns a path on this machine into one within the environment. The
// root itself is not below it: whoever names a mount as the root wants it.
func below(root, path string) (string, bool) {
	if root != "/" {
		var ok bool
		if path, ok = strings.CutPrefix(path, root); !ok {
			return "", false
		}
	}
	return path, len(path) > 1 && path[0] == '/'
}

// pseudoMount says whether the directory at that path is now the root of a
// pseudo file system. The table alone does not tell, since a later mount can
// lie over it or over a directory above it; what is really there shows by its
// device.
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

// typeOf is the type of the file system that is mounted at a path, for
// people.
func (w *walker) typeOf(path string) string {
	mounts := w.mounts[path]
	if len(mounts) == 0 {
		return "left out on a live host"
	}
	return mounts[len(mounts)-1].fsType
}
