package scan

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// imageOf makes an OCI layout of a directory, with that many layers: each file
// is in one of them, told by its path, and each directory in all. Whole systems
// are not compressed, which takes longer than all else.
func imageOf(t *testing.T, root string, layers int, env ...string) string {
	t.Helper()
	dir := t.TempDir()
	blobs := filepath.Join(dir, "blobs", "sha256")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(blobs, 0o755))
	type descriptor struct {
		MediaType string            `json:"mediaType"`
		Digest    string            `json:"digest"`
		Size      int64             `json:"size"`
		Platform  map[string]string `json:"platform,omitempty"`
	}
	blob := func(mediaType string, content any) descriptor {
		b, err := json.Marshal(content)
		must(err)
		sum := sha256.Sum256(b)
		must(os.WriteFile(filepath.Join(blobs, hex.EncodeToString(sum[:])), b, 0o644))
		return descriptor{MediaType: mediaType, Digest: "sha256:" + hex.EncodeToString(sum[:]), Size: int64(len(b))}
	}
	level := gzip.BestSpeed
	if slices.Contains(realRoots(t), root) {
		level = gzip.NoCompression
	}
	var descriptors []descriptor
	var diffIDs []string
	var history []map[string]string
	for i := range layers {
		f, err := os.CreateTemp(blobs, "layer")
		must(err)
		compressed, plain := sha256.New(), sha256.New()
		z, err := gzip.NewWriterLevel(io.MultiWriter(f, compressed), level)
		must(err)
		must(tarDir(io.MultiWriter(z, plain), root, func(p string, dir bool) bool {
			h := fnv.New32()
			io.WriteString(h, p)
			return dir || int(h.Sum32()%uint32(layers)) == i
		}))
		must(z.Close())
		info, err := f.Stat()
		must(err)
		must(f.Close())
		sum := hex.EncodeToString(compressed.Sum(nil))
		must(os.Rename(f.Name(), filepath.Join(blobs, sum)))
		descriptors = append(descriptors, descriptor{MediaType: "application/vnd.oci.image.layer.v1.tar+gzip", Digest: "sha256:" + sum, Size: info.Size()})
		diffIDs = append(diffIDs, "sha256:"+hex.EncodeToString(plain.Sum(nil)))
		history = append(history, map[string]string{"created_by": fmt.Sprintf("step %d", i+1)})
	}
	config := blob("application/vnd.oci.image.config.v1+json", map[string]any{
		"architecture": runtime.GOARCH, "os": "linux", "config": map[string]any{"Env": env},
		"rootfs": map[string]any{"type": "layers", "diff_ids": diffIDs}, "history": history,
	})
	manifest := blob("application/vnd.oci.image.manifest.v1+json", map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": descriptors,
	})
	manifest.Platform = map[string]string{"os": "linux", "architecture": runtime.GOARCH}
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []descriptor{manifest}})
	must(err)
	must(os.WriteFile(filepath.Join(dir, "index.json"), index, 0o644))
	must(os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion": "1.0.0"}`), 0o644))
	return dir
}

// tarDir writes what is in a directory, for which take returns true.
func tarDir(w io.Writer, root string, take func(path string, dir bool) bool) error {
	out := tar.NewWriter(w)
	seen := make(map[uint64]string)
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		rel := strings.TrimPrefix(strings.TrimPrefix(p, root), "/")
		if err != nil || rel == "" || !take(rel, d.IsDir()) {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode()&fs.ModeSocket != 0 {
			return nil // archives have none
		}
		target := ""
		if info.Mode()&fs.ModeSymlink != 0 {
			if target, err = os.Readlink(p); err != nil {
				return err
			}
		}
		h, err := tar.FileInfoHeader(info, target)
		if err != nil {
			return err
		}
		h.Name, h.Format = rel, tar.FormatPAX
		st := info.Sys().(*syscall.Stat_t)
		if first, ok := seen[st.Ino]; ok && info.Mode().IsRegular() {
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, first, 0
		} else if st.Nlink > 1 && info.Mode().IsRegular() {
			seen[st.Ino] = rel
		}
		if err := out.WriteHeader(h); err != nil || h.Typeflag != tar.TypeReg {
			return err
		}
		f, err := os.Open(p)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(out, f)
		return err
	})
	if err != nil {
		return err
	}
	return out.Close()
}

// whatever is a root in which every reader finds something to open.
func whatever(t *testing.T) files {
	return debs(map[string][]string{"tool": {"/usr/bin/tool", "/usr/lib/python3/dist-packages/inside-1.0.dist-info/METADATA"}}).
		with(dist(site, "six", "1.17.0", "../../../bin/six")).
		with(dist("/opt/venv/lib/python3.11/site-packages", "flask", "3.0.0")).
		with(files{
			"/usr/bin/tool": "x:" + program(t),
			"/usr/lib/python3/dist-packages/inside-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: inside\nVersion: 1.0\n",
			"/usr/local/bin/six":                                             "x:#!/usr/bin/python3\n",
			"/usr/local/bin/gotool":                                          "x:" + goProgram(t),
			"/usr/local/bin/script":                                          "x:#!/bin/sh\n",
			"/usr/local/lib/twin":                                            "=> /usr/local/bin/gotool",
			site + "/old-1.0.egg-info/PKG-INFO":                              "Metadata-Version: 1.0\nName: old\nVersion: 1.0\n",
			site + "/old-1.0.egg-info/top_level.txt":                         "old\n",
			site + "/old/__init__.py":                                        "",
			site + "/single-2.0.egg-info":                                    "Metadata-Version: 1.0\nName: single\nVersion: 2.0\n",
			site + "/listed-1.egg-info/PKG-INFO":                             "Metadata-Version: 1.0\nName: listed\nVersion: 1\n",
			site + "/listed-1.egg-info/installed-files.txt":                  "../listed.py\n",
			site + "/listed.py":                                              "",
			site + "/loose.py":                                               "",
			site + "/run.pth":                                                "import os\n",
			"/opt/app/app.jar":                                               mavenJar("org.x", "app", "1.0"),
			"/opt/app/hidden":                                                mavenJar("org.x", "hidden", "1.0"),
			"/opt/app/run.pyz":                                               "#!/usr/bin/python3\n" + zipped("__main__.py", ""),
			"/srv/app/package.json":                                          `{"name": "app", "version": "1.0.0", "dependencies": {"left-pad": "1"}}`,
			"/srv/app/package-lock.json":                                     `{}`,
			"/srv/app/node_modules/.package-lock.json":                       `{"name": "app", "version": "1.0.0", "lockfileVersion": 3, "packages": {"node_modules/left-pad": {"version": "1.3.0", "resolved": "https://registry.npmjs.org/left-pad/-/left-pad-1.3.0.tgz", "integrity": "sha512-XI5MPzVNApjAyhQzphX8BkmKsKUxD4LdyK24iZeQGinBN9yTQT3bFlCBy/aVx2HrNcqQGsdot8ghrjyrvMCoEA=="}}}`,
			"/srv/app/node_modules/left-pad/package.json":                    `{"name": "left-pad", "version": "1.3.0"}`,
			"/srv/app/node_modules/left-pad/index.js":                        "",
			brewed + "/Cellar/jq/1.8.1/INSTALL_RECEIPT.json":                 kegReceiptOf(true, "homebrew/core"),
			brewed + "/Cellar/jq/1.8.1/bin/jq":                               "x:" + program(t),
			"/home/u/.cache/pip/http/x":                                      "",
			"/home/u/.cache/pip/run":                                         "x:" + program(t),
			"/var/lib/gems/3.1.0/specifications/rake-13.0.gemspec":           "# -*- encoding: utf-8 -*-\n# stub: rake 13.0 ruby lib\n\nGem::Specification.new do |s|\n  s.name = \"rake\".freeze\n  s.version = \"13.0\"\nend\n",
			"/var/lib/gems/3.1.0/gems/rake-13.0/lib/rake.rb":                 "",
			"/usr/local/bin/rake":                                            "x:#!/usr/bin/ruby\n#\n# This file was generated by RubyGems.\n#\nload Gem.activate_bin_path('rake', 'rake', version)\n",
			"/usr/local/share/perl/5.36.0/Local/Tool.pm":                     "",
			"/usr/local/lib/libfoo.a":                                        "!<arch>\n",
			"/usr/local/lib/libscript.so":                                    "INPUT(libfoo.a)\n",
			"/usr/local/include/foo/foo.h":                                   "",
			"/usr/local/lib/pkgconfig/foo.pc":                                "",
			"/srv/app/vendor/composer/installed.json":                        `{"packages": [{"name": "a/b", "version": "1"}, {"name": "a/c", "version": "2", "installation-source": "source", "source": {"type": "git", "url": "https://x.example/c", "reference": "01"}}]}`,
			"/usr/local/lib/luarocks/rocks-5.1/foo/1.0-1/foo-1.0-1.rockspec": "package = \"foo\"\nversion = \"1.0-1\"\n",
			"/usr/local/lib/luarocks/rocks-5.1/foo/1.0-1/rock_manifest":      "rock_manifest = { lua = { [\"bar.lua\"] = \"6cf5\" } }\n",
			"/usr/local/share/lua/5.1/bar.lua":                               "",
			"/root/.dotnet/tools/.store/x/1.0.0/x/1.0.0/x.nuspec":            "<package/>",
			"/root/.dotnet/tools/.store/x/1.0.0/x/1.0.0/tools/any/DotnetToolSettings.xml":        "<DotNetCliTool><Commands><Command Name=\"x\"/></Commands></DotNetCliTool>",
			"/root/.nuget/packages/a/1.0.0/a.nuspec":                                             "<package><metadata><id>A</id></metadata></package>",
			"/root/.nuget/packages/a/1.0.0/.nupkg.metadata":                                      "{}",
			"/root/.dotnet/tools/x":                                                              "x:" + program(t),
			"/root/.cargo/.crates.toml":                                                          "[v1]\n\"one 1.0.0 (path+file:///src)\" = [\"one\"]\n",
			"/root/.cargo/bin/one":                                                               "x:" + program(t),
			"/srv/app/vendor/bundle/ruby/3.1.0/bundler/gems/g-0123456789ab/g.gemspec":            "Gem::Specification.new do |s|\n  s.name = \"g\"\n  s.version = \"1\"\nend\n",
			"/srv/app/vendor/bundle/ruby/3.1.0/bundler/gems/g-0123456789ab/.git/HEAD":            "ref: refs/heads/main\n",
			"/srv/app/vendor/bundle/ruby/3.1.0/bundler/gems/g-0123456789ab/.git/refs/heads/main": "0123456789abcdef0123456789abcdef01234567\n",
			"/srv/app/vendor/bundle/ruby/3.1.0/bundler/gems/g-0123456789ab/.git/config":          "[remote \"origin\"]\n\turl = /x/g-0f\n",
			"/srv/app/vendor/bundle/ruby/3.1.0/cache/bundler/git/g-0f/config":                    "[remote \"origin\"]\n\turl = https://x.example/g\n",
			"/var/lib/gems/3.1.0/cache/rake-13.0.gem":                                            "an archive\n",
			"/tmp/fifo": "fifo",
		})
}

// TestImageAndFolder scans roots as directories and as images of several layers:
// but for what an image alone has, the documents must be the same. It
// fails for everything that our rule of what to keep forgets.
func TestImageAndFolder(t *testing.T) {
	own := whatever(t).plant(t)
	compared := 0
	for _, root := range slices.Concat(fixtureRoots(t), realRoots(t), []string{own}) {
		several := []int{2}
		if root == own {
			several = []int{1, 3}
		}
		folder, err := Run(t.Context(), rootfs.Ref{Scheme: rootfs.SchemeDir, Path: root}, Options{})
		for _, layers := range several {
			image, imageErr := Run(t.Context(), rootfs.Ref{Scheme: rootfs.SchemeOCIDir, Path: imageOf(t, root, layers)}, Options{})
			if err != nil || imageErr != nil {
				if fmt.Sprint(err) != fmt.Sprint(imageErr) {
					t.Errorf("%s: as a folder %v, as an image %v", root, err, imageErr)
				}
				continue
			}
			compared++
			if image.Environment.Files != folder.Environment.Files || len(image.Environment.Image.Layers) != layers {
				t.Errorf("%s: %+v and %+v", root, image.Environment, folder.Environment)
			}
			for _, c := range image.Components {
				if c.Layer < 0 || c.Layer > layers || c.Layer == 0 && c.Kind != sbom.KindOS { // a package without files has none
					t.Errorf("%s: %s is of layer %d of %d", root, c.ID, c.Layer, layers)
				}
			}
			if diff := cmp.Diff(comparable(t, folder), comparable(t, image)); diff != "" {
				t.Errorf("%s: -folder +image of %d layers:\n%s", root, layers, diff)
			}
		}
	}
	if compared < 20 {
		t.Errorf("only %d documents were compared", compared)
	}
}

// comparable is a document without what only an image has, as lines.
func comparable(t *testing.T, d *sbom.Document) []string {
	t.Helper()
	c := *d
	// Archives round times to seconds, and a scan of a directory cuts them.
	c.Environment.Ref, c.Environment.Kind, c.Environment.Image, c.Environment.Newest = "", "", sbom.Image{}, ""
	c.Components = append([]sbom.Component(nil), d.Components...)
	for i := range c.Components {
		c.Components[i].Layer = 0
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", " ")
	if err := e.Encode(c); err != nil {
		t.Fatal(err)
	}
	return strings.Split(b.String(), "\n")
}

// TestImageNotes checks that an unbelievable claim of an image about itself is
// left out and has a notice.
func TestImageNotes(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "file"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	layout := imageOf(t, root, 1)
	path := filepath.Join(layout, "index.json")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	claim := `"annotations":{"org.opencontainers.image.base.name":"debian","org.opencontainers.image.base.digest":"nonsense"},"platform":`
	changed := strings.Replace(string(data), `"platform":`, claim, 1)
	if changed == string(data) {
		t.Fatal("the index has no platform")
	}
	if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := Run(t.Context(), rootfs.Ref{Scheme: rootfs.SchemeOCIDir, Path: layout}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if image := d.Environment.Image; image.BaseName != "debian" || image.BaseDigest != "" {
		t.Errorf("the base is %q %q", image.BaseName, image.BaseDigest)
	}
	if len(d.Notices) != 1 || d.Notices[0].Kind != sbom.NoticeImage || !strings.Contains(d.Notices[0].Detail, `"nonsense"`) {
		t.Errorf("notices %+v", d.Notices)
	}
}
