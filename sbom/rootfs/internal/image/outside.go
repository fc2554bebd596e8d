package image

import (
	"crypto/x509"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
)

// Maximum times without an answer of a server. A working registry answers in a
// few seconds; one that hangs must not block a pipeline.
const (
	dialTimeout   = 20 * time.Second
	headerTimeout = 60 * time.Second
	// idleTimeout is the maximum time without data in a body.
	idleTimeout = 60 * time.Second
	// documentTimeout is for a whole manifest or a whole handshake, so that a
	// slow one ends as well. Layers have no such limit.
	documentTimeout = 3 * time.Minute
	// engineTimeout is the maximum time without data from an engine: Docker
	// packs an image before it sends the first byte.
	engineTimeout = 15 * time.Minute
)

// outside are the settings for access beyond the file system, as a value that
// tests can replace.
type outside struct {
	keychain authn.Keychain
	// roots are the certificates for registries; nil for those of the system.
	roots   *x509.CertPool
	dial    time.Duration
	header  time.Duration
	idle    time.Duration
	whole   time.Duration
	engine  time.Duration
	getenv  func(string) string
	sockets []string // sockets of engines, unless environment variables name one
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
