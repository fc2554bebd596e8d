package image

import (
	"crypto/x509"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/depaudit/depaudit/sbom/netguard"
)

// Times without an answer besides those of package netguard.
const (
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
		dial:     netguard.DialTimeout,
		header:   netguard.HeaderTimeout,
		idle:     netguard.IdleTimeout,
		whole:    documentTimeout,
		engine:   engineTimeout,
		getenv:   os.Getenv,
		sockets:  engineSockets(os.Getenv),
	}
}
