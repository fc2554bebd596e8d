package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/depaudit/depaudit/sbom/netguard"
	"github.com/depaudit/depaudit/sbom/wording"
)

// MaxSaid is the maximum length of a server's message in an error.
const MaxSaid = 200

// Error is an error with a text of a server in printable form, and with a
// hint.
type Error struct {
	Text  string
	Cause error
}

func (e *Error) Error() string { return e.Text }
func (e *Error) Unwrap() error { return e.Cause }

// Explain adds the meaning and a hint to an error of a registry.
func (c *Client) Explain(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return &Error{c.text(err), err}
}

func (c *Client) text(err error) string {
	host := c.ref.Context().RegistryStr()
	var busy *busyError
	var status *transport.Error
	var refused *netguard.Refusal
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &busy):
		return c.status(busy.status, busy.after)
	case errors.As(err, &status):
		return c.status(status, 0)
	case errors.Is(err, http.ErrSchemeMismatch), isPlainAnswer(err):
		return fmt.Sprintf("%s does not speak https, and plain http is only for a registry on this machine: give the registry a certificate, or copy the image here: skopeo copy docker://%s oci:DIR", host, c.ref)
	case errors.As(err, &refused):
		return "refused: " + refused.Text
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Sprintf("there is no host %s: check the name of the registry, or set HTTPS_PROXY", wording.Quote(dns.Name))
	case errors.Is(err, syscall.ECONNREFUSED) && dialed(err, host):
		return host + " cannot be read: connection refused: check the address, and that the registry is running"
	case isCertificate(err):
		return fmt.Sprintf("the certificate of %s is not trusted: if you trust who signed it, set SSL_CERT_FILE to their certificate: %s", host, wording.Printable(Innermost(err), MaxSaid))
	case errors.Is(err, netguard.ErrIdle), errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("%s does not answer in time: try again, or check the network: %s", host, wording.Printable(Innermost(err), MaxSaid))
	}
	return fmt.Sprintf("%s cannot be read: %s", host, wording.Printable(Innermost(err), MaxSaid))
}

// dialed reports whether an error is that of a connection to the host itself, and not to a
// proxy, whose address a message needs.
func dialed(err error, host string) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" && op.Addr != nil && op.Addr.String() == host
}

// Innermost removes the method and address that net/http adds to an error: the
// reference names the image already, and the address of a redirect may contain a
// signature that grants access.
func Innermost(err error) string {
	var u *url.Error
	for errors.As(err, &u) {
		err = u.Err
	}
	return err.Error()
}

func isCertificate(err error) bool {
	var verification *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var host x509.HostnameError
	return errors.As(err, &verification) || errors.As(err, &unknown) || errors.As(err, &invalid) || errors.As(err, &host)
}

// isPlainAnswer recognizes the answer of a server without TLS to a TLS hello.
func isPlainAnswer(err error) bool {
	var record tls.RecordHeaderError
	return errors.As(err, &record)
}

// status explains the error status of a registry, which asks to wait for a time if it
// is not 0. The message of the registry comes last and is quoted, because it is
// untrusted.
func (c *Client) status(e *transport.Error, wait time.Duration) string {
	after := ""
	host, repo := c.ref.Context().RegistryStr(), c.ref.Context().RepositoryStr()
	login := "docker login " + host
	if host == name.DefaultRegistry {
		login = "docker login"
	}
	if wait > 0 {
		after = " " + wait.String()
	}
	var s string
	switch e.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		s = fmt.Sprintf("%s does not let the stored credentials %s %s (%d): log in as a user who may: %s", host, c.verb(), repo, e.StatusCode, login)
		switch {
		case c.anonymous && c.access == Write:
			s = fmt.Sprintf("%s takes nothing for %s without credentials (%d): log in: %s", host, repo, e.StatusCode, login)
		case c.anonymous:
			s = fmt.Sprintf("%s does not show %s without credentials, or there is no such image (%d): check the name, or log in: %s", host, repo, e.StatusCode, login)
		}
	case http.StatusNotFound:
		if e.Request != nil && strings.HasSuffix(e.Request.URL.Path, "/tags/list") {
			s = fmt.Sprintf("%s has no repository %s (404): check the name", host, repo)
			break
		}
		if e.Request != nil && !strings.HasSuffix(e.Request.URL.Path, "/"+c.ref.Identifier()) {
			s = "the registry does not have it, and the image is not whole without it (404): push it again"
			break
		}
		s = fmt.Sprintf("there is no %s (404): check the name and the tag", c.ref.Name())
	case http.StatusMethodNotAllowed:
		s = fmt.Sprintf("%s does not do that (405)", host)
		if c.access == Write {
			s = fmt.Sprintf("%s is read only (405): name a registry that takes uploads", host)
		}
	case http.StatusTooManyRequests:
		s = fmt.Sprintf("%s asks to wait%s, for there were too many requests (429): try again later, or log in for a higher limit: %s", host, after, login)
	default:
		s = fmt.Sprintf("%s answers with status %d", host, e.StatusCode)
		if e.StatusCode >= 500 {
			s += ": try again later"
			if after != "" {
				s += "; it asks to wait" + after
			}
		}
	}
	if said := said(e); said != "" {
		s += fmt.Sprintf(": it says %q", said)
	}
	return s
}

// said returns the message of a registry.
func said(e *transport.Error) string {
	var words []string
	for _, d := range e.Errors {
		words = append(words, strings.TrimSpace(string(d.Code)+" "+d.Message))
	}
	return wording.Printable(strings.Join(words, "; "), MaxSaid)
}

// verb is what the client was opened for.
func (c *Client) verb() string {
	if c.access == Write {
		return "write"
	}
	return "read"
}

// Status returns the status of an answer that is an error, 0 for another error.
func Status(err error) int {
	if status, ok := errors.AsType[*transport.Error](err); ok {
		return status.StatusCode
	}
	return 0
}

// NotFound reports whether an error is the answer that something is not there.
func NotFound(err error) bool { return Status(err) == http.StatusNotFound }
