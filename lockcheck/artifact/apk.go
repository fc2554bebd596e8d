package artifact

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// readAPK reads a package of Alpine Linux, format 2
// (https://wiki.alpinelinux.org/wiki/Apk_spec): gzip members one after another,
// the signature (optional), the control part and the data part. The control part
// has the SHA-256 of the data part, which is checked, as the index has the SHA-1
// of the control part only.
func readAPK(b *builder, r Reader) error {
	control, data, err := apkParts(b.budget, r)
	if err != nil {
		return err
	}
	var info []byte
	part := newBuilder(b.ctx, APK, 0)
	part.left = maxControl
	err = part.tarball(io.NewSectionReader(r, control, data-control), func(h *tar.Header, e *entry) error {
		switch {
		case h.Typeflag != tar.TypeReg || strings.Contains(e.path, "/"):
			return fmt.Errorf("unexpected member %.200q", h.Name)
		case part.has(e.path):
			return fmt.Errorf("%.200q is %w", e.path, errDuplicate)
		case e.path == ".PKGINFO":
			e.text = &info
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("control part: %w", err)
	}
	b.m.Record = parseInfo(info)
	b.m.Name, b.m.Version, b.m.Arch = b.m.Record["pkgname"], b.m.Record["pkgver"], b.m.Record["arch"]
	if b.m.Name == "" || b.m.Version == "" {
		return errors.New("no .PKGINFO with a name and a version")
	}
	for _, f := range part.m.Files {
		if f.Path != ".PKGINFO" {
			f.Path = strings.TrimPrefix(f.Path, ".")
			b.m.Scripts = append(b.m.Scripts, f)
		}
	}
	h := sha256.New()
	if _, err := b.copy(h, io.NewSectionReader(r, data, r.Size()-data)); err != nil {
		return err
	}
	// A package without files, such as a virtual one, may have none.
	if want := b.m.Record["datahash"]; want != hex.EncodeToString(h.Sum(nil)) && (want != "" || data < r.Size()) {
		return errors.New("the data part is not the one of which the control part has the hash")
	}
	if data == r.Size() {
		return nil
	}
	if err := b.tarball(io.NewSectionReader(r, data, r.Size()-data), nil); err != nil {
		return fmt.Errorf("data part: %w", err)
	}
	return nil
}

// apkParts returns the offsets of the control part and of the data part.
func apkParts(b *budget, r Reader) (control, data int64, err error) {
	for range 2 {
		first, end, err := apkMember(b, r, control)
		if err != nil {
			return 0, 0, err
		}
		if !strings.HasPrefix(first, ".SIGN.") {
			return control, end, nil
		}
		control = end
	}
	return 0, 0, errors.New("two signatures and no control part")
}

// apkMember reads a gzip member. It returns the name of the first file in it, and
// the offset of its end.
func apkMember(b *budget, r Reader, at int64) (string, int64, error) {
	in := io.NewSectionReader(r, at, r.Size()-at)
	// gzip does not read more than a member from what can read single bytes.
	br := bufio.NewReaderSize(in, 16<<10)
	if head, _ := br.Peek(4); bytes.HasPrefix(head, []byte("ADB")) {
		return "", 0, errors.New("format 3 of apk is not supported")
	}
	z, err := gzip.NewReader(br)
	if err != nil {
		return "", 0, fmt.Errorf("gzip: %w", err)
	}
	defer z.Close()
	z.Multistream(false)
	plain := &metered{z, b}
	h, err := tar.NewReader(plain).Next()
	if err != nil {
		return "", 0, fmt.Errorf("tar: %w", err)
	}
	if _, err := io.Copy(io.Discard, plain); err != nil {
		return "", 0, fmt.Errorf("gzip: %w", err)
	}
	read, err := in.Seek(0, io.SeekCurrent)
	return h.Name, at + read - int64(br.Buffered()), err
}

// apkDigest is the SHA-1 of the control part of an .apk.
func apkDigest(b *budget, r Reader) (string, error) {
	control, data, err := apkParts(b, r)
	if err != nil {
		return "", err
	}
	h := sha1.New()
	if _, err := io.Copy(h, io.NewSectionReader(r, control, data-control)); err != nil {
		return "", err
	}
	return algAPK + ":" + hex.EncodeToString(h.Sum(nil)), nil
}
