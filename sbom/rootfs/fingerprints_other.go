//go:build !linux

package rootfs

import (
	"context"
	"errors"
)

// The standard library does not return the time of the last change of a file: there
// are no fingerprints on these systems.

func (d *disk) fingerprints(*Tree, []Node, func(Node, currentFingerprint) bool) error {
	return errors.ErrUnsupported
}

func (d *disk) identity() (string, error) { return "", errors.ErrUnsupported }

func (d *disk) mountsOf() (string, fileTimes, error) { return "", fileTimes{}, errors.ErrUnsupported }

// Same is always false.
func Same(context.Context, Ref, Options, *Fingerprints) (bool, error) { return false, nil }
