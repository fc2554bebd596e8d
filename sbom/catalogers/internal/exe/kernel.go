package exe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxModinfo is the size of a module's information section. Those of Debian's
// kernels have at most 20 KB.
const maxModinfo = 1 << 20

// KernelVersion returns the version that the setup header of an x86 kernel
// image names, empty when the file is none
// (https://docs.kernel.org/arch/x86/boot.html).
func KernelVersion(r io.ReaderAt) string {
	const (
		bootFlag    = 510 // 0xaa55
		magicOffset = 514 // "HdrS"
		protocol    = 518 // at least 2.00
		version     = 526 // the offset of the version, less 0x200
		maxVersion  = 256
	)
	var head [530]byte
	if n, _ := r.ReadAt(head[:], 0); n < len(head) {
		return ""
	}
	u16 := func(at int) uint16 { return binary.LittleEndian.Uint16(head[at:]) }
	if string(head[magicOffset:magicOffset+4]) != "HdrS" || u16(bootFlag) != 0xaa55 || u16(protocol) < 0x200 || u16(version) == 0 {
		return ""
	}
	text := make([]byte, maxVersion)
	n, _ := r.ReadAt(text, int64(u16(version))+0x200)
	line, _, _ := bytes.Cut(text[:n], []byte{0})
	name, _, _ := strings.Cut(strings.TrimLeft(string(line), " "), " ")
	return strings.ToValidUTF8(name, "�")
}

// Module is what a kernel module says about itself.
type Module struct {
	Name, Version string
	Kernel        string // the version of the kernel that it was built for
}

// ReadModule reads the modinfo section of a kernel module
// (https://docs.kernel.org/core-api/kernel-api.html, MODULE_INFO).
func ReadModule(r io.ReaderAt) (*Module, error) {
	f, err := OpenELF(r)
	if err != nil {
		return nil, err
	}
	if f == nil {
		return nil, errors.New("a kernel module that is not an ELF file")
	}
	s := f.Section(".modinfo")
	if s == nil {
		return nil, errors.New("a kernel module without a section .modinfo")
	}
	data, err := sectionData(s, maxModinfo)
	if err != nil {
		return nil, err
	}
	return parseModinfo(data)
}

func parseModinfo(data []byte) (*Module, error) {
	m := &Module{}
	for entry := range bytes.SplitSeq(data, []byte{0}) {
		key, value, _ := strings.Cut(string(entry), "=")
		switch key {
		case "name":
			m.Name = value
		case "version":
			m.Version = value
		case "vermagic":
			if fields := strings.Fields(value); len(fields) > 0 {
				m.Kernel = fields[0]
			}
		case "parm", "parmtype":
			if !strings.Contains(value, ":") {
				return nil, fmt.Errorf("malformed entry %q of a kernel module", key)
			}
		}
	}
	return m, nil
}
