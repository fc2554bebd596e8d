package artifact

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/blake3"
)

// member is a member of an archive that a test makes.
type member struct {
	tar.Header
	body string
}

func file(name, body string) member {
	return member{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(body))}, body}
}

func link(kind byte, name, target string) member {
	return member{tar.Header{Name: name, Typeflag: kind, Linkname: target, Mode: 0o777}, ""}
}

func dir(name string) member {
	return member{tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755}, ""}
}

func (m member) mode(mode int64) member {
	m.Mode = mode
	return m
}

func tarOf(t testing.TB, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		if err := w.WriteHeader(&m.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(m.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gz(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

func zst(data []byte) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return w.EncodeAll(data, nil)
}

// arOf makes an ar archive of pairs of name and content.
func arOf(members ...string) []byte {
	b := []byte(arMagic)
	for pair := range slices.Chunk(members, 2) {
		b = fmt.Appendf(b, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", pair[0], 0, 0, 0, "100644", len(pair[1]))
		b = append(b, pair[1]...)
		if len(pair[1])%2 == 1 {
			b = append(b, '\n')
		}
	}
	return b
}

const helloControl = `Package: hello
Version: 1:2.10-3
Architecture: amd64
Depends: libc6 (>= 2.34)
Description: example package based on GNU hello
 The GNU hello program produces a familiar greeting.
 .
 More.
`

func controlPart(t testing.TB, extra ...member) []byte {
	return gz(tarOf(t, append([]member{dir("./"), file("./control", helloControl)}, extra...)...))
}

// debOf makes a .deb with a data part.
func debOf(t testing.TB, data ...member) []byte {
	return arOf("debian-binary", "2.0\n", "control.tar.gz", string(controlPart(t)), "data.tar.gz", string(gz(tarOf(t, data...))))
}

// zipOf makes a zip file of pairs of name and content.
func zipOf(t testing.TB, members ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for pair := range slices.Chunk(members, 2) {
		h := &zip.FileHeader{Name: pair[0], Method: zip.Deflate, Modified: time.Unix(1e9, 0)}
		h.SetMode(0o644)
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		f.Write([]byte(pair[1]))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// listing is a manifest as lines, for comparison.
func listing(m *Manifest) []string {
	var out []string
	for _, f := range m.Files {
		s := fmt.Sprintf("%c %04o %s %d", f.Type, f.Mode, f.Path, f.Size)
		if f.Place != "" {
			s += " in " + f.Place
		}
		if f.Target != "" {
			s += " to " + f.Target
		}
		if f.Rewrite != "" {
			s += " " + f.Rewrite
		}
		out = append(out, s)
	}
	return out
}

func sum(body string) [32]byte { return blake3.Sum256([]byte(body)) }

// mustRead reads an artifact that is good.
func mustRead(t testing.TB, k Kind, data []byte) *Manifest {
	t.Helper()
	m, err := Read(t.Context(), k, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return m
}
