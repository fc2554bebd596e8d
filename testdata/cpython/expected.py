#!/usr/bin/env python3
"""Print the packages that dpkg-query and pip list for the stages in a directory.

    expected.py OUTDIR > expected.json

The answer key of the end-to-end tests, made by the tools that installed the
packages and never by depaudit. For every root file system in OUTDIR (a directory
with a dpkg database; OUTDIR/requirements.txt is the lock):

    os        Debian packages in the state "installed": "name version arch"
    locked    Python packages that pip lists, no Debian package owns, and the
              lock pins at that version: "name version"
    unlocked  the same, but the lock does not pin them
    inside    Python packages that pip lists and a Debian package owns:
              "name version owner". They do not count.
    counts    how many of each; total = os + locked + unlocked

Needs root (chroot). Standard library only.
"""

import json
import pathlib
import re
import subprocess
import sys


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = pathlib.Path(sys.argv[1]).resolve()
    locked = read_lock(out / "requirements.txt")
    stages = {}
    for status in sorted(out.glob("*/var/lib/dpkg/status")):
        root = status.parents[3]
        stages[root.name] = stage(root, locked)
    if not stages:
        sys.exit(f"expected: {out} has no stage")
    json.dump(stages, sys.stdout, indent=1, sort_keys=True)
    print()


def stage(root, locked):
    result = {"os": debian_packages(root), "locked": [], "unlocked": [], "bundled": []}
    for name, version, record in python_packages(root):
        owner = debian_owner(root, record)
        if owner:
            result["bundled"].append(f"{name} {version} {owner}")
        elif (name, version) in locked:
            result["locked"].append(f"{name} {version}")
        else:
            result["unlocked"].append(f"{name} {version}")
    counts = {key: len(value) for key, value in result.items()}
    counts["total"] = counts["os"] + counts["locked"] + counts["unlocked"]
    return {"counts": counts} | {key: sorted(value) for key, value in result.items()}


def read_lock(path):
    pins = re.findall(r"(?m)^([A-Za-z0-9._-]+)==(\S+) \\\n +--hash=sha256:[0-9a-f]{64}$", path.read_text())
    return {(normalise(name), version) for name, version in pins}


def debian_packages(root):
    text = run(root, "dpkg-query", "-W", "-f", "${db:Status-Status}\t${Package} ${Version} ${Architecture}\n")
    rows = [line.split("\t") for line in text.splitlines()]
    return [package for state, package in rows if state == "installed"]


def python_packages(root):
    """All packages that the root's pip lists: (name, version, metadata directory)."""
    if not (root / "usr/bin/pip3").exists():
        return []
    # "pip list" does not say where the metadata of a package is; "pip inspect"
    # lists the same packages and does.
    listed = {(normalise(p["name"]), p["version"]) for p in json.loads(run(root, "pip3", "list", "--format", "json"))}
    found = [
        (normalise(p["metadata"]["name"]), p["metadata"]["version"], p["metadata_location"])
        for p in json.loads(run(root, "pip3", "inspect"))["installed"]
    ]
    if {(name, version) for name, version, _ in found} != listed:
        sys.exit(f"expected: {root.name}: pip list and pip inspect disagree")
    return found


def debian_owner(root, path):
    done = subprocess.run(command(root, "dpkg-query", "-S", path), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return done.stdout.split(":")[0] if done.returncode == 0 else ""


def normalise(name):
    """The name's canonical form by PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def run(root, *arguments):
    done = subprocess.run(command(root, *arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"expected: {root.name}: {' '.join(arguments)} failed with {done.returncode}")
    return done.stdout


def command(root, *arguments):
    # PYTHONDONTWRITEBYTECODE keeps Python from writing byte code into the root that is described.
    environment = ["PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8",
                   "PYTHONDONTWRITEBYTECODE=1", "PIP_DISABLE_PIP_VERSION_CHECK=1"]
    return ["chroot", str(root), "/usr/bin/env", "-i", *environment, *arguments]


if __name__ == "__main__":
    main()
