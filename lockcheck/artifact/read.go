package artifact

import (
	"context"
	"fmt"
	"io"
)

// readers has the reader of each kind, which adds what the artifact has to the
// builder. Each error is about the artifact.
func readers() map[Kind]func(*builder, Reader) error {
	return map[Kind]func(*builder, Reader) error{
		Deb:   readDeb,
		RPM:   readRPM,
		APK:   readAPK,
		ALPM:  readALPM,
		Wheel: readWheel,
		NPM:   readNPM,
		Gem:   readGem,
		Conda: readConda,
		Crate: readCrate,
		GoZip: readGoZip,
		Jar:   readJar,
		Yarn:  readYarn,
	}
}

// version is the version of the readers and of the encoding of manifests. It is
// raised when the manifest of any artifact changes.
const version = 2

// Read makes the manifest of an artifact. It does not check a digest. The error
// is about the context or the artifact, which is damaged, refused or of an
// unknown kind.
func Read(ctx context.Context, k Kind, r Reader) (*Manifest, error) {
	read, ok := readers()[k]
	if !ok {
		return nil, fmt.Errorf("artifacts of kind %q cannot be read", k)
	}
	if r.Size() > maxArtifact {
		return nil, limitError("the artifact", maxArtifact)
	}
	b := newBuilder(ctx, k, r.Size())
	if err := read(b, r); err != nil {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%s: %w", k.noun(), err)
	}
	return b.finish(), ctx.Err()
}

// noun is the kind in a message.
func (k Kind) noun() string {
	switch k {
	case Deb, RPM, APK:
		return "." + string(k)
	case ALPM:
		return "package of pacman"
	case NPM:
		return "npm tarball"
	case Conda:
		return "conda package"
	case Crate:
		return ".crate"
	case GoZip:
		return "zip of a Go module"
	case Yarn:
		return "zip of Yarn"
	}
	return string(k)
}

// stream reads an artifact from its beginning.
func stream(r Reader) io.Reader { return io.NewSectionReader(r, 0, r.Size()) }
