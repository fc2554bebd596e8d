package artifact

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// readGem reads a gem (lib/rubygems/package.rb of RubyGems): a tar archive of
// metadata.gz, data.tar.gz and checksums. Paths are relative to the directory
// gems/NAME-VERSION. The specification beside it, commands and native extensions
// are made by the installer; the paths of the latter are the field "extensions"
// of the record.
func readGem(b *builder, r Reader) error {
	var metadata []byte
	seen := map[string]bool{}
	for t := tar.NewReader(&metered{stream(r), b.budget}); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("tar: %w", err)
		}
		if h.Typeflag != tar.TypeReg {
			return fmt.Errorf("unexpected member %.200q", h.Name)
		}
		if seen[h.Name] {
			return fmt.Errorf("%.200q is %w", h.Name, errDuplicate)
		}
		seen[h.Name] = true
		switch h.Name {
		case "data.tar.gz":
			err = b.tarball(t, nil)
		case "metadata.gz":
			metadata, err = b.gunzip(h.Name, t)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
	if !seen["data.tar.gz"] || metadata == nil {
		return errors.New("not a gem: metadata.gz or data.tar.gz is missing")
	}
	return b.gemspec(string(metadata))
}

func (b *builder) gunzip(what string, r io.Reader) ([]byte, error) {
	plain, err := decompress(r, b.budget)
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	return readText(what, plain)
}

// gemspec takes what is needed from the specification, YAML that RubyGems itself
// writes: keys in the first column, and lists of plain strings.
func (b *builder) gemspec(text string) error {
	fields := map[string]string{}
	lists := map[string][]string{}
	key := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(line, "- "):
			lists[key] = append(lists[key], scalar(line[2:]))
		case strings.HasPrefix(line, "  version:") && key == "version":
			fields[key] = scalar(line[len("  version:"):])
		case line != "" && line[0] != ' ' && line[0] != '#' && line[0] != '-':
			var value string
			key, value, _ = strings.Cut(line, ":")
			fields[key] = scalar(value)
		}
	}
	b.m.Name, b.m.Version, b.m.Arch = fields["name"], fields["version"], fields["platform"]
	if b.m.Name == "" || b.m.Version == "" {
		return errors.New("the specification has no name or no version")
	}
	bin := fields["bindir"]
	if bin == "" {
		bin = "bin"
	}
	for _, name := range lists["executables"] {
		b.m.Programs = append(b.m.Programs, Program{name, path.Join(bin, name)})
	}
	if ext := lists["extensions"]; len(ext) > 0 {
		b.m.Record = map[string]string{"extensions": strings.Join(ext, "\n")}
	}
	return nil
}

// scalar is a plain or quoted scalar of YAML on one line.
func scalar(s string) string {
	s = strings.TrimSpace(s)
	if len(s) >= 2 && (s[0] == '\'' || s[0] == '"') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}
