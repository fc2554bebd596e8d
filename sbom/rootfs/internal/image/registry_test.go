package image

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// quick are settings with short waits before another try, and no credentials. Times for
// an answer are those of the program: only a test of a server that hangs has a short one,
// and of that request alone, since all others may take long on a busy machine.
func quick(t *testing.T) outside {
	out := system()
	set := &out.registry
	set.Pause, set.Wait = time.Millisecond, 100*time.Millisecond
	empty := t.TempDir()
	for _, key := range []string{"HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"} {
		t.Setenv(key, empty)
	}
	for _, key := range []string{"DOCKER_CONFIG", "REGISTRY_AUTH_FILE"} {
		t.Setenv(key, "") // to have it back after the test
		if err := os.Unsetenv(key); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// serve is a registry with one repository, "app", that holds a layout: its
// index.json is the tag "v1". before may answer a request itself.
func serve(k kept, before func(w http.ResponseWriter, r *http.Request) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before != nil && before(w, r) {
			return
		}
		_, isManifest := strings.CutPrefix(r.URL.Path, "/v2/app/manifests/")
		_, isBlob := strings.CutPrefix(r.URL.Path, "/v2/app/blobs/")
		name := path.Base(r.URL.Path)
		data, ok := k["blobs/"+strings.Replace(name, ":", "/", 1)]
		if name == "v1" {
			data, ok = k[indexFile], true
		}
		switch {
		case r.URL.Path == "/v2/":
			io.WriteString(w, "{}")
		case isManifest && ok:
			w.Header().Set("Content-Type", documentKind(data))
			w.Header().Set("Docker-Content-Digest", digestOf(data))
			w.Write(data)
		case isBlob && ok:
			w.Write(data)
		default:
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`)
		}
	})
}

func documentKind(data []byte) string {
	kind, err := documentType("", data)
	if err != nil {
		return "application/octet-stream"
	}
	return string(kind)
}

func startPlain(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func startTLS(t *testing.T, out *outside, h http.Handler) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // those that do not trust it are part of the test
	s.StartTLS()
	t.Cleanup(s.Close)
	if out.registry.Roots == nil {
		out.registry.Roots = x509.NewCertPool()
	}
	out.registry.Roots.AddCert(s.Certificate())
	return s.Listener.Addr().String()
}

func twoPlatforms() kept {
	k := newLayout()
	return k.roots(k.index(k.image(linuxAMD64, nil), k.image(linuxARM64, nil)))
}

// TestRegistry reads an image from a registry and from a directory.
func TestRegistry(t *testing.T) {
	out := quick(t)
	k := twoPlatforms()
	want := mustOpen(t, Location{schemeOCIDir, k.dir(t), ""}, "linux/arm64", out).Meta
	plain := startPlain(t, serve(k, nil))
	secure := startTLS(t, &out, serve(k, nil))
	for _, loc := range []Location{
		{schemeRegistry, plain + "/app:v1", ""}, {schemeRegistry, plain + "/app", "v1"},
		{schemeRegistry, secure + "/app:v1", ""}, {schemeRegistry, secure + "/app@" + digestOf(k[indexFile]), ""},
		{schemeRegistry, "localhost:" + plain[strings.LastIndex(plain, ":")+1:] + "/app:v1", ""},
		{schemeRegistry, secure + "/app", want.Digest},
		{schemeRegistry, secure + "/app:v1@" + want.Digest, ""},
	} {
		if !strings.Contains(loc.String(), digestOf(k[indexFile])) {
			if diff := cmp.Diff(want, mustOpen(t, loc, "linux/arm64", out).Meta); diff != "" {
				t.Errorf("%s: (-directory +registry)\n%s", loc, diff)
			}
		}
	}
	wantError(t, Location{schemeRegistry, plain + "/app:v2", ""}, "", out, "there is no "+plain+"/app:v2 (404): check the name and the tag", `it says "MANIFEST_UNKNOWN manifest unknown"`)
	wantError(t, Location{schemeRegistry, plain + "/app:v1", ""}, "linux/s390x", out, "there is no image for linux/s390x")
	wantError(t, Location{schemeRegistry, "https://example.org/app", ""}, "", out, "is not the name of an image")
	for _, climbing := range []string{"../../etc/passwd", "example.org/../../x", "example.org//x", "example.org/./x"} {
		wantError(t, Location{schemeRegistry, climbing, ""}, "", out, "is not the name of an image")
	}
	wantError(t, Location{schemeRegistry, "127.0.0.1:1/app", ""}, "", out, "127.0.0.1:1 cannot be read: connection refused: check the address, and that the registry is running")

	// Without its certificate, the server is not trusted.
	distrust := out
	distrust.registry.Roots = nil
	wantError(t, Location{schemeRegistry, secure + "/app:v1", ""}, "", distrust, "the certificate of "+secure+" is not trusted")
}

// TestHostileRegistries has one trick each.
func TestHostileRegistries(t *testing.T) {
	k := twoPlatforms()
	index := digestOf(k[indexFile])
	hang := func(r *http.Request) { <-r.Context().Done() }
	flush := func(w http.ResponseWriter) { w.(http.Flusher).Flush() }
	isManifest := func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/manifests/") }
	isIndex := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/manifests/v1") }
	// when answers some requests in another way.
	when := func(match func(*http.Request) bool, answer func(http.ResponseWriter, *http.Request)) http.Handler {
		return serve(k, func(w http.ResponseWriter, r *http.Request) bool {
			if !match(r) {
				return false
			}
			answer(w, r)
			return true
		})
	}
	isPing := func(r *http.Request) bool { return r.URL.Path == "/v2/" }
	status := func(code int, header, body string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			if name, value, ok := strings.Cut(header, ": "); ok {
				w.Header().Set(name, value)
			}
			w.WriteHeader(code)
			io.WriteString(w, body)
		}
	}
	endless := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}
	for name, tt := range map[string]struct {
		handler http.Handler
		tag     string
		want    []string
	}{
		"hangs at once":         {when(isPing, func(w http.ResponseWriter, r *http.Request) { hang(r) }), "", []string{"does not answer in time"}},
		"hangs at the manifest": {when(isManifest, func(w http.ResponseWriter, r *http.Request) { hang(r) }), "", []string{"does not answer in time"}},
		"hangs in the manifest": {when(isManifest, func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "{")
			flush(w)
			hang(r)
		}), "", []string{"does not answer in time", "stopped sending"}},
		"trickles": {when(isManifest, func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				io.WriteString(w, " ")
				flush(w)
				time.Sleep(50 * time.Millisecond)
			}
		}), "", []string{"does not answer in time"}},
		"sends another manifest": {when(isManifest, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
			io.WriteString(w, `{"schemaVersion":2,"manifests":[]}`)
		}), "@" + index, []string{"sends a manifest with the digest sha256:", "not " + index}},
		"lies about the digest": {when(isIndex, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Docker-Content-Digest", "sha256:"+strings.Repeat("0", 64))
			w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
			w.Write(k[indexFile])
		}), "", []string{"Docker-Content-Digest: \"sha256:000"}},
		"sends another nested manifest": {when(func(r *http.Request) bool { return isManifest(r) && !isIndex(r) }, func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, `{"schemaVersion":2,"config":{},"layers":[]}`)
		}), "", []string{"bytes, and its descriptor has"}},
		"sends a manifest of the right size": {when(func(r *http.Request) bool { return isManifest(r) && !isIndex(r) }, func(w http.ResponseWriter, r *http.Request) {
			data, ok := k["blobs/"+strings.Replace(strings.TrimPrefix(r.URL.Path, "/v2/app/manifests/"), ":", "/", 1)]
			if ok {
				w.Write([]byte(strings.Repeat(" ", len(data))))
			}
		}), "", []string{"is damaged or was replaced"}},
		"huge manifest":    {when(isManifest, func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, maxManifest+1)) }), "", []string{"more than 4194304 bytes"}},
		"endless manifest": {when(isManifest, endless), "", []string{"more than 4194304 bytes"}},
		"no manifest":      {when(isManifest, status(200, "Content-Type: text/html", "<html>")), "", []string{`sends "text/html" as a manifest, which is not JSON`}},
		"schema 1":         {when(isManifest, status(200, "Content-Type: application/vnd.docker.distribution.manifest.v1+prettyjws", `{"schemaVersion":1}`)), "", []string{"is a Docker schema 1 manifest"}},
		"unnamed schema 1": {when(isManifest, status(200, "", `{"schemaVersion":1,"fsLayers":[]}`)), "", []string{"is a Docker schema 1 manifest"}},
		"endless greeting": {when(isPing, endless), "", nil},
		"401":              {when(isManifest, status(401, "", "")), "", []string{"does not show app without credentials, or there is no such image (401): check the name, or log in: docker login 127.0.0.1:"}},
		"403":              {when(isManifest, status(403, "", `{"errors":[{"code":"DENIED","message":"no"}]}`)), "", []string{"(403)", `it says "DENIED no"`}},
		"401 for ever":     {when(isManifest, status(401, `WWW-Authenticate: Basic realm="x"`, "")), "", []string{"(401)"}},
		"bearer for ever":  {bearerForEver(), "", []string{"(401)"}},
		"429":              {when(isManifest, status(429, "Retry-After: 60", `{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}`)), "", []string{"asks to wait", "(429)", "slow down"}},
		"500 at once":      {when(isPing, status(500, "", "")), "", []string{"answers with status 500: try again later"}},
		"terminal escapes": {when(isManifest, status(500, "", `{"errors":[{"code":"\u001b[2J","message":"\u202e`+strings.Repeat("x", 5000)+`"}]}`)), "", []string{"status 500", `it says "?[2J ?xxx`}},
		"endless error":    {when(isManifest, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500); endless(w, r) }), "", []string{"cannot be read"}},
		"redirect loop": {when(isManifest, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
		}), "", []string{"refused: more than 10 redirects"}},
		"redirect at once": {when(isPing, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://example.org/", http.StatusTemporaryRedirect)
		}), "", []string{`refused: "example.org" over plain http`}},
		"redirect over ftp": {when(isManifest, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "ftp://example.org/", http.StatusTemporaryRedirect)
		}), "", []string{"refused"}},
		"realm elsewhere": {when(isPing, status(401, `WWW-Authenticate: Bearer realm="http://169.254.169.254/token",service="x"`, "")), "",
			[]string{"cannot be read", "169.254.169.254"}},
		"206": {when(isManifest, status(206, "", "{}")), "", []string{"answers with status 206"}},
	} {
		t.Run(name, func(t *testing.T) {
			out := quick(t)
			host := startPlain(t, tt.handler)
			tag := tt.tag
			if tag == "" {
				tag = ":v1"
			}
			const short = 100 * time.Millisecond
			switch name {
			case "hangs at once", "hangs at the manifest":
				out.registry.Header = short
			case "hangs in the manifest":
				out.registry.Idle = short
			case "trickles":
				out.registry.Whole = 3 * short
			}
			loc := Location{schemeRegistry, host + "/app" + tag, ""}
			if tt.want == nil {
				mustOpen(t, loc, "linux/amd64", out)
			} else {
				wantError(t, loc, "linux/amd64", out, tt.want...)
			}
		})
	}
}

// bearerForEver gives tokens and does not take them.
func bearerForEver() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			io.WriteString(w, `{"token":"t"}`)
			return
		}
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="x",scope="repository:app:pull"`, r.Host))
		w.WriteHeader(http.StatusUnauthorized)
	})
}

// TestHostileBlobs: the image opens, and a layer of it is not what it should
// be.
func TestHostileBlobs(t *testing.T) {
	k := twoPlatforms()
	for name, tt := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request, data []byte)
		want   string
	}{
		"another length": {func(w http.ResponseWriter, _ *http.Request, data []byte) { w.Write(data[1:]) }, "bytes, and its descriptor has"},
		"shorter": {func(w http.ResponseWriter, _ *http.Request, data []byte) {
			w.(http.Flusher).Flush()
			w.Write(data[1:])
		}, "ends after"},
		"longer": {func(w http.ResponseWriter, r *http.Request, data []byte) {
			w.(http.Flusher).Flush()
			w.Write(append(data[:len(data):len(data)], 'x'))
		}, "is longer than the"},
		"without end": {func(w http.ResponseWriter, r *http.Request, data []byte) {
			for {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		}, "is longer than the"},
		"cut off": {func(w http.ResponseWriter, r *http.Request, data []byte) {
			w.Header().Set("Content-Length", fmt.Sprint(len(data)))
			w.Write(data[:10])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, "unexpected EOF"},
		"hangs": {func(w http.ResponseWriter, r *http.Request, data []byte) {
			w.Write(data[:10])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, "does not answer in time"},
		"gone": {func(w http.ResponseWriter, r *http.Request, data []byte) { w.WriteHeader(404) }, "(404)"},
	} {
		t.Run(name, func(t *testing.T) {
			out := quick(t)
			if name == "hangs" {
				// All other bodies are one write with their header.
				out.registry.Idle = 100 * time.Millisecond
			}
			var opened sync.Map
			host := startPlain(t, serve(k, func(w http.ResponseWriter, r *http.Request) bool {
				digest, ok := strings.CutPrefix(r.URL.Path, "/v2/app/blobs/")
				data := k["blobs/"+strings.Replace(digest, ":", "/", 1)]
				if _, again := opened.Load("all"); !ok || !again {
					return false
				}
				tt.answer(w, r, data)
				return true
			}))
			img, err := open(context.Background(), Location{schemeRegistry, host + "/app:v1", ""}, "linux/amd64", out)
			if err != nil {
				t.Fatal(err)
			}
			defer img.Close()
			opened.Store("all", true)
			body, err := img.Layers[0].Open(context.Background())
			if err == nil {
				_, err = io.Copy(io.Discard, body)
				body.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the layer ends with %v", err)
			}
		})
	}
}

// TestCredentials: they go to the registry that they are for, and nowhere
// else.
func TestCredentials(t *testing.T) {
	k := twoPlatforms()
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("user:pass word"))
	out := quick(t)
	var elsewhere, here []string
	var mu sync.Mutex
	cdn := startTLS(t, &out, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		elsewhere = append(elsewhere, r.Header.Get("Authorization"))
		w.Write(k["blobs/"+strings.Replace(strings.TrimPrefix(r.URL.Path, "/"), ":", "/", 1)])
	}))
	host := startTLS(t, &out, serve(k, func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		here = append(here, r.Header.Get("Authorization"))
		if r.Header.Get("Authorization") != want {
			w.Header().Set("WWW-Authenticate", `Basic realm="here"`)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		if digest, ok := strings.CutPrefix(r.URL.Path, "/v2/app/blobs/"); ok {
			http.Redirect(w, r, "https://"+cdn+"/"+digest, http.StatusTemporaryRedirect)
			return true
		}
		return false
	}))
	loc := Location{schemeRegistry, host + "/app:v1", ""}
	wantError(t, loc, "", out, "docker login "+host)

	login := func(user, password string) {
		config := t.TempDir()
		write(t, filepath.Join(config, "config.json"), []byte(fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, host, base64.StdEncoding.EncodeToString([]byte(user+":"+password)))))
		t.Setenv("DOCKER_CONFIG", config)
	}
	login("user", "wrong")
	wantError(t, loc, "", out, "does not let the stored credentials read app (401)")
	login("user", "pass word")
	mustOpen(t, loc, "linux/amd64", out)
	mu.Lock()
	defer mu.Unlock()
	if len(elsewhere) == 0 {
		t.Error("there was no redirect")
	}
	for _, header := range elsewhere {
		if header != "" {
			t.Errorf("the other server got %q", header)
		}
	}
	// Podman keeps them elsewhere.
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	t.Setenv("REGISTRY_AUTH_FILE", write(t, filepath.Join(t.TempDir(), "auth.json"),
		[]byte(fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, host, strings.TrimPrefix(want, "Basic ")))))
	mu.Unlock()
	img, err := open(context.Background(), loc, "linux/amd64", out)
	mu.Lock()
	if err != nil {
		t.Fatal(err)
	}
	img.Close()
}

// TestCancelRegistry: a cancel ends what waits.
func TestCancelRegistry(t *testing.T) {
	out := quick(t)
	out.registry.Header, out.registry.Idle, out.registry.Whole = time.Hour, time.Hour, time.Hour
	k := twoPlatforms()
	for _, at := range []string{"/v2/", "/v2/app/manifests/v1"} {
		ctx, cancel := context.WithCancel(context.Background())
		host := startPlain(t, serve(k, func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != at {
				return false
			}
			cancel()
			<-r.Context().Done()
			return true
		}))
		if _, err := open(ctx, Location{schemeRegistry, host + "/app:v1", ""}, "", out); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled at %s: %v", at, err)
		}
		cancel()
	}
}
