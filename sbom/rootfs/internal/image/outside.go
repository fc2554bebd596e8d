package image

import (
	"os"
	"time"

	"github.com/depaudit/depaudit/sbom/registry"
)

// engineTimeout is the maximum time without data from an engine: Docker packs an
// image before it sends the first byte.
const engineTimeout = 15 * time.Minute

// outside are the settings for access beyond the file system, as a value that
// tests can replace.
type outside struct {
	registry registry.Settings
	// engine is the maximum time for the header of an answer of an engine, and idle that
	// without data in a body.
	engine, idle time.Duration
	getenv       func(string) string
	sockets      []string // sockets of engines, unless environment variables name one
}

func system() outside {
	return outside{
		registry: registry.System(),
		engine:   engineTimeout,
		idle:     engineTimeout,
		getenv:   os.Getenv,
		sockets:  engineSockets(os.Getenv),
	}
}
