package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/depaudit/depaudit/audit/attach"
	"github.com/depaudit/depaudit/sbom/timetest"
)

// Registries on this machine. Docker's own has no API for referrers in Debian 12;
// that of go-containerregistry has.

// TestRegistryScripts runs the transcripts in testdata/registry: with Docker's own
// registry if it is installed, and end to end with two that list referrers too, of which
// olareg is a program of its own (.ci/run builds it).
func TestRegistryScripts(t *testing.T) {
	kinds := []string{"docker"}
	if _, err := exec.LookPath("docker-registry"); err != nil || runtime.GOOS != "linux" {
		kinds = []string{"tags"}
	}
	if os.Getenv("DEPAUDIT_E2E") != "" {
		kinds = []string{"api", "tags", "docker"}
		if _, err := exec.LookPath("olareg"); err == nil {
			kinds = append(kinds, "olareg")
		}
	}
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			params := scripts(t, "testdata/registry")
			setup, condition := params.Setup, params.Condition
			params.Setup = func(env *testscript.Env) error {
				env.Setenv("KIND", kind)
				return setup(env)
			}
			params.Condition = func(cond string) (bool, error) {
				switch cond {
				case "api":
					return kind == cond || kind == "olareg", nil
				case "olareg":
					return kind == cond, nil
				}
				return condition(cond)
			}
			testscript.Run(t, params)
		})
	}
}

// startRegistry runs Docker's registry on a free port of this machine, until
// the test ends.
func startRegistry(t *testing.T) string {
	t.Helper()
	address, stop, err := serveDocker(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return address
}

// serveDocker runs Docker's registry with its data in a directory.
func serveDocker(dir string) (address string, stop func(), err error) {
	config := filepath.Join(dir, "config.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: \"127.0.0.1:0\"}\n", filepath.Join(dir, "data"))
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return "", nil, err
	}
	return timetest.Serve(exec.Command("docker-registry", "serve", config))
}

// serveOlareg runs a registry with the API for referrers, in memory.
func serveOlareg() (address string, stop func(), err error) {
	return timetest.Serve(exec.Command("olareg", "serve", "--addr", "127.0.0.1", "--port", "0", "--store-type", "mem"))
}

// cmdRegistry starts a registry until the script ends, and sets a variable to its
// address: registry NAME api|tags|docker|olareg|private. One with "tags" has no list of
// referrers, and "private" answers 401 without the password "secret" of "writer".
func cmdRegistry(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: registry NAME KIND")
	}
	if args[1] == "docker" || args[1] == "olareg" {
		serve := func() (string, func(), error) { return serveDocker(ts.Getenv("TMPDIR")) }
		if args[1] == "olareg" {
			serve = serveOlareg
		}
		address, stop, err := serve()
		ts.Check(err)
		ts.Defer(stop)
		ts.Setenv(args[0], address)
		return
	}
	var handler http.Handler = ggcr.New(ggcr.WithReferrersSupport(args[1] == "api"), ggcr.Logger(log.New(io.Discard, "", 0)))
	if args[1] == "private" {
		public := handler
		handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); user+":"+password != "writer:secret" {
				w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			public.ServeHTTP(w, r)
		})
	}
	server := httptest.NewServer(handler)
	ts.Defer(server.Close)
	ts.Setenv(args[0], strings.TrimPrefix(server.URL, "http://"))
}

// cmdImage stores an image without layers in a registry, and sets DIGEST to its
// digest: image HOST/NAME:TAG [LABEL]. Labels make different images.
func cmdImage(ts *testscript.TestScript, _ bool, args []string) {
	host, rest, _ := strings.Cut(args[0], "/")
	name, tag, _ := strings.Cut(rest, ":")
	config := fmt.Sprintf(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]},"config":{"Labels":{"n":%q}}}`, strings.Join(args[1:], " "))
	digest := putBlob(ts, "http://"+host+"/v2/"+name, config)
	putManifest(ts, host, name, tag, imageType, fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":%d},"layers":[]}`, imageType, digest, len(config)))
}

// cmdImageIndex stores an index with the image of DIGEST: imageindex HOST/NAME:TAG
func cmdImageIndex(ts *testscript.TestScript, _ bool, args []string) {
	host, rest, _ := strings.Cut(args[0], "/")
	name, tag, _ := strings.Cut(rest, ":")
	putManifest(ts, host, name, tag, indexType, fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":[{"mediaType":%q,"digest":%q,"size":%s,"platform":{"os":"linux","architecture":"amd64"}}]}`, indexType, imageType, ts.Getenv("DIGEST"), ts.Getenv("SIZE")))
}

// cmdFakeRelease stores a manifest that claims to be a release, with a file of a name:
// fakerelease HOST/NAME:TAG FILE
func cmdFakeRelease(ts *testscript.TestScript, _ bool, args []string) {
	host, rest, _ := strings.Cut(args[0], "/")
	name, tag, _ := strings.Cut(rest, ":")
	digest := putBlob(ts, "http://"+host+"/v2/"+name, "{}")
	putManifest(ts, host, name, tag, imageType, fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"artifactType":%q,"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":%q,"size":2},"layers":[{"mediaType":"text/plain","digest":%[3]q,"size":2,"annotations":{"org.opencontainers.image.title":%[4]q}}],"annotations":{"org.opencontainers.image.created":"2031-01-01T00:00:00Z"}}`, imageType, attach.ArtifactType, digest, args[1]))
}

const (
	imageType = "application/vnd.oci.image.manifest.v1+json"
	indexType = "application/vnd.oci.image.index.v1+json"
)

func putManifest(ts *testscript.TestScript, host, name, tag, mediaType, content string) {
	put(ts, http.MethodPut, "http://"+host+"/v2/"+name+"/manifests/"+tag, mediaType, content)
	ts.Setenv("DIGEST", fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(content))))
	ts.Setenv("SIZE", fmt.Sprint(len(content)))
}

func putBlob(ts *testscript.TestScript, base, content string) string {
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(content)))
	place := put(ts, http.MethodPost, base+"/blobs/uploads/", "", "")
	sep := "?"
	if strings.Contains(place, "?") {
		sep = "&"
	}
	put(ts, http.MethodPut, place+sep+"digest="+digest, "application/octet-stream", content)
	return digest
}

// put makes a request and returns the place of the answer.
func put(ts *testscript.TestScript, method, address, mediaType, content string) string {
	req, err := http.NewRequest(method, address, strings.NewReader(content))
	ts.Check(err)
	req.Header.Set("Content-Type", mediaType)
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		text, _ := io.ReadAll(resp.Body)
		ts.Fatalf("%s %s: %s %s", method, address, resp.Status, text)
	}
	place, err := resp.Location()
	if err != nil {
		return ""
	}
	return place.String()
}
