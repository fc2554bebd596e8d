package index

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// maxStanza is the limit of one entry in bytes. The largest of Debian, with the
// Provides of a Rust library, has 100 kB.
const maxStanza = 4 << 20

// size is about the number of bytes that an entry takes in memory.
func (e *entry) size() int64 {
	n := 400 + len(e.Name) + len(e.Version) + len(e.Arch) + len(e.File)
	for _, value := range e.fields {
		n += 50 + len(value)
	}
	return int64(n)
}

// checkEvery is the number of entries between two looks at the context.
const checkEvery = 1024

// parsePackages parses an index of apt: stanzas with an empty line after each
// (https://wiki.debian.org/DebianRepository/Format#A.22Packages.22_Indices). It
// passes the entries of wanted packages to keep, until it returns an error.
func parsePackages(ctx context.Context, r io.Reader, wanted func(name string) bool, keep func(entry) error) error {
	in := bufio.NewReaderSize(r, 256<<10)
	var (
		stanza []byte
		count  int
	)
	end := func() error {
		if count++; count%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		e, ok, err := parseEntry(stanza, wanted)
		if err != nil {
			return fmt.Errorf("entry %d: %w", count, err)
		}
		stanza = stanza[:0]
		if ok {
			return keep(e)
		}
		return nil
	}
	start := true // of a line
	for {
		part, err := in.ReadSlice('\n')
		if start && len(bytes.TrimSpace(part)) == 0 && (err == nil || len(part) == 0) {
			if len(stanza) > 0 {
				if err := end(); err != nil {
					return err
				}
			}
		} else if stanza = append(stanza, part...); len(stanza) > maxStanza {
			return fmt.Errorf("entry %d has more than %d MiB", count+1, maxStanza>>20)
		}
		switch {
		case errors.Is(err, io.EOF):
			if len(stanza) > 0 {
				return end()
			}
			return nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
		start = err == nil
	}
}

var packageField = []byte("Package:")

// parseEntry parses a stanza, if its package is wanted.
func parseEntry(stanza []byte, wanted func(name string) bool) (entry, bool, error) {
	if bytes.HasPrefix(stanza, packageField) {
		line, _, _ := bytes.Cut(stanza, []byte("\n"))
		if !wanted(string(bytes.TrimSpace(line[len(packageField):]))) {
			return entry{}, false, nil
		}
	}
	fields, err := parseFields(stanza)
	if err != nil {
		return entry{}, false, err
	}
	e := entry{Entry: Entry{
		Name:    fields["package"],
		Version: fields["version"],
		Arch:    fields["architecture"],
		File:    fields["filename"],
	}}
	if e.Name == "" || !wanted(e.Name) {
		return entry{}, false, nil
	}
	if max(len(e.Name), len(e.Version), len(e.Arch), len(e.File)) > maxField {
		return entry{}, false, fmt.Errorf("its name, version, architecture or path has more than %d bytes", maxField)
	}
	if e.Version == "" {
		return entry{}, false, fmt.Errorf("%.100q has no version", e.Name)
	}
	for _, hash := range []struct {
		field string
		size  int
	}{{"sha512", 128}, {"sha256", 64}} {
		sum := strings.ToLower(fields[hash.field])
		if len(sum) == hash.size && strings.Trim(sum, "0123456789abcdef") == "" {
			e.Digests = append(e.Digests, hash.field+":"+sum)
		}
	}
	if size, err := strconv.ParseInt(fields["size"], 10, 64); err == nil && size >= 0 {
		e.Size = size
	}
	e.fields = compared(fields)
	return e, true, nil
}

// parseFields parses the fields of a stanza, with names in lower case. Lines of a
// continued value are joined by a newline. Of two fields with one name, the first
// counts.
func parseFields(stanza []byte) (map[string]string, error) {
	fields := make(map[string]string, 24)
	name, skip := "", false
	for len(stanza) > 0 {
		var line []byte
		line, stanza, _ = bytes.Cut(stanza, []byte("\n"))
		line = bytes.TrimRight(line, " \t\r")
		if len(line) == 0 {
			continue
		}
		if line[0] == ' ' || line[0] == '\t' {
			if name == "" {
				return nil, errors.New("it begins with the continuation of a line")
			}
			if !skip {
				fields[name] += "\n" + string(line)
			}
			continue
		}
		key, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			return nil, fmt.Errorf("no field: %.40q", line)
		}
		name = strings.ToLower(string(key))
		if _, skip = fields[name]; !skip {
			fields[name] = string(bytes.TrimSpace(value))
		}
	}
	return fields, nil
}
