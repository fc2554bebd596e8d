#!/usr/bin/env python3
"""Make stand-in wheels for a list of Python packages, and their lock file.

    make-wheels.py --out DIR [--lock FILE] LIST.in

LIST.in has one name==version a line, and may start with options for pip (they
go into the lock file as they are). For each package DIR gets a valid wheel
(https://packaging.python.org/en/latest/specifications/binary-distribution-format/)
of that name and version, with the module names, console scripts and
dependencies that the real package has, as far as wheels.json knows them, and
none of its code. --lock writes the requirements file with one sha256 hash for
each wheel, in the layout of pip-compile.

Why stand-ins: a footprint counts names, versions and who pinned them. With
real wheels the test would need a Python package index, and would break on the
day that an old release is withdrawn.

The same list gives the same bytes on every machine: entries are stored, not
compressed (zlib's output differs between versions), in sorted order, with the
zip format's earliest time stamp. Standard library only, Python 3.9 or later.
"""

import argparse
import base64
import hashlib
import json
import pathlib
import re
import sys
import zipfile

EARLIEST = (1980, 1, 1, 0, 0, 0)  # the zip format has no earlier time
HERE = pathlib.Path(__file__).resolve().parent


class Package:
    """One name==version with the entry of wheels.json for the name."""

    def __init__(self, key, version, details):
        self.key = key
        self.version = version
        # The spelling in METADATA and in the file name; the list has the
        # normalised one, as pip-compile writes it.
        self.name = details.get("name", key)
        self.modules = details.get("modules", [normalise(key).replace("-", "_")])
        self.requires = details.get("requires", [])
        self.scripts = details.get("scripts", {})
        self.stem = f"{re.sub(r'[-_.]+', '_', self.name)}-{version}"

    @property
    def wheel(self):
        return f"{self.stem}-py3-none-any.whl"

    def files(self):
        """All files of the wheel but RECORD, as {path: text}."""
        out = {}
        about = f'"""Stand-in for {self.name} {self.version}. Holds none of its code."""\n'
        for module in self.modules:
            path = module if module.endswith(".py") else f"{module}/__init__.py"
            out[path] = about + f"\n__version__ = {self.version!r}\n"
        for target in self.scripts.values():
            module, function = target.split(":")
            parts = module.split(".")
            for i in range(1, len(parts)):
                out.setdefault("/".join(parts[:i]) + "/__init__.py", about)
            path = "/".join(parts) + ".py"
            if path[:-3] in self.modules:  # the target is a whole package
                path = "/".join(parts) + "/__init__.py"
            out[path] = out.get(path, about) + f"\n\ndef {function}():\n    print({self.name + ' ' + self.version!r})\n"
        info = f"{self.stem}.dist-info"
        out[f"{info}/METADATA"] = self.metadata()
        out[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: make-wheels (1)\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        out[f"{info}/top_level.txt"] = "".join(sorted({m.split("/")[0].removesuffix(".py") + "\n" for m in self.modules}))
        if self.scripts:
            out[f"{info}/entry_points.txt"] = "[console_scripts]\n" + "".join(
                f"{name} = {target}\n" for name, target in sorted(self.scripts.items()))
        return out

    def metadata(self):
        lines = [
            "Metadata-Version: 2.1",
            f"Name: {self.name}",
            f"Version: {self.version}",
            "Summary: Stand-in, made to be counted",
            "Requires-Python: >=3.9",
        ]
        lines += [f"Requires-Dist: {r}" for r in self.requires]
        return "\n".join(lines) + "\n\nHolds the name, the version and the layout of the real package, and none of its code.\n"

    def write(self, directory):
        """Write the wheel and return its sha256 in hexadecimal."""
        files = {path: text.encode() for path, text in self.files().items()}
        record = f"{self.stem}.dist-info/RECORD"
        rows = []
        for path in sorted(files):
            digest = base64.urlsafe_b64encode(hashlib.sha256(files[path]).digest()).rstrip(b"=").decode()
            rows.append(f"{path},sha256={digest},{len(files[path])}\n")
        files[record] = ("".join(rows) + f"{record},,\n").encode()
        target = directory / self.wheel
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as z:
            # The dist-info directory goes last, as the format recommends.
            for path in sorted(files, key=lambda p: (".dist-info/" in p, p)):
                entry = zipfile.ZipInfo(path, EARLIEST)
                entry.create_system = 3  # Unix, on every machine
                entry.external_attr = 0o100644 << 16
                z.writestr(entry, files[path])
        return hashlib.sha256(target.read_bytes()).hexdigest()


def normalise(name):
    """The name's canonical form by PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_list(path, details):
    options, packages = [], []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        if line.startswith("--"):
            options.append(line)
            continue
        match = re.fullmatch(r"([a-z0-9][a-z0-9-]*)==(\S+)", line)
        if not match:
            sys.exit(f"{path}:{number}: want name==version with the name in its canonical form, got {line!r}")
        packages.append(Package(match[1], match[2], details.get(match[1], {})))
    return options, packages


def lock_text(options, packages, hashes, source):
    """The requirements file, as pip-compile --generate-hashes lays it out."""
    out = [
        "#",
        "# This file has the layout of pip-compile's output. It was made by",
        "#",
        f"#    make-wheels.py --lock requirements.txt {source}",
        "#",
        "# from stand-in wheels: names and versions are CPython's, hashes are not.",
        "#",
        *options,
        "",
    ]
    for p in packages:
        out.append(f"{p.key}=={p.version} \\")
        out.append(f"    --hash=sha256:{hashes[p.key]}")
        via = sorted(q.key for q in packages if p.key in q.requires) or [f"-r {source}"]
        if len(via) == 1:
            out.append(f"    # via {via[0]}")
        else:
            out.append("    # via")
            out += [f"    #   {name}" for name in via]
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="directory for the wheels")
    parser.add_argument("--lock", type=pathlib.Path, help="requirements file to write")
    parser.add_argument("list", type=pathlib.Path)
    args = parser.parse_args()

    details = json.loads((HERE / "wheels.json").read_text())
    options, packages = read_list(args.list, details)
    args.out.mkdir(parents=True, exist_ok=True)
    hashes = {p.key: p.write(args.out) for p in packages}
    if args.lock:
        args.lock.write_text(lock_text(options, packages, hashes, args.list.name))


if __name__ == "__main__":
    main()
