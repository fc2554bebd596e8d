package zipfile

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
)

func zipped(t testing.TB, entries int) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := range entries {
		w, err := z.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("%06d", i)})
		if err == nil {
			_, err = io.WriteString(w, "content")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestLimit opens files with few and with many entries. What is read after the
// opening does not count.
func TestLimit(t *testing.T) {
	for _, test := range []struct {
		entries int
		limit   int64
		err     error
	}{
		{0, 0, nil}, {100, 1 << 20, nil}, {10_000, 1 << 20, nil}, {10_000, 300_000, ErrLimit}, {70_000, 1 << 20, ErrLimit}, {70_000, 8 << 20, nil},
	} {
		data := zipped(t, test.entries)
		z, read, err := Open(bytes.NewReader(data), int64(len(data)), test.limit)
		if !errors.Is(err, test.err) || err != nil && test.err == nil {
			t.Errorf("%+v: %v", test, err)
		}
		if err != nil {
			continue
		}
		if len(z.File) != test.entries || read > test.limit+end {
			t.Errorf("%+v: %d entries, %d bytes", test, len(z.File), read)
		}
		for _, f := range z.File {
			r, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(r); err != nil || string(got) != "content" {
				t.Fatalf("%q %v", got, err)
			}
			r.Close()
		}
	}
}

// FuzzOpen: a file that opens within a limit is what archive/zip opens.
func FuzzOpen(f *testing.F) {
	f.Add(zipped(f, 3), int64(1000))
	f.Fuzz(func(t *testing.T, data []byte, limit int64) {
		z, _, err := Open(bytes.NewReader(data), int64(len(data)), limit%(1<<30))
		if err != nil {
			return
		}
		want, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil || len(z.File) != len(want.File) {
			t.Fatalf("%d entries, want %d (%v)", len(z.File), len(want.File), err)
		}
	})
}
