package artifact

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/zeebo/blake3"
)

// readWheel reads a wheel
// (https://packaging.python.org/en/latest/specifications/binary-distribution-format/).
// Paths are relative to site-packages. Of the directory NAME-VERSION.data, the
// parts purelib and platlib are merged into it, and the others are places of
// their own.
func readWheel(b *builder, r Reader) error {
	var info string // NAME-VERSION.dist-info
	var metadata, entryPoints []byte
	err := b.zip(r, func(_ *zip.File, e *entry) error {
		top, rest, nested := strings.Cut(e.path, "/")
		switch {
		case nested && strings.HasSuffix(top, ".dist-info"):
			if info != "" && info != top {
				return fmt.Errorf("two distributions: %.100q and %.100q", info, top)
			}
			info = top
			switch rest {
			case "METADATA":
				e.text = &metadata
			case "entry_points.txt":
				e.text = &entryPoints
			}
		case nested && strings.HasSuffix(top, ".data"):
			scheme, name, ok := strings.Cut(rest, "/")
			if !ok {
				return fmt.Errorf("%.200q is in no part of the data directory", e.path)
			}
			e.path = name
			switch scheme {
			case "purelib", "platlib":
			case "headers", "data":
				e.place = scheme
			case "scripts":
				e.place = scheme
				line := &firstLine{}
				e.check, e.done = line, line.complete
			default:
				return fmt.Errorf("unknown part %.100q of the data directory", scheme)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if metadata == nil {
		return errors.New("not a wheel: no .dist-info/METADATA")
	}
	for line := range strings.Lines(string(metadata)) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			break // the description follows
		}
		name, value, _ := strings.Cut(line, ":")
		switch value = strings.TrimSpace(value); {
		case strings.EqualFold(name, "Name") && b.m.Name == "":
			b.m.Name = value
		case strings.EqualFold(name, "Version") && b.m.Version == "":
			b.m.Version = value
		}
	}
	b.entryPoints(entryPoints)
	return nil
}

// entryPoints takes the commands from entry_points.txt, an INI file of which two
// sections are commands
// (https://packaging.python.org/en/latest/specifications/entry-points/).
func (b *builder) entryPoints(text []byte) {
	scripts := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			scripts = line == "[console_scripts]" || line == "[gui_scripts]"
			continue
		}
		name, target, ok := strings.Cut(line, "=")
		if !ok || !scripts || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		target, _, _ = strings.Cut(target, "[") // extras
		b.m.Programs = append(b.m.Programs, Program{strings.TrimSpace(name), strings.TrimSpace(target)})
	}
}

// firstLine hashes what follows the first line of a script that begins with
// "#!python", which installers replace.
type firstLine struct {
	head []byte
	rest *blake3.Hasher
	not  bool
}

// maxLine is the length of the first line of a script, in bytes.
const maxLine = 1 << 10

func (l *firstLine) Write(p []byte) (int, error) {
	n := len(p)
	if l.not {
		return n, nil
	}
	if l.rest != nil {
		return l.rest.Write(p)
	}
	l.head = append(l.head, p...)
	line, rest, ok := bytes.Cut(l.head, []byte("\n"))
	switch {
	case ok && bytes.HasPrefix(line, []byte("#!python")):
		l.rest, l.head = blake3.New(), nil
		l.rest.Write(rest)
	case ok, len(line) > maxLine:
		l.not, l.head = true, nil
	}
	return n, nil
}

// complete sets the result, if there is one.
func (l *firstLine) complete(f *File) {
	if l.rest != nil {
		f.Rewrite = RewriteShebang
		l.rest.Sum(f.Rest[:0])
	}
}
