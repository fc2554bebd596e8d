package image

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/timetest"
)

// tools are the programs that make and keep images, as the tests need them.
type tools struct {
	t   *testing.T
	dir string
}

// needTools skips unless the tests with installed tools are enabled.
func needTools(t *testing.T, names ...string) *tools {
	t.Helper()
	if os.Getenv("DEPAUDIT_E2E") != "1" {
		t.Skip("needs installed tools: set DEPAUDIT_E2E=1")
	}
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatal(err)
		}
	}
	// Sockets have short paths.
	dir, err := os.MkdirTemp("", "e2e")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	write(t, filepath.Join(dir, "policy.json"), []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`))
	return &tools{t, dir}
}

func (x *tools) path(parts ...string) string {
	return filepath.Join(append([]string{x.dir}, parts...)...)
}

func (x *tools) run(name string, args ...string) []byte {
	x.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = x.dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		x.t.Fatalf("%s %q: %v\n%s", name, args, err, stderr.String())
	}
	return stdout.Bytes()
}

func (x *tools) skopeo(args ...string) []byte {
	x.t.Helper()
	return x.run("skopeo", append([]string{"--policy", x.path("policy.json")}, args...)...)
}

// umoci makes a layout with three images: a layer more in each.
func (x *tools) umoci() string {
	x.t.Helper()
	layout := x.path("layout")
	x.run("umoci", "init", "--layout", layout)
	x.run("umoci", "new", "--image", layout+":v0")
	write(x.t, x.path("tree/etc/os-release"), []byte("ID=none\n"))
	write(x.t, x.path("tree/usr/bin/tool"), bytes.Repeat([]byte("tool"), 100_000))
	x.run("umoci", "insert", "--rootless", "--image", layout+":v0", "--tag", "v1", x.path("tree"), "/")
	x.run("umoci", "insert", "--rootless", "--image", layout+":v1", "--tag", "v2", x.path("tree/usr"), "/opt")
	return layout
}

// inspected is an image as skopeo sees it.
func (x *tools) inspected(loc string, flags ...string) sbom.Image {
	x.t.Helper()
	var seen struct {
		Digest, Architecture, Os string
		Layers                   []string
		LayersData               []struct {
			Digest string
			Size   int64
		}
	}
	if err := json.Unmarshal(x.skopeo(append(append([]string{"inspect"}, flags...), loc)...), &seen); err != nil {
		x.t.Fatal(err)
	}
	var config struct {
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		} `json:"rootfs"`
		History []struct {
			CreatedBy  string `json:"created_by"`
			EmptyLayer bool   `json:"empty_layer"`
		} `json:"history"`
	}
	if err := json.Unmarshal(x.skopeo(append(append([]string{"inspect", "--config", "--raw"}, flags...), loc)...), &config); err != nil {
		x.t.Fatal(err)
	}
	img := sbom.Image{Digest: seen.Digest, Platform: seen.Os + "/" + seen.Architecture}
	for i, l := range seen.LayersData {
		img.Layers = append(img.Layers, sbom.Layer{Digest: l.Digest, Size: l.Size, DiffID: config.RootFS.DiffIDs[i]})
	}
	if len(seen.LayersData) == 0 {
		for i, digest := range seen.Layers {
			img.Layers = append(img.Layers, sbom.Layer{Digest: digest, DiffID: config.RootFS.DiffIDs[i]})
		}
	}
	return img
}

// like compares an image with the output of another tool. It ignores fields that
// the tool does not report, or reports of its own copy.
func like(t *testing.T, img *Image, want sbom.Image, ignore ...string) {
	t.Helper()
	got := img.Meta
	got.Layers = slices.Clone(got.Layers)
	want.Layers = slices.Clone(want.Layers)
	for _, both := range []*sbom.Image{&got, &want} {
		if slices.Contains(ignore, "digest") {
			both.Digest = ""
		}
		for i := range both.Layers {
			both.Layers[i].CreatedBy = ""
			if slices.Contains(ignore, "blobs") {
				both.Layers[i].Digest, both.Layers[i].Size = "", 0
			}
			if slices.Contains(ignore, "size") {
				both.Layers[i].Size = 0
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-other tool +here)\n%s", diff)
	}
}

// TestE2ELayouts compares what umoci and skopeo make with what skopeo sees.
func TestE2ELayouts(t *testing.T) {
	x := needTools(t, "umoci", "skopeo")
	out := quick(t)
	layout := x.umoci()
	for tag, layers := range map[string]int{"v0": 0, "v1": 1, "v2": 2} {
		img := mustOpen(t, Location{schemeOCIDir, layout, tag}, "", out)
		if len(img.Layers) != layers {
			t.Errorf("%s has %d layers", tag, len(img.Layers))
		}
		if layers > 0 {
			like(t, img, x.inspected("oci:"+layout+":"+tag), "size")
			// umoci stat gives a line of the history a layer.
			var stat struct {
				History []struct {
					Layer *struct {
						Digest string
						Size   int64
					}
					DiffID    string `json:"diff_id"`
					CreatedBy string `json:"created_by"`
					Empty     bool   `json:"empty_layer"`
				}
			}
			if err := json.Unmarshal(x.run("umoci", "stat", "--json", "--image", layout+":"+tag), &stat); err != nil {
				t.Fatal(err)
			}
			var want []sbom.Layer
			for _, h := range stat.History {
				if !h.Empty {
					want = append(want, sbom.Layer{Digest: h.Layer.Digest, DiffID: h.DiffID, Size: h.Layer.Size, CreatedBy: h.CreatedBy})
				}
			}
			if diff := cmp.Diff(want, img.Meta.Layers); diff != "" {
				t.Errorf("(-umoci stat +here)\n%s", diff)
			}
		}
	}
	x.skopeo("copy", "oci:"+layout+":v2", "oci-archive:"+x.path("a.tar")+":example.org/app:v2")
	want := x.inspected("oci-archive:" + x.path("a.tar"))
	for _, tag := range []string{"", "v2", "example.org/app:v2"} {
		like(t, mustOpen(t, Location{schemeOCIArchive, x.path("a.tar"), tag}, "", out), want, "size")
	}
	x.run("gzip", "-k", x.path("a.tar"))
	like(t, mustOpen(t, Location{schemeOCIArchive, x.path("a.tar.gz"), ""}, "", out), want, "size")
	x.run("tar", "-C", layout, "-cf", x.path("tarred.tar"), ".")
	like(t, mustOpen(t, Location{schemeOCIArchive, x.path("tarred.tar"), "v2"}, "", out), x.inspected("oci:"+layout+":v2"), "size")

	x.skopeo("copy", "oci:"+layout+":v2", "docker-archive:"+x.path("d.tar")+":example.org/app:v2")
	want = x.inspected("docker-archive:" + x.path("d.tar"))
	for _, tag := range []string{"", "v2", "example.org/app:v2"} {
		like(t, mustOpen(t, Location{schemeDockerArchive, x.path("d.tar"), tag}, "", out), want, "digest", "blobs")
	}
	// zstd, and Docker's media types.
	x.skopeo("copy", "--dest-compress-format", "zstd", "--dest-compress", "oci:"+layout+":v2", "oci:"+x.path("zstd")+":v2")
	img, err := Open(context.Background(), Location{schemeOCIDir, x.path("zstd"), ""}, "")
	if err != nil {
		t.Fatal(err)
	}
	if img.Layers[0].Compression() != "zstd" {
		t.Logf("this skopeo keeps %s", img.Layers[0].MediaType)
	}
	img.Close()
}

// TestE2EBuildah reads what a build of a Dockerfile makes: empty layers in
// the history, and annotations for the base.
func TestE2EBuildah(t *testing.T) {
	x := needTools(t, "buildah", "skopeo")
	out := quick(t)
	write(t, x.path("context/Dockerfile"), []byte("FROM scratch\nENV A=B\nCOPY one /one\nLABEL x=y\nCOPY two /two\nCMD [\"/one\"]\n"))
	write(t, x.path("context/one"), []byte("1"))
	write(t, x.path("context/two"), []byte("2"))
	store := []string{"--root", x.path("root"), "--runroot", x.path("run"), "--storage-driver", "vfs"}
	buildah := func(args ...string) { x.run("buildah", append(slices.Clone(store), args...)...) }
	buildah("build", "--isolation", "chroot", "--layers", "--signature-policy", x.path("policy.json"), "-t", "localhost/app:v1", x.path("context"))
	for _, format := range []string{"oci", "docker"} {
		buildah("push", "--signature-policy", x.path("policy.json"), "--format", map[string]string{"oci": "oci", "docker": "v2s2"}[format],
			"localhost/app:v1", "oci:"+x.path(format)+":v1")
		img := mustOpen(t, Location{schemeOCIDir, x.path(format), "v1"}, "", out)
		if format == "oci" { // skopeo does not find Docker's manifest in a layout
			want := x.inspected("oci:" + x.path(format) + ":v1")
			// The base that buildah notes is the step before, without a name.
			want.BaseDigest = img.Meta.BaseDigest
			like(t, img, want, "size")
		}
		var steps []string
		for _, l := range img.Layers {
			steps = append(steps, l.CreatedBy)
		}
		if len(steps) != 2 || !strings.HasPrefix(steps[0], "COPY file:") || !strings.HasSuffix(steps[0], "in /one") || !strings.HasSuffix(steps[1], "in /two") {
			t.Errorf("%s: the layers were made by %q", format, steps)
		}
	}
	buildah("push", "--signature-policy", x.path("policy.json"), "localhost/app:v1", "docker-archive:"+x.path("d.tar")+":app:v1")
	mustOpen(t, Location{schemeDockerArchive, x.path("d.tar"), "app:v1"}, "", out)

	// A manifest list for two platforms.
	buildah("build", "--isolation", "chroot", "--signature-policy", x.path("policy.json"), "--platform", "linux/amd64,linux/arm64,linux/arm/v7", "--manifest", "many", x.path("context"))
	buildah("manifest", "push", "--all", "--signature-policy", x.path("policy.json"), "many", "oci:"+x.path("many")+":v1")
	for _, p := range []string{"linux/amd64", "linux/arm64", "linux/arm/v7"} {
		img := mustOpen(t, Location{schemeOCIDir, x.path("many"), ""}, p, out)
		if img.Meta.Platform != p {
			t.Errorf("asked for %s, got %s", p, img.Meta.Platform)
		}
	}
	wantError(t, Location{schemeOCIDir, x.path("many"), ""}, "linux/s390x", out, `there are "linux/amd64", "linux/arm/v7", "linux/arm64"`)
}

// serve runs a server until the test ends, and waits until it answers.
func (x *tools) serve(ready func() bool, env []string, name string, args ...string) {
	x.t.Helper()
	log, err := os.Create(x.path(name + ".log"))
	if err != nil {
		x.t.Fatal(err)
	}
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), env...)
	if err := cmd.Start(); err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		log.Close()
	})
	defer func() {
		if x.t.Failed() {
			text, err := os.ReadFile(log.Name())
			x.t.Logf("%s (%v):\n%s", name, err, text)
		}
	}()
	timetest.Until(x.t, name+" answers", ready)
}

// TestE2ERegistry reads from Docker's registry, open and with a password.
func TestE2ERegistry(t *testing.T) {
	x := needTools(t, "docker-registry", "umoci", "skopeo")
	out := quick(t)
	layout := x.umoci()
	start := func(name, extra string) string {
		config := write(t, x.path(name+".yml"), []byte(fmt.Sprintf(
			"version: 0.1\nlog: {level: warn}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: \"127.0.0.1:0\", secret: x}\n%s", x.path(name), extra)))
		server := exec.Command("docker-registry", "serve", config)
		server.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
		addr, stop, err := timetest.Serve(server)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(stop)
		return addr
	}
	// bcrypt of "secret".
	htpasswd := write(t, x.path("htpasswd"), []byte("user:$2y$05$D6Ezya2CTtVsYoOhFFj4Uu3xt1aFnBUt7apsay96ohJ5ZxfF593ou\n"))
	open := start("open", "")
	locked := start("locked", fmt.Sprintf("auth: {htpasswd: {realm: here, path: %s}}\n", htpasswd))

	x.skopeo("copy", "--dest-tls-verify=false", "oci:"+layout+":v2", "docker://"+open+"/some/app:v2")
	want := x.inspected("docker://"+open+"/some/app:v2", "--tls-verify=false")
	like(t, mustOpen(t, Location{schemeOCIDir, layout, "v2"}, "", out), want, "size")
	for _, loc := range []Location{{schemeRegistry, open + "/some/app:v2", ""}, {schemeRegistry, open + "/some/app@" + want.Digest, ""}} {
		like(t, mustOpen(t, loc, "linux/"+runtime.GOARCH, out), want, "size")
	}
	wantError(t, Location{schemeRegistry, open + "/some/app", ""}, "", out, "there is no "+open+"/some/app:latest (404)", "MANIFEST_UNKNOWN")
	wantError(t, Location{schemeRegistry, open + "/none:v2", ""}, "", out, "there is no "+open+"/none:v2 (404)")
	// Docker's own media types.
	x.skopeo("copy", "--format", "v2s2", "--dest-tls-verify=false", "oci:"+layout+":v2", "docker://"+open+"/some/app:docker")
	like(t, mustOpen(t, Location{schemeRegistry, open + "/some/app:docker", ""}, "", out), x.inspected("docker://"+open+"/some/app:docker", "--tls-verify=false"), "size")

	loc := Location{schemeRegistry, locked + "/app:v2", ""}
	wantError(t, loc, "", out, "does not show app without credentials", "docker login "+locked)
	x.skopeo("copy", "--dest-tls-verify=false", "--dest-creds", "user:secret", "oci:"+layout+":v2", "docker://"+locked+"/app:v2")
	config := func(password string) {
		t.Setenv("DOCKER_CONFIG", filepath.Dir(write(t, filepath.Join(t.TempDir(), "config.json"), []byte(fmt.Sprintf(
			`{"auths":{%q:{"auth":%q}}}`, locked, base64.StdEncoding.EncodeToString([]byte("user:"+password)))))))
	}
	config("wrong")
	wantError(t, loc, "", out, "does not let the stored credentials read app (401)")
	config("secret")
	like(t, mustOpen(t, loc, "", out), want, "size")
}

// TestE2EPodman asks Podman's socket for an image.
func TestE2EPodman(t *testing.T) {
	x := needTools(t, "podman", "umoci", "skopeo")
	out := quick(t)
	layout := x.umoci()
	x.skopeo("copy", "oci:"+layout+":v2", "containers-storage:[vfs@"+x.path("root")+"+"+x.path("run")+"]localhost/app:v2")
	x.skopeo("copy", "oci:"+layout+":v1", "containers-storage:[vfs@"+x.path("root")+"+"+x.path("run")+"]localhost/app:latest")
	socket := x.path("p.sock")
	x.serve(func() bool {
		c, err := net.Dial("unix", socket)
		if err == nil {
			c.Close()
		}
		return err == nil
	}, nil, "podman", "--root", x.path("root"), "--runroot", x.path("run"), "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "file",
		"system", "service", "--time=0", "unix://"+socket)
	out = onSocket(out, socket)
	want := x.inspected("oci:" + layout + ":v2")
	like(t, mustOpen(t, Location{schemeDocker, "localhost/app:v2", ""}, "", out), want, "digest", "blobs")
	if n := len(mustOpen(t, Location{schemeDocker, "localhost/app", ""}, "", out).Layers); n != 1 {
		t.Errorf("latest has %d layers", n)
	}
	wantError(t, Location{schemeDocker, "localhost/app:v3", ""}, "", out, `has no image "localhost/app:v3": pull it`)
	wantError(t, Location{schemeDocker, "localhost/app:v2", ""}, "linux/s390x", out, "is for linux/amd64 and not for linux/s390x")
}
