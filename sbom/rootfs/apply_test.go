package rootfs

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
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
	"testing"

	"github.com/google/go-cmp/cmp"
)

// randomLayer makes entries over few names, so that they meet.
func randomLayer(r *rand.Rand) []string {
	name := func() string { return string(rune('a' + r.IntN(4))) }
	path := func() string {
		p := name()
		for r.IntN(2) == 0 && strings.Count(p, "/") < 3 {
			p += "/" + name()
		}
		return p
	}
	var entries []string
	for range r.IntN(14) {
		p := path()
		dir, base := "", p
		if i := strings.LastIndexByte(p, '/'); i >= 0 {
			dir, base = p[:i+1], p[i+1:]
		}
		switch r.IntN(10) {
		case 0, 1, 2:
			entries = append(entries, p+"/")
		case 3, 4:
			entries = append(entries, fmt.Sprintf("%s=%d", p, r.IntN(1000)))
		case 5:
			target := path()
			switch r.IntN(3) {
			case 0:
				target = "/" + target
			case 1:
				target = "../" + target
			}
			entries = append(entries, p+" -> "+target)
		case 6:
			entries = append(entries, p+" => "+path())
		case 7, 8:
			entries = append(entries, dir+".wh."+base)
		case 9:
			entries = append(entries, dir+".wh..wh..opq")
		}
	}
	return entries
}

// TestMergeEqualsUnpacking compares the merge of random layers with what comes
// out when they are unpacked into a directory, one entry after the other.
func TestMergeEqualsUnpacking(t *testing.T) {
	compared := 0
	for seed := range uint64(400) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { compared += equalsUnpacking(t, seed) })
	}
	if compared < 1000 {
		t.Errorf("only %d nodes were compared", compared)
	}
}

func equalsUnpacking(t *testing.T, seed uint64) int {
	r := rand.New(rand.NewPCG(seed, 1))
	// Below a directory of its own, so that the ".." of a link has somewhere
	// to go.
	root := filepath.Join(t.TempDir(), "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	var blobs [][]byte
	var all [][]string
	for range 1 + r.IntN(4) {
		entries := randomLayer(r)
		all = append(all, entries)
		blobs = append(blobs, layerOf(t, entries...))
		unpacker{t, root}.apply(blobs[len(blobs)-1])
	}
	tree := mustOpenBlobs(t, keepAll(), blobs...)
	directory := openDir(t, root)
	if diff := cmp.Diff(plainList(t, directory), plainList(t, tree)); diff != "" {
		t.Errorf("layers %q (gaps %v):\n%s", all, tree.Gaps(), diff)
	}
	return tree.Len()
}

// plainList is describe without the layers.
func plainList(t *testing.T, tree *Tree) []string {
	list := describe(t, tree)
	for i, s := range list {
		_, list[i], _ = strings.Cut(s, " ")
	}
	return list
}

// unpacker unpacks layers into a directory with nothing but system calls.
type unpacker struct {
	t    *testing.T
	root string
}

func (u unpacker) apply(blob []byte) {
	written := make(map[string]bool) // what this layer wrote, by real path
	r := tar.NewReader(bytes.NewReader(blob))
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			u.t.Fatal(err)
		}
		name := strings.TrimSuffix(h.Name, "/")
		dir, base := filepath.Split(name)
		if hiddenName, ok := strings.CutPrefix(base, ".wh."); ok {
			u.whiteout(dir, hiddenName, written)
			continue
		}
		// The target is looked up before what it replaces is gone.
		link := ""
		if h.Typeflag == tar.TypeLink {
			linkDir, linkBase := filepath.Split(h.Linkname)
			linkDir, err := u.resolve(linkDir)
			if err != nil {
				continue
			}
			link = filepath.Join(linkDir, linkBase)
			if info, err := os.Lstat(link); err != nil || info.IsDir() {
				continue
			}
		}
		dir, err = u.resolve(dir)
		if err != nil {
			continue
		}
		path := filepath.Join(dir, base)
		if link == path {
			continue
		}
		u.mkdirs(dir, written)
		keep := ""
		if link != "" {
			keep = u.root + "-link"
			u.must(os.Link(link, keep))
		}
		if info, err := os.Lstat(path); err == nil && !(info.IsDir() && h.Typeflag == tar.TypeDir) {
			u.must(os.RemoveAll(path))
			for p := range written {
				if strings.HasPrefix(p, path+"/") {
					delete(written, p)
				}
			}
		}
		switch h.Typeflag {
		case tar.TypeDir:
			if err := os.Mkdir(path, 0o755); !errors.Is(err, fs.ErrExist) {
				u.must(err)
			}
		case tar.TypeReg:
			content, err := io.ReadAll(r)
			u.must(err)
			u.must(os.WriteFile(path, content, 0o644))
		case tar.TypeSymlink:
			u.must(os.Symlink(h.Linkname, path))
		case tar.TypeLink:
			u.must(os.Rename(keep, path))
		}
		written[path] = true
	}
}

// whiteout hides a name in a directory, or with the name of the marker all.
func (u unpacker) whiteout(dir, name string, written map[string]bool) {
	real, err := u.resolve(dir)
	if err != nil || real != filepath.Join(u.root, dir) {
		return // through a link
	}
	if name != ".wh..opq" {
		u.hide(filepath.Join(real, name), written)
		return
	}
	entries, _ := os.ReadDir(real)
	for _, e := range entries {
		u.hide(filepath.Join(real, e.Name()), written)
	}
}

// hide removes what the layer did not write. It reports whether everything was removed.
func (u unpacker) hide(path string, written map[string]bool) bool {
	info, err := os.Lstat(path)
	if err != nil {
		return true
	}
	gone := !written[path]
	if info.IsDir() {
		entries, err := os.ReadDir(path)
		u.must(err)
		for _, e := range entries {
			gone = u.hide(filepath.Join(path, e.Name()), written) && gone
		}
	}
	if gone {
		u.must(os.Remove(path))
	}
	return gone
}

func (u unpacker) mkdirs(dir string, written map[string]bool) {
	if _, err := os.Lstat(dir); err == nil {
		return
	}
	u.mkdirs(filepath.Dir(dir), written)
	u.must(os.Mkdir(dir, 0o755))
	written[dir] = true
}

var errNotUnpacked = errors.New("cannot be unpacked")

// resolve follows the links of a path inside of the root, and takes what is
// missing as it is written.
func (u unpacker) resolve(path string) (string, error) {
	at, rest := u.root, path
	for links := 0; rest != ""; {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		if name == "" || name == "." {
			continue
		}
		if name == ".." {
			if at != u.root {
				at = filepath.Dir(at)
			}
			continue
		}
		next := filepath.Join(at, name)
		info, err := os.Lstat(next)
		switch {
		case err != nil || info.IsDir():
			at = next
		case info.Mode()&fs.ModeSymlink != 0:
			if links++; links > maxLinks {
				return "", errNotUnpacked
			}
			target, err := os.Readlink(next)
			u.must(err)
			if target[0] == '/' {
				at = u.root
			}
			rest = target + "/" + rest
		default:
			return "", errNotUnpacked
		}
	}
	return at, nil
}

func (u unpacker) must(err error) {
	if err != nil {
		u.t.Helper()
		u.t.Fatal(err)
	}
}

// TestMergeEqualsUmoci compares the merge of random layers with what umoci
// unpacks, for layers in which there is nothing to refuse.
func TestMergeEqualsUmoci(t *testing.T) {
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("set DEPAUDIT_E2E=1 to compare with umoci")
	}
	compared := 0
	for seed := range uint64(400) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { compared += equalsUmoci(t, seed) })
	}
	if compared < 300 {
		t.Errorf("only %d nodes were compared", compared)
	}
}

func equalsUmoci(t *testing.T, seed uint64) int {
	r := rand.New(rand.NewPCG(seed, 2))
	var blobs [][]byte
	var all [][]string
	for range 1 + r.IntN(4) {
		entries := randomLayer(r)
		all, blobs = append(all, entries), append(blobs, layerOf(t, entries...))
	}
	tree := mustOpenBlobs(t, keepAll(), blobs...)
	if len(tree.Gaps()) > 0 || tree.Len() == 1 {
		return 0
	}
	layout, bundle := filepath.Join(t.TempDir(), "layout"), filepath.Join(t.TempDir(), "bundle")
	writeLayout(t, layout, blobs)
	cmd := exec.CommandContext(t.Context(), "umoci", "unpack", "--rootless", "--image", layout+":test", bundle)
	out, err := cmd.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		t.Fatal(err)
	}
	if err != nil {
		// A link to itself behind a whiteout, say, which it follows for ever.
		t.Logf("layers %q: umoci does not unpack this: %v: %.300s", all, err, out)
		return 0
	}
	directory := openDir(t, filepath.Join(bundle, "rootfs"))
	if diff := cmp.Diff(plainList(t, directory), plainList(t, tree)); diff != "" {
		t.Errorf("layers %q:\n%s", all, diff)
	}
	// The same through the reference of the layout.
	opened, err := Open(t.Context(), Ref{Scheme: SchemeOCIDir, Path: layout, Tag: "test"}, keepAll())
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if diff := cmp.Diff(describe(t, tree), describe(t, opened)); diff != "" {
		t.Error(diff)
	}
	return tree.Len()
}

// writeLayout writes an OCI layout of one image with the tag "test".
func writeLayout(t testing.TB, dir string, layers [][]byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "blobs", "sha256"), 0o755); err != nil {
		t.Fatal(err)
	}
	type descriptor struct {
		MediaType   string            `json:"mediaType"`
		Digest      string            `json:"digest"`
		Size        int               `json:"size"`
		Annotations map[string]string `json:"annotations,omitempty"`
	}
	put := func(mediaType string, b []byte) descriptor {
		sum := fmt.Sprintf("%x", sha256.Sum256(b))
		if err := os.WriteFile(filepath.Join(dir, "blobs", "sha256", sum), b, 0o644); err != nil {
			t.Fatal(err)
		}
		return descriptor{MediaType: mediaType, Digest: "sha256:" + sum, Size: len(b)}
	}
	text := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var descriptors []descriptor
	var diffIDs []string
	for _, l := range layers {
		d := put("application/vnd.oci.image.layer.v1.tar", l)
		descriptors, diffIDs = append(descriptors, d), append(diffIDs, d.Digest)
	}
	config := put("application/vnd.oci.image.config.v1+json", text(map[string]any{
		"architecture": "amd64", "os": "linux", "config": map[string]any{},
		"rootfs": map[string]any{"type": "layers", "diff_ids": diffIDs},
	}))
	manifest := put("application/vnd.oci.image.manifest.v1+json", text(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": descriptors,
	}))
	manifest.Annotations = map[string]string{"org.opencontainers.image.ref.name": "test"}
	index := text(map[string]any{"schemaVersion": 2, "manifests": []descriptor{manifest}})
	for name, b := range map[string][]byte{"index.json": index, "oci-layout": []byte(`{"imageLayoutVersion":"1.0.0"}`)} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
