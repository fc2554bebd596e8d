package layer

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/depaudit/depaudit/sbom/rootfs/internal/sums"
	"github.com/google/go-cmp/cmp"
)

// counted is a blob that counts how often it is opened.
func counted(blob []byte) (Blob, *atomic.Int64) {
	s := sourceOf(blob)
	n := new(atomic.Int64)
	s.Open = func(context.Context) (io.ReadCloser, error) {
		n.Add(1)
		return io.NopCloser(bytes.NewReader(blob)), nil
	}
	return s, n
}

func openCache(t testing.TB) *Cache {
	t.Helper()
	c, err := OpenCache(filepath.Join(t.TempDir(), "a", "cache"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustRead(t testing.TB, c *Cache, s Blob, opts Options) *Index {
	t.Helper()
	x, err := c.Read(t.Context(), s, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

func TestCache(t *testing.T) {
	c := openCache(t)
	s, reads := counted(gzipped(archive(t, files(3000)...)))
	first := mustRead(t, c, s, keepAll)
	var bytes, entries atomic.Int64
	opts := keepAll
	opts.Progress = func(b, e int64) { bytes.Add(b); entries.Add(e) }
	second := mustRead(t, c, s, opts)
	if reads.Load() != 1 {
		t.Errorf("read %d times", reads.Load())
	}
	if diff := cmp.Diff(dump(t, first), dump(t, second)); diff != "" {
		t.Error(diff)
	}
	if bytes.Load() != s.Size || entries.Load() != first.Len() {
		t.Errorf("progress: %d bytes and %d entries", bytes.Load(), entries.Load())
	}

	opts = keepAll
	opts.Rule.ID = "another"
	opts.Rule.Keep = nil
	if x := mustRead(t, c, s, opts); reads.Load() != 2 || x.Kept() != 0 {
		t.Errorf("another rule: read %d times, kept %d bytes", reads.Load(), x.Kept())
	}
	opts.Rule.ID = ""
	mustRead(t, c, s, opts)
	mustRead(t, c, s, opts)
	if reads.Load() != 4 {
		t.Errorf("a rule without an ID: read %d times", reads.Load())
	}
	var none *Cache
	mustRead(t, none, s, keepAll)
	if reads.Load() != 5 {
		t.Errorf("no cache: read %d times", reads.Load())
	}
	for _, name := range names(t, c.dir) {
		info, err := os.Stat(filepath.Join(c.dir, name))
		if err != nil || isUnix && info.Mode().Perm() != 0o600 || strings.HasPrefix(name, temporaryPrefix) {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if info, err := os.Stat(c.dir); err != nil || isUnix && info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// TestNothingWrongIsCached wants that an error leaves nothing that the next
// one would believe.
func TestNothingWrongIsCached(t *testing.T) {
	c := openCache(t)
	good := archive(t, files(10)...)
	s := sourceOf(good)
	s.Open = func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(archive(t, files(11)...))), nil
	}
	s.Size = 0
	if _, err := c.Read(t.Context(), s, keepAll); err == nil {
		t.Fatal("a wrong digest was accepted")
	}
	for _, name := range names(t, c.dir) {
		if !strings.HasPrefix(name, lockPrefix) {
			t.Errorf("left %s", name)
		}
	}
}

// damage gives every way in which a file of the cache is broken here.
func damage(good []byte) map[string][]byte {
	ways := map[string][]byte{
		"empty":       nil,
		"one byte":    good[:1],
		"no footer":   good[:int64(len(good))-footerSize],
		"doubled":     append(bytes.Clone(good), good...),
		"longer":      append(bytes.Clone(good), 0),
		"all zero":    make([]byte, len(good)),
		"footer only": good[int64(len(good))-footerSize:],
	}
	for i := range 40 {
		at := i * (len(good) - 1) / 39
		b := bytes.Clone(good)
		b[at] ^= 0x81
		ways[fmt.Sprintf("byte %d", at)] = b
		ways[fmt.Sprintf("cut at %d", at)] = good[:at]
	}
	older := bytes.Clone(good)
	copy(older[len(older)-len(fileMagic):], strings.Replace(fileMagic, formatVersion, "0", 1))
	ways["older"] = older
	return ways
}

func TestDamagedFilesAreReplaced(t *testing.T) {
	c := openCache(t)
	s, reads := counted(archive(t, files(500)...))
	want := dump(t, mustRead(t, c, s, keepAll))
	path := filepath.Join(c.dir, cacheName(s.Digest, "all"))
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range damage(good) {
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		before := reads.Load()
		if diff := cmp.Diff(want, dump(t, mustRead(t, c, s, keepAll))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if reads.Load() != before+1 {
			t.Errorf("%s: read %d times", name, reads.Load()-before)
		}
		if again, err := os.ReadFile(path); err != nil || !bytes.Equal(again, good) {
			t.Errorf("%s was not replaced: %v", name, err)
		}
	}
	// The file of another layer under this one's name.
	other, _ := counted(archive(t, files(7)...))
	mustRead(t, c, other, keepAll)
	if err := os.Rename(filepath.Join(c.dir, cacheName(other.Digest, "all")), path); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, dump(t, mustRead(t, c, s, keepAll))); diff != "" {
		t.Error(diff)
	}
	// No file at all, but something that must not be waited for or followed.
	for _, make := range []func() error{
		func() error { return os.Symlink("/etc/passwd", path) },
		func() error { return os.Mkdir(path, 0o700) },
	} {
		os.Remove(path)
		if err := make(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, dump(t, mustRead(t, c, s, keepAll))); diff != "" {
			t.Error(diff)
		}
	}
}

// TestReadersKeepWhatIsRemoved removes and replaces a file while it is read.
func TestReadersKeepWhatIsRemoved(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("open files cannot be removed")
	}
	c := openCache(t)
	s, _ := counted(archive(t, files(2000)...))
	mustRead(t, c, s, keepAll)
	x := mustRead(t, c, s, keepAll)
	c.limit = 0
	c.trim("")
	if left, _ := filepath.Glob(filepath.Join(c.dir, "*"+cacheSuffix)); len(left) != 0 {
		t.Fatalf("left %q", left)
	}
	if got := dump(t, x); len(got) != 2001 {
		t.Errorf("%d entries", len(got))
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := openCache(t)
	var sources []Blob
	for i := range 10 {
		s, _ := counted(archive(t, files(100+i)...))
		sources = append(sources, s)
		mustRead(t, c, s, keepAll)
		// File systems count time in steps of some milliseconds.
		old := time.Unix(int64(1000+i), 0)
		if err := os.Chtimes(filepath.Join(c.dir, cacheName(s.Digest, "all")), old, old); err != nil {
			t.Fatal(err)
		}
	}
	mustRead(t, c, sources[0], keepAll) // used again: now the newest
	info, err := os.Stat(filepath.Join(c.dir, cacheName(sources[0].Digest, "all")))
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "linux" && time.Since(info.ModTime()) > time.Hour {
		t.Errorf("using a file did not mark it: %v", info.ModTime())
	}
	abandoned := filepath.Join(c.dir, temporaryPrefix+"1")
	if err := os.WriteFile(abandoned, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	busy, err := os.Create(filepath.Join(c.dir, temporaryPrefix+"2"))
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	lockFile(busy)
	foreign := filepath.Join(c.dir, "README")
	if err := os.WriteFile(foreign, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	c.limit = 4*info.Size() + info.Size()/2
	last, _ := counted(archive(t, files(99)...))
	mustRead(t, c, last, keepAll)
	left := strings.Join(names(t, c.dir), " ")
	for i, s := range append(sources, last) {
		if want := i == 0 || i >= 9 || i == 8; strings.Contains(left, cacheName(s.Digest, "all")) != want {
			t.Errorf("file %d: there must be one: %v", i, want)
		}
	}
	if _, err := os.Stat(abandoned); isUnix && err == nil {
		t.Error("what a killed process left is still there")
	}
	if _, err := os.Stat(busy.Name()); err != nil {
		t.Error("what another process writes was removed")
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Error("a file that is not the cache's was removed")
	}
}

// TestSmallLayersSeldomTrim checks that the small layers of a fleet do not all look at
// every file of the cache, and that some do.
func TestSmallLayersSeldomTrim(t *testing.T) {
	c := openCache(t)
	const layers = 1600
	trimmed := 0
	for i := range layers {
		if c.trims(cacheName(fmt.Sprintf("sha256:%064x", i), "all"), 400) {
			trimmed++
		}
	}
	if trimmed < layers/trimOne/2 || trimmed > layers/trimOne*2 {
		t.Errorf("%d of %d small layers trim", trimmed, layers)
	}
	if !c.trims(cacheName("sha256:00", "all"), maxCache/trimShare) {
		t.Error("a large layer does not trim")
	}
}

// TestTogether checks many concurrent requests for the same layers, through
// caches that share no state, like those of two processes.
func TestTogether(t *testing.T) {
	c := openCache(t)
	var sources []Blob
	var reads []*atomic.Int64
	for i := range 4 {
		s, n := counted(gzipped(archive(t, files(1000+i)...)))
		sources, reads = append(sources, s), append(reads, n)
	}
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			other, err := OpenCache(c.dir, nil)
			if err != nil {
				t.Error(err)
				return
			}
			x, err := other.Read(t.Context(), sources[i%4], keepAll)
			if err != nil {
				t.Error(err)
				return
			}
			defer x.Close()
			if got := dump(t, x); len(got) != 1001+i%4 {
				t.Errorf("%d entries", len(got))
			}
		})
	}
	wg.Wait()
	for i, n := range reads {
		if isUnix && n.Load() != 1 {
			t.Errorf("layer %d was read %d times", i, n.Load())
		}
	}
}

func TestCacheDir(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	shared := filepath.Join(dir, "shared")
	if err := os.Mkdir(shared, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(shared, 0o777); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(dir, "foreign")
	if err := os.Mkdir(foreign, 0o700); err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{file: "not a directory", filepath.Join(file, "x"): "not a directory"}
	if isUnix {
		tests[shared] = "other users may write"
		if os.Geteuid() == 0 {
			if err := os.Chown(foreign, 12345, 12345); err != nil {
				t.Fatal(err)
			}
			tests[foreign] = "belongs to user 12345"
		}
	}
	for dir, want := range tests {
		if _, err := OpenCache(dir, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", dir, err, want)
		}
	}
}

// FuzzCacheFile reads any bytes as a file of the cache, also with a valid checksum,
// which lets the decoder see them. The file is rejected, or can be read to its end.
func FuzzCacheFile(f *testing.F) {
	c := openCache(f)
	s, _ := counted(archive(f, files(20)...))
	x, err := c.Read(context.Background(), s, keepAll)
	if err != nil {
		f.Fatal(err)
	}
	x.Close()
	good, err := os.ReadFile(filepath.Join(c.dir, cacheName(s.Digest, "all")))
	if err != nil {
		f.Fatal(err)
	}
	key := s.Digest + "\nall"
	f.Add(good)
	for _, bad := range damage(good) {
		f.Add(bad)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, b := range [][]byte{b, resum(b)} {
			path := filepath.Join(t.TempDir(), "x")
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			file, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			x, err := openIndex(file, key)
			if err != nil {
				continue
			}
			n := int64(0)
			for e, err := range x.Entries() {
				if err != nil {
					break
				}
				if n++; len(e.Path) > len(b) || len(e.Target) > len(b) || e.Kept == Whole && (e.Content < 0 || e.Size < 0 || e.Content+e.Size > int64(len(b))) {
					t.Fatalf("entry %+v of a file of %d bytes", e, len(b))
				}
			}
			if n > int64(len(b)) {
				t.Errorf("%d entries in %d bytes", n, len(b))
			}
		}
	})
}

// resum gives a file the checksum that its bytes have.
func resum(b []byte) []byte {
	at := int64(len(b)) - int64(len(fileMagic)) - 4
	if at < 0 {
		return b
	}
	b = bytes.Clone(b)
	binary.BigEndian.PutUint32(b[at:], crc32.Checksum(b[:at], castagnoli))
	return b
}

// TestCacheThatFails reads layers with a cache that can no longer be written: the
// indexes are the same as without it, and there is one warning.
func TestCacheThatFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	var warnings []string
	c, err := OpenCache(dir, func(text string) { warnings = append(warnings, text) })
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		s, _ := counted(gzipped(archive(t, files(100+i)...)))
		if diff := cmp.Diff(dump(t, mustRead(t, nil, s, keepAll)), dump(t, mustRead(t, c, s, keepAll))); diff != "" {
			t.Error(diff)
		}
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], dir) {
		t.Errorf("warnings: %q", warnings)
	}
}

// TestFullDisk reads a layer into a file that cannot be written. The error is not
// one of the archive, and the contents do not count as kept.
func TestFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	s, _ := counted(gzipped(archive(t, files(3000)...)))
	opts := keepAll
	opts.Kept = new(atomic.Int64)
	_, err = read(t.Context(), &s, &opts, full, "")
	if failed := (*writeError)(nil); !errors.As(err, &failed) || !errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), "archive") {
		t.Errorf("error: %v", err)
	}
	if n := opts.Kept.Load(); n != 0 {
		t.Errorf("%d bytes count as kept", n)
	}
}

// TestCacheOfSums reads a layer with and without digests.
func TestCacheOfSums(t *testing.T) {
	c := openCache(t)
	s, count := counted(archive(t, files(5)...))
	for _, test := range []struct {
		set   sums.Set
		reads int64
	}{{0, 1}, {0, 1}, {sums.BLAKE3, 2}, {sums.BLAKE3, 2}, {sums.MD5, 3}, {sums.All, 4}, {sums.SHA1, 4}, {sums.All, 4}, {0, 4}} {
		opts := keepAll
		opts.Sums = test.set
		x, err := c.Read(t.Context(), s, opts)
		if err != nil {
			t.Fatal(err)
		}
		if got := count.Load(); got != test.reads || x.Sums()&test.set != test.set {
			t.Errorf("digests %04b: read %d times, want %d, with %04b", test.set, got, test.reads, x.Sums())
		}
		x.Close()
	}
}
