package scan

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/snapshot"
	"github.com/depaudit/depaudit/sbom/timetest"
)

// later is a time by which whatever was written has been left alone.
func later() time.Time { return time.Now().Add(time.Hour) }

func folderRef(root string) rootfs.Ref { return rootfs.Ref{Scheme: rootfs.SchemeDir, Path: root} }

// takeSnapshot takes one and brings it through its file.
func takeSnapshot(t testing.TB, root string, opts Options) *snapshot.Snapshot {
	t.Helper()
	s, err := Snapshot(context.Background(), folderRef(root), opts)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := snapshot.Write(&b, s); err != nil {
		t.Fatal(err)
	}
	back, err := snapshot.Read(&b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, back); diff != "" {
		t.Fatalf("a snapshot of a scan is not what is read back:\n%s", diff)
	}
	return back
}

// runSince scans and reports whether nothing had to be looked at.
func runSince(t testing.TB, root string, opts Options) (d *sbom.Document, unchanged bool) {
	t.Helper()
	opts.Progress = func(p Progress) { unchanged = unchanged || p.Unchanged }
	d, err := Run(context.Background(), folderRef(root), opts)
	if err != nil {
		t.Fatal(err)
	}
	return d, unchanged
}

func TestUnchanged(t *testing.T) {
	root := whatever(t).with(files{"/var/log/syslog": "one\n"}).plant(t)
	s := takeSnapshot(t, root, Options{Now: later()})
	for _, stamps := range []bool{true, false} {
		want, _ := runSince(t, root, Options{Fingerprints: stamps})
		got, unchanged := runSince(t, root, Options{Fingerprints: stamps, Since: s})
		if !unchanged {
			t.Error("nothing changed, and it was scanned")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("stamps %t (-scanned +recognised):\n%s", stamps, diff)
		}
		if has := slices.ContainsFunc(got.Components, func(c sbom.Component) bool { return c.Fingerprint != "" }); has != stamps {
			t.Errorf("stamps %t: has them: %t", stamps, has)
		}
	}
	if !slices.ContainsFunc(s.Document.Components, func(c sbom.Component) bool { return c.Fingerprint != "" }) {
		t.Error("the document of a snapshot has no stamps")
	}
	// Another way to write the same root.
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(root, link); err != nil {
		t.Fatal(err)
	}
	got, unchanged := runSince(t, link, Options{Since: s})
	if !unchanged || got.Environment.Ref != "dir:"+link {
		t.Errorf("through a link: unchanged %t, %+v", unchanged, got.Environment)
	}
}

// TestChanges makes one change at a time. Whatever it is, a scan since the
// snapshot must give what a scan gives; changed reports whether it may be
// recognised without one.
func TestChanges(t *testing.T) {
	base := whatever(t).with(files{
		"/var/log/syslog": "one\n", "/opt/data/x": "plain", "/usr/local/bin/unexecutable": "#!/bin/sh\n", "/srv/link": "-> app",
	})
	write := func(path, text string) func(string) error {
		return func(root string) error { return os.WriteFile(filepath.Join(root, path), []byte(text), 0o644) }
	}
	for _, c := range []struct {
		name    string
		changed bool
		do      func(root string) error
	}{
		{"a log grows", false, write("/var/log/syslog", "one\ntwo\n")},
		{"a log is written anew", false, func(root string) error {
			return errors.Join(os.WriteFile(filepath.Join(root, "new"), nil, 0o644), os.Rename(filepath.Join(root, "new"), filepath.Join(root, "/var/log/syslog")))
		}},
		{"a file of the system changes", false, write("/usr/bin/tool", "x")},
		{"a file becomes a program", true, write("/opt/data/x", "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x3e\x00")},
		{"a script becomes executable", true, func(root string) error { return os.Chmod(filepath.Join(root, "/usr/local/bin/unexecutable"), 0o755) }},
		{"a new file", true, write("/opt/data/y", "")},
		{"a file is gone", true, func(root string) error { return os.Remove(filepath.Join(root, "/opt/data/x")) }},
		{"a file has another name", true, func(root string) error {
			return os.Rename(filepath.Join(root, "/opt/data/x"), filepath.Join(root, "/opt/data/z"))
		}},
		{"a folder is a link", true, func(root string) error {
			return errors.Join(os.Rename(filepath.Join(root, "/opt/data"), filepath.Join(root, "/srv/data")), os.Symlink("../srv/data", filepath.Join(root, "/opt/data")))
		}},
		{"a link leads elsewhere", true, func(root string) error {
			return errors.Join(os.Remove(filepath.Join(root, "/srv/link")), os.Symlink("app2", filepath.Join(root, "/srv/link")))
		}},
		{"a version changes, and the time and size do not", true, func(root string) error {
			p := filepath.Join(root, site, "six-1.17.0.dist-info/METADATA")
			info, err := os.Stat(p)
			if err != nil {
				return err
			}
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			return errors.Join(os.WriteFile(p, bytes.Replace(data, []byte("1.17.0"), []byte("1.17.1"), 1), 0o644), os.Chtimes(p, info.ModTime(), info.ModTime()))
		}},
		{"a package of the system is new", true, func(root string) error {
			p := filepath.Join(root, "/var/lib/dpkg/status")
			data, err := os.ReadFile(p)
			return errors.Join(err, os.WriteFile(p, append(data, "Package: evil\nStatus: install ok installed\nArchitecture: amd64\nVersion: 6.6.6\n\n"...), 0o644))
		}},
		{"a list of a package grows", true, func(root string) error {
			return os.WriteFile(filepath.Join(root, "/var/lib/dpkg/info/tool.list"), []byte("/.\n/usr\n/usr/bin\n/usr/bin/tool\n/usr/local/bin/script\n"), 0o644)
		}},
		{"a program that nothing accounts for is touched", true, func(root string) error {
			return os.Chtimes(filepath.Join(root, "/usr/local/bin/gotool"), time.Unix(1e9, 0), time.Unix(1e9, 0))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			root := base.plant(t)
			s := takeSnapshot(t, root, Options{Now: later()})
			timetest.Tick(t, t.TempDir())
			if err := c.do(root); err != nil {
				t.Fatal(err)
			}
			want, _ := runSince(t, root, Options{Fingerprints: true})
			got, unchanged := runSince(t, root, Options{Fingerprints: true, Since: s})
			if unchanged == c.changed {
				t.Errorf("recognised as unchanged: %t", unchanged)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-scan +scan since):\n%s", diff)
			}
			// A snapshot that is taken since another one is as good.
			second := takeSnapshot(t, root, Options{Since: s, Now: later()})
			if diff := cmp.Diff(want, second.Document); diff != "" {
				t.Errorf("second snapshot:\n%s", diff)
			}
			if got, unchanged := runSince(t, root, Options{Fingerprints: true, Since: second}); !unchanged || cmp.Diff(want, got) != "" {
				t.Errorf("since the second snapshot: unchanged %t", unchanged)
			}
		})
	}
}

// TestRandomChanges holds the same for heaps of changes.
func TestRandomChanges(t *testing.T) {
	base := whatever(t)
	r := rand.New(rand.NewPCG(2026, 0))
	paths := sortedKeys(base)
	for range 6 {
		root := base.plant(t)
		s := takeSnapshot(t, root, Options{Now: later()})
		timetest.Tick(t, t.TempDir())
		for range r.IntN(6) {
			p := filepath.Join(root, paths[r.IntN(len(paths))])
			info, err := os.Lstat(p)
			if err != nil || !info.Mode().IsRegular() {
				continue
			}
			switch r.IntN(5) {
			case 0:
				err = os.Remove(p)
			case 1:
				err = os.Chmod(p, info.Mode()^0o111)
			case 2:
				err = os.WriteFile(p+".new", []byte("#!/bin/sh\n"), 0o755)
			case 3:
				from := filepath.Join(root, paths[r.IntN(len(paths))])
				if info, statErr := os.Lstat(from); statErr != nil || !info.Mode().IsRegular() {
					continue // reading a FIFO would wait for a writer
				}
				var other []byte
				if other, err = os.ReadFile(from); err == nil {
					err = os.WriteFile(p, other, 0o644)
				}
			case 4:
				var data []byte
				if data, err = os.ReadFile(p); err == nil && len(data) > 0 {
					data[r.IntN(len(data))] ^= 1
					err = errors.Join(os.WriteFile(p, data, 0o644), os.Chtimes(p, info.ModTime(), info.ModTime()))
				}
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		want, wantErr := Run(t.Context(), folderRef(root), Options{Fingerprints: true})
		got, err := Run(t.Context(), folderRef(root), Options{Fingerprints: true, Since: s})
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%v, want %v", err, wantErr)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-scan +scan since):\n%s", diff)
		}
	}
}

// What was written just before a snapshot could be written again without a
// change of its times: it must be read again.
func TestRacyFilesAreReadAgain(t *testing.T) {
	start := time.Now()
	f := whatever(t).with(files{"/opt/last/last-tool": "x:" + program(t)})
	root := f.plant(t)
	// The last change, on a machine that takes long for the others.
	if err := os.Chmod(filepath.Join(root, "/opt/last/last-tool"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, now := range map[string]time.Time{"the caller's clock": start, "the latest change": {}} {
		s := takeSnapshot(t, root, Options{Now: now})
		looked := 0
		for _, m := range s.Fingerprints.Files {
			if m.Read == 0 || now.IsZero() && m.Name != "last-tool" {
				continue
			}
			looked++
			if m.Fingerprint != (rootfs.Fingerprint{}) {
				t.Errorf("%s: %s has a state", name, m.Name)
			}
		}
		if looked == 0 {
			t.Errorf("%s: nothing was read", name)
		}
		if _, unchanged := runSince(t, root, Options{Since: s}); unchanged {
			t.Errorf("%s: recognised as unchanged", name)
		}
	}
}

// A snapshot of something else is of no use, and does no harm.
func TestForeignSnapshots(t *testing.T) {
	f := whatever(t)
	root, other := f.plant(t), f.with(files{"/opt/more": "x:" + program(t)}).plant(t)
	want, _ := runSince(t, root, Options{})
	mine := takeSnapshot(t, root, Options{Now: later()})
	binding := *mine
	fingerprints := *mine.Fingerprints
	fingerprints.Binding = strings.Replace(fingerprints.Binding, "counting rules", "counting rules of old,", 1)
	binding.Fingerprints = &fingerprints
	for name, s := range map[string]*snapshot.Snapshot{
		"another root": takeSnapshot(t, other, Options{Now: later()}), "other rules": &binding,
		"no fingerprints": {Document: mine.Document}, "no document": {Fingerprints: mine.Fingerprints}, "nothing": {},
	} {
		got, unchanged := runSince(t, root, Options{Since: s})
		if unchanged || cmp.Diff(want, got) != "" {
			t.Errorf("%s: unchanged %t\n%s", name, unchanged, cmp.Diff(want, got))
		}
	}
}

func TestSnapshotOfAnImage(t *testing.T) {
	root := whatever(t).plant(t)
	s, err := Snapshot(t.Context(), rootfs.Ref{Scheme: rootfs.SchemeOCIDir, Path: imageOf(t, root, 1)}, Options{Since: takeSnapshot(t, root, Options{})})
	if err != nil || s.Fingerprints != nil {
		t.Fatalf("%+v, %v", s, err)
	}
	folder, _ := runSince(t, root, Options{Fingerprints: true})
	if diff := cmp.Diff(comparable(t, folder), comparable(t, s.Document)); diff != "" {
		t.Errorf("stamps of an image differ from those of a folder:\n%s", diff)
	}
}

func TestSnapshotIsCancelled(t *testing.T) {
	root := whatever(t).plant(t)
	s := takeSnapshot(t, root, Options{Now: later()})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := Snapshot(ctx, folderRef(root), Options{}); got != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", got, err)
	}
	// While it compares: every moment between the walk and the end.
	for i := range 50 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*100*time.Microsecond)
		got, err := Run(ctx, folderRef(root), Options{Since: s})
		cancel()
		if (got == nil) == (err == nil) {
			t.Fatalf("%v, %v", got, err)
		}
	}
}

// TestFingerprints checks that a fingerprint changes if and only if the content
// below the directory changes.
func TestFingerprints(t *testing.T) {
	f := files{"/opt/tool/bin/tool": "x:" + program(t), "/opt/tool/lib/data": "1", "/opt/tool/link": "-> lib", "/opt/other": ""}
	stamp := func(root string) string {
		d, _ := runSince(t, root, Options{Fingerprints: true})
		if len(d.Components) != 1 {
			t.Fatalf("%+v", d.Components)
		}
		return d.Components[0].Fingerprint
	}
	at := time.Unix(1_700_000_000, 0)
	fixed := func() string {
		root := f.plant(t)
		for p := range f {
			if err := os.Chtimes(filepath.Join(root, p), at, at); p != "/opt/tool/link" && err != nil {
				t.Fatal(err)
			}
		}
		return root
	}
	want := stamp(fixed())
	if !strings.HasPrefix(want, "sha256:") || stamp(fixed()) != want {
		t.Errorf("%q is another one of a copy", want)
	}
	for name, do := range map[string]func(root string) error{
		"content": func(root string) error {
			return os.WriteFile(filepath.Join(root, "/opt/tool/lib/data"), []byte("2"), 0o644)
		},
		"permissions": func(root string) error { return os.Chmod(filepath.Join(root, "/opt/tool/lib/data"), 0o400) },
		"name": func(root string) error {
			return os.Rename(filepath.Join(root, "/opt/tool/lib/data"), filepath.Join(root, "/opt/tool/lib/date"))
		},
		"place": func(root string) error {
			return os.Rename(filepath.Join(root, "/opt/tool/lib/data"), filepath.Join(root, "/opt/tool/data"))
		},
		"link": func(root string) error {
			return errors.Join(os.Remove(filepath.Join(root, "/opt/tool/link")), os.Symlink("bin", filepath.Join(root, "/opt/tool/link")))
		},
		"time": func(root string) error {
			return os.Chtimes(filepath.Join(root, "/opt/tool/bin/tool"), at, at.Add(time.Second))
		},
		"setid": func(root string) error {
			return os.Chmod(filepath.Join(root, "/opt/tool/bin/tool"), 0o755|os.ModeSetuid)
		},
	} {
		root := fixed()
		if err := do(root); err != nil {
			t.Fatal(err)
		}
		if stamp(root) == want {
			t.Errorf("%s: the fingerprint is the same", name)
		}
	}
	for name, do := range map[string]func(root string) error{
		"a file beside it": func(root string) error { return os.WriteFile(filepath.Join(root, "/opt/other"), []byte("2"), 0o644) },
		"a fraction of a second": func(root string) error {
			return os.Chtimes(filepath.Join(root, "/opt/tool/bin/tool"), at, at.Add(time.Millisecond))
		},
	} {
		root := fixed()
		if err := do(root); err != nil {
			t.Fatal(err)
		}
		if stamp(root) != want {
			t.Errorf("%s: the fingerprint differs", name)
		}
	}
}
