package scan

import "testing"

// TestProgramNames checks the notices about names of programs that no package
// lists.
func TestProgramNames(t *testing.T) {
	bash := debs(map[string][]string{"bash": {"/usr/bin/bash", "/usr/bin/true", "/usr/bin/gpgv", "/usr/bin/busybox"}}).with(files{
		"/usr/bin/bash": "x:" + program(t), "/usr/bin/true": "x:" + program(t), "/usr/bin/gpgv": "x:" + program(t), "/usr/bin/busybox": "x:" + program(t)})
	x := bash.with(files{"/opt/app/node_modules/x/package.json": `{"name":"x","version":"1.0.0","bin":{"x":"./cli.js"}}`, "/opt/app/node_modules/x/cli.js": "x:#!/usr/bin/env node\n"})
	tool := files{"/opt/tool/bin/tool": "x:#!/bin/sh\n", "/opt/tool/lib/a.so": program(t)}
	counted := []string{"counts npm/x@1.0.0"}
	notice := func(p string) []string { return []string{"notice program-name " + p} }
	runCases(t, []scanCase{
		{"before a program of a package", bash.with(files{"/usr/local/bin/gpgv": "-> /usr/bin/true"}), notice("/usr/local/bin/gpgv")},
		{"behind a program of a package", bash.with(files{"/usr/games/gpgv": "-> /usr/bin/true"}), notice("/usr/games/gpgv")},
		{"a new name", bash.with(files{"/usr/bin/evil": "-> bash"}), notice("/usr/bin/evil")},
		{"a hard link", bash.with(files{"/usr/bin/evil": "=> /usr/bin/bash"}), notice("/usr/bin/evil")},
		{"before a program, to another package's", bash.with(npm("/opt/app/node_modules/x", "x", "1.0.0")).with(files{"/opt/app/node_modules/x/cli.js": "x:#!/usr/bin/env node\n", "/usr/local/bin/gpgv": "-> /opt/app/node_modules/x/cli.js"}),
			append(notice("/usr/local/bin/gpgv"), "counts npm/x@1.0.0")},
		{"before a program, a hard link to an installation", bash.with(tool).with(files{"/usr/local/bin/gpgv": "=> /opt/tool/bin/tool"}), append(notice("/usr/local/bin/gpgv"), "counts "+unaccounted("/opt/tool"))},
		{"before a program, a hard link to another package's", bash.with(dist(site, "six", "1.16.0", "six/run")).with(files{site + "/six/run": "x:#!/bin/sh\n", "/usr/local/bin/gpgv": "=> " + site + "/six/run"}),
			append(notice("/usr/local/bin/gpgv"), "counts pypi/six@1.16.0")},
		{"in a home", bash.with(files{"/root/.local/bin/gpgv": "-> /usr/bin/true"}), notice("/root/.local/bin/gpgv")},

		{"the same name", bash.with(files{"/usr/local/bin/gpgv": "-> /usr/bin/gpgv"}), nil},
		{"a program of another package", bash.with(npm("/opt/app/node_modules/x", "x", "1.0.0")).with(files{"/opt/app/node_modules/x/cli.js": "x:#!/usr/bin/env node\n", "/usr/local/bin/x": "-> /opt/app/node_modules/x/cli.js"}),
			[]string{"counts npm/x@1.0.0"}},
		{"a name of busybox", bash.with(files{"/usr/bin/ls": "-> busybox"}), nil},
		{"a name of busybox that another program has", bash.with(files{"/usr/local/bin/gpgv": "-> /usr/bin/busybox"}), notice("/usr/local/bin/gpgv")},
		{"an alternative", bash.with(files{"/usr/bin/sh2": "-> /etc/alternatives/sh2", "/etc/alternatives/sh2": "-> /usr/bin/bash", "/var/lib/dpkg/alternatives/sh2": "auto\n/usr/bin/sh2\n\n/usr/bin/bash\n10\n\n"}), nil},
		{"an alternative without a record", bash.with(files{"/usr/bin/sh2": "-> /etc/alternatives/sh2", "/etc/alternatives/sh2": "-> /usr/bin/bash"}), notice("/usr/bin/sh2")},
		{"nothing", bash.with(files{"/usr/local/bin/gpgv": "-> /none"}), nil},
		{"a hard link of the same name", bash.with(tool).with(files{"/opt/tool/bin/gpgv": "=> /opt/tool/bin/tool", "/usr/local/bin/gpgv": "=> /opt/tool/bin/tool"}), []string{"counts " + unaccounted("/opt/tool")}},
		{"a hard link by a new name", bash.with(tool).with(files{"/usr/local/bin/t": "=> /opt/tool/bin/tool"}), []string{"counts " + unaccounted("/opt/tool")}},
		{"a program that counts by each of its names", bash.with(files{"/usr/local/bin/gpgv": "x:#!/bin/sh\n", "/usr/local/bin/t": "=> /usr/local/bin/gpgv"}), []string{"counts " + unaccounted("/usr/local/bin/gpgv")}},
		{"elsewhere", bash.with(files{"/opt/x/gpgv2": "-> /usr/bin/true"}), nil},
		{"a command of npm", x.with(files{"/opt/app/node_modules/.bin/x": "-> ../x/cli.js"}), counted},
		{"a command of npm, of a file that is none", x.with(files{"/opt/app/node_modules/x/index.js": "", "/opt/app/node_modules/.bin/x": "-> ../x/index.js"}), append(notice("/opt/app/node_modules/.bin/x"), counted...)},
		{"a command of npm, by another name", x.with(files{"/opt/app/node_modules/.bin/tsc": "-> ../x/cli.js"}), append(notice("/opt/app/node_modules/.bin/tsc"), counted...)},
		{"a command of npm, outside of packages", x.with(files{"/opt/tool.js": "", "/opt/app/node_modules/.bin/x": "-> /opt/tool.js"}), append(notice("/opt/app/node_modules/.bin/x"), counted...)},
		{"a command of npm without a file", x.with(files{"/opt/app/node_modules/.bin/y": "-> ../y/cli.js"}), counted},
		{"in a virtual environment", bash.with(files{"/opt/venv/pyvenv.cfg": "home = /usr/bin\n", "/opt/venv/bin/python": "-> /usr/bin/bash"}), nil},
	})
}
