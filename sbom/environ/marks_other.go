//go:build !linux

package environ

import "errors"

// states is not supported: what the standard library tells of a file does not
// include when it was changed last.
func (d *disk) states(*Tree, []Node, func(Node, fileState) bool) error { return errors.ErrUnsupported }

// Root is not supported.
func (t *Tree) Root() (string, error) { return "", errors.ErrUnsupported }
