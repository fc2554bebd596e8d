package artifact

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sample is a manifest with a value in every field.
func sample() *Manifest {
	return &Manifest{
		Kind: Deb, Name: "hello", Version: "1:2", Arch: "amd64",
		Files: []File{
			{Path: "usr", Type: 'd', Mode: 0o755, User: "root", Group: "root"},
			{Path: "usr/bin/a", Type: 'f', Mode: 0o4755, User: "root", Group: "tty", Size: 3, Digest: sum("abc"), Capabilities: []byte{1, 0}},
			{Path: "usr/bin/b", Type: 'h', Mode: 0o4755, User: "root", Group: "tty", Size: 3, Digest: sum("abc"), Target: "usr/bin/a"},
			{Path: "usr/bin/c", Type: 'l', User: "root", Group: "root", Target: "a"},
			{Path: "run", Place: "scripts", Type: 'f', Size: 1 << 40, Digest: sum("x"), Rest: sum("y"), Rewrite: RewriteShebang},
		},
		Conffiles: []string{"etc/a", "etc/b"},
		Scripts:   []File{{Path: "postinst", Type: 'f', Mode: 0o755, Digest: sum("z"), Size: 1}},
		Record:    map[string]string{"Package": "hello", "Description": "a\nb"},
		Programs:  []Program{{"x", "a:b"}},
	}
}

func TestEncoding(t *testing.T) {
	data, err := encode("key", sample())
	if err != nil {
		t.Fatal(err)
	}
	m, err := decode("key", data)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(sample(), m); d != "" {
		t.Error(d)
	}
	if _, err := decode("another", data); err == nil {
		t.Error("the manifest of another artifact was accepted")
	}
	for i := range data {
		bad := bytes.Clone(data)
		bad[i] ^= 1
		if _, err := decode("key", bad); err == nil {
			t.Fatalf("a flipped bit in byte %d was accepted", i)
		}
		if _, err := decode("key", data[:i]); err == nil {
			t.Fatalf("%d of %d bytes were accepted", i, len(data))
		}
	}
}

func TestCache(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "cache")
	var warnings []string
	warn := func(s string) { warnings = append(warnings, s) }
	c := openCache(dir, warn)
	if m := c.load(Deb, "sha256:00"); m != nil {
		t.Error("a manifest in an empty cache")
	}
	c.save(Deb, "sha256:00", sample())
	if d := cmp.Diff(sample(), c.load(Deb, "sha256:00")); d != "" {
		t.Error(d)
	}
	if c.load(Wheel, "sha256:00") != nil || c.load(Deb, "sha256:01") != nil {
		t.Error("the manifest of another artifact")
	}
	// One under the name of another is not believed.
	from, to := c.name(cacheKey(Deb, "sha256:00")), c.name(cacheKey(Deb, "sha256:01"))
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if c.load(Deb, "sha256:01") != nil {
		t.Error("a renamed manifest was believed")
	}
	// A damaged one is replaced.
	data[len(data)/2] ^= 1
	if err := os.WriteFile(from, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if c.load(Deb, "sha256:00") != nil {
		t.Error("a damaged manifest was believed")
	}
	c.save(Deb, "sha256:00", sample())
	if c.load(Deb, "sha256:00") == nil {
		t.Error("a damaged manifest was not replaced")
	}
	if len(warnings) > 0 {
		t.Error(warnings)
	}
	if names, _ := filepath.Glob(filepath.Join(dir, temporaryPrefix+"*")); len(names) > 0 {
		t.Errorf("left behind: %q", names)
	}
}

// TestCacheOfOthers checks that a directory that others may write to is not used.
func TestCacheOfOthers(t *testing.T) {
	if !isUnix {
		t.Skip("modes of Unix")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	var warnings []string
	if c := openCache(dir, func(s string) { warnings = append(warnings, s) }); c != nil {
		t.Error("a cache that every user may write to is used")
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "chmod 700") {
		t.Error(warnings)
	}
	if c := openCache(filepath.Join(dir, "file\x00"), nil); c != nil {
		t.Error("a cache in an invalid directory")
	}
}

// TestCacheTrim checks that the oldest manifests are removed, and abandoned files.
func TestCacheTrim(t *testing.T) {
	if !isUnix {
		t.Skip("locks of Unix")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	abandoned := filepath.Join(dir, temporaryPrefix+"1")
	if err := os.WriteFile(abandoned, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := openCache(dir, nil)
	c.save(Deb, "sha256:00", sample())
	if _, err := os.Stat(abandoned); err == nil {
		t.Error("an abandoned file is still there")
	}
	big := filepath.Join(dir, "old"+manifestSuffix)
	if err := os.WriteFile(big, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, maxCache); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(big, time.Unix(1, 0), time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	c.trim()
	if _, err := os.Stat(big); err == nil {
		t.Error("the cache is over its limit")
	}
	if c.load(Deb, "sha256:00") == nil {
		t.Error("the newest manifest was removed")
	}
}
