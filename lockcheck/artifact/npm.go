package artifact

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
)

// readNPM reads a tarball of npm's registry. As npm does (pacote's fetcher.js),
// it drops the first component of each path, whatever it is, and everything
// that is not a regular file.
//
// npm sets the modes by its umask and by the commands of the package, and
// renames .gitignore to .npmignore unless there is one before it in the archive.
// The manifest has what the archive has.
func readNPM(b *builder, r Reader) error {
	var text []byte
	err := b.tarball(stream(r), func(h *tar.Header, e *entry) error {
		_, rest, _ := strings.Cut(e.path, "/")
		e.path = rest
		e.skip = h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeCont
		if rest == "package.json" && !e.skip {
			e.text = &text
		}
		return nil
	})
	if err != nil {
		return err
	}
	if text == nil {
		return errors.New("no package.json")
	}
	return b.packageJSON(text)
}

// packageJSON takes name, version and commands from a package.json. Names of
// keys are case-sensitive, which encoding/json only respects in maps.
func (b *builder) packageJSON(text []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(bytes.TrimPrefix(text, []byte("\ufeff")), &fields); err != nil {
		return fmt.Errorf("package.json: %w", err)
	}
	str := func(raw json.RawMessage) (s string) {
		if json.Unmarshal(raw, &s) != nil {
			return ""
		}
		return s
	}
	b.m.Name, b.m.Version = str(fields["name"]), str(fields["version"])
	program := func(name, target string) {
		// npm-normalize-package-bin: names lose their directory, targets are
		// relative to the package and cannot leave it.
		if name = path.Base("/" + name); name != "/" && target != "" {
			b.m.Programs = append(b.m.Programs, Program{name, strings.TrimPrefix(path.Clean("/"+target), "/")})
		}
	}
	var several map[string]json.RawMessage
	if one := str(fields["bin"]); one != "" {
		program(b.m.Name, one)
	} else if json.Unmarshal(fields["bin"], &several) == nil {
		for name, target := range several {
			program(name, str(target))
		}
	} else if json.Unmarshal(fields["directories"], &several) == nil && fields["bin"] == nil {
		dir := strings.Trim(path.Clean("/"+str(several["bin"])), "/")
		for _, f := range b.m.Files {
			if rest, ok := strings.CutPrefix(f.Path, dir+"/"); ok && dir != "" && !strings.HasPrefix(path.Base(rest), ".") {
				program(rest, f.Path)
			}
		}
	}
	return nil
}
