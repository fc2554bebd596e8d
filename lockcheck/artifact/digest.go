package artifact

import (
	"archive/zip"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/zipfile"
)

// The algorithms of digests in a [Want], strongest first. Those with a kind are
// accepted for that kind only.
const (
	algSHA512 = "sha512"
	algSHA384 = "sha384"
	algSHA256 = "sha256"
	algH1     = "h1"
	algAPK    = "apk"
)

// accepted returns the digests of a Want that identify bytes, strongest first.
func accepted(w Want) []string {
	var out []string
	if w.Kind == Yarn {
		for _, d := range w.Digests {
			name, value, _ := strings.Cut(d, ":")
			if raw, err := hex.DecodeString(value); err == nil && len(raw) == sha512.Size && strings.HasPrefix(name, algYarn) {
				out = append(out, d)
			}
		}
		return out
	}
	for _, algorithm := range []string{algSHA512, algSHA384, algSHA256, algH1, algAPK} {
		for _, d := range w.Digests {
			name, value, _ := strings.Cut(d, ":")
			if name != algorithm || algorithm == algH1 && w.Kind != GoZip || algorithm == algAPK && w.Kind != APK {
				continue
			}
			if algorithm == algH1 {
				if raw, err := base64.StdEncoding.DecodeString(value); err == nil && len(raw) == sha256.Size {
					out = append(out, d)
				}
				continue
			}
			size := 20 // SHA-1
			if h := newHash(algorithm); h != nil {
				size = h.Size()
			}
			if raw, err := hex.DecodeString(value); err == nil && len(raw) == size {
				out = append(out, algorithm+":"+hex.EncodeToString(raw))
			}
		}
	}
	return slices.Compact(out)
}

func newHash(algorithm string) hash.Hash {
	switch algorithm {
	case algSHA512:
		return sha512.New()
	case algSHA384:
		return sha512.New384()
	case algSHA256:
		return sha256.New()
	}
	return nil
}

// digest returns the digest of an artifact by one algorithm.
func digest(b *budget, r Reader, algorithm string) (string, error) {
	switch algorithm {
	case algH1:
		return goDigest(b, r)
	case algAPK:
		return apkDigest(b, r)
	}
	if strings.HasPrefix(algorithm, algYarn) {
		return yarnDigest(b, r, algorithm)
	}
	h := newHash(algorithm)
	buf := make([]byte, 256<<10)
	for in := stream(r); ; {
		n, err := in.Read(buf)
		h.Write(buf[:n])
		if err == io.EOF {
			return algorithm + ":" + hex.EncodeToString(h.Sum(nil)), nil
		}
		if err == nil {
			err = b.ctx.Err()
		}
		if err != nil {
			return "", err
		}
	}
}

// goDigest is the hash in go.sum: SHA-256 over lines of the SHA-256 and the name
// of each file, sorted by name (golang.org/x/mod/sumdb/dirhash, Hash1). It does
// not depend on the bytes of the zip file.
func goDigest(b *budget, r Reader) (string, error) {
	z, _, err := zipfile.Open(r, r.Size(), maxDirectory)
	if err != nil {
		return "", err
	}
	files := slices.Clone(z.File)
	slices.SortStableFunc(files, func(a, b *zip.File) int { return strings.Compare(a.Name, b.Name) })
	all := sha256.New()
	for _, f := range files {
		if strings.Contains(f.Name, "\n") {
			return "", fmt.Errorf("newline in the name %.200q", f.Name)
		}
		content, err := f.Open()
		if err != nil {
			return "", err
		}
		one := sha256.New()
		_, err = io.Copy(one, &metered{content, b})
		content.Close()
		if err != nil {
			return "", err
		}
		fmt.Fprintf(all, "%x  %s\n", one.Sum(nil), f.Name)
	}
	return algH1 + ":" + base64.StdEncoding.EncodeToString(all.Sum(nil)), nil
}
