package layer

import (
	"bytes"
	"errors"
	"strings"
)

var (
	errEmptyName = errors.New("the entry has no name")
	errClimbs    = errors.New("the path climbs out of the image")
	errLongName  = errors.New("the path is longer than 4096 bytes")
	errZeroByte  = errors.New("the path contains a zero byte")
)

// cleanPath appends the form of a path in [Entry] to b. Absolute paths start at
// the root of the image, as in all runtimes. A path that leads out of it with
// ".." is an error, although containerd would clamp it to the root: no honest
// builder writes one.
func cleanPath(b []byte, name string) ([]byte, error) {
	switch {
	case name == "":
		return b, errEmptyName
	case len(name) > MaxPath:
		return b, errLongName
	case strings.IndexByte(name, 0) >= 0:
		return b, errZeroByte
	}
	start := len(b)
	for name != "" {
		var part string
		part, name, _ = strings.Cut(name, "/")
		switch part {
		case "", ".":
			continue
		case "..":
			if len(b) == start {
				return b, errClimbs
			}
			b = b[:start+max(bytes.LastIndexByte(b[start:], '/'), 0)]
			continue
		}
		if len(b) > start {
			b = append(b, '/')
		}
		b = append(b, part...)
	}
	return b, nil
}

const (
	whiteoutPrefix = ".wh."
	opaqueName     = ".wh..wh..opq"
)

// whiteout recognizes the names by which a layer removes entries of lower layers
// (https://github.com/opencontainers/image-spec/blob/main/layer.md). path is
// cleaned. It returns the path that is removed.
func whiteout(path []byte) (Type, []byte, error) {
	at := bytes.LastIndexByte(path, '/') + 1
	base := path[at:]
	if !bytes.HasPrefix(base, []byte(whiteoutPrefix)) {
		return 0, path, nil
	}
	if string(base) == opaqueName {
		return Opaque, path[:max(at-1, 0)], nil
	}
	hidden := base[len(whiteoutPrefix):]
	switch string(hidden) {
	case "", ".", "..":
		return 0, path, errors.New("a whiteout without a name, or of a directory from within it")
	}
	return Whiteout, append(path[:at], hidden...), nil
}

// leftover reports whether a path is metadata of AUFS at the top of a layer,
// which old versions of Docker packed by mistake. All runtimes ignore it.
func leftover(path []byte) bool {
	first, _, _ := bytes.Cut(path, []byte("/"))
	switch string(first) {
	case ".wh..wh.aufs", ".wh..wh.plnk", ".wh..wh.orph":
		return true
	}
	return false
}

// quote shortens a hostile path.
func quote(name string) string {
	if len(name) <= maxQuoted {
		return name
	}
	return name[:maxQuoted] + "..."
}
