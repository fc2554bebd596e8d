package scan

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// TestTooLarge scans metadata files of all kinds that are larger than any
// parser should read. Each is a gap with its path, and the rest is scanned.
func TestTooLarge(t *testing.T) {
	root := t.TempDir()
	sparse := func(path, head string, size int64) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(head), 0o644); err != nil {
			t.Fatal(err)
		}
		if size > 0 {
			if err := os.Truncate(path, size); err != nil {
				t.Fatal(err)
			}
		}
	}
	const site = "opt/py/lib/python3.11/site-packages/"
	large := []string{
		"opt/app/node_modules/a/package.json", "opt/app/node_modules/.package-lock.json",
		site + "x-1.0.dist-info/METADATA", site + "y-1.0.dist-info/RECORD",
		"opt/gem/specifications/x-1.0.gemspec", "opt/r/library/x/DESCRIPTION", "opt/conda/conda-meta/x-1.0-0.json",
		"opt/php/vendor/composer/installed.json", "opt/net/app.deps.json", "opt/lua/x/1.0-1/x-1.0-1.rockspec",
		"var/db/pkg/c/p-1/CONTENTS", "snap/manifest.yaml", "nix/var/nix/db/db.sqlite",
	}
	for _, path := range large {
		sparse(path, "{", 3<<30)
	}
	sparse(site+"y-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: y\nVersion: 1.0\n", 0)
	sparse("opt/app/node_modules/ok/package.json", `{"name":"ok","version":"1.0.0"}`, 0)
	manifest := zipOf(t, "META-INF/MANIFEST.MF", strings.Repeat("a", 20<<20))
	sparse("opt/java/manifest.jar", manifest, 0)
	bomb := bombOf(t, 300)
	sparse("opt/java/bomb-1.0.jar", bomb, 0)
	sparse("opt/java/bomb.zip", bomb, 0)
	large = append(large, "opt/java/manifest.jar", "opt/java/bomb-1.0.jar", "opt/java/bomb.zip")

	doc, err := Run(t.Context(), rootfs.Ref{Scheme: rootfs.SchemeDir, Path: root}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range large {
		if !slices.ContainsFunc(doc.Gaps, func(g sbom.Gap) bool { return g.Path == "/"+path }) {
			t.Errorf("no gap for %s", path)
		}
	}
	if !slices.ContainsFunc(doc.Components, func(c sbom.Component) bool { return c.Name == "ok" }) {
		t.Error("the package beside them was not found")
	}
	if t.Failed() {
		t.Logf("%+v", doc.Gaps)
	}
}

// zipOf makes a zip file of pairs of names and contents.
func zipOf(t *testing.T, entries ...string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(entries); i += 2 {
		w, err := z.Create(entries[i])
		if err == nil {
			_, err = w.Write([]byte(entries[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// bombOf makes an archive with one of many MiB in it, whose compressed blocks are all
// the same.
func bombOf(t *testing.T, size int) string {
	t.Helper()
	text := bytes.Repeat([]byte("a"), 1<<20)
	var block bytes.Buffer
	compressed, err := flate.NewWriter(&block, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := compressed.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := compressed.Flush(); err != nil {
		t.Fatal(err)
	}
	end := block.Len()
	if err := compressed.Close(); err != nil {
		t.Fatal(err)
	}
	sum := uint32(0)
	for range size {
		sum = crc32.Update(sum, crc32.IEEETable, text)
	}
	data := append(bytes.Repeat(block.Bytes()[:end], size), block.Bytes()[end:]...)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	manifest, err := z.Create("META-INF/MANIFEST.MF")
	if err == nil {
		_, err = manifest.Write([]byte("Bundle-Version: 1\n"))
	}
	if err != nil {
		t.Fatal(err)
	}
	inner, err := z.CreateRaw(&zip.FileHeader{Name: "lib/x.jar", Method: zip.Deflate, CRC32: sum, CompressedSize64: uint64(len(data)), UncompressedSize64: uint64(size << 20)})
	if err == nil {
		_, err = inner.Write(data)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
