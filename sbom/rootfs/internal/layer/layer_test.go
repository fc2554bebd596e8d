package layer

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs/internal/sums"
	"github.com/depaudit/depaudit/sbom/timetest"
)

// sourceOf is a layer in memory, with the digest and size that it has.
func sourceOf(blob []byte) Blob {
	return Blob{
		Layer:  sbom.Layer{Digest: digest(blob), Size: int64(len(blob))},
		Number: 3,
		Open:   func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(blob)), nil },
	}
}

func digest(b []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(b)) }

// keepAll keeps everything and classifies by the first byte.
var keepAll = Options{Rule: Rule{
	ID: "all",
	Classify: func(head []byte) uint8 {
		if len(head) == 0 {
			return 0
		}
		return head[0]
	},
	Keep: func(string, int64, uint8) bool { return true },
}}

// archive makes a tar archive of headers; a regular file holds its own name.
func archive(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		if h.Typeflag == 0 || h.Typeflag == tar.TypeReg {
			h.Size = int64(len(h.Name))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			io.WriteString(w, h.Name)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

func zstandard(b []byte, opts ...zstd.EOption) []byte {
	w, _ := zstd.NewWriter(nil, opts...)
	return w.EncodeAll(b, nil)
}

func dump(t testing.TB, x *Index) []string {
	t.Helper()
	var all []string
	for e, err := range x.Entries() {
		if err != nil {
			t.Fatal(err)
		}
		s := fmt.Sprintf("%d %d /%s", e.Ordinal, e.Type, e.Path)
		if len(e.Target) > 0 {
			s += " -> " + string(e.Target)
		}
		if e.Type == File {
			s += fmt.Sprintf(" %d %d %d", e.Size, e.Class, e.Kept)
			if e.Kept == Whole {
				r, err := x.Content(e.Content, e.Size)
				if err != nil {
					t.Fatal(err)
				}
				content, err := io.ReadAll(r)
				if err != nil || int64(len(content)) != e.Size {
					t.Fatalf("%s: %d bytes, %v", s, len(content), err)
				}
				s += fmt.Sprintf(" %.40q", content)
			}
		}
		all = append(all, s)
	}
	return all
}

func files(n int) []tar.Header {
	headers := []tar.Header{{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o755}}
	for i := range n {
		headers = append(headers, tar.Header{Name: fmt.Sprintf("d/some-file-%d", i), Mode: 0o644, Typeflag: tar.TypeReg, ModTime: time.Unix(int64(i), 0)})
	}
	return headers
}

// TestCompressions reads one layer in all forms, and wants the same.
func TestCompressions(t *testing.T) {
	plain := archive(t, files(5000)...) // several blocks and buffers
	half := len(plain) / 2
	skippable := append([]byte{0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0}, "skip"...)
	var want []string
	for _, form := range []struct {
		name string
		blob []byte
	}{
		{"plain", plain},
		{"gzip", gzipped(plain)},
		{"gzip of two members", append(gzipped(plain[:half]), gzipped(plain[half:])...)},
		{"zstd", zstandard(plain)},
		{"zstd of two frames", append(zstandard(plain[:half]), zstandard(plain[half:])...)},
		{"zstd behind a skippable frame", append(skippable, zstandard(plain)...)},
		{"zstd before a skippable frame", append(zstandard(plain), skippable...)},
		{"plain with more behind its end", append(bytes.Clone(plain), make([]byte, 1<<20)...)},
	} {
		for _, byDiffID := range []bool{false, true} {
			s := sourceOf(form.blob)
			if byDiffID {
				if strings.Contains(form.name, "behind its end") {
					continue
				}
				s.Digest, s.DiffID = "", digest(plain)
			}
			x, err := Read(t.Context(), s, keepAll)
			if err != nil {
				t.Errorf("%s: %v", form.name, err)
				continue
			}
			got := dump(t, x)
			if x.Len() != 5001 || len(got) != 5001 {
				t.Errorf("%s: %d entries", form.name, x.Len())
			}
			if want == nil {
				want = got
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", form.name, diff)
			}
			x.Close()
		}
	}
}

func TestErrors(t *testing.T) {
	plain := archive(t, files(3000)...)
	flipped := func(b []byte, at int) []byte {
		b = bytes.Clone(b)
		b[at] ^= 0x20
		return b
	}
	gz, zst := gzipped(plain), zstandard(plain)
	// A blob that is what its digest says, and still cannot be read.
	for name, test := range map[string]struct {
		blob []byte
		want string
	}{
		"truncated gzip":       {gz[:len(gz)/2], "gzip: unexpected EOF"},
		"gzip without its sum": {gz[:len(gz)-8], "gzip: unexpected EOF"},
		"gzip header only":     {gz[:5], "gzip: unexpected EOF"},
		"corrupt gzip":         {flipped(gz, len(gz)/2), ""},
		"wrong gzip sum":       {flipped(gz, len(gz)-6), "gzip: invalid checksum"},
		"garbage behind gzip":  {append(bytes.Clone(gz), "garbage"...), "gzip: "},
		"truncated zstd":       {zst[:len(zst)/2], "zstd: "},
		"corrupt zstd":         {flipped(zst, len(zst)/2), "zstd: "},
		"truncated tar":        {plain[:len(plain)/2+100], "unexpected EOF"},
		"corrupt tar":          {flipped(plain, 512*1001+10), "archive/tar: invalid tar header"},
		"xz":                   {[]byte("\xfd7zXZ\x00abc"), "compressed with xz or bzip2"},
		"no tar":               {bytes.Repeat([]byte("no tar "), 1000), "archive/tar: invalid tar header"},
		"gzip in gzip":         {gzipped(gz), "archive/tar: invalid tar header"},
	} {
		x, err := Read(t.Context(), sourceOf(test.blob), keepAll)
		var at *Error
		if x != nil || !errors.As(err, &at) || at.Number != 3 || at.Digest != digest(test.blob) || !strings.Contains(err.Error(), test.want) ||
			!strings.HasPrefix(err.Error(), "layer 3 (sha256:") {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}

	// A blob that is not what the image says.
	other := digest([]byte("other"))
	for name, test := range map[string]struct {
		change func(*Blob)
		want   string
	}{
		"digest":           {func(s *Blob) { s.Digest = other }, "the blob has the digest " + digest(gz) + ", not " + other},
		"diff id":          {func(s *Blob) { s.Digest, s.DiffID = "", other }, "the uncompressed layer has the digest " + digest(plain) + ", not " + other},
		"none":             {func(s *Blob) { s.Digest = "" }, "neither the digest"},
		"unknown":          {func(s *Blob) { s.Digest = "md5:0123" }, "unknown algorithm"},
		"malformed":        {func(s *Blob) { s.Digest = "sha256:../../x" }, "invalid digest"},
		"upper case":       {func(s *Blob) { s.Digest = strings.ToUpper(s.Digest[7:]); s.Digest = "sha256:" + s.Digest }, "invalid digest"},
		"larger":           {func(s *Blob) { s.Size-- }, "larger than "},
		"smaller":          {func(s *Blob) { s.Size++ }, fmt.Sprintf("has %d bytes, not %d", len(gz), len(gz)+1)},
		"cannot be opened": {func(s *Blob) { s.Open = func(context.Context) (io.ReadCloser, error) { return nil, os.ErrNotExist } }, "not exist"},
		"trailing, by digest": {func(s *Blob) {
			blob := append(bytes.Clone(plain), "more"...)
			s.Open = func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(blob)), nil }
			s.Digest, s.Size = digest(plain), 0
		}, "has the digest"},
	} {
		s := sourceOf(gz)
		test.change(&s)
		if x, err := Read(t.Context(), s, keepAll); x != nil || err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	var wrong *DigestError
	s := sourceOf(gz)
	s.Digest = other
	if _, err := Read(t.Context(), s, keepAll); !errors.As(err, &wrong) || wrong.Expected != other || wrong.Found != digest(gz) {
		t.Errorf("digest error: %v", wrong)
	}
}

// raw is a tar header with fields that archive/tar would not write.
func raw(name string, flag byte, size int64, link string) []byte {
	var b [512]byte
	copy(b[0:100], name)
	copy(b[100:], "0000644\x000000000\x000000000\x00")
	copy(b[124:], fmt.Sprintf("%011o\x00%011o\x00", size, 0))
	b[156] = flag
	copy(b[157:257], link)
	copy(b[257:], "ustar\x0000")
	copy(b[148:], "        ")
	sum := 0
	for _, c := range b {
		sum += int(c)
	}
	copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
	return b[:]
}

// long is a GNU long name ('L') or long link ('K').
func long(flag byte, name string) []byte {
	b := append(raw("././@LongLink", flag, int64(len(name)+1), ""), name...)
	b = append(b, 0)
	return append(b, make([]byte, -len(b)&511)...)
}

// pax is an extended header, 'x' for the next entry or 'g' for all.
func pax(flag byte, records ...string) []byte {
	var text string
	for i := 0; i < len(records); i += 2 {
		body := " " + records[i] + "=" + records[i+1] + "\n"
		size := len(body)
		for size != len(body)+len(fmt.Sprint(size)) {
			size = len(body) + len(fmt.Sprint(size))
		}
		text += fmt.Sprint(size) + body
	}
	b := append(raw("pax", flag, int64(len(text)), ""), text...)
	return append(b, make([]byte, -len(b)&511)...)
}

func TestTraps(t *testing.T) {
	join := func(parts ...[]byte) []byte { return bytes.Join(append(parts, make([]byte, 1024)), nil) }
	megabyte := strings.Repeat("n", 1<<20-100)
	block := func(s string) []byte { return append([]byte(s), make([]byte, 512-len(s))...) }
	for _, test := range []struct {
		name     string
		blob     []byte
		want     []string
		problems []string
		err      string
	}{
		{"empty", join(), nil, nil, ""},
		{"nothing at all", nil, nil, nil, ""},
		{"old format", join(raw("a", 0, 0, ""), raw("d/", 0, 0, "")), []string{"0 2 /a 0 0 1 \"\"", "1 1 /d"}, nil, ""},
		{"contiguous file", join(raw("a", '7', 1, ""), block("x")), []string{"0 2 /a 1 120 1 \"x\""}, nil, ""},
		{"long names", join(long('L', "some/long/name"), long('K', "some/target"), raw("cut", '1', 0, "cut")), []string{"0 4 /some/long/name -> some/target"}, nil, ""},
		{"PAX names", join(pax('x', "path", "pax/näme", "linkpath", "pax/target"), raw("x", '2', 0, "y")), []string{"0 3 /pax/näme -> pax/target"}, nil, ""},
		{"global header", join(pax('g', "path", "evil", "comment", "0123"), raw("a", '0', 0, "")), []string{"0 2 /a 0 0 1 \"\""}, nil, ""},
		{"devices", join(raw("c", '3', 0, ""), raw("b", '4', 0, ""), raw("f", '6', 0, "")), []string{"0 5 /c", "1 5 /b", "2 5 /f"}, nil, ""},
		{"unknown type", join(raw("v", 'V', 0, ""), raw("d", 'D', 0, ""), raw("a", '0', 0, "")), []string{"0 2 /a 0 0 1 \"\""},
			[]string{"v: the entry was not applied: its type 'V'", "d: the entry was not applied: its type 'D'"}, ""},
		{"no name", join(raw("", '0', 0, ""), raw("a", '0', 0, "")), []string{"0 2 /a 0 0 1 \"\""}, []string{": the entry was not applied: the entry has no name"}, ""},
		{"zero byte in a PAX name", join(pax('x', "path", "a\x00b"), raw("x", '0', 0, "")), nil, nil, "invalid tar header"},
		{"zero byte in a long name", join(long('L', "a\x00b"), raw("x", '0', 0, "")), []string{"0 2 /a 0 0 1 \"\""}, nil, ""},
		{"zero byte in a name", join(raw("a\x00b", '0', 0, "")), []string{"0 2 /a 0 0 1 \"\""}, nil, ""},
		{"a megabyte of path", join(long('L', megabyte), raw("x", '0', 0, ""), pax('x', "path", megabyte), raw("x", '0', 0, ""), raw("a", '0', 0, "")),
			[]string{"0 2 /a 0 0 1 \"\""}, []string{"longer than 4096", "longer than 4096"}, ""},
		{"a megabyte of link", join(long('K', megabyte), raw("l", '2', 0, ""), long('K', megabyte), raw("h", '1', 0, "")), nil,
			[]string{"l: the entry was not applied: its target: the path is longer", "h: the entry was not applied: the target of its hard link"}, ""},
		{"more than a megabyte of path", join(pax('x', "path", megabyte+megabyte), raw("x", '0', 0, "")), nil, nil, "header field too long"},
		{"symbolic link to nothing", join(raw("l", '2', 0, "")), nil, []string{"without a target"}, ""},
		{"hard link to nothing", join(raw("l", '1', 0, "")), nil, []string{"the entry has no name"}, ""},
		{"size beyond the end", join(raw("a", '0', 1<<30, "")), nil, nil, "unexpected EOF"},
		{"largest size", join(raw("a", '0', 0o77777777777, ""), block("x")), nil, nil, "unexpected EOF"},
		{"negative size", join(pax('x', "size", "-1"), raw("a", '0', 0, "")), nil, nil, "invalid tar header"},
		{"a sparse file that is all hole",
			join(pax('x', "GNU.sparse.major", "0", "GNU.sparse.minor", "1", "GNU.sparse.name", "s", "GNU.sparse.size", "100", "GNU.sparse.numblocks", "0", "GNU.sparse.map", ""), raw("x", '0', 0, "")),
			[]string{"0 2 /s 100 0 1 " + fmt.Sprintf("%.40q", strings.Repeat("\x00", 100))}, nil, ""},
		{"a sparse file of exabytes",
			join(pax('x', "GNU.sparse.major", "0", "GNU.sparse.minor", "1", "GNU.sparse.name", "s", "GNU.sparse.size", "9000000000000000000", "GNU.sparse.numblocks", "0", "GNU.sparse.map", ""), raw("x", '0', 0, "")),
			[]string{"0 2 /s 9000000000000000000 0 2"}, nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			x, err := Read(t.Context(), sourceOf(test.blob), keepAll)
			if test.err != "" || err != nil {
				if test.err == "" || err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("error %v, want %q", err, test.err)
				}
				return
			}
			defer x.Close()
			if diff := cmp.Diff(test.want, dump(t, x)); diff != "" {
				t.Error(diff)
			}
			problems, more := x.Problems()
			if len(problems) != len(test.problems) || more != 0 {
				t.Fatalf("problems %v and %d more, want %q", problems, more, test.problems)
			}
			for i, p := range problems {
				if s := p.Path + ": " + p.Detail; !strings.Contains(s, test.problems[i]) || len(s) > 1000 {
					t.Errorf("problem %.200q, want %q", s, test.problems[i])
				}
			}
		})
	}
}

// TestBombs wants an error early, and without the memory or the disk that the
// bomb asks for.
func TestBombs(t *testing.T) {
	t.Run("gzip", func(t *testing.T) {
		// 4 GiB of zeros in a file, made in pieces of a few kilobytes.
		blob := append(gzipped(raw("bomb", '0', 4<<30-1, "")), bytes.Repeat(gzipped(make([]byte, 64<<20)), 64)...)
		_, err := Read(t.Context(), sourceOf(blob), Options{floor: 100 << 20})
		if err == nil || !strings.Contains(err.Error(), "expands more than 1000 times") {
			t.Errorf("%v of %d bytes", err, len(blob))
		}
	})
	t.Run("sparse files", func(t *testing.T) {
		var b []byte
		for i, size := range []int64{1 << 20, 1 << 30} { // the first one is kept
			b = append(b, pax('x', "GNU.sparse.major", "0", "GNU.sparse.minor", "1", "GNU.sparse.name", fmt.Sprint("s", i), "GNU.sparse.size", fmt.Sprint(size), "GNU.sparse.numblocks", "0", "GNU.sparse.map", "")...)
			b = append(b, raw("x", '0', 0, "")...)
		}
		_, err := Read(t.Context(), sourceOf(b), keepAll)
		if err == nil || !strings.Contains(err.Error(), "sparse files expand") {
			t.Error(err)
		}
	})
	t.Run("zstd window", func(t *testing.T) {
		// A frame header that asks for a window of 2 GiB (RFC 8878, 3.1.1.1.2).
		blob := append([]byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, (31 - 10) << 3}, 1, 0, 0)
		_, err := Read(t.Context(), sourceOf(blob), keepAll)
		if err == nil || !strings.Contains(err.Error(), "window size exceeded") {
			t.Error(err)
		}
	})
}

// hanging is a blob that gives nothing until it is closed.
type hanging struct{ closed chan struct{} }

func (h hanging) Read([]byte) (int, error) {
	<-h.closed
	return 0, os.ErrClosed
}

func (h hanging) Close() error {
	close(h.closed)
	return nil
}

func TestCancel(t *testing.T) {
	endless := func() io.Reader { // an archive without an end
		return io.MultiReader(bytes.NewReader(raw("a", '0', 0o77777777777, "")), zeros{})
	}
	for name, blob := range map[string]func() io.ReadCloser{
		"hanging": func() io.ReadCloser { return hanging{make(chan struct{})} },
		"hanging later": func() io.ReadCloser {
			h := hanging{make(chan struct{})}
			return struct {
				io.Reader
				io.Closer
			}{io.MultiReader(bytes.NewReader(raw("a", '0', 0, "")), h), h}
		},
		"endless":         func() io.ReadCloser { return io.NopCloser(endless()) },
		"endless entries": func() io.ReadCloser { return io.NopCloser(&repeated{block: raw("a", '0', 0, "")}) },
	} {
		dir := t.TempDir()
		t.Setenv("TMPDIR", dir)
		before := runtime.NumGoroutine()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		s := sourceOf(nil)
		s.Size = 0
		s.Open = func(context.Context) (io.ReadCloser, error) { return blob(), nil }
		c, err := OpenCache(dir+"/cache", nil)
		if err != nil {
			t.Fatal(err)
		}
		var x *Index
		timetest.Work(t, 5*time.Second, func() { x, err = c.Read(ctx, s, keepAll) })
		cancel()
		if x != nil || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
		timetest.Until(t, name+": its goroutines have ended", func() bool { return runtime.NumGoroutine() <= before })
		if left := names(t, dir+"/cache"); len(left) != 1 || !strings.HasPrefix(left[0], lockPrefix) {
			t.Errorf("%s: left %q", name, left)
		}
		if left := names(t, dir); len(left) != 1 {
			t.Errorf("%s: left %q", name, left)
		}
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

type repeated struct {
	block []byte
	at    int
}

func (r *repeated) Read(b []byte) (int, error) {
	n := copy(b, r.block[r.at:])
	r.at = (r.at + n) % len(r.block)
	return n, nil
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// TestNothingIsLeft wants the directory for temporary files empty.
func TestNothingIsLeft(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	x, err := Read(t.Context(), sourceOf(archive(t, files(10)...)), keepAll)
	if err != nil {
		t.Fatal(err)
	}
	if left := names(t, dir); len(left) != 0 && runtime.GOOS != "windows" {
		t.Errorf("while it is open: %q", left)
	}
	x.Close()
	if _, err := Read(t.Context(), sourceOf([]byte("no archive")), keepAll); err == nil {
		t.Error("no error")
	}
	if left := names(t, dir); len(left) != 0 {
		t.Errorf("left %q", left)
	}
}

// TestSparseSums has a sparse file with terabytes of hole: it has no digests, and
// the file after it has.
func TestSparseSums(t *testing.T) {
	blob := bytes.Join([][]byte{
		pax('x', "GNU.sparse.major", "0", "GNU.sparse.minor", "1", "GNU.sparse.name", "hole", "GNU.sparse.size", "9000000000000", "GNU.sparse.numblocks", "0", "GNU.sparse.map", ""), raw("x", '0', 0, ""),
		pax('x', "GNU.sparse.major", "0", "GNU.sparse.minor", "1", "GNU.sparse.name", "small", "GNU.sparse.size", "1000", "GNU.sparse.numblocks", "0", "GNU.sparse.map", ""), raw("x", '0', 0, ""),
		archive(t, tar.Header{Name: "file", Uid: 7, Gid: 1 << 30, Mode: 0o4755}),
	}, nil)
	x, err := Read(t.Context(), sourceOf(blob), Options{Sums: sums.SHA256})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	found := map[string]string{}
	for e, err := range x.Entries() {
		if err != nil {
			t.Fatal(err)
		}
		found[string(e.Path)] = "none"
		if e.Summed {
			s, err := x.SumsOf(e.SumsAt)
			if err != nil {
				t.Fatal(err)
			}
			found[string(e.Path)] = fmt.Sprintf("%d:%d %o %x", e.UID, e.GID, e.Mode, s.SHA256[:4])
		}
	}
	zeros, file := sha256.Sum256(make([]byte, 1000)), sha256.Sum256([]byte("file"))
	want := map[string]string{"hole": "none", "small": fmt.Sprintf("0:0 644 %x", zeros[:4]), "file": fmt.Sprintf("7:%d 4755 %x", 1<<30, file[:4])}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
}

// FuzzRead checks that any layer is an error, or an index that is the same when the
// layer is read again, and when it is read from the cache.
func FuzzRead(f *testing.F) {
	plain := archive(f, files(3)...)
	f.Add(plain)
	f.Add(gzipped(plain))
	f.Add(zstandard(plain))
	f.Add(bytes.Join([][]byte{long('L', "a/../../b"), raw("x", '1', 0, ".."), pax('x', "path", ".wh..wh..opq"), raw("x", '0', 0, ""), raw(".wh.x", 'V', 0, "")}, nil))
	f.Fuzz(func(t *testing.T, blob []byte) {
		first, err := Read(t.Context(), sourceOf(blob), keepAll)
		cache := &Cache{dir: t.TempDir(), limit: maxCache}
		second, err2 := cache.Read(t.Context(), sourceOf(blob), keepAll)
		if fmt.Sprint(err) != fmt.Sprint(err2) {
			t.Fatalf("%v, and then %v", err, err2)
		}
		if err != nil {
			return
		}
		defer first.Close()
		defer second.Close()
		third := cache.load(cacheName(digest(blob), "all"), digest(blob)+"\nall")
		if third == nil {
			t.Fatal("what was just written is not in the cache")
		}
		defer third.Close()
		want := dump(t, first)
		for _, x := range []*Index{second, third} {
			if diff := cmp.Diff(want, dump(t, x)); diff != "" {
				t.Error(diff)
			}
			if x.Len() != first.Len() || x.Whiteouts() != first.Whiteouts() || x.Kept() != first.Kept() || x.size != first.size && x == third {
				t.Error("the numbers differ")
			}
			p, more := x.Problems()
			wantP, wantMore := first.Problems()
			if diff := cmp.Diff(wantP, p); diff != "" || more != wantMore {
				t.Errorf("problems: %s", diff)
			}
		}
		summed := keepAll
		summed.Sums = sums.All
		fourth, err := cache.Read(t.Context(), sourceOf(blob), summed)
		if err != nil {
			t.Fatal(err)
		}
		defer fourth.Close()
		for e, err := range fourth.Entries() {
			if err != nil {
				t.Fatal(err)
			}
			if e.Type == File && e.Summed != (e.SumsAt > 0) || e.Type != File && e.Summed {
				t.Errorf("%s has digests: %v, at %d", e.Path, e.Summed, e.SumsAt)
			}
			if e.Summed && e.Kept == Whole {
				content, _ := fourth.Content(e.Content, e.Size)
				b, err := io.ReadAll(content)
				var h sums.Hasher
				h.Reset(sums.All)
				h.Write(b)
				if got, err2 := fourth.SumsOf(e.SumsAt); err != nil || err2 != nil || got != h.Sums() {
					t.Errorf("%s has other digests: %v %v", e.Path, err, err2)
				}
			}
		}
		for e := range first.Entries() {
			path := string(e.Path)
			if len(path) > MaxPath || strings.HasPrefix(path, "/") || strings.HasSuffix(path, "/") || strings.Contains("/"+path+"/", "/../") ||
				strings.Contains("/"+path+"/", "/./") && path != "" || strings.Contains(path, "//") || strings.Contains(path, "\x00") {
				t.Errorf("path %q", path)
			}
		}
	})
}

// TestTrailingArchive checks that a second archive behind the first one is told,
// in one stream and in a second gzip member, and that padding is not.
func TestTrailingArchive(t *testing.T) {
	first, second := archive(t, files(2)...), archive(t, files(3)...)
	for name, test := range map[string]struct {
		blob []byte
		want int
	}{
		"padding":     {append(bytes.Clone(first), make([]byte, 100_000)...), 0},
		"two":         {append(bytes.Clone(first), second...), 1},
		"far behind":  {append(append(bytes.Clone(first), make([]byte, 100_000)...), second...), 1},
		"two members": {append(gzipped(first), gzipped(second)...), 1},
		"one byte":    {append(bytes.Clone(first), 1), 1},
	} {
		x, err := Read(t.Context(), sourceOf(test.blob), keepAll)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if problems, more := x.Problems(); len(problems) != test.want || more != 0 || test.want > 0 && !strings.Contains(problems[0].Detail, "after the end of its archive") {
			t.Errorf("%s: %v", name, problems)
		}
		x.Close()
	}
}
