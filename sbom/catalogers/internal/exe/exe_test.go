package exe

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"debug/elf"
	"encoding/binary"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// elfFile is a shared library for x86-64 with one section, and one segment
// that is mapped writable around it.
func elfFile(name string, content []byte, flags elf.SectionFlag) []byte {
	const start = 64 + 56
	names := "\x00.shstrtab\x00" + name + "\x00"
	h := elf.Header64{Type: uint16(elf.ET_DYN), Machine: uint16(elf.EM_X86_64), Version: 1, Phoff: 64, Phentsize: 56, Phnum: 1,
		Shoff: uint64(start + len(content) + len(names)), Ehsize: 64, Shentsize: 64, Shnum: 3, Shstrndx: 1}
	copy(h.Ident[:], elf.ELFMAG+"\x02\x01\x01")
	var b bytes.Buffer
	for _, v := range []any{
		h, elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_W), Off: start, Filesz: uint64(len(content))},
		content, []byte(names), elf.Section64{},
		elf.Section64{Name: 1, Type: uint32(elf.SHT_STRTAB), Flags: uint64(flags), Off: uint64(start + len(content)), Size: uint64(len(names)), Addralign: 1},
		elf.Section64{Name: 11, Type: uint32(elf.SHT_PROGBITS), Off: start, Size: uint64(len(content)), Addralign: 1},
	} {
		binary.Write(&b, binary.LittleEndian, v)
	}
	return b.Bytes()
}

func deflated(text string) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	w.Write([]byte(text))
	w.Close()
	return b.Bytes()
}

// bundle is a single-file application: the marker, then the header of a version
// and the list.
func bundle(major uint32, deps string) []byte {
	const headerAt = 64 + 56 + 8 + 32
	var b bytes.Buffer
	write := func(values ...any) {
		for _, v := range values {
			binary.Write(&b, binary.LittleEndian, v)
		}
	}
	write(uint64(headerAt), bundleMarker, major, uint32(0), uint32(1), []byte("\x02id"))
	at := int64(headerAt + 4 + 4 + 4 + 3)
	switch {
	case major >= 2:
		at += 40
		write(at, int64(len(deps)), int64(0), int64(0), int64(0))
	default:
		at += 8 + 8 + 1 + 2
		write(at, int64(len(deps)), byte(2), []byte("\x01d"))
	}
	b.WriteString(deps)
	return b.Bytes()
}

func TestBundledDeps(t *testing.T) {
	for major := range uint32(7) {
		got, err := BundledDeps(bytes.NewReader(elfFile(".data", bundle(major, `{"x": 1}`), 0)))
		if string(got) != `{"x": 1}` || err != nil {
			t.Errorf("version %d: %q, %v", major, got, err)
		}
	}
	host := append(make([]byte, 8), bundleMarker...)
	if got, err := BundledDeps(bytes.NewReader(elfFile(".data", host, 0))); got != nil || err != nil {
		t.Errorf("a host beside its assemblies: %q, %v", got, err)
	}
	far := append(bytes.Repeat([]byte{0xff}, 8), bundleMarker...)
	if _, err := BundledDeps(bytes.NewReader(elfFile(".data", far, 0))); err == nil {
		t.Error("a header outside of the file is no error")
	}
}

// TestFind looks for a pattern at every place around the end of the buffer.
func TestFind(t *testing.T) {
	pattern := []byte("needle")
	for at := findBuffer - 10; at < findBuffer+10; at++ {
		data := append(bytes.Repeat([]byte{'n'}, at), pattern...)
		if got, ok := find(bytes.NewReader(data), pattern, 1<<30); !ok || got != int64(at) {
			t.Fatalf("at %d: %d, %v", at, got, ok)
		}
		if _, ok := find(bytes.NewReader(data), pattern, int64(len(data)-1)); ok {
			t.Fatalf("at %d: found after the limit", at)
		}
	}
}

func TestCompressedNameTableIsRefused(t *testing.T) {
	f := elfFile(".dep-v0", deflated(`{}`), elf.SHF_COMPRESSED)
	if _, err := OpenELF(bytes.NewReader(f)); err == nil {
		t.Error("OpenELF")
	}
	if _, err := GoBuilds(bytes.NewReader(f)); err == nil {
		t.Error("GoBuilds")
	}
}

func TestCrates(t *testing.T) {
	list := `{"packages": [{"name": "a", "version": "1", "source": "crates.io"}, {"name": "b", "version": "2", "kind": "build"}]}`
	got, err := Crates(bytes.NewReader(elfFile(".dep-v0", deflated(list), 0)))
	if diff := cmp.Diff([]Crate{{Name: "a", Version: "1", Source: "crates.io"}}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	bomb := `{"packages": [` + strings.Repeat(" ", maxAudit) + `]}`
	if _, err := Crates(bytes.NewReader(elfFile(".dep-v0", deflated(bomb), 0))); err == nil || !strings.Contains(err.Error(), "limit") {
		t.Errorf("a list over the limit: %v", err)
	}
}

func TestNativeSBOM(t *testing.T) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(`{"components": [{"type": "library", "name": "a", "version": "1"}, {"type": "operating-system", "name": "os", "components": [{"type": "library", "name": "b"}]}],
		"metadata": {"component": {"type": "application", "name": "main"}}}`))
	w.Close()
	data := binary.LittleEndian.AppendUint64(nil, uint64(b.Len()))
	data = append(data, b.Bytes()...)
	got, err := nativeSBOM(data, 8, 0)
	if err != nil || len(got) != 3 || got[0].Name != "a" || got[1].Name != "b" || got[2].Name != "main" {
		t.Errorf("%+v, %v", got, err)
	}
	for _, at := range [][2]uint64{{8, 1 << 63}, {1 << 63, 0}, {9, 0}, {8, uint64(len(data) - 7)}} {
		if _, err := nativeSBOM(data, at[0], at[1]); err == nil {
			t.Errorf("offsets %v are accepted", at)
		}
	}
}

func TestDevelVersion(t *testing.T) {
	for _, c := range []struct {
		settings []debug.BuildSetting
		want     string
	}{
		{nil, ""},
		{[]debug.BuildSetting{{Key: "-ldflags", Value: "-s -w -X main.version=1.2.3"}}, "v1.2.3"},
		{[]debug.BuildSetting{{Key: "-ldflags", Value: "-X example.org/m/pkg.gitTag=v2.0.0-rc.1"}}, "v2.0.0-rc"},
		{[]debug.BuildSetting{{Key: "-ldflags", Value: "-X other.org/m.version=1.2.3"}}, ""},
		{[]debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.time", Value: "2024-05-02T01:02:03Z"}}, "v0.0.0-20240502010203-0123456789ab"},
		{[]debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}}, ""},
	} {
		if got := develVersionOf(&debug.BuildInfo{Settings: c.settings}, "example.org/m"); got != c.want {
			t.Errorf("%+v: %q, want %q", c.settings, got, c.want)
		}
	}
}

// FuzzExecutable: no reader panics or returns data and an error, and a list
// that is found is in the file.
func FuzzExecutable(f *testing.F) {
	f.Add(elfFile(".dep-v0", deflated(`{"packages": [{"name": "a", "version": "1"}]}`), 0))
	f.Add(elfFile(".note.package", []byte(`{"name": "a", "version": "1"}`), 0))
	f.Add(elfFile(".modinfo", []byte("name=a\x00vermagic=6 x\x00"), 0))
	f.Add(elfFile(".data", bundle(6, `{"targets": {}}`), 0))
	f.Add(elfFile(".data", bundle(1, `{"targets": {}}`), 0))
	f.Add([]byte("\xca\xfe\xba\xbe\x00\x00\x00\x02aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"))
	if self, err := os.ReadFile("/proc/self/exe"); err == nil {
		f.Add(self[:min(len(self), 4096)])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		if deps, err := BundledDeps(r); deps != nil && (err != nil || !bytes.Contains(data, deps)) {
			t.Errorf("%q, %v", deps, err)
		}
		if n, err := ReadPackageNote(r); n != nil && (err != nil || n.Name == "" || n.Version == "") {
			t.Errorf("%+v, %v", n, err)
		}
		if m, err := ReadModule(r); m != nil && err != nil {
			t.Errorf("%+v, %v", m, err)
		}
		crates, err := Crates(r)
		for _, c := range crates {
			if err != nil || c.Name == "" {
				t.Errorf("%+v, %v", c, err)
			}
		}
		GoBuilds(r)
		NativeImage(r)
		if v := KernelVersion(r); strings.ContainsAny(v, " \x00") {
			t.Errorf("version %q", v)
		}
	})
}
