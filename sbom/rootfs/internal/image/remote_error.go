package image

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

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/depaudit/depaudit/sbom/netguard"
)

// maxSaid is the maximum length of a server's message in an error.
const maxSaid = 200

// remoteError is an error with a text of a server in printable form, and with a
// hint.
type remoteError struct {
	text  string
	cause error
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.cause }

// explain adds the meaning and a hint to an error of a registry.
func (r *registry) explain(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return &remoteError{r.text(err), err}
}

func (r *registry) text(err error) string {
	host := r.ref.Context().RegistryStr()
	var status *transport.Error
	var refused *netguard.Refusal
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &status):
		return r.status(status)
	case errors.Is(err, http.ErrSchemeMismatch), isPlainAnswer(err):
		return fmt.Sprintf("%s does not speak https, and plain http is only for a registry on this machine: give the registry a certificate, or copy the image here: skopeo copy docker://%s oci:DIR", host, r.ref)
	case errors.As(err, &refused):
		return "refused: " + refused.Text
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Sprintf("there is no host %s: check the name of the registry, or set HTTPS_PROXY", quote(dns.Name))
	case isCertificate(err):
		return fmt.Sprintf("the certificate of %s is not trusted: if you trust who signed it, set SSL_CERT_FILE to their certificate: %s", host, printable(innermost(err), maxSaid))
	case errors.Is(err, netguard.ErrIdle), errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("%s does not answer in time: try again, or check the network: %s", host, printable(innermost(err), maxSaid))
	}
	return fmt.Sprintf("%s cannot be read: %s", host, printable(innermost(err), maxSaid))
}

// innermost removes the method and address that net/http adds to an error: the
// reference names the image already, and the address of a redirect may contain a
// signature that grants access.
func innermost(err error) string {
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

// status explains the error status of a registry. The message of the registry
// comes last and is quoted, because it is untrusted.
func (r *registry) status(e *transport.Error) string {
	host, repo := r.ref.Context().RegistryStr(), r.ref.Context().RepositoryStr()
	login := "docker login " + host
	if host == name.DefaultRegistry {
		login = "docker login"
	}
	var s string
	switch e.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		s = fmt.Sprintf("%s does not let the stored credentials read %s (%d): log in as a user who may: %s", host, repo, e.StatusCode, login)
		if r.anonymous {
			s = fmt.Sprintf("%s does not show %s without credentials, or there is no such image (%d): check the name, or log in: %s", host, repo, e.StatusCode, login)
		}
	case http.StatusNotFound:
		if e.Request != nil && !strings.HasSuffix(e.Request.URL.Path, "/"+r.ref.Identifier()) {
			s = "the registry does not have it, and the image is not whole without it (404): push the image again"
			break
		}
		s = fmt.Sprintf("there is no %s (404): check the name and the tag", r.ref.Name())
	case http.StatusTooManyRequests:
		s = fmt.Sprintf("%s asks to wait, for there were too many requests (429): try again later, or log in for a higher limit: %s", host, login)
	default:
		s = fmt.Sprintf("%s answers with status %d", host, e.StatusCode)
		if e.StatusCode >= 500 {
			s += ": try again later"
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
	return printable(strings.Join(words, "; "), maxSaid)
}
