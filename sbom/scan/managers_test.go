package scan

import (
	"fmt"
	"strings"
	"testing"
)

// condaRecord is a record of conda-meta with a list of files relative to the
// prefix.
func condaRecord(prefix, name, version string, list ...string) files {
	quoted := make([]string, len(list))
	for i, f := range list {
		quoted[i] = fmt.Sprintf("%q", strings.TrimPrefix(f, prefix+"/"))
	}
	return files{prefix + "/conda-meta/" + name + "-" + version + "-0.json": fmt.Sprintf(
		`{"name": %q, "version": %q, "build": "0", "build_number": 0, "subdir": "noarch", "channel": "c", "fn": "%s-%s-0.conda", "depends": [], "files": [%s]}`,
		name, version, name, version, strings.Join(quoted, ", "))}
}

// by is a distribution that an installer of that name put there, "" for none.
func by(installer, at, name, version string) files {
	f := dist(at, name, version)
	f[at+"/"+name+"-"+version+".dist-info/INSTALLER"] = installer
	return f
}

// TestManagers has packages that one manager installed, with metadata for
// another one in them: "conda list" has each of them once.
func TestManagers(t *testing.T) {
	const prefix, python = "/opt/conda", "/opt/conda/lib/python3.11/site-packages"
	six, info := by("conda", python, "six", "1.16.0"), python+"/six-1.16.0.dist-info"
	conda := condaRecord(prefix, "six", "1.16.0", python+"/six/__init__.py", info+"/METADATA", info+"/RECORD", info+"/INSTALLER")
	inside := []string{"counts conda/six@1.16.0", "inside pypi/six@1.16.0 in conda/six@1.16.0"}
	egg := python + "/tiny-0.3-py3.11.egg-info"
	node := prefix + "/lib/node_modules/npm"
	env := "/opt/conda/envs/dev"
	envSix := env + "/lib/python3.11/site-packages"
	cached := "/opt/conda/pkgs/six-1.16.0-0/site-packages"
	runCases(t, []scanCase{
		{"conda's dist-info", six.with(conda), inside},
		{"without an installer", by("", python, "six", "1.16.0").with(conda), inside},
		{"pip put the same version over it", by("pip\n", python, "six", "1.16.0").with(conda),
			[]string{"counts conda/six@1.16.0", "counts pypi/six@1.16.0"}},
		{"pip put another version over it", by("pip\n", python, "six", "1.17.0").with(conda),
			[]string{"counts conda/six@1.16.0", "counts pypi/six@1.17.0"}},
		{"what pip added", six.with(conda).with(dist(python, "viapip", "1.0", prefix+"/bin/viapip")).with(files{prefix + "/bin/viapip": "x:#!/opt/conda/bin/python\n"}),
			append([]string{"counts pypi/viapip@1.0"}, inside...)},
		{"another name, and two distributions", by("conda", python, "torch", "2.0").with(by("conda", python, "functorch", "1.0")).with(condaRecord(prefix, "pytorch", "2.0",
			python+"/torch/__init__.py", python+"/torch-2.0.dist-info/METADATA", python+"/functorch/__init__.py", python+"/functorch-1.0.dist-info/METADATA")),
			[]string{"counts conda/pytorch@2.0", "inside pypi/torch@2.0 in conda/pytorch@2.0", "inside pypi/functorch@1.0 in conda/pytorch@2.0"}},
		{"an egg-info that is a file", files{egg: "Name: tiny\nVersion: 0.3\n", python + "/tinymod.py": ""}.with(condaRecord(prefix, "tiny", "0.3", egg, python+"/tinymod.py")),
			[]string{"counts conda/tiny@0.3", "inside pypi/tiny@0.3 in conda/tiny@0.3"}},
		{"packages of Node and R", npm(node, "npm", "10.1.0").with(npm(node+"/node_modules/abbrev", "abbrev", "2.0.0")).with(files{prefix + "/lib/R/library/xml/DESCRIPTION": "Package: xml\nVersion: 1.0\n"}).
			with(condaRecord(prefix, "nodejs", "20.0", node+"/package.json", node+"/node_modules/abbrev/package.json")).
			with(condaRecord(prefix, "r-xml", "1.0", prefix+"/lib/R/library/xml/DESCRIPTION")),
			[]string{"counts conda/nodejs@20.0", "inside npm/npm@10.1.0 in conda/nodejs@20.0", "inside npm/abbrev@2.0.0 in conda/nodejs@20.0",
				"counts conda/r-xml@1.0", "inside cran/xml@1.0 in conda/r-xml@1.0"}},
		{"npm added one", npm(node, "npm", "10.1.0").with(npm(prefix+"/lib/node_modules/left-pad", "left-pad", "1.3.0")).with(condaRecord(prefix, "nodejs", "20.0", node+"/package.json")),
			[]string{"counts conda/nodejs@20.0", "inside npm/npm@10.1.0 in conda/nodejs@20.0", "counts npm/left-pad@1.3.0"}},
		{"links into conda's cache", files{"/opt/conda/pkgs/urls.txt": "", "/opt/conda/pkgs/six-1.16.0-0/info/index.json": "{}", env + "/lib/python3.11/site-packages/six/__init__.py": "-> " + cached + "/six/__init__.py",
			envSix + "/six-1.16.0.dist-info/METADATA": "-> " + cached + "/six-1.16.0.dist-info/METADATA"}.with(dist(cached, "six", "1.16.0")).
			with(condaRecord(env, "six", "1.16.0", envSix+"/six/__init__.py", envSix+"/six-1.16.0.dist-info/METADATA")),
			append([]string{"excluded cache /opt/conda/pkgs"}, inside...)},
		{"a record in another prefix", six.with(condaRecord("/opt/other", "six", "1.16.0", "../conda/lib/python3.11/site-packages/six-1.16.0.dist-info/METADATA")),
			[]string{"counts conda/six@1.16.0", "counts pypi/six@1.16.0", "notice claimed-files /opt/other/conda-meta/six-1.16.0-0.json"}},
		{"a link to what it does not install", condaRecord(prefix, "evil", "1", prefix+"/bin/evil").with(files{prefix + "/bin/evil": "-> /opt/evil/run", "/opt/evil/run": "x:#!/bin/sh\n"}),
			[]string{"counts conda/evil@1", "counts " + unaccounted("/opt/evil/run")}},
		{"Gentoo's", by("gpep517", "/usr/lib/python3.11/site-packages", "six", "1.16.0").with(files{"/etc/os-release": "ID=gentoo\n", "/var/db/pkg/dev-python/six-1.16.0/CONTENTS": "obj /usr/lib/python3.11/site-packages/six/__init__.py 0 1\n" +
			"obj /usr/lib/python3.11/site-packages/six-1.16.0.dist-info/METADATA 0 1\nobj /usr/lib/python3.11/site-packages/six-1.16.0.dist-info/RECORD 0 1\n"}),
			[]string{"inside pypi/six@1.16.0 in ebuild/dev-python/six@1.16.0"}},
	})
}
