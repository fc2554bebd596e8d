package artifact

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"

	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/blake3"
)

// The encoding of a manifest has three parts: the BLAKE3 digest of the rest, the
// digests of the files, which no compression makes smaller, and everything else,
// compressed by zstd. Paths are written as the number of bytes that they share
// with the one before, and the rest. The first string is the key, so that the
// manifest of one artifact is not taken for another's.

const sumSize = 32

var errEncoding = errors.New("damaged encoding of a manifest")

// encode returns the encoding of a manifest.
func encode(key string, m *Manifest) ([]byte, error) {
	var e encoder
	e.str(key)
	e.str(string(m.Kind))
	e.str(m.Name)
	e.str(m.Version)
	e.str(m.Arch)
	e.files(m.Files)
	e.files(m.Scripts)
	e.uint(len(m.Conffiles))
	for _, s := range m.Conffiles {
		e.str(s)
	}
	e.uint(len(m.Record))
	for _, name := range slices.Sorted(maps.Keys(m.Record)) {
		e.str(name)
		e.str(m.Record[name])
	}
	e.uint(len(m.Programs))
	for _, p := range m.Programs {
		e.str(p.Name)
		e.str(p.Target)
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedBetterCompression))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	out := make([]byte, sumSize, sumSize+binary.MaxVarintLen64+len(e.sums)+len(e.text)/4)
	out = binary.AppendUvarint(out, uint64(len(e.sums)))
	out = append(out, e.sums...)
	out = z.EncodeAll(e.text, out)
	sum := blake3.Sum256(out[sumSize:])
	copy(out, sum[:])
	return out, nil
}

type encoder struct{ text, sums []byte }

func (e *encoder) uint(n int) { e.text = binary.AppendUvarint(e.text, uint64(n)) }

func (e *encoder) str(s string) {
	e.uint(len(s))
	e.text = append(e.text, s...)
}

func (e *encoder) files(files []File) {
	e.uint(len(files))
	last := ""
	for i := range files {
		f := &files[i]
		shared := 0
		for shared < min(len(last), len(f.Path)) && last[shared] == f.Path[shared] {
			shared++
		}
		e.uint(shared)
		e.str(f.Path[shared:])
		last = f.Path
		e.text = append(e.text, f.Type)
		e.uint(int(f.Mode))
		e.uint(int(f.Size))
		for _, s := range []string{f.Place, f.User, f.Group, f.Target, string(f.Capabilities), f.Rewrite} {
			e.str(s)
		}
		if hasDigest(f.Type) {
			e.sums = append(e.sums, f.Digest[:]...)
		}
		if f.Rewrite == RewriteShebang {
			e.sums = append(e.sums, f.Rest[:]...)
		}
	}
}

func hasDigest(kind byte) bool { return kind == 'f' || kind == 'h' }

// decode returns the manifest with a key in an encoding. All of it is checked.
func decode(key string, data []byte) (*Manifest, error) {
	if len(data) < sumSize {
		return nil, errEncoding
	}
	if sum := blake3.Sum256(data[sumSize:]); string(sum[:]) != string(data[:sumSize]) {
		return nil, errEncoding
	}
	return decodeBody(key, data[sumSize:])
}

func decodeBody(key string, data []byte) (*Manifest, error) {
	n, used := binary.Uvarint(data)
	if used <= 0 || n > uint64(len(data)-used) {
		return nil, errEncoding
	}
	d := decoder{sums: data[used:][:n], interned: map[string]string{}}
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxEncoded))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	if d.text, err = z.DecodeAll(data[used:][n:], nil); err != nil {
		return nil, errEncoding
	}
	if d.str() != key {
		return nil, errEncoding
	}
	m := &Manifest{Kind: Kind(d.str()), Name: d.str(), Version: d.str(), Arch: d.str(), Files: d.files(), Scripts: d.files()}
	for range d.count() {
		m.Conffiles = append(m.Conffiles, d.str())
	}
	if n := d.count(); n > 0 {
		m.Record = make(map[string]string, n)
		for range n {
			name := d.str()
			m.Record[name] = d.str()
		}
	}
	for range d.count() {
		m.Programs = append(m.Programs, Program{d.str(), d.str()})
	}
	if d.bad || len(d.text)+len(d.sums) > 0 {
		return nil, errEncoding
	}
	return m, nil
}

// maxEncoded is the size of a manifest in bytes, without the digests.
const maxEncoded = 512 << 20

// decoder takes values from the front of its parts. After the first that is not
// there, bad is set and all others are zero.
type decoder struct {
	text, sums []byte
	bad        bool
	interned   map[string]string
}

func (d *decoder) uint() uint64 {
	n, used := binary.Uvarint(d.text)
	if used <= 0 {
		d.bad, d.text = true, nil
		return 0
	}
	d.text = d.text[used:]
	return n
}

// count is the number of elements of a list, of which each has a byte at least.
func (d *decoder) count() int {
	n := d.uint()
	if n > uint64(len(d.text)) {
		d.bad, d.text = true, nil
		return 0
	}
	return int(n)
}

func (d *decoder) bytes() []byte {
	n := d.count()
	b := d.text[:n]
	d.text = d.text[n:]
	return b
}

func (d *decoder) str() string { return string(d.bytes()) }

// intern is str for a value that many files have.
func (d *decoder) intern() string {
	b := d.bytes()
	if len(b) == 0 {
		return ""
	}
	s, ok := d.interned[string(b)]
	if !ok {
		s = string(b)
		d.interned[s] = s
	}
	return s
}

func (d *decoder) sum() (sum [32]byte) {
	if len(d.sums) < len(sum) {
		d.bad, d.text = true, nil
		return sum
	}
	d.sums = d.sums[copy(sum[:], d.sums):]
	return sum
}

func (d *decoder) files() []File {
	n := d.count()
	if n == 0 {
		return nil
	}
	// A file takes ten bytes at least: a damaged count does not reserve more.
	files := make([]File, 0, min(n, len(d.text)/10+1))
	var last []byte
	for range n {
		shared := d.uint()
		if shared > uint64(len(last)) {
			d.bad, d.text = true, nil
		}
		if d.bad {
			return nil
		}
		last = append(last[:shared], d.bytes()...)
		f := File{Path: string(last)}
		if len(d.text) > 0 {
			f.Type, d.text = d.text[0], d.text[1:]
		}
		f.Mode, f.Size = uint32(d.uint()), int64(d.uint())
		f.Place, f.User, f.Group = d.intern(), d.intern(), d.intern()
		f.Target = d.str()
		if c := d.bytes(); len(c) > 0 {
			f.Capabilities = slices.Clone(c)
		}
		f.Rewrite = d.intern()
		if hasDigest(f.Type) {
			f.Digest = d.sum()
		}
		if f.Rewrite == RewriteShebang {
			f.Rest = d.sum()
		}
		files = append(files, f)
	}
	return files
}
