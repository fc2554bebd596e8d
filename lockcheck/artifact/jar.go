package artifact

import (
	"fmt"

	"github.com/depaudit/depaudit/sbom/zipfile"
)

// jarFile is the path of the only file in the manifest of a Java archive, which
// has no name of its own: a build tool copies it under any.
const jarFile = "archive"

// readJar reads a Java archive. It is not unpacked: what is installed is the
// archive itself.
func readJar(b *builder, r Reader) error {
	if _, _, err := zipfile.Open(r, r.Size(), maxDirectory); err != nil {
		return fmt.Errorf("zip: %w", err)
	}
	f := File{Path: jarFile, Type: 'f'}
	if err := b.digest(&f, stream(r)); err != nil {
		return err
	}
	return b.add(f)
}
