package exporttest

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/depaudit/depaudit/sbom"
)

// Decoder returns the Decode of a [Codec] from the two steps of a format.
func Decoder[T any](parse func(context.Context, []byte) (*T, error), decode func(*T) (*sbom.Document, sbom.Meta, error)) func([]byte) (*sbom.Document, sbom.Meta, error) {
	return func(data []byte) (*sbom.Document, sbom.Meta, error) {
		parsed, err := parse(context.Background(), data)
		if err != nil {
			return nil, sbom.Meta{}, err
		}
		return decode(parsed)
	}
}

// FuzzEncode checks that arbitrary documents are encoded and decoded.
func (c Codec) FuzzEncode(f *testing.F) {
	f.Add([]byte("openssl\n3.0.1\npkg:deb/debian/openssl@3.0.1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, m := Arbitrary(data)
		c.Check(t, d, m)
	})
}

// FuzzDecode checks a decoder with arbitrary bytes: it does not panic, and what
// it accepts can be encoded and decoded again.
func (c Codec) FuzzDecode(f *testing.F, seed string) {
	f.Add(c.goldenFile(f))
	f.Add([]byte(seed))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, m, err := c.Decode(data)
		if err != nil {
			return
		}
		if _, err := m.Timestamp(); err != nil {
			return
		}
		back, _, err := c.Decode(c.encode(t, d, m))
		if err != nil {
			t.Fatalf("decoded, encoded, and not decoded again: %v", err)
		}
		if diff := cmp.Diff(d, back, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("decoded, encoded and decoded again, differs:\n%s", diff)
		}
	})
}

// Change is a change of the golden file, and the error that decoding the
// result must give; empty for none.
type Change struct{ Old, New, Want string }

// Refuses checks that the decoder returns an error for each change.
func (c Codec) Refuses(t *testing.T, changes map[string]Change) {
	golden := c.goldenFile(t)
	changes["truncated"] = Change{string(golden[bytes.LastIndexByte(golden[:len(golden)/2], '\n'):]), "", "is truncated"}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			_, _, err := c.Decode([]byte(replace(t, golden, change)))
			switch {
			case change.Want == "" && err != nil:
				t.Errorf("want no error, got %v", err)
			case change.Want != "" && (err == nil || !strings.Contains(err.Error(), change.Want)):
				t.Errorf("want an error with %q, got %v", change.Want, err)
			}
		})
	}
}

// Finds checks that References finds each change, and that Valid finds the
// last argument: a value that the schema does not have.
func (c Codec) Finds(t *testing.T, changes []Change, invalid Change) {
	golden := c.goldenFile(t)
	for _, change := range changes {
		if c.References([]byte(replace(t, golden, change))) == nil {
			t.Errorf("%s in place of %s is not found", change.New, change.Old)
		}
	}
	if c.Valid([]byte(replace(t, golden, invalid))) == nil {
		t.Errorf("the schema accepts %s", invalid.New)
	}
}

func replace(t *testing.T, golden []byte, change Change) string {
	t.Helper()
	changed := strings.ReplaceAll(string(golden), change.Old, change.New)
	if changed == string(golden) {
		t.Fatalf("the golden file has no %s", change.Old)
	}
	return changed
}

func (c Codec) goldenFile(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", c.Golden))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// BenchmarkEncode encodes 10,000 components.
func (c Codec) BenchmarkEncode(b *testing.B) {
	d, m := Large(10_000)
	b.SetBytes(int64(len(c.encode(b, d, m))))
	for b.Loop() {
		if err := c.Encode(io.Discard, d, m); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecode decodes 10,000 components.
func (c Codec) BenchmarkDecode(b *testing.B) {
	d, m := Large(10_000)
	data := bytes.Clone(c.encode(b, d, m))
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, _, err := c.Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}
