package catalogers

import (
	"bytes"
	"errors"
	"io"
	"math"
	"testing"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// readerAt is a content of which only ReadAt is used.
type readerAt struct {
	rootfs.Content
	io.ReaderAt
	calls int
}

func (r *readerAt) ReadAt(b []byte, off int64) (int, error) {
	r.calls++
	return r.ReaderAt.ReadAt(b, off)
}

// Reads through a page have the same bytes and errors as those without.
func TestPaged(t *testing.T) {
	data := make([]byte, 3*pageSize+100)
	for i := range data {
		data[i] = byte(i * 7 >> 3)
	}
	plain := bytes.NewReader(data)
	r := &readerAt{ReaderAt: plain}
	p := &paged{Content: r}
	for _, off := range []int64{0, 18, 36, pageSize - 3, pageSize, 5, 2*pageSize + 1, int64(len(data)) - 10, int64(len(data)), int64(len(data)) + 9, math.MaxInt64 - 3, 0} {
		for _, size := range []int{0, 1, 18, 200, pageSize - 1, pageSize, pageSize + 50} {
			want, got := make([]byte, size), make([]byte, size)
			n, wantErr := plain.ReadAt(want, off)
			m, err := p.ReadAt(got, off)
			if n != m || !bytes.Equal(want[:n], got[:m]) || size > 0 && !errors.Is(err, wantErr) {
				t.Errorf("%d bytes at %d: %d, %v, want %d, %v", size, off, m, err, n, wantErr)
			}
		}
	}
	if _, err := p.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("a negative offset is no error")
	}
	r.calls = 0
	for off := int64(0); off+18 <= 2*pageSize; off += 18 {
		if _, err := p.ReadAt(make([]byte, 18), off); err != nil {
			t.Fatal(err)
		}
	}
	if r.calls > 4 {
		t.Errorf("%d reads for two pages", r.calls)
	}
}
