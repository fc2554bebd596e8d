package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/depaudit/depaudit/sbom/netguard"
)

// A registry that many workers read at the same time is busy now and then, and
// breaks connections when it is restarted. What passes is waited for, within
// limits: a pipeline must end, and its next try is another process.

// maxTries is how often a request is made, and how often the rest of a blob is
// requested after its connection broke. The waits between are 1, 2 and 4 seconds, and
// longer if the registry asks for it.
const maxTries = 4

// retryPause is doubled before each try. maxRetryAfter is the longest wait that a
// registry may ask for: Docker Hub asks for minutes to hours when the quota of an
// address is used up, which the error then names.
const (
	retryPause    = 500 * time.Millisecond
	maxRetryAfter = time.Minute
)

// Again repeats a request that may succeed later: the registry is busy, or a
// connection broke. Each wait is up to a half longer, so that many workers do not come
// back at the same time.
func (c *Client) Again(ctx context.Context, request func() error) error {
	for try := 1; ; try++ {
		err := request()
		if err == nil || try == maxTries || ctx.Err() != nil || !transient(err) {
			return err
		}
		wait := c.set.Pause << try
		if busy := (*busyError)(nil); errors.As(err, &busy) {
			if busy.after > c.set.Wait {
				return err
			}
			wait = max(wait, busy.after)
		}
		if wait > 0 {
			wait += rand.N(wait/2 + 1)
		}
		if err := Sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// Sleep waits, until the context ends.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// transient reports whether the same request may have another answer soon. A
// connection that is refused is not: nothing listens there, or not for a while.
func transient(err error) bool {
	var dns *net.DNSError
	switch status := Status(err); {
	case status != 0:
		return slices.Contains([]int{
			http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
			http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
		}, status)
	case errors.As(err, &dns):
		return dns.IsTemporary && !dns.IsNotFound
	}
	// net/http returns io.EOF for a connection that ends before the header.
	return slices.ContainsFunc([]error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE}, func(e error) bool { return errors.Is(err, e) })
}

// busyError is an error status with the time that the registry asks to wait.
type busyError struct {
	status *transport.Error
	after  time.Duration
}

func (e *busyError) Error() string { return e.status.Error() }
func (e *busyError) Unwrap() error { return e.status }

// busy adds the header Retry-After to the error of an answer.
func busy(err error, header http.Header) error {
	var status *transport.Error
	if after := retryAfter(header); after > 0 && errors.As(err, &status) {
		return &busyError{status, after}
	}
	return err
}

// retryAfter returns the time of the header: a number of seconds, or a date
// (https://www.rfc-editor.org/rfc/rfc9110#field.retry-after), which is compared with
// the registry's own clock. It is 0 without a valid one.
func retryAfter(header http.Header) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	until, err := http.ParseTime(value)
	now, errNow := http.ParseTime(header.Get("Date"))
	if err != nil || errNow != nil {
		return 0
	}
	return max(0, until.Sub(now))
}

// Blob opens a blob of a size. If the connection breaks, the rest is requested with
// another one: layers have gigabytes. The caller compares what it reads with the
// digest, and closes the body, whose errors are explained.
func (c *Client) Blob(ctx context.Context, digest string, size int64) (io.ReadCloser, error) {
	open := func(at int64) (*http.Response, error) {
		var resp *http.Response
		err := c.Again(ctx, func() (err error) {
			resp, err = c.blobFrom(ctx, digest, at)
			return err
		})
		return resp, err
	}
	resp, err := open(0)
	if err != nil {
		return nil, err
	}
	if resp.ContentLength >= 0 && resp.ContentLength != size {
		resp.Body.Close()
		return nil, fmt.Errorf("the registry sends %d bytes, and its descriptor has %d", resp.ContentLength, size)
	}
	return &blobBody{body: resp.Body, open: open}, nil
}

// blobFrom requests a blob without its first bytes. A registry need not support that
// and may send all of it (status 200).
func (c *Client) blobFrom(ctx context.Context, digest string, at int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL("blobs", digest).String(), nil)
	if err != nil {
		return nil, err
	}
	if at == 0 {
		return c.Do(req, http.StatusOK)
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-", at))
	return c.Do(req, http.StatusOK, http.StatusPartialContent)
}

// blobBody is the body of a blob over one or several connections.
type blobBody struct {
	body  io.ReadCloser
	open  func(at int64) (*http.Response, error)
	at    int64 // bytes that were read
	tries int   // connections that broke
}

func (b *blobBody) Read(p []byte) (int, error) {
	for {
		n, err := b.body.Read(p)
		b.at += int64(n)
		switch {
		case err == nil, err == io.EOF, !isBroken(err):
			return n, err
		case n > 0:
			return n, nil // a broken body returns its error again
		}
		if b.tries++; b.tries == maxTries {
			return 0, err
		}
		if err := b.resume(); err != nil {
			return 0, err
		}
	}
}

// resume replaces the body by one that continues it.
func (b *blobBody) resume() error {
	resp, err := b.open(b.at)
	if err != nil {
		return err
	}
	b.body.Close()
	b.body = resp.Body
	if resp.StatusCode == http.StatusPartialContent {
		if part := resp.Header.Get("Content-Range"); !strings.HasPrefix(part, fmt.Sprintf("bytes %d-", b.at)) {
			return fmt.Errorf("the registry sends another part of a blob than the one from byte %d", b.at)
		}
		return nil
	}
	switch _, err = io.CopyN(io.Discard, b.body, b.at); {
	case err == io.EOF:
		return errors.New("the registry sends a shorter blob than before")
	case err != nil && !isBroken(err):
		return err
	}
	return nil // Read gets the error of a connection that broke again
}

// isBroken reports whether the error of a body is that of its connection: all are,
// but for those of the caller's context.
func isBroken(err error) bool {
	return errors.Is(err, netguard.ErrIdle) || !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

func (b *blobBody) Close() error { return b.body.Close() }
