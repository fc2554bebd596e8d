package exe

import (
	"compress/zlib"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxAudit is the size of a dependency list of cargo-auditable, decompressed.
// That of a program with 1,000 crates has 100 KB; cargo-audit's own limit is
// the same.
const maxAudit = 8 << 20

// Crate is one entry of the dependency list that cargo-auditable puts into a
// program (https://github.com/rust-secure-code/cargo-auditable/blob/master/PARSING.md).
type Crate struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Source  string `json:"source"`
	Kind    string `json:"kind"` // "build" for a dependency of the build only
	Root    bool   `json:"root"` // the crate of the program
}

// Crates reads the dependency list of a program. It returns nil when there is
// none.
func Crates(r io.ReaderAt) ([]Crate, error) {
	var out []Crate
	for _, part := range slicesOf(r) {
		section, err := auditSection(part)
		if err != nil || section == nil {
			return nil, err
		}
		crates, err := parseAudit(section)
		if err != nil {
			return nil, err
		}
		out = append(out, crates...)
	}
	return out, nil
}

// auditSection returns the compressed list, nil when there is none.
func auditSection(r io.ReaderAt) (section io.Reader, err error) {
	defer func() {
		if p := recover(); p != nil { // debug/macho and debug/pe, on malformed files
			section, err = nil, nil
		}
	}()
	f, err := OpenELF(r)
	switch {
	case err != nil:
		return nil, err
	case f != nil:
		if s := f.Section(".dep-v0"); s != nil && s.Type != elf.SHT_NOBITS {
			return io.LimitReader(s.Open(), maxAudit), nil
		}
		return nil, nil
	}
	if f, err := openMachO(r); f != nil || err != nil {
		if err != nil {
			return nil, err
		}
		if s := f.Section(".dep-v0"); s != nil {
			return io.LimitReader(s.Open(), maxAudit), nil
		}
		return nil, nil
	}
	if f, err := openPE(r); f != nil || err != nil {
		if err != nil {
			return nil, err
		}
		if s := f.Section(".dep-v0"); s != nil {
			return io.LimitReader(s.Open(), maxAudit), nil
		}
	}
	return nil, nil
}

// parseAudit decompresses and parses a dependency list, and drops what only
// the build needed.
func parseAudit(r io.Reader) ([]Crate, error) {
	z, err := zlib.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("the dependency list of cargo-auditable: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(z, maxAudit+1))
	if err != nil {
		return nil, fmt.Errorf("the dependency list of cargo-auditable: %w", err)
	}
	if len(data) > maxAudit {
		return nil, errors.New("the dependency list of cargo-auditable is larger than its limit of 8 MB")
	}
	var list struct {
		Packages []Crate `json:"packages"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("the dependency list of cargo-auditable: %w", err)
	}
	var out []Crate
	for _, c := range list.Packages {
		if c.Name != "" && (c.Kind == "" || c.Kind == "runtime") {
			out = append(out, c)
		}
	}
	return out, nil
}
