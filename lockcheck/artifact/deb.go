package artifact

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// readDeb reads a binary package of Debian (deb(5)): an ar archive of the member
// debian-binary, the control part and the data part. dpkg takes the first of
// each; two are refused here, since other programs take the last.
func readDeb(b *builder, r Reader) error {
	a := ar{r: r}
	if err := a.open(); err != nil {
		return err
	}
	var seen []string
	for {
		name, body, err := a.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		part := name
		if i := strings.Index(name, ".tar"); i > 0 {
			part = name[:i]
		}
		if len(seen) == 0 && part != "debian-binary" {
			return errors.New("not a Debian package: the first member is not debian-binary")
		}
		for _, s := range seen {
			if s == part {
				return fmt.Errorf("the member %s is %w", part, errDuplicate)
			}
		}
		switch part {
		case "debian-binary":
			version, err := readText(name, io.LimitReader(body, 1<<10))
			if err != nil {
				return err
			}
			if !bytes.HasPrefix(version, []byte("2.")) {
				return fmt.Errorf("unknown version of the format: %.20q", version)
			}
		case "control":
			err = readControl(b, body)
		case "data":
			if len(seen) != 2 {
				return errors.New("the data part is before the control part")
			}
			err = b.tarball(body, nil)
		default:
			continue // dpkg ignores others: signatures of debsigs, for example
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		seen = append(seen, part)
	}
	if len(seen) != 3 {
		return errors.New("not a whole Debian package: the control part or the data part is missing")
	}
	return nil
}

// tarball adds the members of a compressed tar archive.
func (b *builder) tarball(r io.Reader, where func(*tar.Header, *entry) error) error {
	plain, err := decompress(r, b.budget)
	if err != nil {
		return err
	}
	defer plain.Close()
	return b.tar(plain, where)
}

// readControl reads the control part of a .deb. dpkg keeps its files as
// /var/lib/dpkg/info/PACKAGE.NAME, but for the file control itself.
func readControl(b *builder, r io.Reader) error {
	var control, conffiles []byte
	part := newBuilder(b.ctx, Deb, 0)
	part.left = maxControl
	err := part.tarball(r, func(h *tar.Header, e *entry) error {
		switch {
		case h.Typeflag == tar.TypeDir:
			e.skip = true
		case h.Typeflag != tar.TypeReg || strings.Contains(e.path, "/"):
			return fmt.Errorf("unexpected member %.200q", h.Name)
		case part.has(e.path):
			return fmt.Errorf("%.200q is %w", e.path, errDuplicate)
		case e.path == "control":
			e.text = &control
		case e.path == "conffiles":
			e.text = &conffiles
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !part.has("control") {
		return errors.New("has no file control")
	}
	for _, f := range part.m.Files {
		if f.Path != "control" {
			b.m.Scripts = append(b.m.Scripts, f)
		}
	}
	if b.m.Record, err = parseControl(control); err != nil {
		return err
	}
	b.m.Name, b.m.Version, b.m.Arch = b.m.Record["Package"], b.m.Record["Version"], b.m.Record["Architecture"]
	for line := range strings.Lines(string(conffiles)) {
		// A flag may precede the path: "remove-on-upgrade /etc/file"
		// (deb-conffiles(5)), and dpkg removes such a file.
		name := strings.TrimRight(line, " \t\r\n")
		if strings.HasPrefix(name, "/") {
			if name, err = clean(strings.TrimLeft(name, "/")); err != nil {
				return err
			}
			b.m.Conffiles = append(b.m.Conffiles, name)
		}
	}
	return nil
}

// has reports whether a file was added.
func (b *builder) has(path string) bool {
	_, ok := b.at[place{"", path}]
	return ok
}

// parseControl parses the one paragraph of a control file (deb822(5)). The value
// of a field has its continuation lines, each after a newline and without the
// first blank, as dpkg shows it.
func parseControl(text []byte) (map[string]string, error) {
	fields := map[string]string{}
	last := ""
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimRight(line, " \t\r\n")
		switch {
		case line == "" && len(fields) > 0:
			last = "\n" // only blank lines may follow
		case line == "" || line[0] == '#':
		case last == "\n":
			return nil, fmt.Errorf("control:%d: a second paragraph", n)
		case line[0] == ' ' || line[0] == '\t':
			if last == "" {
				return nil, fmt.Errorf("control:%d: a continuation line without a field", n)
			}
			fields[last] += "\n" + line[1:]
		default:
			name, value, ok := strings.Cut(line, ":")
			if !ok || strings.ContainsAny(name, " \t") {
				return nil, fmt.Errorf("control:%d: not a field", n)
			}
			name = canonicalField(name)
			if _, ok := fields[name]; ok {
				return nil, fmt.Errorf("control:%d: the field %.100q is there twice", n, name)
			}
			fields[name] = strings.TrimLeft(value, " \t")
			last = name
		}
	}
	for _, name := range []string{"Package", "Version", "Architecture"} {
		if fields[name] == "" {
			return nil, fmt.Errorf("control: no field %s", name)
		}
	}
	return fields, nil
}

// canonicalField returns the name of a field as dpkg writes it: names are
// case-insensitive.
func canonicalField(name string) string {
	b := []byte(name)
	start := true
	for i, c := range b {
		if start && 'a' <= c && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
		if !start && 'A' <= c && c <= 'Z' {
			b[i] = c - 'A' + 'a'
		}
		start = c == '-'
	}
	return string(b)
}

// ar reads an ar archive (https://manpages.debian.org/deb.5): members with
// headers of 60 bytes, at even offsets.
type ar struct {
	r  Reader
	at int64
}

const arMagic = "!<arch>\n"

func (a *ar) open() error {
	var magic [len(arMagic)]byte
	if _, err := a.r.ReadAt(magic[:], 0); err != nil || string(magic[:]) != arMagic {
		return errors.New("not a Debian package: not an ar archive")
	}
	a.at = int64(len(magic))
	return nil
}

// next returns the next member, with its name, and [io.EOF] at the end.
func (a *ar) next() (string, io.Reader, error) {
	if a.at == a.r.Size() {
		return "", nil, io.EOF
	}
	var h [60]byte
	if _, err := a.r.ReadAt(h[:], a.at); err != nil {
		return "", nil, errors.New("truncated: the header of a member ends too early")
	}
	size, err := strconv.ParseInt(strings.TrimRight(string(h[48:58]), " "), 10, 64)
	if err != nil || size < 0 || string(h[58:]) != "`\n" {
		return "", nil, fmt.Errorf("damaged: the header of the member at byte %d is invalid", a.at)
	}
	start := a.at + int64(len(h))
	if size > a.r.Size()-start {
		return "", nil, errors.New("truncated: a member ends after the file")
	}
	a.at = min(start+size+size%2, a.r.Size())
	// GNU's ar ends names with a slash.
	name := strings.TrimSuffix(strings.TrimRight(string(h[:16]), " "), "/")
	return name, io.NewSectionReader(a.r, start, size), nil
}
