package exe

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"io"
)

// maxNote is the size of a package note. Real ones have some hundred bytes.
const maxNote = 64 << 10

// PackageNote is what a distribution's build system writes into the files of
// a package (https://systemd.io/ELF_PACKAGE_METADATA/).
type PackageNote struct {
	Type      string `json:"type"` // "deb", "rpm", "apk", "alpm"
	Name      string `json:"name"`
	Version   string `json:"version"`
	System    string `json:"system"`
	OS        string `json:"os"`
	OSVersion string `json:"osVersion"`
	OSCPE     string `json:"osCpe"` // or "osCPE": encoding/json folds the case
}

// ReadPackageNote reads the package note of an ELF file, and returns nil
// when there is none with a name and a version.
func ReadPackageNote(r io.ReaderAt) (*PackageNote, error) {
	f, err := OpenELF(r)
	if err != nil || f == nil {
		return nil, err
	}
	return packageNote(f)
}

func packageNote(f *elf.File) (*PackageNote, error) {
	s := f.Section(".note.package")
	if s == nil {
		return nil, nil
	}
	data, err := sectionData(s, maxNote)
	if err != nil || len(data) == 0 {
		return nil, err
	}
	return parseNote(data)
}

// noteHeader is the length of an ELF note's header with the name "FDO\0".
const noteHeader = 16

// parseNote parses a note with or without its header: some build systems
// write the bare JSON text.
func parseNote(data []byte) (*PackageNote, error) {
	var n PackageNote
	err := json.Unmarshal(data, &n)
	if err != nil && len(data) > noteHeader {
		n = PackageNote{}
		if json.Unmarshal(bytes.TrimRight(data[noteHeader:], "\x00"), &n) == nil {
			err = nil
		}
	}
	if err != nil || n.Name == "" || n.Version == "" {
		return nil, nil // a note of another kind
	}
	return &n, nil
}
