package fetch

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func sha(b string) string {
	sum := sha256.Sum256([]byte(b))
	return "sha256:" + hex.EncodeToString(sum[:])
}

func sha5(b string) string {
	sum := sha512.Sum512([]byte(b))
	return "sha512:" + hex.EncodeToString(sum[:])
}

func anywhere(*url.URL) error { return nil }

// serve is a server with one file, whose handler gets the number of the request.
func serve(t *testing.T, handler func(w http.ResponseWriter, r *http.Request, n int)) *httptest.Server {
	t.Helper()
	var n atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler(w, r, int(n.Add(1))) }))
	t.Cleanup(s.Close)
	return s
}

func get(t *testing.T, dir string, a Artifact, o Options) Result {
	t.Helper()
	o.Directory, o.pause = dir, time.Millisecond
	if o.Allow == nil {
		o.Allow = anywhere
	}
	out, err := Run(t.Context(), []Artifact{a}, o)
	if err != nil {
		t.Fatal(err)
	}
	return out[0]
}

// kept are the files of a directory, by their paths in it.
func kept(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, p)
			files = append(files, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestGet(t *testing.T) {
	const body = "the bytes of a package"
	s := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
		if n > 1 {
			t.Errorf("request %d: the artifact is there", n)
		}
		w.Write([]byte(body))
	})
	dir := t.TempDir()
	a := Artifact{URL: s.URL + "/pool/b/bash_5.2+dfsg~1:2_amd64.deb", Size: int64(len(body)), Digests: []string{"md5:ignored", sha(body)}}
	r := get(t, dir, a, Options{})
	if r.Err != nil || r.Had || r.Bytes != int64(len(body)) {
		t.Fatalf("%+v", r)
	}
	if got, err := os.ReadFile(r.Path); err != nil || string(got) != body || filepath.Base(r.Path) != "bash_5.2+dfsg~1%3A2_amd64.deb" {
		t.Errorf("%s: %q, %v", r.Path, got, err)
	}
	if r = get(t, dir, a, Options{}); r.Err != nil || !r.Had {
		t.Errorf("the second time: %+v", r)
	}
}

// A part of an earlier run is continued, and never believed.
func TestResume(t *testing.T) {
	const body = "0123456789abcdef"
	for name, part := range map[string]string{"right": "01234567", "wrong": "xxxxxxxx", "whole": body, "too long": body + "more", "whole and wrong": "fedcba9876543210"} {
		for _, ranges := range []bool{true, false} {
			var whole, rest int
			s := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
				if ranges {
					if r.Header.Get("Range") != "" {
						rest++
					} else {
						whole++
					}
					http.ServeContent(w, r, "", time.Time{}, strings.NewReader(body))
					return
				}
				w.Write([]byte(body))
			})
			dir := t.TempDir()
			a := Artifact{URL: s.URL + "/f.tgz", Size: int64(len(body)), Digests: []string{sha5(body)}}
			u, _ := url.Parse(s.URL)
			sum := sha256.Sum256([]byte(a.Digests[0]))
			file := filepath.Join(dir, component(u.Host), "."+hex.EncodeToString(sum[:16])+".part")
			if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o777), os.WriteFile(file, []byte(part), 0o666)); err != nil {
				t.Fatal(err)
			}
			r := get(t, dir, a, Options{})
			if r.Err != nil {
				t.Errorf("%s, ranges %v: %v", name, ranges, r.Err)
				continue
			}
			if got, _ := os.ReadFile(r.Path); string(got) != body {
				t.Errorf("%s, ranges %v: %q", name, ranges, got)
			}
			if name == "right" && ranges && (whole != 0 || rest != 1) {
				t.Errorf("a right part was not continued: %d whole, %d parts", whole, rest)
			}
			if files := kept(t, dir); len(files) != 1 {
				t.Errorf("%s: %q", name, files)
			}
		}
	}
}

// TestNothingIsKept has servers that lie, hang or refuse: the error says which,
// and no file looks like the artifact.
func TestNothingIsKept(t *testing.T) {
	const body = "honest bytes"
	good := []string{sha(body)}
	tests := []struct {
		name, want string
		a          Artifact
		handler    func(w http.ResponseWriter, r *http.Request, n int)
		requests   int
		o          Options
	}{
		{name: "other bytes", want: "has the digest sha256:", requests: 3, a: Artifact{Digests: good, Size: int64(len(body))},
			handler: func(w http.ResponseWriter, _ *http.Request, _ int) { w.Write([]byte("evil content")) }},
		{name: "one of two algorithms is wrong", want: "has the digest sha512:", requests: 3, a: Artifact{Digests: []string{sha(body), sha5("other")}},
			handler: func(w http.ResponseWriter, _ *http.Request, _ int) { w.Write([]byte(body)) }},
		{name: "more bytes than announced by the entry", want: "expected 5 bytes", requests: 1, a: Artifact{Digests: good, Size: 5},
			handler: func(w http.ResponseWriter, _ *http.Request, _ int) {
				w.Write([]byte(body))
				w.(http.Flusher).Flush()
				w.Write([]byte(body))
			}},
		{name: "announces more", want: "at most 5 are expected", requests: 1, a: Artifact{Digests: good, Size: 5},
			handler: func(w http.ResponseWriter, _ *http.Request, _ int) { w.Write([]byte(body)) }},
		{name: "less", want: "unexpected EOF", requests: 3, a: Artifact{Digests: good, Size: int64(len(body))},
			handler: func(w http.ResponseWriter, _ *http.Request, _ int) {
				w.Header().Set("Content-Length", "12")
				w.Write([]byte("hon"))
			}},
		{name: "not there", want: "404 Not Found", requests: 1, a: Artifact{Digests: good}, handler: func(w http.ResponseWriter, r *http.Request, _ int) { http.NotFound(w, r) }},
		{name: "busy", want: "503 Service Unavailable", requests: 3, a: Artifact{Digests: good}, handler: func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(503) }},
		{name: "hangs", want: "stopped sending", requests: 3, a: Artifact{Digests: good}, o: Options{idle: 20 * time.Millisecond},
			handler: func(w http.ResponseWriter, r *http.Request, _ int) {
				w.Write([]byte("hon"))
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			}},
		{name: "around in circles", want: "redirects", requests: 10, a: Artifact{Digests: good}, handler: func(w http.ResponseWriter, r *http.Request, _ int) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }},
		{name: "elsewhere", want: "and not over https", requests: 1, a: Artifact{Digests: good}, o: Options{Allow: func(u *url.URL) error {
			if u.Hostname() != "127.0.0.1" {
				return errors.New("another host")
			}
			return nil
		}}, handler: func(w http.ResponseWriter, r *http.Request, _ int) {
			http.Redirect(w, r, "http://elsewhere.example/x", http.StatusFound)
		}},
		{name: "into the network", want: "of a private network", requests: 1, a: Artifact{Digests: good}, o: Options{Allow: func(u *url.URL) error {
			if u.Hostname() != "127.0.0.1" {
				return errors.New("another host")
			}
			return nil
		}}, handler: func(w http.ResponseWriter, r *http.Request, _ int) {
			http.Redirect(w, r, "https://169.254.169.254/x", http.StatusFound)
		}},
		{name: "not allowed", want: "refused here", a: Artifact{Digests: good}, o: Options{Allow: func(*url.URL) error { return errors.New("refused here") }}},
		{name: "only weak digests", want: "sha256 or stronger", a: Artifact{Digests: []string{"sha1:0000000000000000000000000000000000000000", "md5:x"}}},
		{name: "no URL", want: "not a URL", a: Artifact{URL: "file:///etc/passwd", Digests: good}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var n int
			s := serve(t, func(w http.ResponseWriter, r *http.Request, i int) {
				n = i
				tt.handler(w, r, i)
			})
			if tt.a.URL == "" {
				tt.a.URL = s.URL + "/file.whl"
			}
			dir := t.TempDir()
			r := get(t, dir, tt.a, tt.o)
			if r.Err == nil || !strings.Contains(r.Err.Error(), tt.want) {
				t.Errorf("error %v, want %q", r.Err, tt.want)
			}
			if r.Path != "" || n != tt.requests {
				t.Errorf("path %q, %d requests", r.Path, n)
			}
			for _, f := range kept(t, dir) {
				if !strings.HasSuffix(f, ".part") {
					t.Errorf("kept %s", f)
				}
			}
		})
	}
}

// A server that fails once is asked again.
func TestAttempts(t *testing.T) {
	const body = "at last"
	s := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
		if n < 3 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.Write([]byte(body))
	})
	if r := get(t, t.TempDir(), Artifact{URL: s.URL + "/x", Digests: []string{sha(body)}}, Options{}); r.Err != nil {
		t.Error(r.Err)
	}
}

// Names of a server cannot leave the directory, nor be too long for it.
func TestPlace(t *testing.T) {
	f := &fetcher{options: Options{Directory: "/d"}}
	for raw, want := range map[string]string{
		"https://h.example:8080/a/b.deb":            "/d/h.example%3A8080/a/b.deb",
		"https://h.example/../../etc/x":             "/d/h.example/etc/x",
		"https://h.example/..%2f..%2fetc/x":         "/d/h.example/etc/x",
		"https://h.example/a/.git/x":                "/d/h.example/a/%2Egit/x",
		"https://h.example/@babel/core/-/c-1.0.tgz": "/d/h.example/@babel/core/-/c-1.0.tgz",
		"https://h.example/a%0ab%1b":                "/d/h.example/a%0Ab%1B",
	} {
		if got := f.place(Artifact{URL: raw}); got != want {
			t.Errorf("%s: %s, want %s", raw, got, want)
		}
	}
	if got := filepath.Base(f.place(Artifact{URL: "https://h.example/" + strings.Repeat("x", 4000)})); len(got) > maxName {
		t.Errorf("a name of %d bytes", len(got))
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
		cancel()
		<-r.Context().Done()
	})
	list := make([]Artifact, 100)
	for i := range list {
		list[i] = Artifact{URL: s.URL + "/x", Digests: []string{sha("x")}}
	}
	if _, err := Run(ctx, list, Options{Directory: t.TempDir(), Allow: anywhere}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestCheck downloads an artifact whose entry has a digest that is not of its bytes:
// the check alone decides, also about what is there from an earlier run.
func TestCheck(t *testing.T) {
	const body = "a tarball"
	s := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) { w.Write([]byte(body)) })
	dir := t.TempDir()
	right := true
	a := Artifact{URL: s.URL + "/a/-/a-1.0.0.tgz", Digests: []string{"yarn/10c0:00"}}
	a.Check = func(file string) error {
		if data, err := os.ReadFile(file); err != nil || string(data) != body {
			t.Errorf("%s: %q, %v", file, data, err)
		}
		if !right {
			return errors.New("not the zip file of the lock")
		}
		return nil
	}
	if r := get(t, dir, a, Options{}); r.Err != nil || r.Had || len(kept(t, dir)) != 1 {
		t.Errorf("%+v, %v", r, kept(t, dir))
	}
	if r := get(t, dir, a, Options{}); r.Err != nil || !r.Had {
		t.Errorf("the second time: %+v", r)
	}
	right = false
	if r := get(t, t.TempDir(), a, Options{}); r.Err == nil || !strings.Contains(r.Err.Error(), "not the zip file of the lock") || r.Path != "" {
		t.Errorf("what is refused: %+v", r)
	}
	if r := get(t, dir, a, Options{}); r.Err == nil || r.Had {
		t.Errorf("what is there and refused: %+v", r)
	}
	a.Check = nil
	if r := get(t, t.TempDir(), a, Options{}); r.Err == nil || !strings.Contains(r.Err.Error(), "no digest that is sha256 or stronger") {
		t.Errorf("without a check: %+v", r)
	}
	// With digests of the bytes, both decide.
	right, a.Digests = true, []string{sha("other bytes")}
	a.Check = func(string) error { return nil }
	if r := get(t, t.TempDir(), a, Options{}); r.Err == nil {
		t.Errorf("other bytes: %+v", r)
	}
}
