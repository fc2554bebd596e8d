package fetch

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestSimple(t *testing.T) {
	one, two, other := sha("one"), sha("two"), sha("other")
	s := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		switch r.URL.Path {
		case "/simple/acme/":
			w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
			fmt.Fprintf(w, `{"meta":{"api-version":"1.1"},"name":"acme","files":[
{"filename":"acme-1.0.tar.gz","url":"../../files/acme-1.0.tar.gz","hashes":{"sha256":%q},"size":3},
{"filename":"acme-1.0-py3-none-any.whl","url":"https://files.example/acme-1.0-py3-none-any.whl#sha256=x","hashes":{"sha256":%q},"size":3},
{"filename":"acme-2.0.tar.gz","url":"../../files/acme-2.0.tar.gz","hashes":{"sha256":%q}}]}`, one[7:], strings.ToUpper(two[7:]), other[7:])
		case "/simple/html/":
			w.Header().Set("Content-Type", "text/html")
		case "/simple/bad/":
			w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
			fmt.Fprint(w, `{"files":[{"url":5}]}`)
		default:
			http.NotFound(w, r)
		}
	})
	o := Options{Allow: anywhere}
	for _, tt := range []struct {
		project, file string
		digests       []string
		want, err     string
	}{
		{"acme", "", []string{one}, s.URL + "/files/acme-1.0.tar.gz", ""},
		{"acme", "acme-1.0-py3-none-any.whl", []string{one, two}, "https://files.example/acme-1.0-py3-none-any.whl", ""},
		{"acme", "acme-1.0-cp311.whl", []string{one, two}, "", "2 files of the index have a locked digest"},
		{"acme", "", []string{sha("none")}, "", "no file with a locked digest"},
		{"html", "", []string{one}, "", "no pages in JSON"},
		{"bad", "", []string{one}, "", "the page of"},
		{"gone", "", []string{one}, "", "404"},
	} {
		a, err := Simple(t.Context(), s.URL+"/simple/", tt.project, tt.file, tt.digests, o)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s %s: %v, want %q", tt.project, tt.file, err, tt.err)
			}
			continue
		}
		if err != nil || a.URL != tt.want || len(a.Digests) != 1 {
			t.Errorf("%s %s: %+v, %v", tt.project, tt.file, a, err)
		}
	}
}
