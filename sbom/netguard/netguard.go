// Package netguard has what every request to a server needs:
// which addresses are only meant for this machine or network, and an end for an
// answer that stalls. A server is not trusted: what it sends is checked by a
// digest, and where it sends a client to is checked here.
package netguard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// Times without an answer of a server. A working one answers in a few seconds;
// one that hangs must not block a pipeline.
const (
	DialTimeout   = 20 * time.Second
	HeaderTimeout = 60 * time.Second
	// IdleTimeout is the maximum time without data in a body.
	IdleTimeout = 60 * time.Second
)

// MaxRedirects is the limit of net/http.
const MaxRedirects = 10

// Refusal is a request that was not made.
type Refusal struct{ Text string }

func (r *Refusal) Error() string { return r.Text }

// ErrIdle is the error of a body that ended because nothing came for too long.
var ErrIdle = errors.New("the server stopped sending")

// IsLoopback reports whether a host, with or without a port, is this machine:
// 127.0.0.0/8, ::1, and the name that RFC 6761 reserves for them.
func IsLoopback(host string) bool {
	host = hostname(host)
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// IsPrivate reports whether a host is an address whose meaning depends on the
// machine or network.
func IsPrivate(host string) bool {
	if IsLoopback(host) {
		return true
	}
	addr, err := netip.ParseAddr(hostname(host))
	if err != nil {
		return false
	}
	addr = addr.Unmap()
	return addr.IsPrivate() || addr.IsLinkLocalUnicast() || addr.IsLinkLocalMulticast() || addr.IsInterfaceLocalMulticast() || addr.IsUnspecified()
}

func hostname(host string) string { return (&url.URL{Host: host}).Hostname() }

// RoundTrip makes a request whose body ends if it stalls for the time idle. A
// body is cut after limit bytes; a negative limit is none.
func RoundTrip(base http.RoundTripper, req *http.Request, idle time.Duration, limit int64) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	resp, err := base.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel(nil)
		return nil, err
	}
	body := &idleBody{body: resp.Body, cancel: cancel, wait: idle, left: limit}
	body.timer = time.AfterFunc(idle, func() {
		body.idle.Store(true)
		cancel(ErrIdle)
	})
	body.timer.Stop()
	resp.Body = body
	return resp, nil
}

// idleBody is a body that ends if it stalls.
type idleBody struct {
	body   io.ReadCloser
	cancel context.CancelCauseFunc
	timer  *time.Timer
	wait   time.Duration
	idle   atomic.Bool
	left   int64 // bytes that may be read, negative for no limit
}

func (b *idleBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	if b.left > 0 && int64(len(p)) > b.left {
		p = p[:b.left]
	}
	b.timer.Reset(b.wait)
	n, err := b.body.Read(p)
	b.timer.Stop()
	if b.left > 0 {
		b.left -= int64(n)
	}
	if err != nil && b.idle.Load() {
		err = fmt.Errorf("%w: nothing came for %v", ErrIdle, b.wait)
	}
	return n, err
}

func (b *idleBody) Close() error {
	b.timer.Stop()
	err := b.body.Close()
	b.cancel(nil)
	return err
}
