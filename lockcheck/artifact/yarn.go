package artifact

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// algYarn begins the algorithm of a checksum of Yarn 2 and later: "yarn/" and the
// key of the cache, which has the version of its format and the compression. The
// value is the SHA-512 of the zip file that Yarn makes of a tarball.
const algYarn = "yarn/"

// yarnRoot is the directory of all files in a zip file of Yarn.
const yarnRoot = "node_modules/"

// yarnArchive is the name of the zip file itself in [Manifest.Scripts].
const yarnArchive = "archive.zip"

// YarnPatch returns the name of a file for a package with a patch, of which only
// Yarn's cache has the zip file.
func YarnPatch(name string) string {
	return strings.Replace(name, "/", "-", 1) + "-patch-0000000000-0.zip"
}

// IsYarnPatch reports whether a name is one of [YarnPatch].
func IsYarnPatch(file string) bool { return strings.HasSuffix(file, "-patch-0000000000-0.zip") }

// CheckYarn compares a file, a zip file of Yarn or an npm tarball, with digests of
// which one must be its.
func CheckYarn(ctx context.Context, file string, digests []string) error {
	r, c, err := openFile(os.DirFS(filepath.Dir(file)), filepath.Base(file))
	if err != nil {
		return err
	}
	defer c.Close()
	var wrong error
	for _, want := range accepted(Want{Kind: Yarn, Digests: digests}) {
		algorithm, _, _ := strings.Cut(want, ":")
		have, err := yarnDigest(newBudget(ctx, r.Size()), r, algorithm)
		switch {
		case err != nil:
			return err
		case have == want:
			return nil
		}
		wrong = fmt.Errorf("the zip file that Yarn makes of what the server sent has the digest %s, not %s", have, want)
	}
	if wrong == nil {
		wrong = errors.New("the entry has no checksum of Yarn")
	}
	return wrong
}

// readYarn reads a zip file of Yarn's cache, or the tarball that it is made of
// (packages/yarnpkg-core/sources/tgzUtils.ts). The files are in the directory
// node_modules/NAME. With Plug'n'Play the zip file is what is installed: the
// manifest has it as a script named "archive.zip".
func readYarn(b *builder, r Reader) error {
	var text []byte
	root := ""
	member := func(name string, e *entry) error {
		rest, ok := strings.CutPrefix(e.path, yarnRoot)
		at := strings.IndexByte(rest, '/')
		if at > 0 && rest[0] == '@' {
			if next := strings.IndexByte(rest[at+1:], '/'); next > 0 {
				at += 1 + next
			} else {
				at = -1
			}
		}
		if !ok || at <= 0 || root != "" && rest[:at] != root {
			return fmt.Errorf("%.200q is not in the directory of the package", name)
		}
		root, e.path = rest[:at], rest[at+1:]
		if e.path == "package.json" {
			e.text = &text
		}
		return nil
	}
	var err error
	if isZip(r) {
		err = b.zip(r, func(f *zip.File, e *entry) error {
			if f.ExternalAttrs>>16&0o170000 == 0o120000 {
				var target []byte
				e.text = &target
				e.done = func(f *File) { *f = File{Path: f.Path, Type: 'l', Target: string(target)} }
			}
			return member(f.Name, e)
		})
		if err == nil && len(b.m.Scripts) == 0 {
			whole := File{Path: yarnArchive, Type: 'f'}
			err = b.digest(&whole, stream(r))
			b.m.Scripts = append(b.m.Scripts, whole)
		}
	} else {
		var zipped bytes.Buffer
		if err = yarnZip(b.budget, r, &limitedBuffer{&zipped}); err == nil {
			return readYarn(b, bytes.NewReader(zipped.Bytes()))
		}
	}
	if err != nil {
		return err
	}
	if text == nil {
		return errors.New("no package.json")
	}
	return b.packageJSON(text)
}

func isZip(r Reader) bool {
	var head [4]byte
	_, err := r.ReadAt(head[:], 0)
	return err == nil && string(head[:]) == "PK\x03\x04"
}

// maxYarnZip is the size of a zip file in bytes that is made of a tarball, which is
// in memory. The largest packages of the registry have some 200 MB.
const maxYarnZip = 512 << 20

type limitedBuffer struct{ b *bytes.Buffer }

func (l *limitedBuffer) Write(p []byte) (int, error) {
	if l.b.Len()+len(p) > maxYarnZip {
		return 0, limitError("the zip file of the tarball", maxYarnZip)
	}
	return l.b.Write(p)
}

// yarnDigest returns the checksum of a zip file, or of the one that Yarn makes of a
// tarball without compression.
func yarnDigest(b *budget, r Reader, algorithm string) (string, error) {
	h := sha512.New()
	var err error
	switch {
	case isZip(r):
		_, err = io.Copy(h, &metered{stream(r), b})
	case !strings.HasSuffix(algorithm, "c0"):
		return "", errors.New("a compressed zip file cannot be made again of a tarball")
	default:
		err = yarnZip(b, r, h)
	}
	return algorithm + ":" + hex.EncodeToString(h.Sum(nil)), err
}

// yarnTime is the date and the time in DOS form of every member of Yarn's zip
// files: 456789000 seconds after 1970, in UTC (SAFE_TIME in
// packages/yarnpkg-fslib/sources/constants.ts).
const yarnTime = 0x08d6ae40

// yarnZip writes the zip file that Yarn makes of a tarball of the registry without
// compression, the default of Yarn 4: directories before the first file in them,
// files in the order of the tarball, one time for all, and the modes 0644 and 0755
// (extractArchiveTo in packages/yarnpkg-core/sources/tgzUtils.ts; the bytes are those
// of libzip). A file that is twice in the tarball is at the place of the first one,
// with the content of the last.
func yarnZip(b *budget, r Reader, w io.Writer) error {
	name := ""
	count := map[string]int{}
	again := map[string]yarnMember{}
	err := eachMember(b, r, func(h *tar.Header, content io.Reader) error {
		m, ok := yarnMemberOf(h)
		if !ok || m.mode == yarnDir {
			return nil
		}
		if m.path == "package.json" && count[m.path] == 0 {
			text, err := readText(m.path, content)
			if err != nil {
				return err
			}
			content = bytes.NewReader(text)
			if name, err = nameIn(text); err != nil {
				return err
			}
		}
		if count[m.path]++; count[m.path] > 1 {
			if err := m.read(content); err != nil {
				return err
			}
			again[m.path] = m
		}
		return nil
	})
	if err == nil && name == "" {
		err = errors.New("no package.json")
	}
	if err != nil {
		return err
	}
	z := &zipWriter{w: w, seen: map[string]bool{}}
	err = eachMember(b, r, func(h *tar.Header, content io.Reader) error {
		m, ok := yarnMemberOf(h)
		at := yarnRoot + name + "/" + m.path
		last, twice := again[m.path]
		switch {
		case !ok:
			return nil
		case m.mode == yarnDir:
			return z.dir(at)
		case twice && z.seen[at]:
			return nil
		case twice:
			m = last
		default:
			if err := m.read(content); err != nil {
				return err
			}
		}
		return z.file(at, m.mode, m.data)
	})
	if err != nil {
		return err
	}
	return z.close()
}

// yarnMember is a member of a tarball as Yarn takes it.
type yarnMember struct {
	path string // below the first directory
	mode uint32 // with the type
	data []byte
}

const yarnDir = 0o40755

// yarnMemberOf returns the member of a header. Yarn ignores one that is in no
// directory, that climbs, or is of another type.
func yarnMemberOf(h *tar.Header) (m yarnMember, ok bool) {
	parts := strings.Split(path.Clean(h.Name), "/")
	if len(parts) < 2 || slices.Contains(strings.Split(h.Name, "/"), "..") {
		return m, false
	}
	m.path = strings.Join(parts[1:], "/")
	switch h.Typeflag {
	case tar.TypeDir:
		m.mode = yarnDir
	case tar.TypeReg:
		if m.mode = 0o100644; h.Mode&0o111 != 0 {
			m.mode = 0o100755
		}
	case tar.TypeSymlink:
		m.mode, m.data = 0o120777, []byte(h.Linkname)
	default:
		return m, false
	}
	return m, true
}

// read reads the content of a file.
func (m *yarnMember) read(r io.Reader) (err error) {
	if m.data == nil {
		m.data, err = readMember(r)
	}
	return err
}

func readMember(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxYarnZip+1))
	if err == nil && len(data) > maxYarnZip {
		err = limitError("a file of the tarball", maxYarnZip)
	}
	return data, err
}

// eachMember calls a function for each member of a tarball.
func eachMember(b *budget, r Reader, f func(*tar.Header, io.Reader) error) error {
	plain, err := decompress(stream(r), b)
	if err != nil {
		return err
	}
	defer plain.Close()
	for t := tar.NewReader(plain); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = f(h, t)
		}
		if err == nil {
			err = b.ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("tar: %w", err)
		}
	}
}

// nameIn returns the name in a package.json.
func nameIn(text []byte) (name string, err error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(bytes.TrimPrefix(text, []byte("\ufeff")), &fields); err != nil {
		return "", fmt.Errorf("package.json: %w", err)
	}
	if err := json.Unmarshal(fields["name"], &name); err != nil {
		return "", fmt.Errorf("package.json: %w", err)
	}
	if plain, err := clean(name); err != nil || plain == "" || plain != name {
		return "", errors.New("the package.json has no name")
	}
	return name, nil
}

// zipWriter writes a zip file as libzip does for Yarn.
type zipWriter struct {
	w       io.Writer
	at      uint32
	count   uint16
	seen    map[string]bool
	central bytes.Buffer
}

// dir adds a directory and those around it.
func (z *zipWriter) dir(name string) error {
	for i := range len(name) {
		if name[i] == '/' && !z.seen[name[:i]] {
			if err := z.add(name[:i+1], 0o40755, nil); err != nil {
				return err
			}
		}
	}
	if z.seen[name] {
		return nil
	}
	return z.add(name+"/", 0o40755, nil)
}

func (z *zipWriter) file(name string, mode uint32, data []byte) error {
	if z.seen[name] {
		return fmt.Errorf("%.200q: %w", name, errDuplicate)
	}
	if err := z.dir(path.Dir(name)); err != nil {
		return err
	}
	return z.add(name, mode, data)
}

// add adds a member (APPNOTE.TXT, 4.3.7 and 4.3.12).
func (z *zipWriter) add(name string, mode uint32, data []byte) error {
	const tooLarge = 1 << 31
	if len(name) > maxPath || z.count == 1<<16-1 || int64(z.at)+int64(len(data))+int64(z.central.Len()) > tooLarge {
		return limitError("the zip file of the tarball", tooLarge)
	}
	z.seen[strings.TrimSuffix(name, "/")] = true
	version, flags := uint16(10), uint16(0)
	if strings.HasSuffix(name, "/") {
		version = 20
	}
	for i := range len(name) {
		if name[i] >= 0x80 {
			flags = 1 << 11 // UTF-8
		}
	}
	var common []byte // of both headers
	common = binary.LittleEndian.AppendUint16(common, version)
	common = binary.LittleEndian.AppendUint16(common, flags)
	common = binary.LittleEndian.AppendUint16(common, 0) // stored
	common = binary.LittleEndian.AppendUint32(common, yarnTime)
	common = binary.LittleEndian.AppendUint32(common, crc32.ChecksumIEEE(data))
	common = binary.LittleEndian.AppendUint32(common, uint32(len(data)))
	common = binary.LittleEndian.AppendUint32(common, uint32(len(data)))
	common = binary.LittleEndian.AppendUint16(common, uint16(len(name)))
	common = binary.LittleEndian.AppendUint16(common, 0) // no extra field

	var entry []byte
	entry = append(entry, "PK\x01\x02\x3f\x03"...) // made by version 63 of the format, on Unix
	entry = append(entry, common...)
	entry = append(entry, make([]byte, 6)...) // no comment, disk 0, no attributes of the content
	entry = binary.LittleEndian.AppendUint32(entry, mode<<16)
	entry = binary.LittleEndian.AppendUint32(entry, z.at)
	z.central.Write(entry)
	z.central.WriteString(name)

	header := append([]byte("PK\x03\x04"), common...)
	header = append(header, name...)
	z.at += uint32(len(header) + len(data))
	z.count++
	if _, err := z.w.Write(header); err != nil {
		return err
	}
	_, err := z.w.Write(data)
	return err
}

// close writes the directory.
func (z *zipWriter) close() error {
	end := []byte("PK\x05\x06\x00\x00\x00\x00")
	end = binary.LittleEndian.AppendUint16(end, z.count)
	end = binary.LittleEndian.AppendUint16(end, z.count)
	end = binary.LittleEndian.AppendUint32(end, uint32(z.central.Len()))
	end = binary.LittleEndian.AppendUint32(end, z.at)
	end = append(end, 0, 0)
	if _, err := z.w.Write(z.central.Bytes()); err != nil {
		return err
	}
	_, err := z.w.Write(end)
	return err
}
