package scan

import (
	"archive/zip"
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/catalogers"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/zipfile"
)

// sniffed has the files without an owner in the system's database, by the kind
// of their first bytes.
type sniffed struct {
	executables []catalogers.Executable // ELF, Mach-O, PE; in node order
	scripts     []rootfs.Node           // "#!" with an execute bit
	archives    []rootfs.Node           // zip files with code that an interpreter runs
	classes     []rootfs.Node           // of Java, each a file of a directory on a class path, and code of other virtual machines
}

// sniffers is the number of files that are read in parallel. It is larger than
// the number of processors because each waits for the disk on a cold cache.
const sniffers = 16

// sniff reads the first bytes of every file that the system does not own.
// Names are not trusted: a jar may have any name. In caches it reads only files
// with an execute bit: the go command runs a toolchain in its module cache in
// place.
func (s *inventory) sniff(ctx context.Context) (sniffed, []sbom.Gap, error) {
	const chunk = 64 // nodes of a worker at a time
	type part struct {
		at rootfs.Node
		sniffed
		gaps []sbom.Gap
	}
	var (
		mu    sync.Mutex
		parts []part
		next  rootfs.Node
		wg    sync.WaitGroup
	)
	for range sniffers {
		wg.Go(func() {
			for {
				mu.Lock()
				from := next
				next += chunk
				mu.Unlock()
				if int(from) >= s.tree.Len() || ctx.Err() != nil {
					return
				}
				p := part{at: from}
				for n := from; n < from+chunk && int(n) < s.tree.Len(); n++ {
					if s.tree.Kind(n) != rootfs.File || s.owned(n) {
						continue
					}
					if err := s.sniffOne(n, &p.sniffed); err != nil && !s.tree.Faulty(n) { // addFaults has faults
						p.gaps = append(p.gaps, sbom.Gap{Kind: sbom.GapUnreadable, Path: s.tree.Path(n), Detail: reason(err)})
					}
				}
				mu.Lock()
				parts = append(parts, p)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return sniffed{}, nil, err
	}
	slices.SortFunc(parts, func(a, b part) int { return int(a.at) - int(b.at) })
	var out sniffed
	var gaps []sbom.Gap
	for _, p := range parts {
		out.executables = append(out.executables, p.executables...)
		out.scripts = append(out.scripts, p.scripts...)
		out.archives = append(out.archives, p.archives...)
		out.classes = append(out.classes, p.classes...)
		gaps = append(gaps, p.gaps...)
	}
	return out, gaps, nil
}

func (s *inventory) sniffOne(n rootfs.Node, out *sniffed) error {
	if len(s.own) > 0 && s.own[n] {
		return nil
	}
	c := s.caches.of(n)
	cached := c != nil
	if cached {
		if c.environment {
			return nil
		}
		info, err := s.tree.Stat(n)
		if err != nil || info.Mode()&0o111 == 0 {
			return ignoreGone(err)
		}
	}
	kind, mode, err := s.tree.Classify(n)
	if err != nil {
		return ignoreGone(err)
	}
	switch kind {
	case magicNone:
	case magicScript:
		if cached || s.isHookSample(n) {
			return nil
		}
		if mode&0o111 != 0 {
			out.scripts = append(out.scripts, n)
			return nil
		}
		// A zip file with code may start with the line that runs it.
		code, err := s.holdsCode(n)
		if err != nil {
			return ignoreGone(err)
		}
		if code {
			out.archives = append(out.archives, n)
		}
	case magicClass, magicCode:
		if !cached {
			out.classes = append(out.classes, n)
		}
	case magicZip:
		if cached {
			return nil
		}
		code, err := s.isCodeArchive(n)
		if err != nil {
			return ignoreGone(err)
		}
		if code {
			out.archives = append(out.archives, n)
		}
	default:
		out.executables = append(out.executables, catalogers.Executable{Node: n, Type: executableType(kind)})
	}
	return nil
}

// ignoreGone returns nil for a file that was removed after the walk: it is no
// longer in the environment. The tree has looked into its directory again; a file
// that is still listed there has another error.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// reason returns the text of an error without the path, which the gap has.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Op + ": " + p.Err.Error()
	}
	return err.Error()
}

// hookSamples are the sample hooks of git (templates/hooks of its source; the
// names of githooks(5)).
var hookSamples = []string{
	"applypatch-msg", "commit-msg", "fsmonitor-watchman", "post-update", "pre-applypatch", "pre-commit", "pre-merge-commit", "prepare-commit-msg",
	"pre-push", "pre-rebase", "pre-receive", "push-to-checkout", "sendemail-validate", "update",
}

// isHookSample reports whether a file is a sample hook of a git repository, or of
// the template of repositories: git never runs them. Both are recognised by all
// of their parts, and only git's own names are samples.
func (s *inventory) isHookSample(n rootfs.Node) bool {
	t := s.tree
	hooks := t.Parent(n)
	name, ok := strings.CutSuffix(t.Name(n), ".sample")
	if !ok || t.Name(hooks) != "hooks" || !slices.Contains(hookSamples, name) {
		return false
	}
	git := t.Parent(hooks)
	dir := func(name string) bool { return t.Kind(t.Child(git, name)) == rootfs.Dir }
	return t.Child(git, "HEAD") != rootfs.None && dir("objects") && dir("refs") ||
		t.Child(git, "description") != rootfs.None && t.Child(t.Child(git, "info"), "exclude") != rootfs.None
}

// maxArchiveDirectory is the size of the directory of a zip file that is
// checked: some 100,000 entries. A larger one is treated as code, and so is unaccounted.
// Several are read at the same time.
const maxArchiveDirectory = 8 << 20

// isCodeArchive reports whether an interpreter runs a zip file as it is: a jar by
// its manifest, a Python zip application by its
// __main__, an egg, or any zip in a directory that Python imports from. Wheels
// and other archives that an installer unpacks first are not.
func (s *inventory) isCodeArchive(n rootfs.Node) (bool, error) {
	name := strings.ToLower(s.tree.Name(n))
	switch {
	case strings.HasSuffix(name, ".whl"), strings.HasSuffix(name, ".nupkg"), strings.HasSuffix(name, ".apk"):
		return false, nil
	case strings.HasSuffix(name, ".jar"), strings.HasSuffix(name, ".war"), strings.HasSuffix(name, ".ear"), strings.HasSuffix(name, ".egg"), strings.HasSuffix(name, ".pyz"):
		return true, nil
	}
	if isSiteDir(s.tree.Name(s.tree.Parent(n))) || pythonZip.MatchString(name) {
		return true, nil
	}
	return s.holdsCode(n)
}

// holdsCode reports whether the directory of a zip file lists code that an
// interpreter runs. A file without a directory has none.
func (s *inventory) holdsCode(n rootfs.Node) (bool, error) {
	f, err := s.tree.OpenFile(n)
	if err != nil {
		return false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	z, _, err := zipfile.Open(f, info.Size(), maxArchiveDirectory)
	if errors.Is(err, zipfile.ErrLimit) {
		return true, nil
	}
	if err != nil {
		return false, nil
	}
	return slices.ContainsFunc(z.File, func(e *zip.File) bool {
		switch e.Name {
		case "META-INF/MANIFEST.MF", "__main__.py", "__main__.pyc", "EGG-INFO/PKG-INFO":
			return true
		}
		// A class path may name an archive without a manifest, Android's runtime
		// reads classes.dex.
		return strings.HasSuffix(e.Name, ".class") || strings.HasSuffix(e.Name, ".dex")
	}), nil
}

// pythonZip matches the archive that Python searches beside the directory of its
// library
// (https://docs.python.org/3/library/sys_path_init.html).
var pythonZip = lazyregexp.New(`^python[0-9]+t?\.zip$`)

const (
	magicNone rootfs.Class = iota
	magicELF
	magicELFObject
	magicMachO
	magicPE
	magicScript
	magicZip
	magicClass
	magicCode
)

func executableType(k rootfs.Class) catalogers.ExecutableType {
	switch k {
	case magicELF:
		return catalogers.ELF
	case magicELFObject:
		return catalogers.ELFObject
	case magicMachO:
		return catalogers.MachO
	default:
		return catalogers.PE
	}
}

// magic recognises executables by their first bytes: ELF by its identification
// and e_type (System V ABI, chapter 4), Mach-O by the magics of
// mach-o/loader.h and fat.h, PE by "MZ" with an offset to a header that can
// be one (PE format, section "MS-DOS stub").
func magic(b []byte) rootfs.Class {
	if len(b) < 4 {
		if len(b) > 2 && b[0] == '#' && b[1] == '!' {
			return magicScript
		}
		return magicNone
	}
	switch {
	case string(b[:4]) == "\x7fELF":
		if len(b) < 18 {
			return magicNone
		}
		order := binary.ByteOrder(binary.LittleEndian)
		if b[5] == 2 {
			order = binary.BigEndian
		}
		if t := order.Uint16(b[16:18]); t == 2 || t == 3 { // ET_EXEC, ET_DYN
			return magicELF
		}
		return magicELFObject
	case b[0] == '#' && b[1] == '!':
		return magicScript
	case string(b[:4]) == "PK\x03\x04":
		return magicZip
	case isVirtualCode(b):
		return magicCode
	case b[0] == 'M' && b[1] == 'Z':
		if len(b) >= rootfs.HeadSize && binary.LittleEndian.Uint32(b[0x3c:]) < 1<<20 && binary.LittleEndian.Uint32(b[0x3c:]) >= 0x40 {
			return magicPE
		}
		return magicNone
	}
	switch binary.BigEndian.Uint32(b[:4]) {
	case 0xfeedface, 0xfeedfacf, 0xcefaedfe, 0xcffaedfe:
		return magicMachO
	case 0xcafebabe: // a universal binary, or a Java class: those have a major version of 45 or more here
		if len(b) < 8 {
			break
		}
		if binary.BigEndian.Uint32(b[4:8]) < 40 {
			return magicMachO
		}
		return magicClass // Java Virtual Machine Specification, section 4.1
	}
	return magicNone
}

// isVirtualCode reports whether a file starts as code of a virtual machine: a
// module of WebAssembly (core specification, section 5.5.16), a dex file of
// Android ("Dalvik executable format"), a module of the JDK (jmod(1)), of Erlang
// (BEAM, the form of an IFF file), or of Ruby (RubyVM::InstructionSequence) or of
// Lua that is compiled (lundump.h, lj_bcdump.h).
func isVirtualCode(b []byte) bool {
	switch string(b[:4]) {
	case "\x00asm", "dex\n", "JM\x01\x00", "YARB", "\x1bLua":
		return true
	case "FOR1":
		return len(b) >= 12 && string(b[8:12]) == "BEAM"
	}
	return string(b[:3]) == "\x1bLJ"
}
