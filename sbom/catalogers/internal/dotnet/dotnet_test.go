package dotnet

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"
)

// portable is a PE file of 64 bits with one section of resources: a version
// resource with these strings.
func portable(fields ...string) []byte {
	text := func(s string) []byte {
		var b []byte
		for _, u := range append(utf16.Encode([]rune(s)), 0) {
			b = binary.LittleEndian.AppendUint16(b, u)
		}
		return b
	}
	pad := func(b []byte) []byte {
		for len(b)%4 != 0 {
			b = append(b, 0)
		}
		return b
	}
	block := func(key string, value []byte, size int, children ...[]byte) []byte {
		b := append(make([]byte, 6), text(key)...)
		b = append(pad(b), value...)
		for _, c := range children {
			b = append(pad(b), c...)
		}
		binary.LittleEndian.PutUint16(b, uint16(len(b)))
		binary.LittleEndian.PutUint16(b[2:], uint16(size))
		return b
	}
	var strs [][]byte
	for i := 0; i < len(fields); i += 2 {
		strs = append(strs, block(fields[i], text(fields[i+1]), len(fields[i+1])+1))
	}
	version := block("VS_VERSION_INFO", make([]byte, 52), 52, block("StringFileInfo", nil, 0, block("040904b0", nil, 0, strs...)))
	const rva, raw, at = 0x1000, 0x200, 24 * 3 // of the data: after three directories with one entry
	var rsrc []byte
	for level := range uint32(3) {
		rsrc = append(rsrc, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0)
		rsrc = binary.LittleEndian.AppendUint32(rsrc, 16)
		next := uint32(1<<31) | 24*(level+1)
		if level == 2 {
			next = at
		}
		rsrc = binary.LittleEndian.AppendUint32(rsrc, next)
	}
	for _, v := range []uint32{rva + at + 16, uint32(len(version)), 0, 0} {
		rsrc = binary.LittleEndian.AppendUint32(rsrc, v)
	}
	rsrc = append(rsrc, version...)
	b := make([]byte, raw)
	copy(b, "MZ")
	b[60] = 64
	copy(b[64:], "PE\x00\x00")
	binary.LittleEndian.PutUint16(b[70:], 1)     // sections
	binary.LittleEndian.PutUint16(b[84:], 240)   // size of the optional header
	binary.LittleEndian.PutUint16(b[88:], 0x20b) // its magic number
	binary.LittleEndian.PutUint32(b[88+112+16:], rva)
	binary.LittleEndian.PutUint32(b[88+112+20:], uint32(len(rsrc)))
	section := b[88+240:]
	copy(section, ".rsrc")
	for i, v := range []uint32{uint32(len(rsrc)), rva, uint32(len(rsrc)), raw} {
		binary.LittleEndian.PutUint32(section[8+4*i:], v)
	}
	return append(b, rsrc...)
}

func TestReadPE(t *testing.T) {
	f, err := ReadPE(bytes.NewReader(portable("ProductName", "Thing", "FileVersion", "1.2.3.4", "ProductVersion", "1.2 (beta) x")))
	if err != nil || f.Partial != nil {
		t.Fatal(err, f)
	}
	f.Path = "/thing.dll"
	if name, version := f.NativeName(); name != "Thing" || version != "1.2" || f.Managed {
		t.Errorf("%q %q, %+v", name, version, f)
	}
	if f, err := ReadPE(bytes.NewReader(portable())); err != nil || f.Fields["FileVersion"] != "0.0.0.0" {
		t.Errorf("no strings: %+v, %v", f, err)
	}
}

func TestManagedVersion(t *testing.T) {
	for _, c := range [][4]string{
		{"1.2.3+abc", "1.2.3.0", "", "1.2.3.0"},
		{"8.0.1+sha", "8.0.123.4567", "Microsoft", "8.0.1"},
		{"1.0", "2.0", "", "2.0"},
		{"3.0", "2.0", "", "3.0"},
		{"text", "2.0.0", "", "2.0.0"},
		{"1.0", "none", "", "1.0"},
		{"", "", "", ""},
	} {
		f := &File{Fields: map[string]string{"ProductVersion": c[0], "FileVersion": c[1], "CompanyName": c[2]}}
		if got := f.managedVersion(); got != c[3] {
			t.Errorf("%q and %q: %q, want %q", c[0], c[1], got, c[3])
		}
	}
}

// FuzzReadPE: fields have names, and nothing is read past the resources.
func FuzzReadPE(f *testing.F) {
	f.Add(portable("ProductName", "Thing"))
	f.Add(portable())
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ReadPE(bytes.NewReader(data))
		if err != nil {
			return
		}
		p.Path = "/x.dll"
		p.NativeName()
		if name, version := p.managedName(); strings.ContainsAny(name+version, "\x00\n") && !strings.ContainsAny(version, "\x00") {
			t.Errorf("%q %q", name, version)
		}
	})
}

// FuzzParseDeps: every package has the name that the file gives it.
func FuzzParseDeps(f *testing.F) {
	f.Add([]byte(`{"targets": {"x": {"App/1": {"dependencies": {"A": "2"}, "runtime": {"App.dll": {}}}, "A/2": {"dependencies": {"App": "1"}}}}, "libraries": {"App/1": {"type": "project"}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := ParseDeps("/app/App.deps.json", data)
		if err != nil {
			return
		}
		for _, p := range d.packages() {
			if p.Path != d.Path || strings.Contains(p.Name, "/") {
				t.Errorf("%+v", p)
			}
		}
	})
}
