package scan

import (
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom"
)

// below moves files into a directory.
func (f files) below(dir string) files {
	out := files{}
	for p, text := range f {
		if target, ok := strings.CutPrefix(text, "=> "); ok {
			text = "=> " + dir + target
		}
		out[dir+p] = text
	}
	return out
}

// TestEnvironments has root file systems below the root, and directories that
// only look like one.
func TestEnvironments(t *testing.T) {
	x := "x:" + program(t)
	host := debs(map[string][]string{"tool": {"/usr/bin/tool"}}).with(files{"/usr/bin/tool": x})
	inner := debs(map[string][]string{"python3-foo": {"/usr/lib/python3/dist-packages/foo-2.dist-info/METADATA", "/usr/bin/foo"}}).
		with(dist("/usr/lib/python3/dist-packages", "foo", "2")).with(npm("/usr/lib/node_modules/n", "n", "1.0.0")).
		with(files{"/usr/bin/foo": x, "/usr/local/bin/loose": x, "/srv/package-lock.json": "{}"})
	alpine := files{"/lib/apk/db/installed": "", "/bin/busybox": x, "/bin/sh": "-> busybox"}
	layer := func(id string) files {
		at := "/var/lib/docker/overlay2/" + id
		return files{at + "/link": "ABC", at + "/diff/usr/bin/x": x, "/var/lib/docker/overlay2/l/ABC": "-> ../" + id + "/diff"}.with(dist(at+"/diff"+site, "p"+id, "1"))
	}
	runCases(t, []scanCase{
		{"a chroot", host.with(inner.below("/srv/chroot/trixie")), []string{"counts " + unaccounted("/srv/chroot/trixie")}},
		{"a container of LXC", host.with(alpine.below("/var/lib/lxc/web/rootfs")), []string{"counts generic/web?path=/var/lib/lxc/web/rootfs"}},
		{"of rpm", host.with(files{"/var/lib/machines/f/usr/lib/sysimage/rpm/rpmdb.sqlite": "", "/var/lib/machines/f/usr/bin/rpm": x}), []string{"counts " + unaccounted("/var/lib/machines/f")}},
		{"without a package database", host.with(files{"/opt/box/usr/lib/os-release": "ID=x\n", "/opt/box/usr/bin/x": x}), []string{"counts " + unaccounted("/opt/box")}},
		{"one in another", host.with(inner.with(alpine.below("/srv/alpine")).below("/srv/chroot/trixie")), []string{"counts " + unaccounted("/srv/chroot/trixie")}},
		{"layers of Docker", host.with(layer("aaa")).with(layer("bbb")), []string{"counts generic/docker?path=/var/lib/docker/overlay2"}},
		{"the root again, by OSTree", host.with(files{"/ostree/deploy/x.0/usr/bin/tool": "=> /usr/bin/tool", "/ostree/deploy/x.0/etc/os-release": "=> /etc/os-release"}), []string{"excluded names /ostree/deploy/x.0"}},
		{"the root again, with one file more", host.with(files{"/ostree/deploy/x.0/usr/bin/tool": "=> /usr/bin/tool", "/ostree/deploy/x.0/etc/os-release": "=> /etc/os-release", "/ostree/deploy/x.0/usr/bin/evil": x}),
			[]string{"counts " + unaccounted("/ostree/deploy/x.0")}},
		{"a link from it into the path", host.with(inner.below("/srv/c")).with(files{"/usr/local/bin/evil": "=> /srv/c/usr/local/bin/loose"}), []string{"counts " + unaccounted("/srv/c"), "counts " + unaccounted("/usr/local/bin/evil")}},
		{"a directory of the layout of systems", host.with(files{"/opt/etc/os-release": "ID=x\n", "/opt/usr/bin/x": x}).with(npm("/opt/usr/node_modules/n", "n", "1.0.0")),
			[]string{"counts npm/n@1.0.0", "counts " + unaccounted("/opt/usr")}},
		{"no programs", host.with(files{"/src/testdata/etc/os-release": "ID=x\n"}).with(dist("/src/testdata/lib/site-packages", "evil", "6.6.6")), []string{"counts pypi/evil@6.6.6"}},
		{"in a directory that Node imports from", host.with(inner.below(modules + "/evil")).with(files{modules + "/evil/package.json": `{"name": "evil", "version": "6.6.6"}`}),
			[]string{"counts npm/evil@6.6.6", "excluded lock-file " + modules + "/evil/srv/package-lock.json", "counts pypi/foo@2", "inside npm/n@1.0.0 in npm/evil@6.6.6"}},
	})
	runCases(t, []scanCase{{"in a checkout", inner.below("/src/app/testdata/root").with(files{"/src/app/.git/HEAD": "", "/src/app/build/run": x, "/src/app/cmd/run": x, "/src/app/home/.cache/pip/http/x": ""}),
		[]string{"counts " + unaccounted("/src/app"), "counts generic/testdata?path=/src/app/testdata/root", "excluded cache /src/app/home/.cache/pip"}}})
	d := host.with(inner.below("/srv/chroot/trixie")).scan(t)
	if c := d.Component(unaccounted("/srv/chroot/trixie")); c == nil || c.Kind != sbom.KindFiles || !strings.HasPrefix(c.Detail, "a root file system of its own, with a database of dpkg, ") || !strings.HasSuffix(c.Detail, "scan dir:ROOT/srv/chroot/trixie by itself") {
		t.Errorf("%+v", c)
	}
}

func TestFlatpak(t *testing.T) {
	x := "x:" + program(t)
	deployed := func(ref string) files {
		at := "/var/lib/flatpak/" + ref
		return files{at + "/0123abcd/metadata": "[Application]\n", at + "/0123abcd/files/bin/x": x, at + "/active": "-> 0123abcd"}
	}
	id := func(name, branch, path string) string {
		return "counts generic/flatpak/" + name + "@" + branch + "?path=/var/lib/flatpak/" + path
	}
	platform := "runtime/org.freedesktop.Platform/x86_64/"
	runCases(t, []scanCase{
		{"applications and runtimes", deployed("app/org.gnome.Calculator/x86_64/stable").with(deployed(platform + "23.08")).with(deployed(platform + "24.08")).
			with(dist("/var/lib/flatpak/"+platform+"24.08/0123abcd/files/lib/python3.11/site-packages", "six", "1.16.0")).
			with(files{"/var/lib/flatpak/repo/config": "", "/var/lib/flatpak/repo/objects/ab/cd.file": "=> /var/lib/flatpak/" + platform + "23.08/0123abcd/files/bin/x"}),
			[]string{"excluded cache /var/lib/flatpak/repo", id("org.gnome.Calculator", "stable", "app/org.gnome.Calculator/x86_64/stable"), id("org.freedesktop.Platform", "23.08", platform+"23.08"), id("org.freedesktop.Platform", "24.08", platform+"24.08"),
				"inside pypi/six@1.16.0 in generic/flatpak/org.freedesktop.Platform@24.08?path=/var/lib/flatpak/" + platform + "24.08"}},
		{"only the names", files{"/srv/app/x/y/z/c/files/bin/x": x}, []string{"counts " + unaccounted("/srv/app/x/y/z/c/files/bin/x")}},
		{"an AppImage", files{"/opt/squashfs-root/AppRun": "x:#!/bin/sh\n", "/opt/squashfs-root/tool.desktop": "", "/opt/squashfs-root/usr/bin/tool": x}.with(dist("/opt/squashfs-root/usr/lib/python3.11/site-packages", "six", "1.16.0")),
			[]string{"counts " + unaccounted("/opt/squashfs-root"), "inside pypi/six@1.16.0 in " + unaccounted("/opt/squashfs-root")}},
	})
}
