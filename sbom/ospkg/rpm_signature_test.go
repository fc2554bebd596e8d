package ospkg

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/lockcheck/trust"
	"github.com/depaudit/depaudit/sbom/moduletest"
	"github.com/depaudit/depaudit/sbom/ospkg/internal/rpmdb"
	"github.com/depaudit/depaudit/sbom/rpmheader"
)

// rpmHeaders returns the headers of a database in the test data of go-rpmdb, and
// the files of the public keys in it. Keys of a database are its own word: only
// a test trusts them.
func rpmHeaders(t *testing.T, name string, backend rpmdb.Backend) (headers [][]byte, keys []string) {
	t.Helper()
	module, err := moduletest.Dependency("github.com/anchore/go-rpmdb")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(module, "pkg/testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	in := rpmdb.Database{Backend: backend, Main: rpmdb.Input{ReaderAt: bytes.NewReader(text), Size: int64(len(text))}}
	err = rpmdb.Headers(context.Background(), in, func(number uint32, blob []byte) error {
		const description = 1005
		h, err := rpmheader.Parse(blob, func(tag uint32) bool { return tag == rpmheader.TagName || tag == description })
		if err != nil {
			return err
		}
		if name, _ := h.Text(rpmheader.TagName); name != "gpg-pubkey" {
			headers = append(headers, slices.Clone(blob))
			return nil
		}
		key, _ := h.Text(description)
		file := filepath.Join(dir, fmt.Sprint(number))
		keys = append(keys, file)
		return os.WriteFile(file, []byte(key+"\n"), 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return headers, keys
}

func TestRPMSignatures(t *testing.T) {
	for _, x := range []struct {
		name    string
		backend rpmdb.Backend
		good    int
		refused string // the problem of all others
		all     int
	}{
		{"fedora35/rpmdb.sqlite", rpmdb.SQLite, 137, "", 137},
		{"fedora35-plus-mongo/rpmdb.sqlite", rpmdb.SQLite, 139, "", 141}, // MongoDB's key is not in the database
		{"oraclelinux-9/rpmdb.sqlite", rpmdb.SQLite, 186, "", 186},
		{"rockylinux-9/rpmdb.sqlite", rpmdb.SQLite, 0, "", 142}, // the keys of these three neither
		{"cbl-mariner-2.0/rpmdb.sqlite", rpmdb.SQLite, 0, "", 129},
		{"sle15-bci/Packages.db", rpmdb.NDB, 0, "", 35},
		{"ubi8-s390x/Packages", rpmdb.BerkeleyDB, 181, "", 181},
		{"centos7-many/Packages", rpmdb.BerkeleyDB, 395, "", 395},
		{"centos6-many/Packages", rpmdb.BerkeleyDB, 63, "SHA-1", 325},
		{"centos5-plain/Packages", rpmdb.BerkeleyDB, 0, "DSA", 110},
	} {
		t.Run(x.name, func(t *testing.T) {
			headers, files := rpmHeaders(t, x.name, x.backend)
			keys, err := trust.Open(files)
			if err != nil {
				t.Fatal(err)
			}
			good, version3 := 0, 0
			problems := map[string]int{}
			for i, h := range headers {
				s, err := keys.VerifyRPM(h)
				switch {
				case err != nil:
					problems[err.Error()]++
				case !s.Good():
					problems[s.Problem+" "+s.KeyID]++
					if !strings.Contains(s.Problem, x.refused) {
						t.Errorf("header %d: %s", i, s.Problem)
					}
				default:
					good++
				}
				parsed, err := rpmheader.Parse(h, rpmheader.FileTags)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := parsed.Files(); err != nil {
					t.Errorf("header %d: %v", i, err)
				}
				if packet := rsaHeader(t, h); len(packet) > 3 && bytes.IndexByte(packet[:4], 3) > 0 {
					version3++
				}
				// One bit, elsewhere in each header: the digests are rewritten with it.
				s, err = keys.VerifyRPM(flip(t, h, i))
				if err != nil || s.Good() || s.Key != nil && x.refused == "" && !strings.Contains(s.Problem, "changed") {
					t.Errorf("header %d with another bit: %+v, %v", i, s, err)
				}
			}
			t.Logf("%d of %d good, %d of version 3, %v", good, len(headers), version3, problems)
			if good != x.good || len(headers) != x.all {
				t.Errorf("%d of %d are good, want %d of %d", good, len(headers), x.good, x.all)
			}
			none, err := trust.Open(nil)
			if err != nil {
				t.Fatal(err)
			}
			if s, err := none.VerifyRPM(headers[0]); err != nil || s.Good() || s.Key != nil || s.KeyID == "" {
				t.Errorf("without the key: %+v, %v", s, err)
			}
		})
	}
}

func rsaHeader(t *testing.T, header []byte) []byte {
	t.Helper()
	h, err := rpmheader.Parse(header, func(tag uint32) bool { return tag == rpmheader.TagRSAHeader })
	if err != nil {
		t.Fatal(err)
	}
	b, _ := h.Bytes(rpmheader.TagRSAHeader)
	return b
}

// flip changes one bit of the value of a tag in the signed part, and writes the
// digests of the header for the result, as an attacker does.
func flip(t *testing.T, header []byte, i int) []byte {
	t.Helper()
	h, err := rpmheader.Parse(header, func(uint32) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	out := slices.Clone(header)
	digests, err := h.Region().Texts(rpmheader.TagFileDigests)
	if err != nil {
		t.Fatal(err)
	}
	digests = slices.DeleteFunc(digests, func(s string) bool { return s == "" })
	target := "Linux"
	if len(digests) > 0 {
		target = digests[i%len(digests)]
	} else if v, _ := h.Text(rpmheader.TagVersion); v != "" {
		target = v
	}
	at := bytes.Index(out, []byte(target))
	if at < 0 {
		t.Fatalf("header has no %s", target)
	}
	out[at] ^= 1
	return rehash(out)
}

// rehash repairs the digests of a header.
func rehash(header []byte) []byte {
	number := func(at int) int { return int(int32(binary.BigEndian.Uint32(header[at:]))) }
	table := header[rpmheader.IntroSize:]
	data := table[number(0)*rpmheader.EntrySize:]
	end := number(rpmheader.IntroSize+8) + rpmheader.EntrySize
	size := -int(int32(binary.BigEndian.Uint32(data[end-8:])))
	signed := append([]byte(nil), rpmheader.Magic[:]...)
	signed = binary.BigEndian.AppendUint32(signed, uint32(size/rpmheader.EntrySize))
	signed = binary.BigEndian.AppendUint32(signed, uint32(end))
	signed = append(append(signed, table[:size]...), data[:end]...)
	sums := map[int]string{40: fmt.Sprintf("%x", sha1.Sum(signed)), 64: fmt.Sprintf("%x", sha256.Sum256(signed))}
	for range sums {
		_, err := rpmheader.Parse(header, func(uint32) bool { return true })
		if err == nil {
			break
		}
		if _, want, found := strings.Cut(err.Error(), `digest ("`); found {
			want = strings.TrimSuffix(want, `")`)
			header = bytes.Replace(header, []byte(want), []byte(sums[len(want)]), 1)
		}
	}
	return header
}
