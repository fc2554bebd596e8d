package rpmheader

import (
	"fmt"
	"iter"
)

// Flags of files (rpmfileAttrs in include/rpm/rpmfiles.h).
const (
	FileConfig    = 1 << 0
	FileDoc       = 1 << 1
	FileMissingOK = 1 << 3
	FileNoReplace = 1 << 4
	FileGhost     = 1 << 6
	FileLicense   = 1 << 7
	FileReadme    = 1 << 8
	FilePubkey    = 1 << 11
	FileArtifact  = 1 << 12
)

// What "rpm --verify" compares of a file (rpmVerifyAttrs in
// include/rpm/rpmfiles.h).
const (
	VerifyDigest = 1 << 0
	VerifySize   = 1 << 1
	VerifyLink   = 1 << 2
	VerifyUser   = 1 << 3
	VerifyGroup  = 1 << 4
	VerifyMode   = 1 << 6
	VerifyCaps   = 1 << 8
)

// States of files (rpmfileState).
const (
	StateNormal    = 0
	StateNetShared = 3
)

// File is a file of a package as the header states it.
type File struct {
	Path string
	// Mode is that of stat(2), with the type.
	Mode uint16
	// Algorithm is "md5", "sha256" and so on, Digest hexadecimal. It is empty for
	// everything but a regular file.
	Algorithm, Digest string
	User, Group       string
	// Size in bytes, -1 when it is not stated.
	Size int64
	// Link is the target of a symbolic link.
	Link          string
	Flags, Verify uint32
	// Caps is the text of the capabilities (cap_from_text(3)); HasCaps reports
	// whether the header has the tag.
	Caps    string
	HasCaps bool
	// State is that of the installed file; StateNormal when it is not stated.
	State byte
}

// FileTags reports whether a tag is one of the list of files.
func FileTags(tag uint32) bool {
	switch tag {
	case TagOldFileNames, TagFileSizes, TagFileStates, TagFileModes, TagFileDigests, TagFileLinks, TagFileFlags,
		TagFileUsers, TagFileGroups, TagFileVerify, TagDirIndexes, TagBaseNames, TagDirNames, TagLongFileSizes, TagFileCaps, TagFileDigestAlgo:
		return true
	}
	return false
}

// Files returns the files of a package in the order of the header. A tag that is
// missing states nothing; one with another number of values is an error.
func (h Header) Files() (iter.Seq[File], error) {
	paths, err := h.paths()
	if err != nil {
		return nil, err
	}
	var l fileTags
	l.algorithm, err = h.digestAlgorithm()
	for _, read := range []func() error{
		func() (err error) { l.modes, err = h.Shorts(TagFileModes); return },
		func() (err error) { l.digests, err = h.Texts(TagFileDigests); return },
		func() (err error) { l.users, err = h.Texts(TagFileUsers); return },
		func() (err error) { l.groups, err = h.Texts(TagFileGroups); return },
		func() (err error) { l.links, err = h.Texts(TagFileLinks); return },
		func() (err error) { l.caps, err = h.Texts(TagFileCaps); return },
		func() (err error) { l.sizes, err = h.sizes(); return },
		func() (err error) { l.flags, err = h.Numbers(TagFileFlags); return },
		func() (err error) { l.verify, err = h.Numbers(TagFileVerify); return },
		func() (err error) { l.states, err = h.Bytes(TagFileStates); return },
	} {
		if err == nil {
			err = read()
		}
	}
	if err != nil {
		return nil, err
	}
	for _, n := range []int{len(l.modes), len(l.digests), len(l.users), len(l.groups), len(l.links), len(l.caps), len(l.sizes), len(l.flags), len(l.verify), len(l.states)} {
		if n != 0 && n != len(paths) {
			return nil, damaged("", "%d files, but %d values of a tag of files", len(paths), n)
		}
	}
	return func(yield func(File) bool) {
		for i, path := range paths {
			if !yield(l.file(i, path)) {
				return
			}
		}
	}, nil
}

// fileTags are parallel to the files, or empty.
type fileTags struct {
	algorithm                           string
	modes                               []uint16
	digests, users, groups, links, caps []string
	sizes                               []int64
	flags, verify                       []uint32
	states                              []byte
}

func (l *fileTags) file(i int, path string) File {
	f := File{Path: path, Mode: value(l.modes, i), User: value(l.users, i), Group: value(l.groups, i), Size: -1,
		Link: value(l.links, i), Flags: value(l.flags, i), Verify: ^uint32(0), HasCaps: len(l.caps) > 0, Caps: value(l.caps, i), State: value(l.states, i)}
	if f.Digest = value(l.digests, i); f.Digest != "" {
		f.Algorithm = l.algorithm
	}
	if len(l.sizes) > 0 {
		f.Size = l.sizes[i]
	}
	if len(l.verify) > 0 {
		f.Verify = l.verify[i]
	}
	return f
}

func value[T any](values []T, i int) (v T) {
	if len(values) > 0 {
		v = values[i]
	}
	return v
}

// paths reads the paths in the compressed form, or those of rpm 3.
func (h Header) paths() ([]string, error) {
	bases, err := h.Texts(TagBaseNames)
	if err != nil || len(bases) == 0 {
		if err == nil {
			bases, err = h.Texts(TagOldFileNames)
		}
		return bases, err
	}
	dirs, err := h.Texts(TagDirNames)
	if err != nil {
		return nil, err
	}
	index, err := h.Numbers(TagDirIndexes)
	if err != nil {
		return nil, err
	}
	if len(index) != len(bases) {
		return nil, damaged("", "%d file names, but %d directory indexes", len(bases), len(index))
	}
	for i, at := range index {
		if uint64(at) >= uint64(len(dirs)) {
			return nil, damaged("", "a file is in directory %d of %d", at, len(dirs))
		}
		bases[i] = dirs[at] + bases[i]
	}
	return bases, nil
}

// digestAlgorithm returns the algorithm of file digests, in the numbers of
// OpenPGP; MD5 is the default of rpm before 4.6.
func (h Header) digestAlgorithm() (string, error) {
	if !h.Has(TagFileDigestAlgo) {
		return "md5", nil
	}
	n, _, err := h.Number(TagFileDigestAlgo)
	if err != nil {
		return "", err
	}
	switch n {
	case 1:
		return "md5", nil
	case 2:
		return "sha1", nil
	case 8:
		return "sha256", nil
	case 9:
		return "sha384", nil
	case 10:
		return "sha512", nil
	case 11:
		return "sha224", nil
	}
	return "", damaged(fmt.Sprintf("tag %d", TagFileDigestAlgo), "unknown digest algorithm %d", n)
}

func (h Header) sizes() ([]int64, error) {
	long, err := h.Longs(TagLongFileSizes)
	if err != nil {
		return nil, err
	}
	var out []int64
	for _, n := range long {
		out = append(out, max(int64(n), 0))
	}
	if len(out) > 0 {
		return out, nil
	}
	short, err := h.Numbers(TagFileSizes)
	for _, n := range short {
		out = append(out, int64(n))
	}
	return out, err
}
