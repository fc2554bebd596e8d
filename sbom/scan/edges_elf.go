package scan

import (
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/catalogers"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// Limits of one ELF file. The dynamic section of the largest real programs has
// some hundred entries, and a name is a file name.
const (
	maxDynamic  = 256 << 10
	maxNeeded   = 2_000
	maxLinkName = 4 << 10
)

// Limits of the linker's configuration, which has a few lines a file.
const (
	maxLinkConfig   = 64 << 10
	maxLinkIncludes = 200
)

// elfHead has the values that must be equal in a program and its libraries.
type elfHead struct {
	class   elf.Class
	machine elf.Machine
	order   elf.Data
}

// elfNeeds has the values of the dynamic section of an ELF file.
type elfNeeds struct {
	elfHead
	needed         []string
	rpath, runpath string
}

// linker finds the files that the dynamic linker would find (ld.so(8)).
type linker struct {
	heads map[rootfs.Node]elfHead
	dirs  []string // of ld.so.conf; nil before it is read
	read  bool
	found map[linkQuery]rootfs.Node
}

// linkQuery is a name to look up in the system's directories.
type linkQuery struct {
	name string
	elfHead
}

// libraries adds the relations of programs and libraries that the system does
// not own to its packages and to each other.
//
// The linker finds more: the directories that a program names for its libraries
// are not searched for the libraries of those libraries, and LD_LIBRARY_PATH is
// not set.
func (e *edges) libraries(ctx context.Context) {
	type file struct {
		node  rootfs.Node
		unit  int
		needs elfNeeds
	}
	var all []file
	for _, x := range e.sniffed.executables {
		if x.Type != catalogers.ELF {
			continue
		}
		if unit := e.accountedBy(x.Node); unit >= 0 && e.outside(unit) {
			all = append(all, file{node: x.Node, unit: unit})
		}
	}
	inParallel(ctx, len(all), func(i int) { all[i].needs = e.readNeeds(all[i].node) })
	for i := range all {
		f := &all[i]
		for _, name := range f.needs.needed {
			if n := e.link(f.node, &f.needs, name); n != rootfs.None {
				e.add(f.unit, e.ownerOf(n), sbom.RelLibrary, edgeReason{via: name, file: e.tree.Path(f.node)})
			}
		}
	}
}

// readNeeds reads the dynamic section of a file. A malformed ELF file does not
// run, and needs nothing.
func (s *inventory) readNeeds(n rootfs.Node) elfNeeds {
	f, err := s.tree.OpenFile(n)
	if err != nil {
		return elfNeeds{} // the sniffer has added the gap
	}
	defer f.Close()
	needs, err := parseNeeds(f)
	if err != nil {
		return elfNeeds{}
	}
	return needs
}

// onlySegments hides the section headers of an ELF file, which neither the
// kernel nor the linker reads: a file without them, or with wrong ones, runs.
type onlySegments struct {
	io.ReaderAt
	class elf.Class
}

func (r onlySegments) ReadAt(b []byte, off int64) (int, error) {
	n, err := r.ReaderAt.ReadAt(b, off)
	// e_shoff, and e_shnum with e_shstrndx after it, of either class.
	hidden := [2][2]int64{{0x20, 0x24}, {0x30, 0x34}}
	if r.class == elf.ELFCLASS64 {
		hidden = [2][2]int64{{0x28, 0x30}, {0x3c, 0x40}}
	}
	for _, h := range hidden {
		for i := max(h[0], off); i < min(h[1], off+int64(n)); i++ {
			b[i-off] = 0
		}
	}
	return n, err
}

var errNoELF = errors.New("no ELF file")

// parseNeeds parses the segments, as the linker does: PT_DYNAMIC, and the
// strings at the addresses of PT_LOAD.
func parseNeeds(r io.ReaderAt) (elfNeeds, error) {
	var ident [elf.EI_NIDENT]byte
	if _, err := r.ReadAt(ident[:], 0); err != nil {
		return elfNeeds{}, err
	}
	f, err := elf.NewFile(onlySegments{r, elf.Class(ident[elf.EI_CLASS])})
	if err != nil {
		return elfNeeds{}, err
	}
	out := elfNeeds{elfHead: elfHead{f.Class, f.Machine, f.Data}}
	at := slices.IndexFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_DYNAMIC })
	if at < 0 {
		return out, nil
	}
	dynamic := make([]byte, min(f.Progs[at].Filesz, maxDynamic))
	n, err := f.Progs[at].ReadAt(dynamic, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return elfNeeds{}, err
	}
	type entry struct {
		tag   elf.DynTag
		value uint64
	}
	var wanted []entry
	var table uint64
	for _, tag := range dynamicEntries(dynamic[:n], f.Class, f.ByteOrder) {
		switch t := elf.DynTag(tag[0]); t {
		case elf.DT_STRTAB:
			table = tag[1]
		case elf.DT_NEEDED, elf.DT_RPATH, elf.DT_RUNPATH:
			if len(wanted) == maxNeeded {
				return elfNeeds{}, errNoELF
			}
			wanted = append(wanted, entry{t, tag[1]})
		}
	}
	for _, w := range wanted {
		text, ok := stringAt(f, r, table, w.value)
		if !ok {
			continue
		}
		switch w.tag {
		case elf.DT_RPATH:
			out.rpath = text
		case elf.DT_RUNPATH:
			out.runpath = text
		default:
			out.needed = append(out.needed, text)
		}
	}
	return out, nil
}

// dynamicEntries returns the tags and values up to DT_NULL.
func dynamicEntries(b []byte, class elf.Class, order binary.ByteOrder) [][2]uint64 {
	var out [][2]uint64
	for {
		var tag, value uint64
		switch {
		case class == elf.ELFCLASS64 && len(b) >= 16:
			tag, value, b = order.Uint64(b), order.Uint64(b[8:]), b[16:]
		case class == elf.ELFCLASS32 && len(b) >= 8:
			tag, value, b = uint64(order.Uint32(b)), uint64(order.Uint32(b[4:])), b[8:]
		default:
			return out
		}
		if elf.DynTag(tag) == elf.DT_NULL {
			return out
		}
		out = append(out, [2]uint64{tag, value})
	}
}

// stringAt reads a string of the table at an address.
func stringAt(f *elf.File, r io.ReaderAt, table, offset uint64) (string, bool) {
	addr := table + offset
	for _, p := range f.Progs {
		if p.Type != elf.PT_LOAD || addr < p.Vaddr || addr-p.Vaddr >= p.Filesz {
			continue
		}
		var buf [maxLinkName]byte
		size := min(uint64(len(buf)), p.Filesz-(addr-p.Vaddr))
		n, err := r.ReadAt(buf[:size], int64(p.Off+addr-p.Vaddr))
		if err != nil && !errors.Is(err, io.EOF) {
			return "", false
		}
		text, _, ok := strings.Cut(string(buf[:n]), "\x00")
		return text, ok && text != ""
	}
	return "", false
}

// link returns the file that the linker would load for a name, None if none.
func (e *edges) link(from rootfs.Node, needs *elfNeeds, name string) rootfs.Node {
	t := e.tree
	fits := func(p string) rootfs.Node {
		n := t.Resolve(p)
		if n == rootfs.None || t.Kind(n) != rootfs.File || e.links.head(t, n) != needs.elfHead {
			return rootfs.None
		}
		return n
	}
	if strings.ContainsRune(name, '/') {
		if dir, ok := expandOrigin(name, path.Dir(t.Path(from))); ok {
			return fits(dir)
		}
		return rootfs.None
	}
	own := needs.runpath
	if own == "" {
		own = needs.rpath
	}
	for dir := range strings.SplitSeq(own, ":") {
		dir, ok := expandOrigin(dir, path.Dir(t.Path(from)))
		if !ok {
			continue
		}
		if n := fits(path.Join(dir, name)); n != rootfs.None {
			return n
		}
	}
	query := linkQuery{name, needs.elfHead}
	n, ok := e.links.found[query]
	if !ok {
		n = rootfs.None
		for _, dir := range e.linkDirs(needs.elfHead) {
			if n = fits(path.Join(dir, name)); n != rootfs.None {
				break
			}
		}
		if e.links.found == nil {
			e.links.found = make(map[linkQuery]rootfs.Node)
		}
		e.links.found[query] = n
	}
	return n
}

// expandOrigin replaces $ORIGIN by the directory of a file. ok is false for a
// path that is relative to the working directory, and for one that depends on
// the machine that runs the program.
func expandOrigin(dir, origin string) (string, bool) {
	if dir == "" {
		return "", false
	}
	dir = strings.NewReplacer("${ORIGIN}", origin, "$ORIGIN", origin).Replace(dir)
	return dir, path.IsAbs(dir) && !strings.ContainsRune(dir, '$')
}

// head returns the first part of a file's header; zero for another file.
func (l *linker) head(t *rootfs.Tree, n rootfs.Node) elfHead {
	if h, ok := l.heads[n]; ok {
		return h
	}
	h := readHead(t, n)
	if l.heads == nil {
		l.heads = make(map[rootfs.Node]elfHead)
	}
	l.heads[n] = h
	return h
}

func readHead(t *rootfs.Tree, n rootfs.Node) elfHead {
	if class, _, err := t.Classify(n); err != nil || class != magicELF {
		return elfHead{}
	}
	f, err := t.OpenFile(n)
	if err != nil {
		return elfHead{}
	}
	defer f.Close()
	var b [20]byte
	if _, err := f.ReadAt(b[:], 0); err != nil {
		return elfHead{}
	}
	order := binary.ByteOrder(binary.LittleEndian)
	if elf.Data(b[elf.EI_DATA]) == elf.ELFDATA2MSB {
		order = binary.BigEndian
	}
	return elfHead{elf.Class(b[elf.EI_CLASS]), elf.Machine(order.Uint16(b[18:])), elf.Data(b[elf.EI_DATA])}
}

// machineName returns the machine name of uname(2), "" when it is ambiguous.
func (h elfHead) machineName() string {
	little := h.order == elf.ELFDATA2LSB
	switch {
	case h.machine == elf.EM_X86_64 && h.class == elf.ELFCLASS64:
		return "x86_64"
	case h.machine == elf.EM_386:
		return "i686"
	case h.machine == elf.EM_AARCH64 && little:
		return "aarch64"
	case h.machine == elf.EM_PPC64 && little:
		return "ppc64le"
	case h.machine == elf.EM_S390 && h.class == elf.ELFCLASS64:
		return "s390x"
	case h.machine == elf.EM_RISCV && h.class == elf.ELFCLASS64:
		return "riscv64"
	case h.machine == elf.EM_LOONGARCH && h.class == elf.ELFCLASS64:
		return "loongarch64"
	}
	return ""
}

// triples returns the names of Debian's library directories of a machine
// (https://wiki.debian.org/Multiarch/Tuples).
func (h elfHead) triples() []string {
	switch h.machine {
	case elf.EM_X86_64:
		if h.class == elf.ELFCLASS32 {
			return []string{"x86_64-linux-gnux32"}
		}
	case elf.EM_386:
		return []string{"i386-linux-gnu"}
	case elf.EM_ARM:
		return []string{"arm-linux-gnueabihf", "arm-linux-gnueabi"}
	case elf.EM_PPC64:
		if h.order == elf.ELFDATA2LSB {
			return []string{"powerpc64le-linux-gnu"}
		}
	case elf.EM_MIPS:
		return []string{"mips64el-linux-gnuabi64", "mipsel-linux-gnu"}
	}
	if name := h.machineName(); name != "" {
		return []string{name + "-linux-gnu"}
	}
	return nil
}

// linkDirs returns the directories that the linker searches for every
// program: those of its configuration, from which its cache is made, and its
// built-in ones. Without a configuration, as with musl, /usr/local/lib is one
// of them.
func (e *edges) linkDirs(h elfHead) []string {
	if !e.links.read {
		e.links.read = true
		left := maxLinkIncludes
		e.links.dirs = e.linkConfig("/etc/ld.so.conf", &left)
	}
	out := slices.Clone(e.links.dirs)
	roots := []string{"/lib", "/usr/lib"}
	if len(out) == 0 {
		roots = []string{"/usr/local/lib", "/lib", "/usr/lib"}
	}
	for _, root := range roots {
		for _, triple := range h.triples() {
			out = append(out, root+"/"+triple)
		}
	}
	for _, root := range roots {
		if h.class == elf.ELFCLASS64 {
			out = append(out, root+"64")
		}
		out = append(out, root)
	}
	return out
}

// linkConfig reads ld.so.conf and its includes (ldconfig(8)).
func (e *edges) linkConfig(file string, left *int) []string {
	n := e.tree.Resolve(file)
	if *left--; *left < 0 || !e.kept(n) {
		return nil
	}
	data, err := e.tree.ReadFile(n, maxLinkConfig)
	if err != nil {
		return nil // the built-in directories remain
	}
	var out []string
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\r\n:,", r) })
		switch {
		case len(fields) == 0 || fields[0] == "hwcap":
		case fields[0] == "include":
			for _, pattern := range fields[1:] {
				if !path.IsAbs(pattern) {
					pattern = path.Join(path.Dir(file), pattern)
				}
				for _, included := range e.matching(pattern) {
					out = append(out, e.linkConfig(included, left)...)
				}
			}
		default:
			for _, dir := range fields {
				if path.IsAbs(dir) {
					out = append(out, path.Clean(dir))
				}
			}
		}
	}
	return out
}

// matching returns the files of a directory whose names match a pattern, sorted.
func (e *edges) matching(pattern string) []string {
	dir := e.tree.Resolve(path.Dir(pattern))
	if dir == rootfs.None || e.tree.Kind(dir) != rootfs.Dir {
		return nil
	}
	var out []string
	for n := range e.tree.Children(dir) {
		if ok, err := path.Match(path.Base(pattern), e.tree.Name(n)); err == nil && ok {
			out = append(out, e.tree.Path(n))
		}
	}
	slices.Sort(out)
	return out
}
