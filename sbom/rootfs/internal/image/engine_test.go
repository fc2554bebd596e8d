package image

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// startEngine answers on a socket as an engine does, and gives its path.
func startEngine(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	// The path of a socket has at most 108 bytes.
	dir, err := os.MkdirTemp("", "engine")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(h)
	s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	return socket
}

func onSocket(out outside, socket string) outside {
	out.getenv = func(string) string { return "" }
	out.sockets = []string{"/nonexistent/docker.sock", socket}
	return out
}

const testID = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestEngine(t *testing.T) {
	k, entry := dockerSave("debian:12")
	archive := tarOf(k.entries(entry))
	var asked []string
	out := onSocket(quick(t), startEngine(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RequestURI())
		switch r.URL.Path {
		case "/images/debian:12/json", "/images/debian:latest/json", "/images/localhost:5000/debian:latest/json", "/images/" + testID + "/json", "/images/0123456789ab/json":
			json.NewEncoder(w).Encode(map[string]any{"Id": testID, "RepoTags": []string{"debian:12"}})
		case "/images/" + testID + "/get":
			w.Write(archive)
		default:
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, `{"message":"No such image: \u001b[31mx"}`)
		}
	}))
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	for _, loc := range []Location{{schemeDocker, "debian:12", ""}, {schemeDocker, "debian", "12"}, {schemeDocker, "debian", ""},
		{schemeDocker, "localhost:5000/debian", ""}, {schemeDocker, testID, ""}, {schemeDocker, "0123456789ab", ""}} {
		img := mustOpen(t, loc, "", out)
		if img.Meta.Platform != "linux/amd64" {
			t.Errorf("%s is %+v", loc, img.Meta)
		}
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind while open: %v %v", left, err)
	}
	asked = nil
	mustOpen(t, Location{schemeDocker, "debian:12", ""}, "linux/amd64", out)
	for _, uri := range asked {
		if !strings.HasSuffix(uri, "?platform=%7B%22architecture%22%3A%22amd64%22%2C%22os%22%3A%22linux%22%7D") {
			t.Errorf("asked for %s", uri)
		}
	}
	wantError(t, Location{schemeDocker, "debian:12", ""}, "linux/arm64", out, "is for linux/amd64 and not for linux/arm64")
	wantError(t, Location{schemeDocker, "nothing", ""}, "", out, `has no image "nothing:latest": pull it`, `it says "No such image: ?[31mx"`)
	for _, name := range []string{"../../containers/create", "a b", "UPPER", "a?b=c", "a#b", ""} {
		wantError(t, Location{schemeDocker, name, ""}, "", out, "is not the name of an image")
	}
}

func TestEngineTrouble(t *testing.T) {
	id := func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/json") {
			io.WriteString(w, `{"Id":"`+testID+`"}`)
			return true
		}
		return false
	}
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"no engine": {func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }, "is not a container engine"},
		"no ID":     {func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{"Id":"../x"}`) }, `it gives the image's identity as "../x"`},
		"500":       {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) }, "answers with status 500"},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://example.org/", http.StatusFound)
		}, "answers with status 302"},
		"hangs":      {func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "no engine answers on"},
		"no archive": {func(w http.ResponseWriter, r *http.Request) { _ = id(w, r) || must(io.WriteString(w, "hello")) }, "is not a complete tar file"},
		"half an archive": {func(w http.ResponseWriter, r *http.Request) {
			if !id(w, r) {
				k, entry := dockerSave("a:1")
				w.Write(tarOf(k.entries(entry))[:1000])
				w.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			}
		}, "exporting from"},
		"stops": {func(w http.ResponseWriter, r *http.Request) {
			if !id(w, r) {
				w.Write(make([]byte, 1000))
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			}
		}, "stopped sending"},
	} {
		t.Run(name, func(t *testing.T) {
			out := quick(t)
			temp := t.TempDir()
			t.Setenv("TMPDIR", temp)
			out = onSocket(out, startEngineAt(t, tt.handler))
			switch name {
			case "hangs":
				out.engine = 100 * time.Millisecond
			case "stops":
				out.idle = 100 * time.Millisecond
			}
			wantError(t, Location{schemeDocker, "debian:12", ""}, "", out, tt.want)
			if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
		})
	}
}

func must(_ int, err error) bool { return err == nil }

// startEngineAt keeps the socket out of the temporary directory that a test
// looks at.
func startEngineAt(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	temp := os.Getenv("TMPDIR")
	os.Unsetenv("TMPDIR")
	defer os.Setenv("TMPDIR", temp)
	return startEngine(t, h)
}

func TestFindEngine(t *testing.T) {
	socket := startEngine(t, func(w http.ResponseWriter, r *http.Request) {})
	file := write(t, filepath.Join(t.TempDir(), "docker.sock"), nil)
	env := func(key, value string) func(string) string {
		return func(k string) string {
			if k == key {
				return value
			}
			return ""
		}
	}
	for _, tt := range []struct {
		getenv  func(string) string
		sockets []string
		want    string
		bad     string
	}{
		{env("", ""), []string{file, socket}, socket, ""},
		{env("DOCKER_HOST", "unix:///x/y"), []string{socket}, "/x/y", ""},
		{env("CONTAINER_HOST", "unix:///x/y"), []string{socket}, "/x/y", ""},
		{env("DOCKER_HOST", "tcp://10.0.0.1:2375"), []string{socket}, "", `DOCKER_HOST is "tcp://10.0.0.1:2375", and only an engine on a socket of this machine is asked`},
		{env("DOCKER_HOST", "ssh://user@host"), []string{socket}, "", "docker-archive:FILE"},
		{env("DOCKER_HOST", "unix://relative"), []string{socket}, "", "unix:///PATH"},
		{env("", ""), []string{file}, "", "no engine listens on this machine"},
	} {
		got, err := findEngine(outside{getenv: tt.getenv, sockets: tt.sockets})
		if got != tt.want || (tt.bad == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.bad) {
			t.Errorf("found %q, error %v, want %q, %q", got, err, tt.want, tt.bad)
		}
	}
	dead := filepath.Join(filepath.Dir(socket), "dead")
	l, err := net.Listen("unix", dead)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	wantError(t, Location{schemeDocker, "a", ""}, "", onSocket(quick(t), dead), "no engine answers on "+dead, "connection refused")
}

func TestCancelEngine(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	out := onSocket(quick(t), startEngine(t, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	out.engine = time.Hour
	if _, err := open(ctx, Location{schemeDocker, "a", ""}, "", out); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
