package main

import (
	"encoding/json"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/query"
)

// stage is a copy of a real stage that a test may change, with the artifacts that
// prove it.
type provenStage struct {
	t    *testing.T
	root string
	dir  string   // of everything else
	args []string // of verify
}

// newProvenStage copies a stage without the packages in its caches, gets these
// from Debian's archive by "fetch", and makes the wheels of its lock.
func newProvenStage(t *testing.T, name string) *provenStage {
	roots := realRoots(t)
	s := &provenStage{t: t, root: filepath.Join(t.TempDir(), "root"), dir: t.TempDir()}
	t.Setenv("XDG_CACHE_HOME", filepath.Join(s.dir, "cache"))
	t.Setenv("HOME", s.dir)
	s.sh("cp", "-a", filepath.Join(roots, name), s.root)
	debs, err := filepath.Glob(s.at("/var/cache/apt/archives/*.deb"))
	if err != nil {
		t.Fatal(err)
	}
	for _, deb := range debs {
		if err := os.Remove(deb); err != nil {
			t.Fatal(err)
		}
	}
	wheels := filepath.Join(s.dir, "wheels")
	s.sh(filepath.Join(moduleRoot, "testdata/cpython/make-wheels.py"), "--out", wheels, "--lock", filepath.Join(s.dir, "lock"), filepath.Join(moduleRoot, "testdata/cpython/requirements.in"))
	s.args = []string{"--locks", filepath.Join(roots, "requirements.txt"), "--artifacts", wheels}
	out, stderr, code := program(t, s.dir, append([]string{"fetch", "dir:" + s.root}, s.args...)...)
	if code != exitPass {
		t.Fatalf("fetch: exit %d\n%s%s", code, out, stderr)
	}
	t.Log(out)
	return s
}

func (s *provenStage) sh(name string, args ...string) {
	s.t.Helper()
	if out, err := exec.CommandContext(s.t.Context(), name, args...).CombinedOutput(); err != nil {
		s.t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}

func (s *provenStage) at(path string) string { return filepath.Join(s.root, path) }

// verify returns the ledger with the exit code.
func (s *provenStage) verify(more ...string) (*query.Verify, int) {
	s.t.Helper()
	out, stderr, code := program(s.t, s.dir, slices.Concat([]string{"verify", "dir:" + s.root, "-o", "json"}, s.args, more)...)
	v := new(query.Verify)
	if err := json.Unmarshal([]byte(out), v); err != nil {
		s.t.Fatalf("exit %d: %v\n%s", code, err, stderr)
	}
	return v, code
}

// lines has the lines of the ledger by path.
func lines(v *query.Verify) map[string]audit.FileLine {
	m := make(map[string]audit.FileLine)
	for _, l := range v.Proof.Ledger.Lines {
		m[l.Path] = l
	}
	return m
}

// TestProofOfRealStage is the claim of CPython's release: every dependency of the
// stage that builds the source is from the operating system or locked, to the byte.
func TestProofOfRealStage(t *testing.T) {
	s := newProvenStage(t, "build-source")
	v, code := s.verify()
	if d := v.Dependencies; code != exitPass || d.Total != 159 || d.System != 118 || d.Locked != 41 {
		t.Fatalf("exit %d, %+v: 159 proved are expected, 118 by the archive's key and 41 by the lock", code, d)
	}
	// What is left is a list that a person can read.
	for _, l := range v.Proof.Ledger.Lines {
		if l.Status != audit.FileDerived && l.Path != "/etc/apt/sources.list" && l.Path != "/etc/python3/debian_config" {
			t.Errorf("%s: %s", l.Status, l.Path)
		}
	}
	t.Run("attacks", func(t *testing.T) { s.attacks() })
	t.Run("one byte in each of 1000 files", func(t *testing.T) { s.flips(1000) })
}

// attacks change one thing each. The ledger must have the path, with the status
// and what differs.
func (s *provenStage) attacks() {
	for _, a := range []struct {
		name, path string
		attack     string // of a shell, in the root
		status     audit.FileStatus
		how        string
	}{
		{"bash replaced", "/usr/bin/bash", "cp usr/bin/dash usr/bin/bash", audit.FileChanged, "content"},
		{"bash replaced, its record edited", "/usr/bin/bash", `cp usr/bin/dash usr/bin/bash; s=$(md5sum <usr/bin/bash | cut -d' ' -f1); sed -i "s|^.*  bin/bash$|$s  bin/bash|" var/lib/dpkg/info/bash.md5sums`, audit.FileChanged, "content"},
		{"a set-id bit", "/usr/bin/env", "chmod u+s usr/bin/env", audit.FileChanged, "mode"},
		{"another owner", "/usr/bin/env", "chown 65534 usr/bin/env", audit.FileChanged, "owner"},
		{"a link for a file", "/usr/bin/env", "ln -sf dash usr/bin/env", audit.FileChanged, "type"},
		{"a link leads elsewhere", "/usr/bin/sh", "ln -sfn bash usr/bin/sh", audit.FileChanged, ""},
		{"a file is gone", "/usr/bin/env", "rm usr/bin/env", audit.FileMissing, ""},
		{"a maintainer script", "/var/lib/dpkg/info/bash.postinst", "echo id >>var/lib/dpkg/info/bash.postinst", audit.FileChanged, "content"},
		{"a configuration file", "/etc/debconf.conf", "echo >>etc/debconf.conf", audit.FileConffile, "content"},
		{"a wheel, its RECORD edited", "", `p=$(find . -path '*/about_time/__init__.py'); echo 'import os' >>$p; sed -i '/about_time.__init__.py,/s/,.*/,,/' $(dirname $p)/../about_time-*/RECORD; echo ${p#.} >../edited`, audit.FileChanged, "content"},
	} {
		s.t.Run(a.name, func(t *testing.T) {
			t.Helper()
			backup := filepath.Join(s.dir, "backup.tar")
			in := func(script string) {
				cmd := exec.CommandContext(t.Context(), "sh", "-euc", script)
				cmd.Dir = s.root
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			}
			places := "usr/bin/bash usr/bin/env usr/bin/sh etc/debconf.conf var/lib/dpkg/info/bash.md5sums var/lib/dpkg/info/bash.postinst"
			in("tar -cf " + backup + " --ignore-failed-read " + places + " $(find . -path '*/about_time*' -type f)")
			defer in("tar -xpf " + backup + " --same-owner --unlink-first")
			in(a.attack)
			path := a.path
			if path == "" {
				b, err := os.ReadFile(filepath.Join(s.root, "../edited"))
				if err != nil {
					t.Fatal(err)
				}
				path = strings.TrimSpace(string(b))
			}
			v, code := s.verify()
			l, found := lines(v)[path]
			want := exitFail
			if a.status == audit.FileConffile {
				want = exitPass
			}
			if !found || l.Status != a.status || a.how != "" && !slices.Contains(l.How, a.how) || code != want {
				t.Errorf("exit %d, %s: %+v", code, path, l)
			}
			if a.status != audit.FileConffile && v.Dependencies.Proved != 158 {
				t.Errorf("%d of 159 are proved", v.Dependencies.Proved)
			}
		})
	}
}

// flips changes one byte in each of n files of packages.
func (s *provenStage) flips(n int) {
	v, _ := s.verify()
	derived := lines(v)
	var files []string
	err := filepath.WalkDir(s.root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		path := strings.TrimPrefix(p, s.root)
		if _, other := derived[path]; !other && !strings.HasPrefix(path, "/var/lib/dpkg/") && !strings.HasPrefix(path, "/var/lib/apt/") {
			if info, err := d.Info(); err == nil && info.Size() > 0 {
				files = append(files, path)
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	r.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	files = files[:min(n, len(files))]
	for _, p := range files {
		info, err := os.Lstat(s.at(p))
		if err != nil {
			s.t.Fatal(err)
		}
		f, err := os.OpenFile(s.at(p), os.O_RDWR, 0)
		if err != nil {
			s.t.Fatal(err)
		}
		at, b := r.Int64N(info.Size()), make([]byte, 1)
		_, err = f.ReadAt(b, at)
		b[0] ^= 1 << r.IntN(8)
		if err == nil {
			_, err = f.WriteAt(b, at)
		}
		if closed := f.Close(); err == nil {
			err = closed
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	v, code := s.verify()
	got := lines(v)
	missed := 0
	for _, p := range files {
		l, found := got[p]
		if !found || l.Status != audit.FileChanged && l.Status != audit.FileConffile || !slices.Contains(l.How, "content") || l.Component == "" {
			missed++
			s.t.Logf("%s: %+v", p, l)
		}
	}
	if missed > 0 || code != exitFail && code != exitIncomplete {
		s.t.Errorf("exit %d: %d of %d changed files were not found", code, missed, len(files))
	}
}
