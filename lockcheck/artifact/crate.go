package artifact

import (
	"archive/tar"
	"archive/zip"
	"errors"
	"fmt"
	"strings"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// readCrate reads a package of crates.io, as cargo unpacks it
// (src/cargo/sources/registry/mod.rs, unpack_package): all files are in the
// directory NAME-VERSION, and .cargo-ok is not unpacked, which cargo writes
// itself. Paths are relative to that directory.
func readCrate(b *builder, r Reader) error {
	top := ""
	err := b.tarball(stream(r), func(_ *tar.Header, e *entry) error {
		dir, rest, _ := strings.Cut(e.path, "/")
		if top == "" {
			top = dir
		}
		if dir != top {
			return fmt.Errorf("%.200q is not in the directory %.100q", e.path, top)
		}
		e.path, e.skip = rest, rest == ".cargo-ok"
		return nil
	})
	if err != nil {
		return err
	}
	m := crateName.FindStringSubmatch(top)
	if m == nil {
		return fmt.Errorf("%.100q is not a name and a version", top)
	}
	b.m.Name, b.m.Version = m[1], m[2]
	return nil
}

// crateName splits the name of a crate from its version, which has three numbers.
var crateName = lazyregexp.New(`^([A-Za-z0-9_-]+?)-(\d+\.\d+\.\d+.*)$`)

// readGoZip reads the zip file of a Go module (golang.org/x/mod/zip): all files
// are in the directory MODULE@VERSION. The go command unpacks them with mode
// 0444, into the same directory of the module cache.
func readGoZip(b *builder, r Reader) error {
	prefix := ""
	err := b.zip(r, func(_ *zip.File, e *entry) error {
		if prefix == "" {
			module, rest, _ := strings.Cut(e.path, "@")
			version, _, ok := strings.Cut(rest, "/")
			if !ok || module == "" || version == "" {
				return fmt.Errorf("%.200q is not in a directory of a module and a version", e.path)
			}
			b.m.Name, b.m.Version = module, version
			prefix = module + "@" + version + "/"
		}
		rest, ok := strings.CutPrefix(e.path, prefix)
		if !ok {
			return fmt.Errorf("%.200q is not in the directory %.200q", e.path, prefix)
		}
		e.path = rest
		return nil
	})
	if err == nil && prefix == "" {
		err = errors.New("no files")
	}
	return err
}
