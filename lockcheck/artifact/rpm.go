package artifact

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"path"
	"strconv"
	"strings"
)

// readRPM reads a package of rpm, format 4
// (https://rpm-software-management.github.io/rpm/manual/format_v4.html): a lead,
// the signature header, the header and a compressed cpio archive. Names, modes and
// owners are from the header, contents from the archive. Each content must have
// the digest in the header, which is what vendors sign.
func readRPM(b *builder, r Reader) error {
	const lead = 96
	var magic [4]byte
	if _, err := r.ReadAt(magic[:], 0); err != nil || string(magic[:]) != "\xed\xab\xee\xdb" {
		return errors.New("not a package of rpm")
	}
	_, at, err := rpmHeader(r, lead)
	if err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	h, at, err := rpmHeader(r, (at+7)&^7)
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	b.m.Name, b.m.Version, b.m.Arch = h.str(rpmName), h.str(rpmVersion)+"-"+h.str(rpmRelease), h.str(rpmArch)
	if epoch := h.numbers(rpmEpoch); len(epoch) == 1 {
		b.m.Version = strconv.FormatUint(epoch[0], 10) + ":" + b.m.Version
	}
	files, err := h.files()
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	if format := h.str(rpmPayloadFormat); format != "cpio" && format != "" {
		return fmt.Errorf("unknown format of the payload: %.20q", format)
	}
	plain, err := decompress(io.NewSectionReader(r, at, r.Size()-at), b.budget)
	if err != nil {
		return err
	}
	defer plain.Close()
	if err := b.cpio(bufio.NewReaderSize(plain, 64<<10), files); err != nil {
		return fmt.Errorf("payload: %w", err)
	}
	for i := range files {
		f := &files[i]
		switch {
		case f.ghost, f.Path == "": // not in the package, and the root itself
			continue
		case f.Type == 'f' && !f.read:
			return fmt.Errorf("payload: no content of %.200q", f.Path)
		}
		if err := b.add(f.File); err != nil {
			return err
		}
		if f.config {
			b.m.Conffiles = append(b.m.Conffiles, f.Path)
		}
	}
	return nil
}

// Tags of headers (https://rpm-software-management.github.io/rpm/manual/tags.html).
const (
	rpmName          = 1000
	rpmVersion       = 1001
	rpmRelease       = 1002
	rpmEpoch         = 1003
	rpmArch          = 1022
	rpmFileSizes     = 1028
	rpmFileModes     = 1030
	rpmFileDigests   = 1035
	rpmFileLinks     = 1036
	rpmFileFlags     = 1037
	rpmFileUsers     = 1039
	rpmFileGroups    = 1040
	rpmFileDevices   = 1095
	rpmFileInodes    = 1096
	rpmDirIndexes    = 1116
	rpmBaseNames     = 1117
	rpmDirNames      = 1118
	rpmPayloadFormat = 1124
	rpmLongSizes     = 5008
	rpmDigestAlg     = 5011

	rpmFlagConfig = 1 << 0
	rpmFlagGhost  = 1 << 6
)

// rpmTags is a header: the values of its tags, with their types and counts.
type rpmTags map[uint32]rpmValue

type rpmValue struct {
	kind, count uint32
	data        []byte // from the start of the value
}

// maxHeader is the size of a header in bytes, and maxTags the number of tags; rpm
// itself has these limits (lib/header.cc).
const (
	maxHeader = 256 << 20
	maxTags   = 64 << 10
)

// rpmHeader reads a header. It returns the offset of its end too.
func rpmHeader(r Reader, at int64) (rpmTags, int64, error) {
	var intro [16]byte
	if _, err := r.ReadAt(intro[:], at); err != nil {
		return nil, 0, errors.New("truncated")
	}
	tags, size := int64(binary.BigEndian.Uint32(intro[8:])), int64(binary.BigEndian.Uint32(intro[12:]))
	if string(intro[:4]) != "\x8e\xad\xe8\x01" || tags > maxTags || size > maxHeader {
		return nil, 0, errors.New("damaged, or larger than the limit")
	}
	at += int64(len(intro))
	if 16*tags+size > r.Size()-at {
		return nil, 0, errors.New("truncated")
	}
	all := make([]byte, 16*tags+size)
	if _, err := r.ReadAt(all, at); err != nil {
		return nil, 0, errors.New("truncated")
	}
	store := all[16*tags:]
	h := rpmTags{}
	for i := range tags {
		e := all[16*i:]
		offset := binary.BigEndian.Uint32(e[8:])
		if int64(offset) > size {
			return nil, 0, errors.New("damaged: a value is outside")
		}
		tag := binary.BigEndian.Uint32(e)
		if _, ok := h[tag]; ok {
			return nil, 0, fmt.Errorf("damaged: the tag %d is there twice", tag)
		}
		h[tag] = rpmValue{binary.BigEndian.Uint32(e[4:]), binary.BigEndian.Uint32(e[12:]), store[offset:]}
	}
	return h, at + int64(len(all)), nil
}

// strings returns the strings of a tag, nil for one that is not there or damaged.
func (h rpmTags) strings(tag uint32) []string {
	v := h[tag]
	if v.kind != 6 && v.kind != 8 && v.kind != 9 || int64(v.count) > int64(len(v.data)) {
		return nil
	}
	out := make([]string, 0, v.count)
	for range v.count {
		s, rest, ok := bytes.Cut(v.data, []byte{0})
		if !ok {
			return nil
		}
		out = append(out, string(s))
		v.data = rest
	}
	return out
}

func (h rpmTags) str(tag uint32) string {
	if s := h.strings(tag); len(s) > 0 {
		return s[0]
	}
	return ""
}

// numbers returns the numbers of a tag.
func (h rpmTags) numbers(tag uint32) []uint64 {
	v := h[tag]
	width := map[uint32]int{3: 2, 4: 4, 5: 8}[v.kind]
	if width == 0 || int64(v.count)*int64(width) > int64(len(v.data)) {
		return nil
	}
	out := make([]uint64, v.count)
	for i := range out {
		var b [8]byte
		copy(b[8-width:], v.data[i*width:][:width])
		out[i] = binary.BigEndian.Uint64(b[:])
	}
	return out
}

type rpmFile struct {
	File
	ghost, config bool
	digest        string
	node          [2]uint64 // device and inode, the same for hard links
	newHash       func() hash.Hash
	read          bool
}

// files returns the files in the header.
func (h rpmTags) files() ([]rpmFile, error) {
	names := h.strings(rpmBaseNames)
	n := len(names)
	if n != int(h[rpmBaseNames].count) || n > maxFiles {
		return nil, errors.New("the list of files is damaged or too long")
	}
	dirs, dirOf := h.strings(rpmDirNames), h.numbers(rpmDirIndexes)
	modes, flags := h.numbers(rpmFileModes), h.numbers(rpmFileFlags)
	users, groups := h.strings(rpmFileUsers), h.strings(rpmFileGroups)
	digests, links := h.strings(rpmFileDigests), h.strings(rpmFileLinks)
	devices, inodes := h.numbers(rpmFileDevices), h.numbers(rpmFileInodes)
	sizes := h.numbers(rpmFileSizes)
	if sizes == nil {
		sizes = h.numbers(rpmLongSizes)
	}
	for _, length := range []int{len(dirOf), len(modes), len(digests), len(sizes)} {
		if length != n {
			return nil, errors.New("the lists of files have different lengths")
		}
	}
	// Those of some programs have no links, flags, owners or inodes: nfpm's, for
	// example.
	for _, length := range []int{len(flags), len(users), len(groups), len(links), len(devices), len(inodes)} {
		if length != n && length != 0 {
			return nil, errors.New("the lists of files have different lengths")
		}
	}
	newHash, err := h.digestAlgorithm()
	if err != nil {
		return nil, err
	}
	files := make([]rpmFile, n)
	for i := range files {
		if dirOf[i] >= uint64(len(dirs)) {
			return nil, errors.New("the list of directories is damaged")
		}
		name, err := clean(strings.TrimLeft(dirs[dirOf[i]], "/") + names[i])
		if err != nil {
			return nil, err
		}
		f := &files[i]
		f.File = File{Path: name, Mode: uint32(modes[i]) & 0o7777, User: "root", Group: "root"}
		if len(users) > 0 && len(groups) > 0 {
			f.User, f.Group = users[i], groups[i]
		}
		if len(flags) > 0 {
			f.ghost, f.config = flags[i]&rpmFlagGhost != 0, flags[i]&rpmFlagConfig != 0
		}
		f.digest, f.newHash = digests[i], newHash
		f.node = [2]uint64{math.MaxUint64, uint64(i)} // no other's
		if len(devices) > 0 && len(inodes) > 0 {
			f.node = [2]uint64{devices[i], inodes[i]}
		}
		switch modes[i] & 0o170000 {
		case 0o100000:
			f.Type, f.Size = 'f', int64(sizes[i])
		case 0o040000:
			f.Type = 'd'
		case 0o120000:
			if len(links) == 0 {
				return nil, fmt.Errorf("the link %.200q has no target", name)
			}
			f.Type, f.Target, f.Mode = 'l', links[i], 0
		default:
			f.Type = 'o'
		}
	}
	return files, nil
}

// digestAlgorithm returns the algorithm of the files' digests, by the numbers of
// OpenPGP (RFC 9580, 9.5). It is MD5 where the tag is missing.
func (h rpmTags) digestAlgorithm() (func() hash.Hash, error) {
	algorithm := uint64(1)
	if v := h.numbers(rpmDigestAlg); len(v) > 0 {
		algorithm = v[0]
	}
	switch algorithm {
	case 1:
		return md5.New, nil
	case 2:
		return sha1.New, nil
	case 8:
		return func() hash.Hash { return newHash(algSHA256) }, nil
	case 9:
		return func() hash.Hash { return newHash(algSHA384) }, nil
	case 10:
		return func() hash.Hash { return newHash(algSHA512) }, nil
	}
	return nil, fmt.Errorf("unknown algorithm %d of the digests of files", algorithm)
}

// cpio reads the contents of files: an archive of the format newc, or of rpm's for
// large files, which has an index in place of names and modes. Of several hard
// links only the last has the content.
func (b *builder) cpio(r *bufio.Reader, files []rpmFile) error {
	byName := make(map[string]int, len(files))
	links := map[[2]uint64][]int{}
	for i := range files {
		byName[files[i].Path] = i
		if files[i].Type == 'f' {
			links[files[i].node] = append(links[files[i].node], i)
		}
	}
	for {
		i, size, err := cpioEntry(r, files, byName)
		if errors.Is(err, io.EOF) {
			_, err := b.copy(io.Discard, r)
			return err
		}
		if err != nil {
			return err
		}
		var same []int
		if files[i].Type == 'f' {
			same = links[files[i].node]
		}
		if size == sizeInHeader {
			size = payloadSize(files, i, same)
		}
		body := io.LimitReader(r, size)
		if f := &files[i]; f.Type == 'f' {
			if size > 0 || f.Size == 0 || len(same) == 1 {
				if err := b.rpmContent(f, body, size); err != nil {
					return err
				}
				for _, j := range same {
					to := &files[j]
					to.read, to.Size, to.Digest = true, f.Size, f.Digest
				}
			}
		}
		if _, err := b.copy(io.Discard, body); err != nil {
			return err
		}
		if _, err := r.Discard(int(-size & 3)); err != nil {
			return errors.New("truncated")
		}
	}
}

// rpmContent reads the content of a file and compares it with the header.
func (b *builder) rpmContent(f *rpmFile, body io.Reader, size int64) error {
	want, h := f.digest, f.newHash()
	header := f.Size
	if err := b.digest(&f.File, io.TeeReader(body, h)); err != nil {
		return err
	}
	f.read = true
	if f.Size != size {
		return errors.New("truncated")
	}
	if f.Size != header || want != "" && want != hex.EncodeToString(h.Sum(nil)) {
		return fmt.Errorf("the content of %.200q is not the one of which the header has the digest", f.Path)
	}
	return nil
}

// sizeInHeader is the size of an entry that has none.
const sizeInHeader = -1

// payloadSize is the size of the content of a file in the archive: of several
// hard links only the last has it.
func payloadSize(files []rpmFile, i int, same []int) int64 {
	switch f := &files[i]; {
	case f.Type == 'l':
		return int64(len(f.Target))
	case f.Type == 'f' && same[len(same)-1] == i:
		return f.Size
	}
	return 0
}

// cpioEntry reads the header of an entry. It returns the index of the file and
// the size of the content.
func cpioEntry(r *bufio.Reader, files []rpmFile, byName map[string]int) (int, int64, error) {
	var head [110]byte
	if _, err := io.ReadFull(r, head[:6]); err != nil {
		return 0, 0, errors.New("truncated")
	}
	if string(head[:6]) == "07070X" {
		if _, err := io.ReadFull(r, head[6:16]); err != nil {
			return 0, 0, errors.New("truncated")
		}
		i, err := strconv.ParseUint(string(head[6:14]), 16, 32)
		if err != nil || i >= uint64(len(files)) {
			return 0, 0, errors.New("damaged: an index is outside the list of files")
		}
		return int(i), sizeInHeader, nil
	}
	if _, err := io.ReadFull(r, head[6:]); err != nil {
		return 0, 0, errors.New("truncated")
	}
	size, err := strconv.ParseUint(string(head[54:62]), 16, 32)
	length, err2 := strconv.ParseUint(string(head[94:102]), 16, 32)
	if m := string(head[:6]); m != "070701" && m != "070702" || err != nil || err2 != nil || length == 0 || length > maxPath {
		return 0, 0, errors.New("damaged: the header of an entry is invalid")
	}
	name := make([]byte, length+uint64(-(int64(length)+110)&3))
	if _, err := io.ReadFull(r, name); err != nil {
		return 0, 0, errors.New("truncated")
	}
	s := strings.TrimRight(string(name[:length]), "\x00")
	if s == "TRAILER!!!" {
		return 0, 0, io.EOF
	}
	s = strings.TrimPrefix(path.Clean("/"+s), "/")
	if i, ok := byName[s]; ok {
		return i, int64(size), nil
	}
	return 0, 0, fmt.Errorf("%.200q is not in the list of files", s)
}
