package index

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/depaudit/depaudit/lockcheck/trust"
)

// typeApk is the purl type of packages of Alpine Linux, Wolfi and others.
const typeApk = "apk"

const (
	// maxSigned is the limit of an index whose signature is over the compressed
	// bytes, which are read as a whole: 2.5 MB in Alpine's community.
	maxSigned = 64 << 20
	// maxSignatureMember is the limit of a signature in it.
	maxSignatureMember = 64 << 10
	// maxMembers is the limit of files in it.
	maxMembers = 8
)

// baseApk is a package that only the index of a base system has.
const baseApk = "apk-tools"

// isApkIndex recognises the index of a mirror and those that apk downloads
// ("APKINDEX.066df28d.tar.gz").
func (o *opener) isApkIndex(_ int, file string) (name string, cost int, ok bool) {
	base := path.Base(file)
	return file, 0, strings.HasPrefix(base, "APKINDEX.") && strings.HasSuffix(base, ".tar.gz")
}

// apkIndex reads an index: gzip members one after another, of which the first has
// a signature of the bytes of all others.
func (o *opener) apkIndex(ctx context.Context, source int, name string) {
	s := o.sources[source]
	x := Index{File: s.path(name), Environment: s.Environment, Type: typeApk, Origin: "APKINDEX"}
	at := origin{source: source, name: name}
	data, err := readLimited(s.Files, name, maxSigned)
	var entries []entry
	if err == nil {
		var rest []byte
		var by trust.APKSignature
		if by, rest, err = o.apkSignature(data); err == nil {
			at.standing, x.Problem = apkStanding(by)
			if by.Good() {
				x.Key, x.KeyName = by.Fingerprint, by.Key
			}
			entries, err = o.readApkIndex(ctx, rest, &x, &at)
		}
	}
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		x.Problem = "index is damaged or over a limit: " + cause(err)
		o.problem(s, name, x.Problem)
		o.add(x, origin{source: source, name: name}, nil)
		return
	}
	if at.standing == unsigned && x.Problem != notSigned {
		o.problem(s, name, x.Problem)
	}
	o.add(x, at, entries)
}

const notSigned = "index is not signed"

func apkStanding(by trust.APKSignature) (standing, string) {
	switch {
	case by.Good():
		return signed, ""
	case by.Key == "":
		return unsigned, notSigned
	case by.Fingerprint == "":
		return foreign, "index is signed by the key " + by.Key + ", which is not trusted"
	}
	return unsigned, by.Problem
}

// apkSignature returns the signature of an index, and the bytes that it is over. Of
// several signatures a good one counts.
func (o *opener) apkSignature(data []byte) (by trust.APKSignature, rest []byte, err error) {
	// gzip does not read more than a member from what can read single bytes.
	r := bytes.NewReader(data)
	z, err := gzip.NewReader(r)
	if err != nil {
		return by, nil, err
	}
	z.Multistream(false)
	first, err := io.ReadAll(io.LimitReader(z, maxSignatureMember+1))
	if err != nil {
		return by, nil, err
	}
	names := tar.NewReader(bytes.NewReader(first))
	h, err := names.Next()
	if err != nil || !strings.HasPrefix(h.Name, ".SIGN.") {
		return by, data, nil
	}
	if len(first) > maxSignatureMember {
		return by, nil, fmt.Errorf("signature has more than %d KiB", maxSignatureMember>>10)
	}
	rest = data[len(data)-r.Len():]
	for {
		signature, err := io.ReadAll(names)
		if err != nil {
			return by, nil, err
		}
		if s, ok := o.keys.VerifyAPK(h.Name, signature, rest); ok && (by.Key == "" || s.Good() || by.Fingerprint == "" && s.Fingerprint != "") {
			by = s
		}
		if by.Good() {
			return by, rest, nil
		}
		if h, err = names.Next(); err != nil {
			// The tar file has no end: it continues in the next member.
			return by, rest, nil
		}
	}
}

// readApkIndex reads what is signed.
func (o *opener) readApkIndex(ctx context.Context, data []byte, x *Index, at *origin) ([]entry, error) {
	if o.total >= o.max.total {
		return nil, fmt.Errorf("all indexes together have more than %d MiB", o.max.total>>20)
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	counted := &limited{r: canceled{ctx, z}, left: o.max.index}
	defer func() { o.total += counted.n }()
	files := tar.NewReader(counted)
	var out []entry
	found := false
	for range maxMembers {
		h, err := files.Next()
		switch {
		case errors.Is(err, io.EOF):
			if !found {
				return nil, errors.New("no file APKINDEX in it")
			}
			return out, nil
		case err != nil:
			return nil, err
		}
		switch h.Name {
		case "DESCRIPTION":
			text, err := io.ReadAll(io.LimitReader(files, 256))
			if err != nil {
				return nil, err
			}
			x.Suite = strings.TrimSpace(strings.ToValidUTF8(string(text), "?"))
		case "APKINDEX":
			if found {
				return nil, errors.New("two files APKINDEX in it")
			}
			found = true
			if !h.ModTime.IsZero() && h.ModTime.Unix() > 0 {
				x.Date = h.ModTime.UTC().Format(time.DateOnly)
			}
			wanted := func(name string) bool {
				at.base = at.base || name == baseApk
				return o.wanted(typeApk, name)
			}
			err := parseApkIndex(files, wanted, func(e entry) error {
				if o.retained += e.size(); o.retained > o.max.retained {
					return fmt.Errorf("the entries of installed packages have more than %d MiB", o.max.retained>>20)
				}
				out = append(out, e)
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return nil, fmt.Errorf("more than %d files in it", maxMembers)
}

// parseApkIndex reads records of lines "X:value" with an empty line after each.
func parseApkIndex(r io.Reader, wanted func(string) bool, add func(entry) error) error {
	var e entry
	number, open := 0, false
	end := func() error {
		if !open {
			return nil
		}
		open = false
		number++
		if e.Name == "" || e.Version == "" {
			return fmt.Errorf("entry %d has no name or no version", number)
		}
		if !wanted(e.Name) {
			return nil
		}
		e.File = e.Name + "-" + e.Version + ".apk"
		return add(e)
	}
	err := eachLine(r, func(line string) error {
		if line == "" {
			return end()
		}
		if !open {
			e, open = entry{}, true
		}
		name, value, found := strings.Cut(line, ":")
		if !found || len(name) != 1 {
			return fmt.Errorf("entry %d: %.100q is not a field", number+1, line)
		}
		switch name {
		case "P":
			e.Name = strings.Clone(value)
		case "V":
			e.Version = strings.Clone(value)
		case "A":
			e.Arch = strings.Clone(value)
		case "S":
			if n, err := strconv.ParseInt(value, 10, 64); err == nil && n >= 0 {
				e.Size = n
			}
		case "C":
			// The SHA-1 of the control part, which has the SHA-256 of the data.
			text, isSHA1 := strings.CutPrefix(value, "Q1")
			sum, err := base64.StdEncoding.DecodeString(text)
			if !isSHA1 || err != nil || len(sum) != 20 {
				return fmt.Errorf("entry %d: %.100q is not a checksum", number+1, value)
			}
			e.Digests = []string{apkChecksum + hex.EncodeToString(sum)}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return end()
}

// apkChecksum begins the digest of a package of apk: the SHA-1 of its control
// part.
const apkChecksum = "apk:"
