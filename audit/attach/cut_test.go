package attach

import (
	"bytes"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/depaudit/depaudit/sbom/registry"
)

// dies makes a server break every connection from a request on, for good. half sends
// the beginning of an answer first. It returns the number of requests that were served.
func (s *server) dies(at int, half bool) func() int {
	var mu sync.Mutex
	served := 0
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		dead := served >= at
		served++
		mu.Unlock()
		if !dead {
			return false
		}
		conn, buffer, err := w.(http.Hijacker).Hijack()
		if err != nil {
			s.t.Error(err)
			return true
		}
		if half && r.Method != http.MethodHead {
			buffer.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\nContent-Type: " + imageType + "\r\n\r\n{")
			buffer.Flush()
		}
		conn.Close()
		return true
	}
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return served
	}
}

func (s *server) lives() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = nil
}

// impatient is open without waits before the same request is made again.
func (s *server) impatient(ref string) *Repository {
	s.t.Helper()
	set := quick()
	set.Pause = 0
	r, err := open(s.t.Context(), s.host+"/"+ref, registry.Write, set, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(r.Close)
	return r
}

// TestCut: the registry dies at each request of a push. What is listed then is whole
// or is not there, and the same push once more makes it one release.
func TestCut(t *testing.T) {
	files := filesOf(t, "2026-10-01")
	for _, lists := range []bool{true, false} {
		for at := 0; ; at++ {
			s := serve(t, lists)
			s.put("app/manifests/1", imageType, image)
			r := s.impatient("app:1")
			served := s.dies(at, at%2 == 1)
			_, err := r.Push(t.Context(), files, tool, As{})
			n := served()
			s.lives()
			if err == nil && n > at {
				t.Errorf("lists %v: a push succeeds that was cut at request %d of %d", lists, at, n)
			}
			if n <= at {
				if err != nil || at < 20 {
					t.Errorf("lists %v: after %d requests: %v", lists, n, err)
				}
				break
			}
			for _, rel := range s.releases("app:1") {
				got, err := s.open("app:1").Files(t.Context(), rel)
				if err != nil || !maps.EqualFunc(got, files, bytes.Equal) {
					t.Errorf("lists %v: cut at request %d: a release is listed that is not whole: %v", lists, at, err)
				}
			}
			s.push("app:1", files, false)
			if list := s.releases("app:1"); len(list) != 1 || list[0].Err != nil {
				t.Errorf("lists %v: cut at request %d, and pushed again: %+v", lists, at, list)
			}
		}
	}
}

// TestCutPull: the registry dies at each request of a pull, which has an error and no
// files then.
func TestCutPull(t *testing.T) {
	files := filesOf(t, "2026-10-01")
	s := serve(t, false)
	s.put("app/manifests/1", imageType, image)
	s.push("app:1", files, false)
	for at := 0; ; at++ {
		r := s.impatient("app:1")
		served := s.dies(at, at%2 == 1)
		list, err := r.Releases(t.Context())
		var got map[string][]byte
		if err == nil && len(list) == 1 {
			got, err = r.Files(t.Context(), list[0])
		}
		n := served()
		s.lives()
		switch {
		case err == nil && n <= at:
			if len(got) != len(files) {
				t.Errorf("%d files of %d", len(got), len(files))
			}
			if at < len(files) {
				t.Errorf("only %d requests", n)
			}
			return
		case err == nil:
			t.Errorf("cut at request %d of %d: no error, %d releases, %d files", at, n, len(list), len(got))
		case got != nil:
			t.Errorf("cut at request %d: %d files beside the error", at, len(got))
		case strings.Contains(err.Error(), "{"):
			t.Errorf("cut at request %d: %v", at, err)
		}
	}
}
