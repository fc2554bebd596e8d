// Package snapshot writes and reads what an environment was at one time: its
// document, and fingerprints by which a later scan of the same environment spares
// itself what has not changed. It makes none of that: see package scan.
//
// # What is in the file
//
// One JSON object, so that the document can be looked at with any tool: the
// version of the format, the document, what was verified about its files, the
// fingerprints, and a digest over all of it. The digest detects a truncated or accidentally edited file. It is no evidence of
// the author: a process that can write the file can claim any base.
//
// The digests of files that were verified take 64 to 100 bytes each. The
// fingerprints (rootfs.FileFingerprint) are packed, some 30 bytes each, and in base64. A
// machine with 230,000 files, nearly all of packages, has 22,000 of them, for
// its directories and for the files that a scan looks into.
//
// # Reading
//
// Read parses an untrusted file: its size is limited, and a file that differs
// from the form of [Write] is an error. Forged fingerprints cannot be detected;
// they can make an environment look unchanged, as the document in the same file
// can.
package snapshot

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/strictjson"
)

// Format is the version of the file. Another one is not read.
const Format = 1

// MaxSize is the size of a file that is still read. A document of a machine
// with 30,000 packages has 30 MB, and the fingerprints of ten million files 400 MB.
const MaxSize = 512 << 20

// Snapshot is an environment at one time.
type Snapshot struct {
	Document *sbom.Document
	// Fingerprints are nil where the environment has none: an image.
	Fingerprints *Fingerprints
	// Sums are the digests of the files that were verified, nil for none.
	Sums *rootfs.KnownSums
	// Proof is what was verified about the files, as JSON of the caller; nil for
	// nothing.
	Proof json.RawMessage
}

// Fingerprints are by what a later scan recognises that nothing changed.
type Fingerprints struct {
	// Binding names all else that the document was made by: the kind of
	// environment, the program, its rules. Fingerprints with another binding say
	// nothing.
	Binding string
	rootfs.Fingerprints
}

// file is the JSON object. The version is its first key in every format.
type file struct {
	Format       int                 `json:"snapshot"`
	Document     json.RawMessage     `json:"document"`
	Proof        json.RawMessage     `json:"proof,omitempty"`
	Fingerprints *storedFingerprints `json:"fingerprints,omitempty"`
	Sums         string              `json:"sums,omitempty"`
	Digest       string              `json:"sha256"`
}

type storedFingerprints struct {
	Binding string `json:"binding"`
	Root    string `json:"root"`
	Mounts  string `json:"mounts,omitempty"`
	Names   string `json:"names"`
	Files   string `json:"files"`
}

// Write writes a snapshot. The same snapshot gives the same bytes.
func Write(w io.Writer, s *Snapshot) error {
	if s.Document == nil {
		return errors.New("snapshot without a document")
	}
	f := file{Format: Format}
	var err error
	if s.Proof != nil {
		if f.Proof, err = json.Marshal(s.Proof); err != nil { // as it will be in the file
			return fmt.Errorf("snapshot: %w", err)
		}
	}
	if f.Document, err = json.Marshal(s.Document); err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	if m := s.Fingerprints; m != nil {
		packed, err := pack(m.Files)
		if err != nil {
			return fmt.Errorf("snapshot: %w", err)
		}
		f.Fingerprints = &storedFingerprints{Binding: m.Binding, Root: m.Root, Mounts: m.Mounts, Names: hex.EncodeToString(m.Names[:]), Files: base64.StdEncoding.EncodeToString(packed)}
	}
	if s.Sums != nil {
		f.Sums = base64.StdEncoding.EncodeToString(s.Sums.Bytes())
	}
	f.Digest = f.digest()
	b, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	if len(b) >= MaxSize {
		return fmt.Errorf("snapshot: its %d bytes are more than the %d that can be read again", len(b), MaxSize)
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// digest is over the text of the document, of the proof, of the digests of files
// and of the fingerprints in the file, each with its length before it.
func (f *file) digest() string {
	h := sha256.New()
	part := func(b []byte) {
		fmt.Fprintf(h, "%d:", len(b))
		h.Write(b)
	}
	part(f.Document)
	part(f.Proof)
	part([]byte(f.Sums))
	if f.Fingerprints != nil {
		part([]byte(f.Fingerprints.Binding))
		part([]byte(f.Fingerprints.Root))
		part([]byte(f.Fingerprints.Mounts))
		part([]byte(f.Fingerprints.Names))
		part([]byte(f.Fingerprints.Files))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Read reads what Write wrote.
func Read(r io.Reader) (*Snapshot, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	if len(data) > MaxSize {
		return nil, fmt.Errorf("snapshot: larger than %d bytes", MaxSize)
	}
	if err := checkFormat(data); err != nil {
		return nil, err
	}
	var f file
	if err := strictjson.UnmarshalKnown(context.Background(), data, &f); err != nil {
		return nil, broken(data, err)
	}
	if f.Digest != f.digest() {
		return nil, errors.New("snapshot: its content does not match its digest: it was changed after it was written: make a new one with depaudit snapshot")
	}
	s := &Snapshot{Proof: f.Proof}
	if s.Document, err = document(f.Document); err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	if f.Fingerprints != nil {
		if s.Fingerprints, err = f.Fingerprints.read(); err != nil {
			return nil, fmt.Errorf("snapshot: fingerprints: %w", err)
		}
	}
	if f.Sums != "" {
		packed, err := base64.StdEncoding.DecodeString(f.Sums)
		if err == nil {
			s.Sums, err = rootfs.ParseKnownSums(packed)
		}
		if err != nil {
			return nil, fmt.Errorf("snapshot: digests: %w", err)
		}
	}
	return s, nil
}

// checkFormat looks at the first key, before the rest is understood.
func checkFormat(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var head [3]json.Token
	for i := range head {
		var err error
		if head[i], err = dec.Token(); err != nil {
			if len(data) == 0 || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return fmt.Errorf("snapshot: the file is empty or cut off after %d bytes: make a new one with depaudit snapshot", len(data))
			}
			return errNotSnapshot
		}
	}
	number, ok := head[2].(json.Number)
	if head[0] != json.Delim('{') || head[1] != "snapshot" || !ok {
		return errNotSnapshot
	}
	version, err := number.Int64()
	switch {
	case err != nil || version < 1:
		return errNotSnapshot
	case version > Format:
		return fmt.Errorf("snapshot: of format %d, and this depaudit reads %d: it was made by a newer one: use that, or make a new one", version, Format)
	}
	return nil
}

var errNotSnapshot = errors.New("not a snapshot: name a file that depaudit snapshot wrote")

// broken tells a file that ends too early from one that is wrong inside.
func broken(data []byte, err error) error {
	if at, ok := errors.AsType[*strictjson.Error](err); ok && int(at.Offset) >= len(data) {
		return fmt.Errorf("snapshot: cut off after %d bytes: make a new one with depaudit snapshot", len(data))
	}
	return fmt.Errorf("snapshot: not as depaudit snapshot writes it: %w", err)
}

// document reads the document and checks the guarantees of New. It keeps the
// version of the counting rules.
func document(raw []byte) (*sbom.Document, error) {
	var d sbom.Document
	if err := strictjson.UnmarshalKnown(context.Background(), raw, &d); err != nil {
		return nil, fmt.Errorf("document: %w", err)
	}
	return sbom.Restore(d)
}

func (m *storedFingerprints) read() (*Fingerprints, error) {
	out := &Fingerprints{Binding: m.Binding, Fingerprints: rootfs.Fingerprints{Root: m.Root, Mounts: m.Mounts}}
	names, err := hex.DecodeString(m.Names)
	if err != nil || len(names) != len(out.Names) {
		return nil, errors.New("the digest of the names is not one")
	}
	copy(out.Names[:], names)
	packed, err := base64.StdEncoding.DecodeString(m.Files)
	if err != nil {
		return nil, err
	}
	out.Files, err = unpack(packed)
	return out, err
}
