#!/usr/bin/env python3
"""Trim the CPython stages to what a footprint is counted from.

    trim.py OUTDIR EXAMPLE

OUTDIR is what build-roots.sh made; EXAMPLE/build-source, build-docs and
test-source are replaced, and requirements.txt and expected.json are copied.
What a trimmed root keeps:

  * the links at the top (bin -> usr/bin), with one link in each directory that
    they point to, and os-release;
  * dpkg's database: status, diversions, the file list of every package, and
    apt's record of what came automatically;
  * all that pip installed, byte for byte: what a RECORD lists;
  * of the Debian packages' content, only the metadata that names a package
    inside them (dist-info, gemspec, package.json), and code that Python runs
    when it starts (.pth, sitecustomize.py). Jars keep their manifest and their
    Maven properties, and lose their classes.

Everything else is gone: programs, libraries, documentation, caches. So the
counts of the trimmed root are those of the real one, but not its exclusions.

The file lists are dpkg's own, unchanged, as long as a root's lists together
are smaller than LISTS_LIMIT. Those of the docs stage (17 MB) are cut to the
paths that the trimmed root has.

The same roots give the same bytes. Standard library only; needs no root.
"""

import fnmatch
import io
import os
import pathlib
import shutil
import sys
import zipfile

STAGES = ("build-source", "build-docs", "test-source")

# Above this many bytes of file lists in one root, the lists are cut. The
# example is cloned by everybody who clones the project.
LISTS_LIMIT = 1 << 20

DATABASE = (
    "etc/debian_version",
    "etc/os-release",
    "usr/lib/os-release",
    "var/lib/apt/extended_states",
    "var/lib/dpkg/diversions",
    "var/lib/dpkg/info/format",
    "var/lib/dpkg/status",
)

# Metadata that names a package inside a Debian package. fnmatch's * matches
# slashes, too.
NAMES_INSIDE = (
    "*.dist-info/*",
    "*.egg-info",
    "*.egg-info/*",
    "*/specifications/*.gemspec",
    "*/package.json",
    "*.jar",
    "*.pth",
    "*/sitecustomize.py",
)

# What names a package in a jar. The classes do not matter.
NAMES_IN_JAR = ("META-INF/MANIFEST.MF", "META-INF/maven/*/pom.properties", "META-INF/maven/*/pom.xml", "*.jar")

EARLIEST = (1980, 1, 1, 0, 0, 0)  # the zip format has no earlier time


class Trim:
    def __init__(self, source, target):
        self.source = source
        self.target = target
        # Merged /usr: dpkg lists /bin/bash where the file is /usr/bin/bash.
        self.links = {p.name: os.readlink(p) for p in source.iterdir() if p.is_symlink()}

    def run(self):
        for name, link in sorted(self.links.items()):
            (self.target / name).symlink_to(link)
        for path in DATABASE:
            self.keep(path)
        lists = self.lists()
        for path in sorted({self.real(p) for paths in lists.values() for p in paths}):
            if any(fnmatch.fnmatchcase(path, pattern) for pattern in NAMES_INSIDE):
                self.keep(path)
        self.keep_link_targets({self.real(p) for paths in lists.values() for p in paths})
        for record in sorted(self.source.glob("usr/local/lib/python3*/dist-packages/*.dist-info/RECORD")):
            self.keep_recorded(record)
        self.write_lists(lists)

    def lists(self):
        """dpkg's file lists: {file name: [path]}."""
        info = self.source / "var/lib/dpkg/info"
        return {p.name: p.read_text().splitlines() for p in sorted(info.glob("*.list"))}

    def write_lists(self, lists):
        size = sum(len(path) + 1 for paths in lists.values() for path in paths)
        for name, paths in lists.items():
            if size > LISTS_LIMIT:
                paths = [p for p in paths if os.path.lexists(self.target / self.real(p))]
            file = self.target / "var/lib/dpkg/info" / name
            file.write_text("".join(path + "\n" for path in paths))

    def real(self, path):
        """The path within the root, without the link at its top."""
        top, _, rest = path.strip("/").partition("/")
        if rest:
            top = self.links.get(top, top)
        return f"{top}/{rest}" if rest else top

    def keep(self, path):
        source, target = self.source / path, self.target / path
        if not os.path.lexists(source) or source.is_dir():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink():
            target.symlink_to(os.readlink(source))
        elif path.endswith(".jar"):
            target.write_bytes(trim_jar(source.read_bytes()))
        else:
            shutil.copyfile(source, target)
            target.chmod(0o755 if source.stat().st_mode & 0o111 else 0o644)

    def keep_link_targets(self, owned):
        """Keep a link in every directory that a link at the top points to.

        git stores no empty directory, and a /bin that points to nothing would
        be another root than the real one.
        """
        for directory in sorted(set(self.links.values())):
            if not (self.target / directory).exists():
                links = [p for p in owned if os.path.dirname(p) == directory and self.is_file_link(p)]
                if not links:
                    sys.exit(f"trim: {self.source} has no link in {directory}, which would be empty")
                self.keep(min(links))

    def is_file_link(self, path):
        source = self.source / path
        # Not a link to a directory: /usr/bin/X11 leads to the directory it is in.
        return source.is_symlink() and not source.is_dir()

    def keep_recorded(self, record):
        site = record.parent.parent
        for line in record.read_text().splitlines():
            # No stand-in has a name that csv would quote.
            path = os.path.normpath(site / line.split(",")[0])
            self.keep(os.path.relpath(path, self.source))


def trim_jar(data):
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as jar, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as trimmed:
        for name in sorted(set(jar.namelist())):
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in NAMES_IN_JAR):
                content = jar.read(name)
                trimmed.writestr(zipfile.ZipInfo(name, EARLIEST), trim_jar(content) if name.endswith(".jar") else content)
    return out.getvalue()


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    out, example = map(pathlib.Path, sys.argv[1:])
    for stage in STAGES:
        if not (out / stage / "var/lib/dpkg/status").exists():
            sys.exit(f"trim: {out} has no {stage}: build-roots.sh {out} all")
    example.mkdir(parents=True, exist_ok=True)
    for stage in STAGES:
        shutil.rmtree(example / stage, ignore_errors=True)
        (example / stage).mkdir()
        Trim((out / stage).resolve(), (example / stage).resolve()).run()
    for name in ("requirements.txt", "expected.json"):
        shutil.copyfile(out / name, example / name)


if __name__ == "__main__":
    main()
