package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/audit"
)

// The images in this file are made by umoci, copied by skopeo and served by
// Docker's own registry, from a root that debootstrap made.

// tool runs a program that .ci/run installs.
func runTool(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// stageImage makes an OCI layout with two images: "base", the build-source
// root in one layer, and "stage", which has a second layer with a program
// that nothing accounts for and without one that the base has. It returns the
// layout and the directory that umoci itself unpacked the stage into.
func stageImage(t *testing.T, roots string) (layout, rootfs string) {
	t.Helper()
	dir := t.TempDir()
	layout = filepath.Join(dir, "layout")
	runTool(t, "umoci", "init", "--layout", layout)
	runTool(t, "umoci", "new", "--image", layout+":base")
	layer := filepath.Join(dir, "base.tar")
	runTool(t, "tar", "--numeric-owner", "-C", filepath.Join(roots, "build-source"), "-cf", layer, ".")
	runTool(t, "umoci", "raw", "add-layer", "--image", layout+":base", "--history.created_by", "ADD base.tar /", layer)
	bundle := filepath.Join(dir, "bundle")
	runTool(t, "umoci", "unpack", "--image", layout+":base", bundle)
	rootfs = filepath.Join(bundle, "rootfs")
	program, err := os.ReadFile("/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(rootfs, "usr/local/bin/fetched"), program, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{"usr/bin/perl", "usr/share/doc"} {
		if err := os.RemoveAll(filepath.Join(rootfs, gone)); err != nil {
			t.Fatal(err)
		}
	}
	runTool(t, "umoci", "repack", "--image", layout+":stage", "--history.created_by", "RUN curl -o /usr/local/bin/fetched", bundle)
	return layout, rootfs
}

// identities are what a stage counts, and where each comes from.
func identities(stage audit.Stage) []string {
	var out []string
	for _, d := range stage.Dependencies {
		out = append(out, fmt.Sprint(d.ID, " ", d.Provenance, " ", d.Owner, " ", d.Paths))
	}
	slices.Sort(out)
	return out
}

// TestImages checks that one image has the same dependencies by every scheme, and
// in the directory that another tool unpacked it into.
func TestImages(t *testing.T) {
	roots := realRoots(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	layout, rootfs := stageImage(t, roots)
	want := scanJSON(t, "dir:"+rootfs)
	if want.Counts.OS != 118 || want.Counts.Total != 160 {
		t.Fatalf("the folder has %+v, want 118 OS packages of 160 dependencies", want.Counts)
	}
	dir := t.TempDir()
	runTool(t, "skopeo", "copy", "-q", "oci:"+layout+":stage", "oci-archive:"+dir+"/oci.tar:stage")
	runTool(t, "skopeo", "copy", "-q", "oci:"+layout+":stage", "docker-archive:"+dir+"/docker.tar:app:stage")
	registry := startRegistry(t)
	runTool(t, "skopeo", "copy", "-q", "--dest-tls-verify=false", "oci:"+layout+":stage", "docker://"+registry+"/app:stage")
	for _, ref := range []string{
		"oci-dir:" + layout + ":stage",
		"oci-archive:" + dir + "/oci.tar:stage",
		"docker-archive:" + dir + "/docker.tar:app:stage",
		"registry:" + registry + "/app:stage",
	} {
		t.Run(strings.ReplaceAll(ref[:strings.IndexByte(ref, ':')], "/", "-"), func(t *testing.T) {
			got := scanJSON(t, ref)
			same(t, ref, identities(got), identities(want))
			if len(got.Image.Layers) != 2 || got.Image.Platform != "linux/amd64" {
				t.Errorf("the image has %d layers and the platform %q", len(got.Image.Layers), got.Image.Platform)
			}
			for _, d := range got.Dependencies {
				top := 1
				if slices.Contains(d.Paths, "/usr/local/bin/fetched") {
					top = 2
				}
				if d.Layer != top {
					t.Errorf("%s is from layer %d, want %d", d.ID, d.Layer, top)
				}
			}
		})
	}
	t.Run("on its base", func(t *testing.T) { onBase(t, layout) })
}

// onBase looks at the stage's image on its base.
func onBase(t *testing.T, layout string) {
	digest := strings.TrimSpace(runTool(t, "skopeo", "inspect", "--format", "{{.Digest}}", "oci:"+layout+":base"))
	for base, evidence := range map[string]string{"oci-dir:" + layout + "@" + digest: "digest", "oci-dir:" + layout + ":base": "tag"} {
		stage := scanJSON(t, "oci-dir:"+layout+":stage", "--base", base)
		if stage.Counts.Image != 159 || stage.Counts.Unaccounted != 1 || stage.Counts.Total != 160 {
			t.Errorf("on %s: %+v, want 159 of the base and 1 unaccounted", base, stage.Counts)
		}
		for _, d := range stage.Dependencies {
			if d.Provenance == audit.FromImage && d.Evidence != evidence {
				t.Fatalf("on %s: %s has the evidence %q, want %q", base, d.ID, d.Evidence, evidence)
			}
		}
	}
}
