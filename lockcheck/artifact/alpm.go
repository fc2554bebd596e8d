package artifact

import (
	"archive/tar"
	"errors"
	"strings"
)

// readALPM reads a package of pacman (PKGBUILD(5), alpm-package(7)): a tar archive
// in which the files of the first level that begin with a dot are metadata.
func readALPM(b *builder, r Reader) error {
	var info []byte
	err := b.tarball(stream(r), func(_ *tar.Header, e *entry) error {
		if e.path == ".PKGINFO" {
			e.text = &info
		}
		return nil
	})
	if err != nil {
		return err
	}
	if info == nil {
		return errors.New("not a package of pacman: no .PKGINFO")
	}
	files := b.m.Files[:0]
	for _, f := range b.m.Files {
		switch {
		case !strings.HasPrefix(f.Path, ".") || strings.Contains(f.Path, "/") || f.Type != 'f':
			files = append(files, f)
		case f.Path != ".PKGINFO":
			f.Path = strings.ToLower(f.Path[1:]) // "install", "mtree", as in the database
			b.m.Scripts = append(b.m.Scripts, f)
		}
	}
	b.m.Files = files
	b.m.Record = parseInfo(info)
	b.m.Name, b.m.Version, b.m.Arch = b.m.Record["pkgname"], b.m.Record["pkgver"], b.m.Record["arch"]
	if b.m.Name == "" || b.m.Version == "" {
		return errors.New(".PKGINFO has no name or no version")
	}
	if backup := b.m.Record["backup"]; backup != "" {
		b.m.Conffiles = strings.Split(backup, "\n")
	}
	return nil
}

// parseInfo parses a .PKGINFO: lines of a key and a value around an equals sign.
// The values of a key that is repeated are lines.
func parseInfo(text []byte) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), " = ")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		if old, ok := out[name]; ok {
			value = old + "\n" + value
		}
		out[name] = value
	}
	return out
}
