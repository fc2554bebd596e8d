package trust

import (
	_ "embed"
	"fmt"
)

// The files are exported by "gpg --export-options export-minimal --armor
// --export FINGERPRINT..." from the keyrings of the packages that the table
// names.
//
//go:embed keys/debian.asc
var debianKeys []byte

//go:embed keys/ubuntu.asc
var ubuntuKeys []byte

// BuiltInKey is a line of the table of built-in keys.
type BuiltInKey struct {
	Name        string
	Fingerprint string
	// Source is the package and the version that the key was taken from, and Date
	// when, YYYY-MM-DD.
	Source, Date string
}

const (
	debianKeyring  = "debian-archive-keyring 2025.1"
	debianRemoved  = "debian-archive-keyring 2025.1 (removed keys)"
	ubuntuKeyring  = "ubuntu-archive-keyring 2023.11.28.1-0.2"
	keyringsOfDate = "2026-11-28"
)

// BuiltIn returns the table of built-in keys: those that sign the archives of
// Debian 10 and later, and of Ubuntu 12.04 and later.
func BuiltIn() []BuiltInKey {
	return []BuiltInKey{
		{"Debian 10 buster automatic", "80D15823B7FD1561F9F7BCDDDC30D7C23CBBABEE", debianRemoved, keyringsOfDate},
		{"Debian 10 buster security", "5E61B217265DA9807A23C5FF4DFAB270CAA96DFA", debianRemoved, keyringsOfDate},
		{"Debian 10 buster stable", "6D33866EDD8FFA41C0143AEDDCC9EFBF77E11517", debianRemoved, keyringsOfDate},
		{"Debian 11 bullseye automatic", "1F89983E0081FDE018F3CC9673A4F27B8DD47936", debianKeyring, keyringsOfDate},
		{"Debian 11 bullseye security", "AC530D520F2F3269F5E98313A48449044AAD5C5D", debianKeyring, keyringsOfDate},
		{"Debian 11 bullseye stable", "A4285295FC7B1A81600062A9605C66F00D6C9793", debianKeyring, keyringsOfDate},
		{"Debian 12 bookworm automatic", "B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8", debianKeyring, keyringsOfDate},
		{"Debian 12 bookworm security", "05AB90340C0C5E797F44A8C8254CF3B5AEC0A8F0", debianKeyring, keyringsOfDate},
		{"Debian 12 bookworm stable", "4D64FEC119C2029067D6E791F8D2585B8783D481", debianKeyring, keyringsOfDate},
		{"Debian 13 trixie automatic", "04B54C3CDCA79751B16BC6B5225629DF75B188BD", debianKeyring, keyringsOfDate},
		{"Debian 13 trixie security", "5E04A1E3223A19A20706E20F9904613D4CCE68C6", debianKeyring, keyringsOfDate},
		{"Debian 13 trixie stable", "41587F7DB8C774BCCF131416762F67A0B2C39DE4", debianKeyring, keyringsOfDate},
		{"Ubuntu archive 2012", "790BC7277767219C42C86F933B4FE6ACC0B21F32", ubuntuKeyring, keyringsOfDate},
		{"Ubuntu archive 2018", "F6ECB3762474EDA9D21B7022871920D1991BC93C", ubuntuKeyring, keyringsOfDate},
	}
}

// builtIn reads the built-in keys, in the order of the table.
func builtIn() ([]*Key, error) {
	found := make(map[string]*Key)
	for system, file := range map[string][]byte{"debian": debianKeys, "ubuntu": ubuntuKeys} {
		entities, err := parseKeyring(file)
		if err != nil {
			return nil, fmt.Errorf("trust: built-in keys: %w", err)
		}
		for _, e := range entities {
			f := fingerprintOf(e.PrimaryKey)
			found[f] = &Key{Fingerprint: f, entity: e, system: system}
		}
	}
	var out []*Key
	for _, line := range BuiltIn() {
		key := found[line.Fingerprint]
		if key == nil {
			return nil, fmt.Errorf("trust: built-in key is missing: %s", line.Fingerprint)
		}
		key.Name, key.Source = line.Name, line.Source
		out = append(out, key)
	}
	return out, nil
}
