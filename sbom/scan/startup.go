package scan

import (
	"fmt"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// startupCode adds notices about the files that make Python run code when it
// starts, or import from another directory
// (https://docs.python.org/3/library/site.html), with the component that
// accounts for them, if any does.
func (s *scanner) startupCode() {
	for _, n := range s.survey.startup {
		t := s.tree
		if s.caches.contain(n) {
			continue
		}
		name, where := t.Name(n), t.Name(t.Parent(n))
		switch {
		case isCustomize(name):
			if isSiteDir(where) || strings.HasPrefix(where, "python") || s.isPythonLibrary(t.Parent(n)) {
				s.startupNotice(n, "Python runs this whenever it starts")
			}
		case !isSiteDir(where):
		case strings.HasSuffix(name, ".egg-link"):
			s.startupNotice(n, "an editable installation: Python imports from a working tree")
		default:
			s.readPth(n)
		}
	}
}

func (s *scanner) startupNotice(n rootfs.Node, detail string) {
	notice := sbom.Notice{Kind: sbom.NoticeStartup, Path: s.tree.Path(n), Detail: detail}
	if file := s.tree.ResolveNode(n); file != rootfs.None && s.tree.Kind(file) == rootfs.File {
		var err error
		if notice.Digest, _, err = s.contentDigest(file); err != nil {
			s.placeGap(file, err)
		}
	}
	if s.owned(n) && s.isEdited(n) {
		notice.Detail += ", and was edited after its package was installed"
	} else if s.owned(n) {
		notice.Component = s.osOwner(n)
	} else if i := s.accountedBy(n); i >= 0 {
		notice.Component = s.ownerID(i)
	} else {
		notice.Detail += ", and no package accounts for it"
	}
	s.unasked.kinds[n] = notice.Kind
	s.tellAt(n, notice)
}

// isCustomize reports whether site.py imports a module of that name, in any
// form: source, byte code, an extension, a directory.
func isCustomize(name string) bool {
	const length = len("sitecustomize") // and of usercustomize
	if len(name) < length || name[4:length] != "customize" || name[:4] != "site" && name[:4] != "user" {
		return false
	}
	switch rest := name[length:]; {
	case rest == "", rest == ".py", rest == ".pyc":
		return true
	default:
		return rest[0] == '.' && strings.HasSuffix(rest, ".so")
	}
}

// readPth reads a path configuration file line by line as site.py does. A line
// that is executed is reported in preference to one that names a directory.
func (s *scanner) readPth(n rootfs.Node) {
	dirs, runs, err := s.pthLines(n)
	switch {
	case err != nil:
		s.gap(sbom.GapUnreadable, s.tree.Path(n), reason(err))
	case runs:
		s.startupNotice(n, "Python runs a line of this file whenever it starts")
	case len(dirs) > 0:
		s.startupNotice(n, fmt.Sprintf("makes Python import from %+q", dirs[0]))
	}
}

// pthLines returns the lines of a path configuration file that name directories,
// and whether it has a line that is executed.
func (s *inventory) pthLines(n rootfs.Node) (dirs []string, runs bool, err error) {
	file := s.tree.ResolveNode(n)
	if file == rootfs.None {
		return nil, false, nil
	}
	data, err := s.tree.ReadFile(file, maxPythonSmall)
	if err != nil {
		return nil, false, err
	}
	for _, line := range strings.FieldsFunc(strings.TrimPrefix(string(data), "\ufeff"), endsLine) {
		switch {
		case strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "":
		case strings.HasPrefix(line, "import ") || strings.HasPrefix(line, "import\t"):
			runs = true
		default:
			dirs = append(dirs, strings.TrimRight(line, " \t"))
		}
	}
	return dirs, runs, nil
}

// endsLine reports whether Python's str.splitlines ends a line at r.
func endsLine(r rune) bool {
	switch r {
	case '\n', '\r', '\v', '\f', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029:
		return true
	}
	return false
}
