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
	errZeroByte  = errors.New("the path has a zero byte")
)

// cleanPath appends the form of a path that [Entry] has to b. Absolute paths
// begin at the root of the image, as for everything that unpacks layers.
// Those that lead out of it with ".." are an error here, although containerd
// would clamp them to the root: nobody writes them in good faith.
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

// whiteout recognises the names by which a layer takes away what lower ones
// have (https://github.com/opencontainers/image-spec/blob/main/layer.md).
// path is cleaned; what it returns is the path that is meant.
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
		return 0, path, errors.New("a whiteout of nothing, or of a directory from within it")
	}
	return Whiteout, append(path[:at], hidden...), nil
}

// leftover says whether a path is what AUFS kept for itself at the top of a
// layer, and old versions of Docker packed by mistake. Whatever unpacks
// layers ignores it.
func leftover(path []byte) bool {
	first, _, _ := bytes.Cut(path, []byte("/"))
	switch string(first) {
	case ".wh..wh.aufs", ".wh..wh.plnk", ".wh..wh.orph":
		return true
	}
	return false
}

// quote bounds a hostile path.
func quote(name string) string {
	if len(name) <= maxQuoted {
		return name
	}
	return name[:maxQuoted] + "..."
}
