#!/bin/sh
# Makes bookworm.txtar from a Debian 12 root file system (debootstrap
# --variant=minbase bookworm ROOT) by dpkg-query and find, not by the code
# that is tested. Usage: bookworm.sh ROOT
#
# var/lib/dpkg  the records and lists of a few packages, unchanged
# tree          what their paths are on disk: "d PATH", "f PATH" or
#               "l PATH TARGET", with all links in folders followed
# owners        dpkg-query -S of the paths that are no folders
# packages      dpkg-query -W
#
# It is an archive because the names of lists have colons, which the go
# command does not allow in the files of a module.
set -eu
root=$1
archive=$(dirname "$0")/bookworm.txtar
out=$(mktemp -d)
admin=$root/var/lib/dpkg
packages="apt base-files bash dash debianutils dpkg gcc-12-base libacl1 libc6 libcrypt1 libgcc-s1 libtinfo6 mawk"
trap 'rm -rf "$out"' EXIT
mkdir -p "$out/var/lib/dpkg/info" "$out/etc" "$out/var/lib/apt"
cp "$root/usr/lib/os-release" "$out/etc/os-release"
cp "$admin/diversions" "$out/var/lib/dpkg/"
cp "$admin/info/format" "$out/var/lib/dpkg/info/"
printf 'Package: libacl1\nArchitecture: amd64\nAuto-Installed: 1\n\n' >"$out/var/lib/apt/extended_states"
: >"$out/var/lib/dpkg/status"
: >"$out/paths"
for p in $packages; do
	dpkg-query --admindir="$admin" -s "$p" >>"$out/var/lib/dpkg/status"
	echo >>"$out/var/lib/dpkg/status"
	for suffix in list md5sums conffiles postinst; do
		for f in "$admin/info/$p.$suffix" "$admin/info/$p:amd64.$suffix"; do
			[ ! -e "$f" ] || cp "$f" "$out/var/lib/dpkg/info/"
		done
	done
	dpkg-query --admindir="$admin" -L "$p" | grep '^/' >>"$out/paths"
done
printf '/bin\n/lib\n/lib64\n/sbin\n/bin/sh.distrib\n' >>"$out/paths"
sort -u "$out/paths" -o "$out/paths"
while read -r path; do
	real=$(chroot "$root" sh -c 'd=$(readlink -f "$(dirname "$1")"); [ "$d" = / ] && d=; echo "$d/$(basename "$1")"' sh "$path")
	[ "$path" = /. ] && continue
	if [ -L "$root$real" ]; then
		echo "l $real $(readlink "$root$real")"
	elif [ -d "$root$real" ]; then
		echo "d $real"
	elif [ -e "$root$real" ]; then
		echo "f $real"
	fi
done <"$out/paths" | sort -u >"$out/tree"
grep -v '/\.$' "$out/paths" | while read -r path; do
	[ -d "$root$path" ] && continue
	dpkg-query --admindir="$out/var/lib/dpkg" -S "$path" 2>/dev/null | grep -v '^diversion by' || true
done | sort -u >"$out/owners"
dpkg-query --admindir="$out/var/lib/dpkg" -W -f '${Package} ${Version} ${Architecture}\n' >"$out/packages"
rm "$out/paths"
(cd "$out" && find . -type f | LC_ALL=C sort | while read -r f; do
	echo "-- ${f#./} --"
	cat "$f"
done) >"$archive"
