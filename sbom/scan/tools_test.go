package scan

import (
	"debug/elf"
	"testing"
)

// TestToolsInASharedPrefix has what "make install" of several tools writes to
// /usr/local, and other files among it.
func TestToolsInASharedPrefix(t *testing.T) {
	x := "x:" + program(t)
	lib := program(t)
	const local = "/usr/local"
	python := files{
		local + "/bin/python3.12": x, local + "/bin/python3": "-> python3.12", local + "/lib/python3.12/os.py": "", local + "/lib/python3.12/pydoc.py": "",
		local + "/lib/python3.12/idlelib/pyshell.py":                     "",
		local + "/lib/python3.12/lib-dynload/_ssl.so":                    lib,
		local + "/lib/python3.12/config-3.12-x86_64-linux-gnu/makesetup": "x:#!/bin/sh\n",
		local + "/lib/libpython3.12.so.1.0":                              lib,
		local + "/include/python3.12/Python.h":                           "",
		local + "/lib/libpython3.12.a":                                   "!<arch>\n",
		local + "/lib/pkgconfig/python-3.12.pc":                          "Name: Python\n",
		local + "/lib/pkgconfig/python3.pc":                              "-> python-3.12.pc",
		local + "/lib/pkgconfig/python-3.12-embed.pc":                    "Name: Python\n",
		local + "/lib/libpython3.so":                                     elfFile(elf.EM_X86_64, "", "libpython3.12.so.1.0"),
		local + "/bin/python3.12-config":                                 "x:#!/bin/sh\necho\n",
		local + "/bin/python3.12-gdb.py":                                 "x:#!/usr/bin/python\nx = 1\n",
		local + "/bin/idle3.12":                                          "x:#!/usr/local/bin/python3.12\n\nfrom idlelib.pyshell import main\nif __name__ == '__main__':\n    main()\n",
		local + "/bin/pydoc3.12":                                         "x:#!/usr/local/bin/python3.12\n\nimport pydoc\nif __name__ == '__main__':\n    pydoc.cli()\n",
	}
	cpython := "counts " + unaccounted(local+"/bin/python3.12")
	perl := files{
		local + "/bin/perl": x, local + "/bin/perl5.38.2": "=> " + local + "/bin/perl", local + "/lib/perl5/5.38.2/x86_64-linux/CORE/libperl.so": lib,
		local + "/lib/perl5/5.38.2/x86_64-linux/.packlist": "/usr/local/bin/prove\n/usr/local/bin/perl type=file\n/opt/evil\n/usr/local/bin/sh\n",
		local + "/bin/prove": "x:#!/usr/local/bin/perl\nuse App::Prove;\n", "/opt/evil": "x:#!/usr/local/bin/perl\n",
	}
	ruby := files{
		local + "/bin/ruby": x, local + "/lib/libruby.so.3.3": lib, local + "/lib/ruby/3.3.0/json.rb": "", local + "/lib/ruby/3.3.0/x86_64-linux/stringio.so": lib,
		local + "/lib/ruby/gems/3.3.0/specifications/default/json-2.7.1.gemspec": gemspec("json", "2.7.1"),
	}
	interpreter := "counts " + unaccounted(local+"/bin/ruby")
	single := func(name string, f files, more ...string) scanCase { return scanCase{name, f, more} }
	runCases(t, []scanCase{
		single("CPython", python, cpython),
		single("a package in it that cannot be read", python.with(files{local + "/lib/python3.12/test/x.jar": "PK\x03\x04"}), cpython, "notice unread-in-unaccounted "+local+"/lib/python3.12/test/x.jar"),
		single("wheels of ensurepip", python.with(dist(local+"/lib/python3.12/site-packages", "pip", "24.0")).with(dist(local+"/lib/python3.12/site-packages", "setuptools", "70.0")).with(files{
			local + "/lib/python3.12/ensurepip/_bundled/pip-24.0-py3-none-any.whl": "", local + "/lib/python3.12/ensurepip/_bundled/setuptools-65.5.0-py3-none-any.whl": "",
		}), cpython, "counts pypi/setuptools@70.0", "inside pypi/pip@24.0 in "+unaccounted(local+"/bin/python3.12"),
			"excluded archive "+local+"/lib/python3.12/ensurepip/_bundled/pip-24.0-py3-none-any.whl", "excluded archive "+local+"/lib/python3.12/ensurepip/_bundled/setuptools-65.5.0-py3-none-any.whl"),
		single("a wheel that ensurepip has not", python.with(dist(local+"/lib/python3.12/site-packages", "evil", "6.6.6")).with(files{local + "/lib/python3.12/ensurepip/_bundled/evil-6.6.6-py3-none-any.whl": ""}),
			cpython, "counts pypi/evil@6.6.6", "excluded archive "+local+"/lib/python3.12/ensurepip/_bundled/evil-6.6.6-py3-none-any.whl"),
		single("wheels beside another Python", python.with(dist("/srv/v/lib/python3.12/site-packages", "pip", "24.0")).with(files{local + "/lib/python3.12/ensurepip/_bundled/pip-24.0-py3-none-any.whl": ""}),
			cpython, "counts pypi/pip@24.0", "excluded archive "+local+"/lib/python3.12/ensurepip/_bundled/pip-24.0-py3-none-any.whl"),
		single("a prefix that was moved", python.with(files{local + "/bin/idle3.12": "x:#!/home/me/build/bin/python3.12\n\nfrom idlelib.pyshell import main\nmain()\n"}), cpython),
		single("a script of another", python.with(files{local + "/bin/deploy": "x:#!/usr/local/bin/python3.12\nimport os\n", local + "/bin/evil": x}),
			cpython, "counts "+unaccounted(local+"/bin/deploy"), "counts "+unaccounted(local+"/bin/evil")),
		single("scripts with names like its own", python.with(files{
			local + "/bin/evil3.12":    "x:#!/usr/local/bin/python3.12\nimport os\nos.system('x')\n",
			local + "/bin/pydoc4.12":   "x:#!/usr/local/bin/python3.12\nimport pydoc, os\n",
			local + "/bin/idle-3.12":   "x:#!/usr/local/bin/python3.12\nfrom idlelib.pyshell import main\nexec(open('/tmp/x').read())\n",
			local + "/bin/python3.12x": x, local + "/bin/python-evil": x, local + "/lib/libpython3.12evil.so": lib, local + "/lib/libpython3.13.so.1.0": lib,
		}), cpython, "counts "+unaccounted(local+"/bin/evil3.12"), "counts "+unaccounted(local+"/bin/pydoc4.12"), "counts "+unaccounted(local+"/bin/idle-3.12"),
			"counts "+unaccounted(local+"/bin/python3.12x"), "counts "+unaccounted(local+"/bin/python-evil"), "counts "+unaccounted(local+"/lib/libpython3.12evil.so"), "counts "+unaccounted(local+"/lib/libpython3.13.so.1.0")),
		single("no interpreter", files{local + "/lib/python3.12/os.py": "", local + "/lib/python3.12/lib-dynload/_ssl.so": lib, local + "/lib/libpython3.12.so.1.0": lib},
			"counts "+unaccounted(local+"/lib/python3.12"), "counts "+unaccounted(local+"/lib/libpython3.12.so.1.0")),
		single("a module that no package has", python.with(files{local + "/lib/python3.12/site-packages/evil/x.so": lib}), cpython, "counts "+unaccounted(local+"/lib/python3.12/site-packages/evil")),
		single("two versions", python.with(files{local + "/bin/python3.11": x, local + "/lib/python3.11/os.py": "", local + "/lib/python3.11/a.so": lib, local + "/lib/libpython3.11.so.1.0": lib}),
			cpython, "counts "+unaccounted(local+"/bin/python3.11")),
		single("Perl by its own list", perl.with(files{local + "/bin/other": "x:#!/usr/local/bin/perl\n", local + "/bin/sh": x}),
			"counts "+unaccounted(local+"/bin/perl"), "counts "+unaccounted("/opt/evil"), "counts "+unaccounted(local+"/bin/other"), "counts "+unaccounted(local+"/bin/sh")),
		single("Ruby with its default gems", ruby, interpreter, "inside gem/json@2.7.1 in "+unaccounted(local+"/bin/ruby")),
		single("a gem among the default ones, with code", ruby.with(files{
			local + "/lib/ruby/gems/3.3.0/specifications/default/evil-6.6.6.gemspec": gemspec("evil", "6.6.6"), local + "/lib/ruby/gems/3.3.0/gems/evil-6.6.6/lib/evil.rb": "",
		}), interpreter, "inside gem/json@2.7.1 in "+unaccounted(local+"/bin/ruby"), "counts gem/evil@6.6.6"),
		single("in a prefix of its own", files{"/opt/ruby/bin/ruby": x, "/opt/ruby/lib/ruby/3.3.0/x.so": lib, "/opt/ruby/lib/ruby/gems/3.3.0/specifications/default/json-2.7.1.gemspec": gemspec("json", "2.7.1")},
			"counts "+unaccounted("/opt/ruby"), "inside gem/json@2.7.1 in "+unaccounted("/opt/ruby")),
		single("programs that the data names", files{
			local + "/bin/cmake": x, local + "/bin/ctest": x, local + "/bin/evil": x, local + "/share/cmake-3.28/Help/manual/cmake.1.rst": "", local + "/share/cmake-3.28/Help/manual/ctest.1.rst": "",
			local + "/bin/git": x, local + "/bin/git-shell": x, local + "/libexec/git-core/git-shell": x, local + "/libexec/git-core/git-remote-http": x,
		}, "counts "+unaccounted(local+"/bin/cmake"), "counts "+unaccounted(local+"/bin/evil"), "counts "+unaccounted(local+"/bin/git")),
		single("libraries that a program needs", files{
			local + "/bin/openssl": "x:" + elfFile(elf.EM_X86_64, "", "libssl.so.3", "libc.so.6"), local + "/lib/libssl.so.3": elfFile(elf.EM_X86_64, "", "libcrypto.so.3"), local + "/lib/libcrypto.so.3": lib,
			local + "/lib/libevil.so": lib, local + "/bin/other": "x:" + elfFile(elf.EM_X86_64, "", "libssl.so.3"),
		}, "counts "+unaccounted(local+"/bin/openssl"), "counts "+unaccounted(local+"/lib/libevil.so"), "counts "+unaccounted(local+"/bin/other")),
		single("a library in front of the system's", debs(map[string][]string{"libc6": {"/lib/libc.so.6"}}).with(files{
			"/lib/libc.so.6": lib, local + "/bin/tool": "x:" + elfFile(elf.EM_X86_64, "", "libc.so.6"), local + "/lib/libc.so.6": lib,
		}), "counts "+unaccounted(local+"/bin/tool"), "counts "+unaccounted(local+"/lib/libc.so.6")),
	})
}
