package registry

import (
	"net/http"
	"net/url"
	"testing"
)

// TestNoPlainHTTP: http is for this machine, whatever go-containerregistry
// thinks of private networks and of names that end in .local.
func TestNoPlainHTTP(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST:5000": true, "127.0.0.1:5000": true, "127.1.2.3": true, "[::1]:5000": true, "[::ffff:127.0.0.1]:1": true,
		"10.0.0.1:5000": false, "192.168.1.1": false, "registry.local:5000": false, "a.localhost:5000": false, "localhost.example.org": false,
		"127.0.0.1.example.org": false, "example.org": false, "0.0.0.0:5000": false,
	} {
		g, base := newGuard(System(), host)
		base.CloseIdleConnections()
		err := g.allow(&url.URL{Scheme: "http", Host: host, Path: "/v2/"})
		if (err == nil) != want {
			t.Errorf("http to %s: %v", host, err)
		}
		if err := g.allow(&url.URL{Scheme: "https", Host: host, Path: "/v2/"}); err != nil {
			t.Errorf("https to %s: %v", host, err)
		}
	}
}

// TestWhereRedirectsLead is a table of who may send whom where.
func TestWhereRedirectsLead(t *testing.T) {
	for _, tt := range []struct {
		host, from, to string
		want           bool
	}{
		{"example.org", "https://example.org/a", "https://example.org/b", true},
		{"example.org", "https://example.org/a", "https://cdn.example.net/b", true},
		{"example.org", "https://example.org/a", "http://example.org/b", false},
		{"example.org", "https://example.org/a", "http://cdn.example.net/b", false},
		{"example.org", "https://example.org/a", "http://127.0.0.1/b", false},
		{"example.org", "https://example.org/a", "https://127.0.0.1/b", false},
		{"example.org", "https://example.org/a", "https://localhost:8443/b", false},
		{"example.org", "https://example.org/a", "https://169.254.169.254/latest/meta-data", false},
		{"example.org", "https://example.org/a", "https://[fd00:ec2::254]/b", false},
		{"example.org", "https://example.org/a", "https://10.1.2.3/b", false},
		{"example.org", "https://example.org/a", "file:///etc/passwd", false},
		{"example.org", "https://example.org/a", "ftp://example.org/b", false},
		{"10.1.2.3:5000", "https://10.1.2.3:5000/a", "https://10.1.2.3:5000/b", true},
		{"127.0.0.1:5000", "http://127.0.0.1:5000/a", "http://127.0.0.1:5000/b", true},
		{"127.0.0.1:5000", "http://127.0.0.1:5000/a", "http://127.0.0.1:5001/b", false},
		{"127.0.0.1:5000", "http://127.0.0.1:5000/a", "http://example.org/b", false},
		{"127.0.0.1:5000", "http://127.0.0.1:5000/a", "https://127.0.0.1:5001/b", true},
		{"127.0.0.1:5000", "http://127.0.0.1:5000/a", "https://example.org/b", true},
	} {
		g, base := newGuard(System(), tt.host)
		base.CloseIdleConnections()
		from, err := http.NewRequest(http.MethodGet, tt.from, nil)
		if err != nil {
			t.Fatal(err)
		}
		to, err := http.NewRequest(http.MethodGet, tt.to, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := g.redirect(to, []*http.Request{from}); (err == nil) != tt.want {
			t.Errorf("%s to %s: %v", tt.from, tt.to, err)
		}
	}
}
