package image

import (
	"crypto/x509"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
)

// How long a server may be silent. A registry that answers at all does so in
// a few seconds; one that hangs must not hang a pipeline.
const (
	dialTimeout   = 20 * time.Second
	headerTimeout = 60 * time.Second
	// idleTimeout is how long a body may bring nothing.
	idleTimeout = 60 * time.Second
	// documentTimeout is for a whole manifest or a whole handshake, so that
	// one that trickles in ends as well. Layers may take what they take.
	documentTimeout = 3 * time.Minute
	// engineTimeout is how long an engine may be silent: Docker packs an image
	// before it sends the first byte.
	engineTimeout = 15 * time.Minute
)

// outside is what lies outside of the file system, as a value that tests can
// replace.
type outside struct {
	keychain authn.Keychain
	// roots are the certificates that a registry is checked by; nil for those
	// of the system.
	roots   *x509.CertPool
	dial    time.Duration
	header  time.Duration
	idle    time.Duration
	whole   time.Duration
	engine  time.Duration
	getenv  func(string) string
	sockets []string // where engines listen, if the environment does not say
}

func system() outside {
	return outside{
		keychain: authn.DefaultKeychain,
		dial:     dialTimeout,
		header:   headerTimeout,
		idle:     idleTimeout,
		whole:    documentTimeout,
		engine:   engineTimeout,
		getenv:   os.Getenv,
		sockets:  engineSockets(os.Getenv),
	}
}
