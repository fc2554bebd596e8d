package rootfs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/timetest"
)

// The test binary can run itself as another user or in namespaces of its own.
// It then opens the directory in openVariable, after the mounts in
// mountVariable, and prints what it saw.
const (
	openVariable  = "DEPAUDIT_TEST_OPEN"
	mountVariable = "DEPAUDIT_TEST_MOUNT" // "type path", one a line
)

// seen is what such a process prints.
type seen struct {
	Error    string
	List     []string
	Gaps     []sbom.Gap
	Excluded []sbom.Exclusion
}

func TestMain(m *testing.M) {
	path := os.Getenv(openVariable)
	if path == "" {
		os.Exit(m.Run())
	}
	if err := json.NewEncoder(os.Stdout).Encode(see(path)); err != nil {
		os.Exit(1)
	}
}

func see(path string) seen {
	for line := range strings.Lines(os.Getenv(mountVariable)) {
		fsType, at, _ := strings.Cut(strings.TrimSpace(line), " ")
		if err := os.MkdirAll(at, 0o755); err != nil {
			return seen{Error: err.Error()}
		}
		if fsType == "file" {
			if err := os.WriteFile(filepath.Join(at, "file"), nil, 0o644); err != nil {
				return seen{Error: err.Error()}
			}
			continue
		}
		if err := unix.Mount(fsType, at, fsType, 0, ""); err != nil {
			return seen{Error: fmt.Sprintf("mount of %s at %s: %v", fsType, at, err)}
		}
	}
	tree, err := Open(context.Background(), Ref{Scheme: SchemeDir, Path: path}, Options{})
	if err != nil {
		return seen{Error: err.Error()}
	}
	defer tree.Close()
	return seen{List: list(tree), Gaps: tree.Gaps(), Excluded: tree.Excluded()}
}

// rerun runs this binary to look at a directory. The path of the binary itself
// may be out of reach for the other user, its inode is not.
func rerun(t *testing.T, attr *syscall.SysProcAttr, path string, env ...string) seen {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
	cmd.Env = append(os.Environ(), append(env, openVariable+"="+path)...)
	cmd.Dir = "/"
	cmd.SysProcAttr = attr
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var s seen
	if err := json.Unmarshal(out, &s); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	return s
}

// asNobody looks at a directory as a user without privileges, for whom the
// permissions of directories mean something.
func asNobody(t *testing.T, path string) seen {
	t.Helper()
	if os.Getuid() != 0 {
		return see(path)
	}
	return rerun(t, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}, path)
}

// publicDir is a temporary directory that every user can reach.
func publicDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "environ-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Directories without permissions have to be opened again to remove them.
		filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if e != nil && e.IsDir() {
				os.Chmod(path, 0o755)
			}
			return nil
		})
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestUnreadableDirs(t *testing.T) {
	root := publicDir(t)
	write(t, root, "etc/hostname", "root/.venv/lib/evil.py", "listed/inside/x", "listed/file")
	for path, mode := range map[string]fs.FileMode{"root": 0, "listed": 0o444} {
		if err := os.Chmod(filepath.Join(root, path), mode); err != nil {
			t.Fatal(err)
		}
	}
	s := asNobody(t, root)
	// The directory with 0444 can be listed, but nothing in it can be opened.
	want := []string{"d/", "d/etc", "f/etc/hostname", "d/listed", "f/listed/file", "d/listed/inside", "d/root"}
	if diff := cmp.Diff(want, s.List); diff != "" {
		t.Errorf("%s%s", s.Error, diff)
	}
	detail := Denied
	gaps := []sbom.Gap{
		{Kind: sbom.GapPermission, Path: "/listed/inside", Detail: detail},
		{Kind: sbom.GapPermission, Path: "/root", Detail: detail},
	}
	if diff := cmp.Diff(gaps, s.Gaps); diff != "" {
		t.Error(diff)
	}

	closed := asNobody(t, filepath.Join(root, "root"))
	if !strings.Contains(closed.Error, "run as a user who may read it") {
		t.Errorf("unreadable root: %q", closed.Error)
	}
}

// bothWays runs a test with openat2(2) and with what replaces it.
func bothWays(t *testing.T, f func(t *testing.T, open func(root string) *Tree)) {
	for name, stepwise := range map[string]bool{"openat2": false, "stepwise": true} {
		t.Run(name, func(t *testing.T) {
			f(t, func(root string) *Tree {
				t.Helper()
				d, err := openDisk(root)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { d.close() })
				d.stepwise = d.stepwise || stepwise
				w := newWalker(d, nil)
				if err := w.walk(t.Context()); err != nil {
					t.Fatal(err)
				}
				tree := w.build.tree()
				tree.ref, tree.disk = Ref{Scheme: SchemeDir, Path: root}, d
				tree.gaps, tree.excluded = w.findings()
				return tree
			})
		})
	}
}

func TestSpecialFilesAreNeverOpened(t *testing.T) {
	bothWays(t, func(t *testing.T, open func(string) *Tree) {
		root := t.TempDir()
		write(t, root, "victim", "link -> fifo")
		for name, mode := range map[string]uint32{"fifo": unix.S_IFIFO, "socket": unix.S_IFSOCK} {
			if err := unix.Mknod(filepath.Join(root, name), mode|0o600, 0); err != nil {
				t.Fatal(err)
			}
		}
		timetest.Ends(t, func() {
			tree := open(root)
			if diff := cmp.Diff([]string{"d/", "o/fifo", "l/link", "o/socket", "f/victim"}, list(tree)); diff != "" {
				t.Error(diff)
			}
			for _, name := range []string{"fifo", "socket", "link"} {
				if _, err := tree.OpenFile(tree.Lookup(name)); !errors.Is(err, errNotRegular) {
					t.Errorf("%s: %v", name, err)
				}
			}
			// A FIFO that takes a file's place after the walk.
			victim := filepath.Join(root, "victim")
			for _, mode := range []uint32{unix.S_IFIFO, unix.S_IFSOCK} {
				if err := errors.Join(os.Remove(victim), unix.Mknod(victim, mode|0o600, 0)); err != nil {
					t.Fatal(err)
				}
				if f, err := tree.OpenFile(tree.Lookup("victim")); err == nil {
					f.Close()
					t.Errorf("a file of type %#o was opened", mode)
				}
			}
			if err := errors.Join(os.Remove(victim), os.Mkdir(victim, 0o755)); err != nil {
				t.Fatal(err)
			}
			if _, err := tree.OpenFile(tree.Lookup("victim")); !errors.Is(err, errNotRegular) {
				t.Errorf("a directory: %v", err)
			}
		})
	})
}

// TestSwappedLinksDoNotEscape replaces, after the walk, a file and a directory by
// symbolic links to the outside.
func TestSwappedLinksDoNotEscape(t *testing.T) {
	bothWays(t, func(t *testing.T, open func(string) *Tree) {
		dir := t.TempDir()
		write(t, dir, "outside/passwd", "root/file", "root/directory/passwd", "root/inner/passwd", "root/other/passwd")
		root := filepath.Join(dir, "root")
		tree := open(root)
		file, passwd, inner := tree.Lookup("/file"), tree.Lookup("/directory/passwd"), tree.Lookup("/inner/passwd")
		for _, n := range []Node{file, passwd, inner} {
			if _, err := tree.ReadFile(n, 100); err != nil {
				t.Errorf("before: %v", err)
			}
		}
		for _, name := range []string{"file", "directory", "inner"} {
			if err := os.RemoveAll(filepath.Join(root, name)); err != nil {
				t.Fatal(err)
			}
		}
		write(t, root, "file -> ../outside/passwd", "directory -> "+filepath.Join(dir, "outside"), "inner -> other")
		for _, n := range []Node{file, passwd, inner} {
			if data, err := tree.ReadFile(n, 100); err == nil {
				t.Errorf("%s: read %q", tree.Path(n), data)
			} else if strings.Contains(err.Error(), dir) {
				t.Errorf("the error names a path of this machine: %v", err)
			}
		}
		if info, err := tree.Stat(passwd); err == nil {
			t.Errorf("stat: %v", info)
		}
		if info, err := tree.Stat(file); err != nil || info.Mode().Type() != fs.ModeSymlink {
			t.Errorf("stat of the new link: %v, %v", info, err)
		}
	})
}

// TestSwapDuringWalk exchanges a directory and a link to the outside as fast as
// it can while the tree is walked.
func TestSwapDuringWalk(t *testing.T) {
	bothWays(t, func(t *testing.T, open func(string) *Tree) {
		dir := t.TempDir()
		write(t, dir, "outside/secret", "root/swap/inside", "root/link -> ../outside")
		root := filepath.Join(dir, "root")
		ctx, stop := context.WithCancel(t.Context())
		swapping := make(chan error, 1)
		go func() {
			for ctx.Err() == nil {
				if err := unix.Renameat2(unix.AT_FDCWD, root+"/swap", unix.AT_FDCWD, root+"/link", unix.RENAME_EXCHANGE); err != nil {
					swapping <- err
					return
				}
			}
			swapping <- nil
		}()
		for range 200 {
			tree := open(root)
			for range tree.Named("secret") {
				t.Fatal("the walk left the root")
			}
			for _, gap := range tree.Gaps() {
				if gap.Kind != sbom.GapUnreadable || !strings.Contains(gap.Detail, "during the walk") {
					t.Errorf("gap: %+v", gap)
				}
			}
		}
		stop()
		if err := <-swapping; err != nil {
			t.Error(err)
		}
	})
}

// nest makes directories inside each other, one system call each, and returns a
// descriptor of the innermost.
func nest(t *testing.T, root, name string, depth int) int {
	t.Helper()
	fd, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range depth {
		if err := unix.Mkdirat(fd, name, 0o755); err != nil {
			t.Fatal(err)
		}
		next, err := unix.Openat(fd, name, unix.O_PATH|unix.O_DIRECTORY, 0)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(fd)
		fd = next
	}
	// os.RemoveAll would need a descriptor for each level.
	t.Cleanup(func() {
		if out, err := exec.Command("rm", "-rf", root).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	return fd
}

func TestPathsBeyondPathMax(t *testing.T) {
	bothWays(t, func(t *testing.T, open func(string) *Tree) {
		root := filepath.Join(t.TempDir(), "root")
		if err := os.Mkdir(root, 0o755); err != nil {
			t.Fatal(err)
		}
		const depth = 60
		name := strings.Repeat("d", 250)
		bottom := nest(t, root, name, depth)
		fd, err := unix.Openat(bottom, "file", unix.O_CREAT|unix.O_WRONLY, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := unix.Write(fd, []byte("found")); err != nil {
			t.Fatal(err)
		}
		unix.Close(fd)
		if err := unix.Symlinkat("file", bottom, "link"); err != nil {
			t.Fatal(err)
		}
		unix.Close(bottom)
		tree := open(root)
		if len(tree.Gaps()) > 0 {
			t.Errorf("gaps: %v", tree.Gaps())
		}
		path := strings.Repeat("/"+name, depth) + "/file"
		if data, err := tree.ReadFile(tree.Lookup(path), 100); err != nil || string(data) != "found" {
			t.Errorf("%q, %v", data, err)
		}
		link := tree.Child(tree.Parent(tree.Lookup(path)), "link")
		if tree.ResolveNode(link) != tree.Lookup(path) {
			t.Error("the link at the bottom leads nowhere")
		}
		if info, err := tree.Stat(link); err != nil || info.Mode().Type() != fs.ModeSymlink {
			t.Errorf("stat: %v, %v", info, err)
		}
	})
}

func TestTooDeepIsAGap(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	unix.Close(nest(t, root, "d", maxDepth+2))
	tree := openDir(t, root)
	gaps := tree.Gaps()
	if len(gaps) != 1 || gaps[0].Kind != sbom.GapLimit || gaps[0].Path != strings.Repeat("/d", maxDepth+1) {
		t.Errorf("%d gaps of %d nodes", len(gaps), tree.Len())
	}
	if tree.Len() != maxDepth+2 {
		t.Errorf("%d nodes", tree.Len())
	}
}

// TestResolveEqualsKernel compares Resolve with openat2(2) and
// RESOLVE_IN_ROOT, on random trees full of links.
func TestResolveEqualsKernel(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	parts := []string{"a", "b", "c", "l", "m", "n", "..", "."}
	path := func() string {
		var p []string
		for range 1 + random.IntN(5) {
			p = append(p, parts[random.IntN(len(parts))])
		}
		return strings.Join(p, "/")
	}
	found := 0
	for range 40 {
		root := t.TempDir()
		for _, dir := range []string{"", "a/", "b/", "a/b/", "a/b/c/"} {
			if dir != "" {
				write(t, root, dir)
			}
			for _, link := range []string{"l", "m", "n"} {
				target := path()
				if random.IntN(3) == 0 {
					target = "/" + target
				}
				write(t, root, dir+link+" -> "+target)
			}
		}
		write(t, root, "b/c")
		tree := openDir(t, root)
		fd, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY, 0)
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			p := path()
			for _, last := range []bool{true, false} {
				how := unix.OpenHow{Flags: unix.O_PATH, Resolve: unix.RESOLVE_IN_ROOT}
				got := tree.Resolve(p)
				if !last {
					how.Flags |= unix.O_NOFOLLOW
					got = tree.ResolveParent(p)
				}
				want := ""
				opened, err := unix.Openat2(fd, p, &how)
				for errors.Is(err, unix.EAGAIN) { // openat2(2): a rename anywhere, while ".." is followed
					opened, err = unix.Openat2(fd, p, &how)
				}
				if err == nil {
					real, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", opened))
					unix.Close(opened)
					if err != nil {
						t.Fatal(err)
					}
					if want = strings.TrimPrefix(real, root); want == "" {
						want = "/"
					}
					found++
				} else if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
					t.Fatalf("this test needs openat2: %v", err)
				}
				if tree.Path(got) != want {
					t.Fatalf("%q (last followed: %v): %q, the kernel says %q, in\n%s", p, last, tree.Path(got), want, strings.Join(list(tree), "\n"))
				}
			}
		}
		unix.Close(fd)
	}
	if found < 1000 {
		t.Errorf("only %d paths led anywhere: nothing was compared", found)
	}
}

// TestMountTable describes mounts that are not there: a directory is left out
// only if its device is the one in the table.
func TestMountTable(t *testing.T) {
	root := t.TempDir()
	write(t, root, "proc/real", "srv/proc/real", "hidden/proc/real", "tmp/real")
	var st unix.Stat_t
	if err := unix.Stat(root, &st); err != nil {
		t.Fatal(err)
	}
	here := func(path, fsType string, device uint64) *mountinfo.Info {
		return &mountinfo.Info{Mountpoint: root + path, FSType: fsType, Major: int(unix.Major(device)), Minor: int(unix.Minor(device))}
	}
	tree, err := open(t.Context(), Ref{Scheme: SchemeDir, Path: root}, Options{}, func() ([]*mountinfo.Info, error) {
		return []*mountinfo.Info{
			{Mountpoint: "/", FSType: "proc"},
			here("", "proc", st.Dev),
			here("/proc", "proc", st.Dev),
			here("/hidden/proc", "proc", st.Dev+1),
			here("/tmp", "tmpfs", st.Dev),
			here("-sibling/srv", "proc", st.Dev),
		}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	want := []string{"d/", "d/hidden", "d/hidden/proc", "f/hidden/proc/real", "d/proc", "d/srv", "d/srv/proc", "f/srv/proc/real", "d/tmp", "f/tmp/real"}
	if diff := cmp.Diff(want, list(tree)); diff != "" {
		t.Error(diff)
	}
	excluded := []sbom.Exclusion{{Path: "/proc", Reason: sbom.ExcludedPseudo, Detail: "proc", Count: 1}}
	if diff := cmp.Diff(excluded, tree.Excluded()); diff != "" {
		t.Error(diff)
	}
}

// TestMounts makes real mounts in a mount namespace of its own, which needs
// root.
func TestMounts(t *testing.T) {
	if os.Getenv("DEPAUDIT_E2E") != "1" {
		t.Skip("needs root: set DEPAUDIT_E2E=1")
	}
	root := publicDir(t)
	s := rerun(t, &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}, root, mountVariable+"="+strings.Join([]string{
		"proc " + root + "/proc",
		"file " + root + "/srv/proc",
		"tmpfs " + root + "/tmp",
		"file " + root + "/tmp/real",
		"sysfs " + root + "/tmp/sys",
		"proc " + root + "/with space/proc",
		// Mounted, then hidden under a tmpfs in which a user has a directory of
		// that name.
		"proc " + root + "/over/proc",
		"tmpfs " + root + "/over",
		"file " + root + "/over/proc",
	}, "\n"))
	want := []string{"d/", "d/over", "d/over/proc", "f/over/proc/file", "d/proc", "d/srv", "d/srv/proc", "f/srv/proc/file",
		"d/tmp", "d/tmp/real", "f/tmp/real/file", "d/tmp/sys", "d/with space", "d/with space/proc"}
	if diff := cmp.Diff(want, s.List); diff != "" {
		t.Errorf("%s%s", s.Error, diff)
	}
	excluded := []sbom.Exclusion{
		{Path: "/proc", Reason: sbom.ExcludedPseudo, Detail: "proc", Count: 1},
		{Path: "/tmp/sys", Reason: sbom.ExcludedPseudo, Detail: "sysfs", Count: 1},
		{Path: "/with space/proc", Reason: sbom.ExcludedPseudo, Detail: "proc", Count: 1},
	}
	if diff := cmp.Diff(excluded, s.Excluded); diff != "" {
		t.Error(diff)
	}
	if len(s.Gaps) > 0 {
		t.Errorf("gaps: %v", s.Gaps)
	}
}

// openFaulty opens a root on which system calls fail.
func openFaulty(t *testing.T, root string, fault func(call, path string) error) *Tree {
	t.Helper()
	d, err := openDisk(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.close() })
	d.fault = fault
	w := newWalker(d, nil)
	if err := w.walk(t.Context()); err != nil {
		t.Fatal(err)
	}
	tree := w.build.tree()
	tree.ref, tree.disk, tree.classify = Ref{Scheme: SchemeDir, Path: root}, d, func([]byte) Class { return 1 }
	tree.gaps, tree.excluded = w.findings()
	return tree
}

// TestListedIsNotMissing makes every system call on one path fail, with each
// error that a file system may return: what a directory lists and what cannot be
// read is a gap.
func TestListedIsNotMissing(t *testing.T) {
	root := t.TempDir()
	write(t, root, "opt/app/node_modules/a/package.json", "opt/app/node_modules/b/index.js", "opt/link -> app", "etc/x")
	for _, test := range []struct {
		call, path string
		errors     []error
		gap        string
	}{
		{"openat2", "opt/app/node_modules", []error{unix.ENOENT, unix.ESTALE, unix.ELOOP, unix.ENOTDIR, unix.EIO, unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.EACCES, unix.ENAMETOOLONG}, "/opt/app/node_modules"},
		{"openat2", "opt", []error{unix.ENOENT, unix.EIO}, "/opt"},
		{"getdents64", "opt/app/node_modules", []error{unix.ENOENT, unix.EIO, unix.ENOTDIR, unix.ESTALE, unix.EINVAL, io.EOF}, "/opt/app/node_modules"},
		{"readlinkat", "opt/link", []error{unix.ENOENT, unix.EIO, unix.EINVAL, unix.EACCES, unix.ESTALE}, "/opt/link"},
	} {
		for _, fails := range test.errors {
			t.Run(test.call+" "+test.path+" "+fails.Error(), func(t *testing.T) {
				tree := openFaulty(t, root, func(call, path string) error {
					if call == test.call && path == test.path {
						return fails
					}
					return nil
				})
				gaps := tree.Gaps()
				if len(gaps) != 1 || gaps[0].Path != test.gap || gaps[0].Kind != sbom.GapUnreadable && gaps[0].Kind != sbom.GapPermission {
					t.Errorf("gaps: %+v", gaps)
				}
				if tree.Lookup("/etc/x") == None {
					t.Error("the rest of the root was not read")
				}
			})
		}
	}
}

// TestOneFaultIsRepeated has each call on a path fail once: then nothing is
// missing.
func TestOneFaultIsRepeated(t *testing.T) {
	root := t.TempDir()
	write(t, root, "opt/app/node_modules/a/package.json", "opt/link -> app")
	for _, faulty := range []string{"openat2 opt/app/node_modules", "getdents64 opt/app", "readlinkat opt/link"} {
		var once sync.Once
		tree := openFaulty(t, root, func(call, path string) (err error) {
			if call+" "+path == faulty {
				once.Do(func() { err = unix.ENOENT })
			}
			return err
		})
		if gaps := tree.Gaps(); len(gaps) > 0 || tree.Lookup("/opt/app/node_modules/a/package.json") == None || tree.Target(tree.Lookup("/opt/link")) != "app" {
			t.Errorf("%s: %+v %v", faulty, gaps, list(tree))
		}
	}
}

// TestRemovedDuringWalk removes directories and links between the listing of
// their directory and their own: what no longer exists is no gap.
func TestRemovedDuringWalk(t *testing.T) {
	for _, removed := range []string{"opt/app/node_modules/a", "opt/app/node_modules", "opt/app", "opt/link"} {
		root := t.TempDir()
		write(t, root, "opt/app/node_modules/a/package.json", "opt/link -> app", "opt/rest/x")
		var once sync.Once
		tree := openFaulty(t, root, func(call, path string) error {
			if path == "opt/app/node_modules/a" || call == "readlinkat" && removed == "opt/link" {
				once.Do(func() { os.RemoveAll(filepath.Join(root, removed)) })
			}
			return nil
		})
		if gaps := tree.Gaps(); len(gaps) > 0 || tree.Lookup("/opt/rest/x") == None {
			t.Errorf("%s: %+v %v", removed, gaps, list(tree))
		}
	}
}

// TestFilesWithFaults reads files that their directory lists.
func TestFilesWithFaults(t *testing.T) {
	root := t.TempDir()
	write(t, root, "a/one", "a/two", "a/removed")
	for _, fails := range []error{unix.ENOENT, unix.ESTALE, unix.ELOOP, unix.EIO, unix.EMFILE} {
		tree := openFaulty(t, root, func(call, path string) error {
			if path == "a/one" {
				return fails
			}
			return nil
		})
		one := tree.Lookup("/a/one")
		_, statErr := tree.Stat(one)
		_, openErr := tree.OpenFile(one)
		_, _, classErr := tree.Classify(one)
		for _, err := range []error{statErr, openErr, classErr} {
			if err == nil || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%v: %v", fails, err)
			}
		}
		if _, err := tree.ReadFile(tree.Lookup("/a/two"), 10); err != nil {
			t.Error(err)
		}
		if faults := tree.Faults(); len(faults) != 1 || faults[0].Path != "/a/one" {
			t.Errorf("%v: %+v", fails, faults)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "a/one"), []byte("#!/bin/sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, fails := range []error{unix.EIO, io.EOF} {
		tree := openFaulty(t, root, func(call, path string) error {
			if call == "pread64" && path == "a/one" {
				return fails
			}
			return nil
		})
		if _, _, err := tree.Classify(tree.Lookup("/a/one")); err == nil || len(tree.Faults()) != 1 {
			t.Errorf("%v: no error, faults %v", fails, tree.Faults())
		}
	}
	tree := openFaulty(t, root, nil)
	if err := os.Remove(filepath.Join(root, "a/removed")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := tree.Classify(tree.Lookup("/a/removed")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if faults := tree.Faults(); len(faults) > 0 {
		t.Errorf("a removed file: %+v", faults)
	}
}
