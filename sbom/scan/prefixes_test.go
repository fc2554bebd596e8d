package scan

import (
	"testing"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// TestPrefixes has directories with several installations in them, and single
// installations with several directories.
func TestPrefixes(t *testing.T) {
	x := "x:" + program(t)
	lib := program(t)
	script := "x:#!/bin/sh\n"
	tool := func(at string) files { return files{at + "/bin/tool": x, at + "/lib/libtool.so.1": lib} }
	all := func(list ...files) files {
		out := files{}
		for _, f := range list {
			out = out.with(f)
		}
		return out
	}
	runCases(t, []scanCase{
		{"a tool cache of a runner", all(
			files{"/opt/hostedtoolcache/node/20.1.0/x64/bin/tool": script, "/opt/hostedtoolcache/node/20.1.0/x64.complete": ""},
			files{"/opt/hostedtoolcache/node/22.4.1/x64/bin/tool": script, "/opt/hostedtoolcache/node/22.4.1/x64.complete": ""},
			files{"/opt/hostedtoolcache/kind/tool/x64/tool": x, "/opt/hostedtoolcache/kind/tool/x64.complete": ""},
			tool("/opt/hostedtoolcache/Python/3.12.4/x64"), tool("/opt/hostedtoolcache/Python/3.12.4/arm64")),
			[]string{"counts generic/node@20.1.0?path=/opt/hostedtoolcache/node/20.1.0/x64", "counts generic/node@22.4.1?path=/opt/hostedtoolcache/node/22.4.1/x64",
				"counts generic/x64?path=/opt/hostedtoolcache/kind/tool/x64",
				"counts generic/Python@3.12.4?path=/opt/hostedtoolcache/Python/3.12.4/x64", "counts generic/Python@3.12.4?path=/opt/hostedtoolcache/Python/3.12.4/arm64"}},
		{"managers of versions", all(
			tool("/root/.pyenv/versions/3.12.1"), tool("/root/.nvm/versions/node/v20.1.0"), tool("/root/.sdkman/candidates/gradle/8.5"), tool("/root/.sdkman/candidates/maven/3.9.6"),
			tool("/root/.asdf"), files{"/root/.asdf/installs/terraform/1.5.0/bin/terraform": x, "/root/.asdf/asdf.sh": ""},
			tool("/root/.local/share/mise/installs/jq/1.7"), tool("/root/.rustup/toolchains/stable-x86_64-unknown-linux-gnu"), tool("/root/.rustup/toolchains/nightly-x86_64-unknown-linux-gnu"),
			files{"/root/.rustup/settings.toml": ""}),
			[]string{"counts generic/pyenv@3.12.1?path=/root/.pyenv/versions/3.12.1", "counts generic/node@20.1.0?path=/root/.nvm/versions/node/v20.1.0",
				"counts generic/gradle@8.5?path=/root/.sdkman/candidates/gradle/8.5", "counts generic/maven@3.9.6?path=/root/.sdkman/candidates/maven/3.9.6",
				"counts " + unaccounted("/root/.asdf"), "counts generic/terraform@1.5.0?path=/root/.asdf/installs/terraform/1.5.0",
				"counts generic/jq@1.7?path=/root/.local/share/mise/installs/jq/1.7",
				"counts " + unaccounted("/root/.rustup/toolchains/stable-x86_64-unknown-linux-gnu"), "counts " + unaccounted("/root/.rustup/toolchains/nightly-x86_64-unknown-linux-gnu")}},
		{"vendors and products", all(
			files{"/opt/acme/editor/editor": x, "/opt/acme/editor/libui.so": lib, "/opt/acme/viewer/viewer": x, "/opt/acme/viewer/data.pak": ""}),
			[]string{"counts " + unaccounted("/opt/acme/editor"), "counts " + unaccounted("/opt/acme/viewer")}},
		{"packages of the Android SDK", files{
			"/opt/android/build-tools/34.0.0/aapt": x, "/opt/android/build-tools/34.0.0/lib64/libc++.so": lib, "/opt/android/build-tools/34.0.0/source.properties": "",
			"/opt/android/build-tools/33.0.1/aapt": x, "/opt/android/platform-tools/adb": x, "/opt/android/platform-tools/source.properties": "",
			"/opt/android/ndk/26.1.10909125/source.properties": "", "/opt/android/ndk/26.1.10909125/ndk-build": script,
			"/opt/android/licenses/x": "",
		}, []string{"counts generic/build-tools@34.0.0?path=/opt/android/build-tools/34.0.0", "counts generic/build-tools@33.0.1?path=/opt/android/build-tools/33.0.1",
			"counts " + unaccounted("/opt/android/platform-tools"), "counts generic/ndk@26.1.10909125?path=/opt/android/ndk/26.1.10909125"}},
		{"frameworks of .NET", files{
			"/root/.dotnet/dotnet": x, "/root/.dotnet/LICENSE.txt": "", "/root/.dotnet/host/fxr/8.0.1/libhostfxr.so": lib,
			"/root/.dotnet/shared/Microsoft.NETCore.App/8.0.1/libcoreclr.so": lib, "/root/.dotnet/shared/Microsoft.NETCore.App/6.0.25/libcoreclr.so": lib,
		}, []string{"counts " + unaccounted("/root/.dotnet"), "counts generic/fxr@8.0.1?path=/root/.dotnet/host/fxr/8.0.1",
			"counts generic/Microsoft.NETCore.App@8.0.1?path=/root/.dotnet/shared/Microsoft.NETCore.App/8.0.1", "counts generic/Microsoft.NETCore.App@6.0.25?path=/root/.dotnet/shared/Microsoft.NETCore.App/6.0.25"}},
		{"a directory of programs", files{"/opt/tools/kubectl": x, "/opt/tools/helm": x, "/opt/tools/.lock": "", "/srv/bin/a": script, "/srv/bin/b": x},
			[]string{"counts " + unaccounted("/opt/tools/kubectl"), "counts " + unaccounted("/opt/tools/helm"), "counts " + unaccounted("/srv/bin/a"), "counts " + unaccounted("/srv/bin/b")}},
		{"a workspace of Go", files{"/go/bin/a": x, "/go/bin/b": x, "/go/src/x": "", "/go/pkg/x": ""}, []string{"counts " + unaccounted("/go/bin/a"), "counts " + unaccounted("/go/bin/b")}},
		{"a prefix in a prefix", all(tool("/opt/app"), tool("/opt/app/vendor/other"), files{"/opt/app/README": "", "/opt/app/sub/more": x}),
			[]string{"counts " + unaccounted("/opt/app"), "counts " + unaccounted("/opt/app/vendor/other")}},
		{"versions in a prefix are its own files", all(tool("/opt/ruby"), files{"/opt/ruby/lib/ruby/3.3.0/x86_64-linux/stringio.so": lib, "/opt/ruby/libexec/gcc/13.2.0/cc1": x}),
			[]string{"counts " + unaccounted("/opt/ruby")}},
		{"compilers for other machines", all(tool("/opt/cross"), files{"/opt/cross/bin/arm-none-eabi-ld": x, "/opt/cross/arm-none-eabi/bin/ld": x, "/opt/cross/arm-none-eabi/lib/x.so": lib},
			tool("/opt/rust"), files{"/opt/rust/lib/rustlib/components": "", "/opt/rust/lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld": x, "/opt/rust/lib/rustlib/x86_64-unknown-linux-gnu/lib/libstd.so": lib},
			tool("/opt/none"), tool("/opt/none/arm-none-eabi")),
			[]string{"counts " + unaccounted("/opt/cross"), "counts " + unaccounted("/opt/rust"), "counts " + unaccounted("/opt/none"), "counts " + unaccounted("/opt/none/arm-none-eabi")}},
		{"an application of one directory", files{"/opt/app/app": x, "/opt/app/helper": x, "/opt/app/libffmpeg.so": lib, "/opt/app/resources/app/run": script, "/opt/app/LICENSE": ""},
			[]string{"counts " + unaccounted("/opt/app")}},
		{"a checkout", files{"/src/app/.git/HEAD": "", "/src/app/packages/a/bin/a": script, "/src/app/packages/a/lib/a.js": "", "/src/app/packages/b/bin/b": script, "/src/app/packages/b/lib/b.js": "", "/src/app/run": script},
			[]string{"counts " + unaccounted("/src/app")}},
	})
}

// TestPrefixFingerprint adds installations and caches to a directory that is one
// itself: what is added is not part of it, but for the directories.
func TestPrefixFingerprint(t *testing.T) {
	x := "x:" + program(t)
	before := files{"/opt/app/bin/app": x, "/opt/app/lib/a.so": program(t), "/usr/local/bin/python3.12": x, "/usr/local/lib/python3.12/os.py": "", "/usr/local/lib/python3.12/a.so": program(t), "/usr/local/lib/python3.12/site-packages/": ""}
	root := before.plant(t)
	fingerprints := func() map[string]string {
		d, err := Run(t.Context(), rootfs.Ref{Scheme: rootfs.SchemeDir, Path: root}, Options{Fingerprints: true})
		if err != nil {
			t.Fatal(err)
		}
		out := make(map[string]string)
		for _, c := range d.Components {
			if c.Counts() {
				out[c.ID] = c.Fingerprint
			}
		}
		return out
	}
	first := fingerprints()
	more := files{"/opt/app/vendor/jq/bin/jq": x, "/opt/app/vendor/jq/lib/b.so": program(t), "/usr/local/lib/python3.12/site-packages/evil/c.so": program(t), "/opt/app/lib/.cache/pip/http/y": ""}
	for _, p := range sortedKeys(more) {
		more.plantIn(t, root, []string{p})
	}
	second := fingerprints()
	if len(first) != 2 || len(second) != 4 {
		t.Fatalf("%v, then %v", first, second)
	}
	if id := unaccounted("/usr/local/bin/python3.12"); first[id] == "" || first[id] != second[id] {
		t.Errorf("%s: %s, then %s", id, first[id], second[id])
	}
	if id := unaccounted("/opt/app"); first[id] == second[id] {
		t.Errorf("%s has a new directory, and the same fingerprint", id)
	}
}
