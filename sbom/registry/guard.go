package registry

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/depaudit/depaudit/sbom/netguard"
	"github.com/depaudit/depaudit/sbom/wording"
)

// maxHandshakeBody is the maximum size of an unused answer that is read in order
// to reuse the connection. The handshake drains its answers.
const maxHandshakeBody = 64 << 10

// guard is the transport of every request to a registry, including those of the
// handshake and those that follow a redirect. It decides which requests are
// made, and ends one whose body stalls.
//
// A registry must use https. Plain http is allowed for one on this machine, as
// with Docker. go-containerregistry also allows it for addresses of private
// networks and for names that end in .local, which any host on the network can
// answer for.
type guard struct {
	base http.RoundTripper
	host string // of the registry, with its port if it has one
	idle time.Duration
	// handshake is set until the way of authentication is known.
	handshake atomic.Bool
	// failed are the errors of requests of the handshake, by their scheme. If
	// both https and http are tried, the handshake joins both errors in one
	// text.
	mu     sync.Mutex
	failed map[string]error
}

func newGuard(set Settings, host string) (*guard, *http.Transport) {
	base := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: set.Dial}).DialContext,
		TLSHandshakeTimeout:   set.Dial,
		TLSClientConfig:       &tls.Config{RootCAs: set.Roots, MinVersion: tls.VersionTLS12},
		ResponseHeaderTimeout: set.Header,
		ForceAttemptHTTP2:     true,
		// A blob that a server compresses on its way would have another digest.
		DisableCompression: true,
		IdleConnTimeout:    set.Idle,
	}
	return &guard{base: base, host: host, idle: set.Idle, failed: map[string]error{}}, base
}

// begin begins a handshake, and forgets one before it.
func (g *guard) begin() {
	g.mu.Lock()
	clear(g.failed)
	g.mu.Unlock()
	g.handshake.Store(true)
}

func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if !g.handshake.Load() {
		return g.roundTrip(req, -1)
	}
	resp, err := g.roundTrip(req, maxHandshakeBody)
	if err != nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.failed[req.URL.Scheme] = err
	}
	return resp, err
}

func (g *guard) roundTrip(req *http.Request, limit int64) (*http.Response, error) {
	if err := g.allow(req.URL); err != nil {
		return nil, err
	}
	return netguard.RoundTrip(g.base, req, g.idle, limit)
}

// cause returns the error of the handshake for the relevant scheme: http for a
// registry on this machine without https, otherwise https.
func (g *guard) cause(err error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	var status *transport.Error
	switch {
	case isCertificate(g.failed["https"]):
		return g.failed["https"]
	case errors.As(err, &status):
		return err
	case netguard.IsLoopback(g.host):
		return cmp.Or(g.failed["http"], err)
	}
	return cmp.Or(g.failed["https"], err)
}

// allow returns an error for a request that must not be made.
func (g *guard) allow(u *url.URL) error {
	here := netguard.IsLoopback(g.host)
	switch u.Scheme {
	case "https":
	case "http":
		if !here || !netguard.IsLoopback(u.Host) {
			return &netguard.Refusal{Text: fmt.Sprintf("%s over plain http, which is only done for a registry on this machine", wording.Quote(u.Host))}
		}
	default:
		return &netguard.Refusal{Text: fmt.Sprintf("the scheme %s is none of a registry", wording.Quote(u.Scheme))}
	}
	if u.Host != g.host && !here && netguard.IsPrivate(u.Host) {
		return &netguard.Refusal{Text: fmt.Sprintf("the registry sends to %s, an address of this machine or of a private network", wording.Quote(u.Host))}
	}
	return nil
}

// redirect returns an error for a redirect that must not be followed. Credentials
// do not follow one: the handshake's transport sends them only to the registry's
// own host, and net/http drops them on the way to another one.
func (g *guard) redirect(req *http.Request, via []*http.Request) error {
	from := via[len(via)-1].URL
	switch {
	case len(via) >= netguard.MaxRedirects:
		return &netguard.Refusal{Text: fmt.Sprintf("more than %d redirects", netguard.MaxRedirects)}
	case from.Scheme == "https" && req.URL.Scheme != "https":
		return &netguard.Refusal{Text: fmt.Sprintf("a redirect from https to %s at %s", wording.Quote(req.URL.Scheme), wording.Quote(req.URL.Host))}
	case req.URL.Host != g.host && req.URL.Scheme != "https":
		return &netguard.Refusal{Text: fmt.Sprintf("a redirect to another server, %s, and not over https", wording.Quote(req.URL.Host))}
	}
	return g.allow(req.URL)
}
