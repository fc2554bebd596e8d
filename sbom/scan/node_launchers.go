package scan

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"path"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// maxNodeLauncher is the number of bytes of a launcher. Those of pnpm 12 have five
// kilobytes, and a path for each parent directory.
const maxNodeLauncher = 64 << 10

// A launcher starts a program of a package. pnpm writes one for each program and
// each package that needs it, with the library cmd-shim, where npm and Yarn make
// a link. It is part of the installation when it does nothing else.
//
// Text is compared, not understood: the parts that differ between launchers are
// replaced by marks, and the digest of the rest must be that of a launcher as
// such a tool writes it. The marks cannot be in a script, so that the script is
// that text with those parts in it, and nothing more.
type launcher struct {
	target string   // relative to the directory of the launcher, or absolute
	path   []string // what it adds to NODE_PATH
	prog   string   // the interpreter, empty if the program is started directly
	args   string   // arguments of the interpreter, with the space before them
	digest string   // of the rest
}

var (
	// The end of a command line: the program, and the arguments of the caller.
	launcherTarget = lazyregexp.New(`(?:"\$basedir(?:_win|_abs)?/([^"$\x60\\\n]+)"|"\$basedir(?:_win|_abs)?"/'([^'\n]+)'|"(/[^"$\x60\\\n]+)") *(?:"\$@"|\$args)`)
	// The lines that set NODE_PATH, in sh and in PowerShell.
	launcherPath = lazyregexp.New(`(?m)^ *(?:export NODE_PATH=|\$new_node_path=)"([^"$\x60\\\n]+?)(:\$NODE_PATH)?"$`)
	launcherSafe = lazyregexp.New(`(?m)^  export NODE_PATH=(` + safeDir + `(?::` + safeDir + `)*)(:"\$NODE_PATH")?$`)
	launcherDir  = lazyregexp.New(safeDir)
	launcherWin  = lazyregexp.New(`(?m)^\$new_node_path="([^"$\x60\n]+)"$`)
	// The interpreter and its arguments before the mark of the target.
	launcherProg = lazyregexp.New(`(?m)^ *(?:exec |& |\$input \| & )?"?([A-Za-z0-9_/][A-Za-z0-9_./+-]*)(?:\$exe)?"? ((?: [A-Za-z0-9_./+=:,@%-]+)*) "`)
	// A remark of cmd-shim since version 8.
	launcherRemark = lazyregexp.New(`\n# cmd-shim-target=[^\n]*\n?$`)
)

// safeDir is a directory, or several, as pnpm 12 quotes them.
const safeDir = `(?:"\$basedir_abs"/)?'[^'\n]+'`

// parseLauncher returns the parts of a launcher, false if the text has not the
// form of one.
func parseLauncher(text string) (launcher, bool) {
	var l launcher
	if strings.ContainsAny(text, "\x00\r") {
		return l, false
	}
	text = launcherRemark.ReplaceAllString(text, "\n")
	for i, re := range []*lazyregexp.Regexp{launcherPath, launcherSafe, launcherWin} {
		text = re.ReplaceAllStringFunc(text, func(line string) string {
			value := re.FindStringSubmatch(line)[1]
			parts := []string{value}
			if re == launcherSafe {
				parts = launcherDir.FindAllString(value, -1)
			}
			for _, part := range parts {
				if relative, ok := strings.CutPrefix(part, `"$basedir_abs"/'`); ok {
					l.path = append(l.path, "./"+strings.TrimSuffix(relative, "'"))
					continue
				}
				for _, dir := range strings.FieldsFunc(strings.Trim(part, "'"), func(r rune) bool { return r == ':' || i == 2 && r == ';' }) {
					l.path = append(l.path, strings.ReplaceAll(dir, `\`, "/"))
				}
			}
			return strings.Replace(line, value, "\x00N", 1)
		})
	}
	for _, m := range launcherTarget.FindAllStringSubmatch(text, -1) {
		target := m[1] + m[2] + m[3]
		if l.target != "" && l.target != target {
			return l, false
		}
		l.target = target
	}
	if l.target == "" {
		return l, false
	}
	text = strings.ReplaceAll(text, l.target, "\x00T")
	head, tail := "", text // the names of interpreters are words of the remarks in the head
	for _, end := range []string{"\nesac\n", "\n$ret=0\n"} {
		if i := strings.LastIndex(text, end); i >= 0 {
			head, tail = text[:i], text[i:]
		}
	}
	if all := launcherProg.FindAllStringSubmatch(tail, -1); len(all) > 0 {
		m := all[len(all)-1]
		l.prog, l.args = m[1], m[2]
		if l.args != "" {
			tail = strings.ReplaceAll(tail, l.args, "\x00A")
		}
		tail = strings.ReplaceAll(tail, l.prog, "\x00P")
	}
	sum := sha256.Sum256([]byte(head + tail))
	l.digest = hex.EncodeToString(sum[:16])
	return l, true
}

// NodeLauncher returns the absolute path of the program that a launcher of pnpm in a
// directory starts with Node. It returns false for any other text, and for one that
// starts another interpreter, or Node with arguments.
func NodeLauncher(dir, text string) (program string, ok bool) {
	l, ok := parseLauncher(text)
	if !ok || !isLauncherDigest(l.digest) || l.prog != "node" || l.args != "" {
		return "", false
	}
	for _, p := range l.path {
		if strings.HasPrefix(p, "./") {
			p = path.Join(dir, p)
		}
		if path.Base(p) != "node_modules" {
			return "", false
		}
	}
	if !path.IsAbs(l.target) {
		l.target = path.Join(dir, l.target)
	}
	return l.target, true
}

// isLauncher reports whether a script is a launcher of a program that a package
// of Node has, and claims it for that package. The interpreter must be that of
// the program's own first line, and NODE_PATH may only have directories of
// packages, whose content counts by itself.
func (s *scanner) isLauncher(n rootfs.Node) bool {
	t := s.tree
	data, err := t.ReadFile(n, maxNodeLauncher)
	if err != nil {
		return false
	}
	l, ok := parseLauncher(string(data))
	if !ok || !isLauncherDigest(l.digest) {
		return false
	}
	for _, dir := range l.path {
		if strings.HasPrefix(dir, "./") {
			dir = path.Join(t.Path(t.Parent(n)), dir)
		}
		if path.Base(dir) != "node_modules" {
			return false
		}
	}
	target := l.target
	if !path.IsAbs(target) {
		target = path.Join(t.Path(t.Parent(n)), target)
	}
	program := t.Resolve(target)
	if program == rootfs.None && l.args == "" && path.Base(l.prog) == "node" {
		// Without links (symlink: false) pnpm 12 writes launchers of programs that are
		// not at that place. They start nothing.
		program = s.manifestOf(t.Parent(t.Parent(t.Parent(n))))
	}
	if program == rootfs.None || t.Kind(program) != rootfs.File {
		return false
	}
	owner := s.claimant(program)
	if owner < 0 || s.units[owner].Type != "npm" || s.units[owner].Kind != sbom.KindPackage {
		return false
	}
	if l.args != "" || path.Base(l.prog) != "node" { // node alone runs the program, whatever that became since
		if prog, args := s.programOf(program); prog != l.prog || args != l.args {
			return false
		}
	}
	s.claim(n, owner)
	return true
}

// launcherShebang is the first line of a script as cmd-shim reads it.
var launcherShebang = lazyregexp.New(`^#!\s*(?:/usr/bin/env(?:\s+-S\s*)?)?\s*([^ \t]+)(.*)$`)

// programOf returns the interpreter with which a launcher starts a program,
// and its arguments: by the first line, or by the extension.
func (s *inventory) programOf(n rootfs.Node) (prog, args string) {
	t := s.tree
	if class, _, err := t.Classify(n); err == nil && class == magicScript {
		f, err := t.OpenFile(n)
		if err != nil {
			return "\x00", "" // no launcher has it
		}
		defer f.Close()
		line, _ := bufio.NewReader(io.LimitReader(f, maxNodeLauncher)).ReadString('\n')
		if m := launcherShebang.FindStringSubmatch(strings.TrimRight(line, "\r\n")); m != nil {
			return m[1], m[2]
		}
		return "\x00", ""
	}
	switch path.Ext(t.Name(n)) {
	case ".js", ".cjs", ".mjs":
		return "node", ""
	case ".ps1":
		return "pwsh", ""
	case ".sh":
		return "sh", ""
	}
	return "", ""
}
