#!/bin/sh
# Creates the locks in this directory again, with npm 11 and its public registry:
# the project in package.json, locked in each layout, and what npm itself
# recorded as installed (node_modules/.package-lock.json).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for version in 1 2 3; do
	rm -rf node_modules package-lock.json
	cp "$here/package.json" .
	npm install --no-audit --no-fund --ignore-scripts \
		--omit-lockfile-registry-resolved=false --lockfile-version "$version"
	cp package-lock.json "$here/v$version/package-lock.json"
done
cp node_modules/.package-lock.json "$here/installed.json"
