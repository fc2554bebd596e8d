package bundle

import (
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

func passphraseOf(word string) func() ([]byte, error) {
	return func() ([]byte, error) { return []byte(word), nil }
}

func testFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestEncryptedByOpenSSL reads keys that openssl 3 encrypted, all with the passphrase
// hello, by `openssl pkcs8 -topk8 -v2 CIPHER -v2prf PRF`, and signs with them. The public
// ones are those that openssl printed.
func TestEncryptedByOpenSSL(t *testing.T) {
	for _, name := range []string{"openssl-p256-aes256", "openssl-ed25519-aes128", "openssl-p384-aes192"} {
		t.Run(name, func(t *testing.T) {
			data := testFile(t, name+".key")
			public, err := ParsePublicKey(testFile(t, name+".pub"))
			if err != nil {
				t.Fatal(err)
			}
			key, err := ParseKey(data, passphraseOf("hello"))
			if err != nil {
				t.Fatal(err)
			}
			files := map[string][]byte{"a.intoto.json": []byte("{}")}
			if err := Sign(t.Context(), files, key); err != nil {
				t.Fatal(err)
			}
			e, err := openEnvelope(t.Context(), files["a.dsse.json"], []byte("{}"))
			if err == nil {
				err = checkEnvelope(t.Context(), e, public)
			}
			if err != nil || key.ID() != public.ID() {
				t.Errorf("%v, %s and %s", err, key.ID(), public.ID())
			}
			for _, word := range []string{"", "hello\n", "Hello"} {
				if _, err := ParseKey(data, passphraseOf(word)); err != ErrPassphrase {
					t.Errorf("the passphrase %q: %v", word, err)
				}
			}
			if _, err := ParseKey(data, nil); err != ErrPassphrase {
				t.Errorf("no passphrase: %v", err)
			}
			failed := errors.New("no terminal")
			if _, err := ParseKey(data, func() ([]byte, error) { return nil, failed }); err != failed {
				t.Errorf("a passphrase that cannot be read: %v", err)
			}
			if _, err := ParsePublicKey(data); err == nil || !strings.Contains(err.Error(), "openssl pkey -pubout") {
				t.Errorf("as a public key: %v", err)
			}
		})
	}
	// The padding is right for one of 256 other passphrases: the key has one iteration, so
	// that many are tried.
	data := testFile(t, "openssl-p384-aes192.key")
	for i := range 2000 {
		if _, err := ParseKey(data, passphraseOf(fmt.Sprint(i))); err != ErrPassphrase {
			t.Fatalf("the passphrase %d: %v", i, err)
		}
	}
	// Forms that are not read are named before the passphrase is read.
	for _, name := range []string{"openssl-scrypt", "openssl-des3", "openssl-traditional"} {
		if _, err := ParseKey(testFile(t, name+".key"), nil); err != errEncryption {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzPKCS8 checks that nothing is derived of what is not an encrypted key.
func FuzzPKCS8(f *testing.F) {
	for _, name := range []string{"openssl-p256-aes256", "openssl-ed25519-aes128", "openssl-p384-aes192", "openssl-scrypt", "openssl-des3"} {
		block, _ := pem.Decode(testFile(f, name+".key"))
		if block == nil {
			f.Fatal(name)
		}
		f.Add(block.Bytes)
	}
	asked := errors.New("asked")
	f.Fuzz(func(t *testing.T, der []byte) {
		if _, err := decryptPKCS8(der, func() ([]byte, error) { return nil, asked }); err != asked && err != errEncryption {
			t.Errorf("%v", err)
		}
	})
}
