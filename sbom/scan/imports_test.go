package scan

import (
	"testing"
)

// TestImports has code in the directories that interpreters and compilers search
// by default, and that no program marks.
func TestImports(t *testing.T) {
	system := debs(map[string][]string{
		"perl":    {"/usr/bin/perl", "/usr/share/perl5", "/usr/share/perl5/Owned.pm"},
		"ruby":    {"/usr/bin/ruby", "/usr/lib/ruby", "/usr/lib/ruby/vendor_ruby", "/usr/lib/ruby/vendor_ruby/owned.rb", "/usr/lib/ruby/3.1.0/json.rb"},
		"emacs":   {"/usr/share/emacs/site-lisp", "/usr/share/emacs/site-lisp/mode.el"},
		"libc6":   {"/usr/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu/libc.a", "/usr/include", "/usr/include/stdio.h", "/usr/lib/x86_64-linux-gnu/libc.so"},
		"nodejs":  {"/usr/share/nodejs", "/usr/share/nodejs/acorn/index.js"},
		"php-cli": {"/usr/share/php", "/usr/share/php/PEAR.php"},
	}).with(files{
		"/usr/bin/perl": "", "/usr/bin/ruby": "", "/usr/share/perl5/Owned.pm": "", "/usr/lib/ruby/vendor_ruby/owned.rb": "", "/usr/lib/ruby/3.1.0/json.rb": "",
		"/usr/share/emacs/site-lisp/mode.el": "", "/usr/lib/x86_64-linux-gnu/libc.a": "", "/usr/include/stdio.h": "", "/usr/lib/x86_64-linux-gnu/libc.so": "",
		"/usr/share/nodejs/acorn/index.js": "", "/usr/share/php/PEAR.php": "",
	})
	counts := func(paths ...string) []string {
		var out []string
		for _, p := range paths {
			out = append(out, "counts "+unaccounted(p))
		}
		return out
	}
	runCases(t, []scanCase{
		{"owned by the system", system, nil},
		{"code of other virtual machines", files{"/opt/lib/a.bin": "\x00asm\x01\x00\x00\x00"}, counts("/opt/lib")},
		{"code of Erlang", files{"/opt/lib/a.bin": "FOR1\x00\x00\x00\x10BEAM"}, counts("/opt/lib")},
		{"a module of the JDK", files{"/opt/lib/a.txt": "JM\x01\x00PK\x03\x04"}, counts("/opt/lib")},
		{"an IFF file of another form", files{"/opt/lib/a.bin": "FOR1\x00\x00\x00\x10AIFF"}, nil},
		{"a gem of Bundler without a specification", files{"/srv/app/vendor/bundle/ruby/3.1.0/gems/evil-6.6.6/lib/evil.rb": ""}, counts("/srv/app/vendor/bundle/ruby/3.1.0/gems/evil-6.6.6")},
		{"packages of PHP without a record", files{"/srv/app/vendor/autoload.php": "", "/srv/app/vendor/evil/evil/x.php": ""}, counts("/srv/app/vendor/evil/evil")},
		{"an archive of Mix", files{"/root/.mix/archives/evil-1.0/ebin/e.beam": ""}, counts("/root/.mix/archives/evil-1.0")},
		{"a package of Dart", files{"/root/.pub-cache/hosted/pub.dev/evil-6.6.6/lib/e.dart": ""}, counts("/root/.pub-cache/hosted/pub.dev/evil-6.6.6")},
		{"a package of Bower", files{"/srv/app/bower_components/evil/e.js": ""}, counts("/srv/app/bower_components/evil")},
		{"compiled beside its source", system.with(files{"/usr/share/emacs/site-lisp/mode.elc": ""}), nil},
		{"Perl", system.with(files{"/usr/local/share/perl/5.36.0/Local/Tool.pm": "", "/usr/share/perl5/Stray.pm": "", "/usr/local/lib/x86_64-linux-gnu/perl/5.36.0/Fast.pm": "",
			"/etc/perl/sitecustomize.pl": "", "/usr/local/lib/site_perl/Old.pm": "", "/usr/local/share/perl/5.36.0/notes.txt": ""}),
			counts("/usr/local/share/perl/5.36.0/Local", "/usr/share/perl5/Stray.pm", "/usr/local/lib/x86_64-linux-gnu/perl/5.36.0/Fast.pm", "/etc/perl/sitecustomize.pl", "/usr/local/lib/site_perl/Old.pm")},
		{"Perl of Fedora and of Alpine", files{"/usr/local/share/perl5/5.36/A.pm": "", "/usr/local/lib64/perl5/5.36/B/C.pm": "", "/usr/share/perl5/vendor_perl/D.pm": "", "/usr/local/lib/perl5/site_perl/5.38.2/x86_64-linux/E.pm": ""},
			counts("/usr/local/share/perl5/5.36/A.pm", "/usr/local/lib64/perl5/5.36/B", "/usr/share/perl5/vendor_perl/D.pm", "/usr/local/lib/perl5/site_perl/5.38.2/x86_64-linux/E.pm")},
		{"Ruby", system.with(files{"/usr/local/lib/site_ruby/stray.rb": "", "/usr/lib/ruby/vendor_ruby/evil/a.rb": "", "/usr/local/lib/ruby/site_ruby/3.1.0/x86_64-linux/b.rb": "", "/usr/lib/ruby/3.1.0/json/evil.rb": ""}),
			counts("/usr/local/lib/site_ruby/stray.rb", "/usr/lib/ruby/vendor_ruby/evil", "/usr/local/lib/ruby/site_ruby/3.1.0/x86_64-linux/b.rb", "/usr/lib/ruby/3.1.0/json")},
		{"gems without a specification", files{"/var/lib/gems/3.1.0/gems/evil-1.0/lib/evil.rb": "", "/usr/local/lib/ruby/gems/3.3.0/gems/other-2.0/lib/other.rb": ""},
			counts("/var/lib/gems/3.1.0/gems/evil-1.0", "/usr/local/lib/ruby/gems/3.3.0/gems/other-2.0")},
		{"others", system.with(files{
			"/usr/local/share/lua/5.4/a.lua": "", "/usr/share/lua/5.1/pkg/init.lua": "", "/usr/share/php/Evil.php": "", "/usr/share/php/Mail/mime.php": "", "/usr/share/php/readme.md": "",
			"/usr/local/share/guile/site/3.0/g.scm": "", "/usr/local/share/emacs/site-lisp/e.el": "", "/usr/share/emacs/site-lisp/e2.elc": "", "/usr/local/share/tcltk/t1.0/t.tcl": "",
			"/usr/local/share/octave/site/m/o.m": "", "/usr/local/share/awk/lib.awk": "", "/usr/share/nodejs/evil/index.js": "", "/usr/lib/ocaml/evil/evil.cma": "", "/usr/local/share/texmf/tex/latex/evil.sty": "",
			"/usr/lib/erlang/lib/evil-1/ebin/evil.beam": "", "/usr/local/lib/R/site-library/evil/R/evil.rdb": ""}),
			counts("/usr/local/share/lua/5.4/a.lua", "/usr/share/lua/5.1/pkg", "/usr/share/php/Evil.php", "/usr/share/php/Mail", "/usr/local/share/guile/site/3.0/g.scm",
				"/usr/local/share/emacs/site-lisp/e.el", "/usr/share/emacs/site-lisp/e2.elc", "/usr/local/share/tcltk/t1.0", "/usr/local/share/octave/site/m/o.m", "/usr/local/share/awk/lib.awk",
				"/usr/share/nodejs/evil", "/usr/lib/ocaml/evil", "/usr/local/share/texmf/tex/latex/evil.sty", "/usr/lib/erlang/lib/evil-1/ebin", "/usr/local/lib/R/site-library/evil/R")},
		{"an interpreter in a prefix of its own", files{"/opt/tools/bin/lua5.3": "", "/opt/tools/share/lua/5.3/a.lua": "", "/opt/other/share/lua/5.3/b.lua": ""},
			counts("/opt/tools/share/lua/5.3/a.lua")},
		{"through links", system.with(files{"/srv/code/Local/Tool.pm": "", "/usr/local/share/perl/5.36.0": "-> /srv/code", "/srv/one.pm": "", "/usr/share/perl5/One.pm": "-> /srv/one.pm",
			"/usr/share/perl5/Again.pm": "-> Owned.pm", "/usr/share/perl5/Gone.pm": "-> /nowhere"}),
			counts("/usr/local/share/perl/5.36.0", "/usr/share/perl5/One.pm")},
		{"a library for a compiler", files{"/usr/local/lib/libfoo.a": "!<arch>\n", "/usr/local/include/foo/foo.h": "", "/usr/local/lib/pkgconfig/foo.pc": "", "/usr/local/lib/cmake/Foo/FooConfig.cmake": "",
			"/usr/local/share/aclocal/foo.m4": "", "/usr/local/lib/libfoo.la": "", "/usr/local/include/foo.hpp": ""},
			counts("/usr/local/lib/libfoo.a")},
		{"several libraries", files{"/usr/local/lib/libpng16.a": "!<arch>\n", "/usr/local/include/libpng16/png.h": "", "/usr/local/include/png.h": "", "/usr/local/lib/pkgconfig/libpng16.pc": "",
			"/usr/local/include/zlib.h": "", "/usr/local/lib/libz.a": "", "/usr/local/lib/pkgconfig/zlib.pc": "",
			"/usr/local/include/boost/any.hpp": "", "/usr/local/lib/libboost_system.a": "", "/usr/local/lib/libboost_thread.a": "", "/usr/local/lib/cmake/boost_thread-1.80.0/x.cmake": "",
			"/usr/local/lib/x86_64-linux-gnu/libbar.a": "", "/usr/local/lib/x86_64-linux-gnu/pkgconfig/bar.pc": ""},
			counts("/usr/local/lib/libpng16.a", "/usr/local/lib/libz.a", "/usr/local/lib/libboost_system.a", "/usr/local/lib/x86_64-linux-gnu/libbar.a")},
		{"two versions of a library", files{"/usr/local/lib/libp-1.0.a": "", "/usr/local/lib/libp-2.0.a": "", "/usr/local/include/p-1.0/p.h": "", "/usr/local/include/p-2.0/p.h": ""},
			counts("/usr/local/lib/libp-1.0.a", "/usr/local/lib/libp-2.0.a")},
		{"without a library", files{"/usr/local/include/only/h.h": "", "/usr/local/include/bare": "", "/usr/local/lib/libscript.so": "INPUT(/opt/x.a)\n", "/usr/local/lib/start.o": ""},
			counts("/usr/local/include/only", "/usr/local/include/bare", "/usr/local/lib/libscript.so", "/usr/local/lib/start.o")},
		{"in the directories of the system", system.with(files{"/usr/lib/x86_64-linux-gnu/libssl.a": "", "/usr/include/x86_64-linux-gnu/evil.h": "", "/usr/lib/gcc/x86_64-linux-gnu/12/specs": "*link:\n"}),
			append(counts("/usr/lib/x86_64-linux-gnu/libssl.a", "/usr/include/x86_64-linux-gnu/evil.h", "/usr/lib/gcc/x86_64-linux-gnu/12"), "notice startup-code /usr/lib/gcc/x86_64-linux-gnu/12/specs")},
		{"of CPython in the same prefix", files{"/usr/local/bin/python3.12": "x:" + program(t), "/usr/local/lib/python3.12/os.py": "", "/usr/local/lib/python3.12/lib-dynload/x.so": program(t), "/usr/local/include/python3.12/Python.h": "",
			"/usr/local/lib/libpython3.12.a": "", "/usr/local/lib/pkgconfig/python-3.12.pc": "", "/usr/local/lib/pkgconfig/python-3.12-embed.pc": ""},
			counts("/usr/local/bin/python3.12")},
		{"of Node in the same prefix", files{"/usr/local/bin/node": "x:" + program(t), "/usr/local/include/node/node.h": "", "/usr/local/share/doc/node/gdbinit": ""},
			counts("/usr/local/bin/node")},
		{"headers with the name of a program and a library", files{"/usr/local/bin/tool": "x:" + program(t), "/usr/local/include/tool/tool.h": "", "/usr/local/lib/libtool.a": ""},
			counts("/usr/local/bin/tool", "/usr/local/lib/libtool.a")},
		{"a program is no part of a library", files{"/usr/local/lib/libfoo.a": "", "/usr/local/bin/foo": "x:#!/bin/sh\n"},
			counts("/usr/local/lib/libfoo.a", "/usr/local/bin/foo")},
		{"not searched", files{"/srv/app/lib/Tool.pm": "", "/opt/x/include/x.h": "", "/opt/x/lib/libx.a": "", "/root/a.rb": ""}, nil},
	})
}
