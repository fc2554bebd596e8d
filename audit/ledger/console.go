package ledger

import (
	"path"
	"path/filepath"
	"strings"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// isPythonLine reports whether the first line of a script runs a Python of the
// directory that the script is in, or of the system. In a virtual environment that is
// scanned by itself, where it was made, the path is that of the machine.
func (e *engine) isPythonLine(script rootfs.Node, line string) bool {
	program, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "#!")
	if !ok {
		return false
	}
	program = strings.TrimSpace(program)
	if !strings.HasPrefix(path.Base(program), "python") && !strings.HasPrefix(path.Base(program), "pypy") || strings.ContainsAny(program, " \t") {
		return false
	}
	dir := path.Dir(program)
	if ref := e.tree.Ref(); ref.Scheme == rootfs.SchemeDir && e.tree.Child(0, "pyvenv.cfg") != rootfs.None && e.tree.Resolve(dir) == rootfs.None {
		if rest, ok := strings.CutPrefix(dir, strings.TrimSuffix(filepath.ToSlash(ref.Path), "/")); ok {
			dir = rest
		}
	}
	return dir == e.tree.Path(e.tree.Parent(script)) || dir == "/usr/bin" || dir == "/usr/local/bin" || dir == "/bin"
}

// maxConsole is the limit of the script of a command, which has ten lines.
const maxConsole = 64 << 10

// isConsoleScript reports whether a file is what an installer writes for an entry
// point: the template of pip (distlib's SCRIPT_TEMPLATE), of installer or of uv,
// with nothing but the entry point in it.
func (e *engine) isConsoleScript(n rootfs.Node, target string) bool {
	data, err := e.tree.ReadFile(n, maxConsole)
	if err != nil {
		return false
	}
	line, rest, _ := strings.Cut(string(data), "\n")
	if line == "#!/bin/sh" {
		// The path of the interpreter is too long for a first line, or has a blank:
		// '''exec' /path/python "$0" "$@"
		// ' '''
		second, after, _ := strings.Cut(rest, "\n")
		program, ok := strings.CutPrefix(second, "'''exec' ")
		program, ok2 := strings.CutSuffix(program, ` "$0" "$@"`)
		third, after, _ := strings.Cut(after, "\n")
		if !ok || !ok2 || third != "' '''" {
			return false
		}
		line, rest = "#!"+strings.Trim(program, `"`), after
	}
	if !e.isPythonLine(n, line) {
		return false
	}
	module, attribute, ok := strings.Cut(strings.ReplaceAll(target, " ", ""), ":")
	if !ok {
		return false
	}
	first, _, _ := strings.Cut(attribute, ".")
	for _, template := range consoleTemplates {
		if rest == strings.NewReplacer("{module}", module, "{import}", first, "{func}", attribute).Replace(template) {
			return true
		}
	}
	return false
}

// consoleTemplates are what follows the first line.
var consoleTemplates = [...]string{
	// pip (https://github.com/pypa/distlib/blob/master/distlib/scripts.py), since 2020
	`# -*- coding: utf-8 -*-
import re
import sys
from {module} import {import}
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\.pyw|\.exe)?$', '', sys.argv[0])
    sys.exit({func}())
`,
	// before
	`# -*- coding: utf-8 -*-
import re
import sys

from {module} import {import}

if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\.pyw?|\.exe)?$', '', sys.argv[0])
    sys.exit({func}())
`,
	`# -*- coding: utf-8 -*-
import re
import sys
from {module} import {import}
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\.pyw|\.exe)?$', '', sys.argv[0])
    sys.exit({func}())
`,
	// distlib 0.3.9 and later
	`import sys
from {module} import {import}
if __name__ == '__main__':
    if sys.argv[0].endswith('.exe'):
        sys.argv[0] = sys.argv[0][:-4]
    sys.exit({func}())
`,
	`# -*- coding: utf-8 -*-
import sys
from {module} import {import}
if __name__ == '__main__':
    if sys.argv[0].endswith('.exe'):
        sys.argv[0] = sys.argv[0][:-4]
    sys.exit({func}())
`,
	// uv (https://github.com/astral-sh/uv/blob/main/crates/uv-install-wheel/src/wheel.rs)
	`# -*- coding: utf-8 -*-
import sys
from {module} import {import}
if __name__ == "__main__":
    if sys.argv[0].endswith("-script.pyw"):
        sys.argv[0] = sys.argv[0][:-11]
    elif sys.argv[0].endswith(".exe"):
        sys.argv[0] = sys.argv[0][:-4]
    sys.exit({func}())
`,
	// installer (https://github.com/pypa/installer/blob/main/src/installer/scripts.py)
	`# -*- coding: utf-8 -*-
import re
import sys
from {module} import {import}
if __name__ == "__main__":
    sys.argv[0] = re.sub(r"(-script\.pyw|\.exe)?$", "", sys.argv[0])
    sys.exit({func}())
`,
}
