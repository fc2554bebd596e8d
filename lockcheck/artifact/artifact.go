// Package artifact opens what locks and indexes name by digest: a .deb, a wheel, an
// npm tarball. Each becomes a [Manifest], the list of the files that it installs.
//
// # Readers
//
// There is one reader for each [Kind], a line in the table of readers. It gets
// bytes of which the digest is already known to be the entry's, unpacks them in
// memory and in one pass, and writes nothing. Untrusted artifacts exist all the
// same: an entry may name an archive that was made to do harm. So everything is
// bounded (limits.go), names never leave the directory of the installation, and
// an archive that two programs could read in two ways, as a .deb with two data
// members, is refused.
//
// A manifest has what the archive says, not what an installer makes of it: modes
// before the umask, scripts before their first line is written. Where the
// installer always moves a file (the .data directories of wheels, the first
// directory of npm's tarballs) the manifest has the place of the installed file.
//
// # Places
//
// A [Store] looks in directories that the user names and in the caches of
// package managers (places.go). Names of files only order the search: bytes
// count when their digest is one of the entry's. Most artifacts are needed once
// in a lifetime: their manifests are kept in a cache (cache.go).
package artifact

import (
	"errors"
)

// Kind is the kind of an artifact.
type Kind string

const (
	Deb   Kind = "deb"
	RPM   Kind = "rpm"
	APK   Kind = "apk"
	ALPM  Kind = "alpm"
	Wheel Kind = "wheel"
	NPM   Kind = "npm"
	Gem   Kind = "gem"
	Conda Kind = "conda"
	Crate Kind = "crate"
	GoZip Kind = "gozip"
	// Jar is a Java archive, which is installed as it is: its manifest is one file.
	Jar  Kind = "jar"
	Yarn Kind = "yarn" // a zip file of Yarn's, or the npm tarball that it is made of
)

// Manifest is what an artifact installs. It is canonical: files are sorted by
// path, and equal artifacts have equal manifests. Strings are as in the
// artifact, and may be any bytes.
type Manifest struct {
	Kind Kind
	// Name, Version and Arch are as the artifact states them.
	Name, Version, Arch string
	Files               []File
	// Conffiles are paths of [File.Path] that the installer does not overwrite.
	Conffiles []string
	// Scripts are the maintainer scripts and other files that the installer
	// keeps in its database, by their names ("postinst", "md5sums"). A zip file of
	// Yarn, which can itself be what is installed, is "archive.zip".
	Scripts []File
	// Record are the fields of the control file of a .deb, and of the .PKGINFO of
	// an .apk and of pacman's packages; "extensions" of a gem, which are compiled
	// when it is installed, "build" of a conda package. The lines of a field are
	// separated by newlines.
	Record map[string]string
	// Programs are the commands that the installer makes, sorted by name.
	Programs []Program
}

// Program is a command that an installer makes for a package.
type Program struct {
	Name string
	// Target is what it starts: the object reference of a wheel's entry point
	// ("pip._internal.cli.main:main"), the path of a file in the manifest of an
	// npm package or a gem.
	Target string
}

// File is one file of a manifest.
type File struct {
	// Path is slash-separated without a leading "/" or "./", and never climbs.
	// It is relative to the directory that the installer chooses: the root of the
	// system, the environment's prefix (conda), site-packages, the directory of
	// the package. See Place.
	Path string
	// Place is another directory that Path is relative to: of a wheel "scripts",
	// "headers" or "data", as in its .data directory; of a conda package for any
	// Python "site-packages" or "scripts"; empty otherwise.
	Place string
	// Type is 'f' for a regular file, 'd', 'l' for a symbolic link, 'h' for a hard
	// link to the file at Target, 'o' for others.
	Type byte
	// Mode has the permission bits with set-id and sticky bits. It is 0 where the
	// archive has none.
	Mode        uint32
	User, Group string // names; "root" where the artifact has the number 0
	// Size and Digest are of the content, BLAKE3. Those of a hard link are its
	// target's.
	Size   int64
	Digest [32]byte
	Target string
	// Capabilities is the value of security.capability, nil for none.
	Capabilities []byte
	// Rewrite is why the installed content differs: RewriteShebang or
	// RewritePrefix. It is empty for a file that is installed as it is.
	Rewrite string
	// Rest is the digest of what follows the first line, with RewriteShebang.
	Rest [32]byte
}

// Reasons for which an installer changes the content of a file.
const (
	// RewriteShebang replaces the first line, "#!python", by the path of the
	// interpreter (https://packaging.python.org/en/latest/specifications/binary-distribution-format/).
	RewriteShebang = "shebang"
	// RewritePrefix replaces a placeholder, which Target has, by the path of the
	// environment (conda). RewriteBinary does so in the strings of a binary file,
	// and fills up with NUL bytes after each of them what the path is shorter.
	RewritePrefix = "prefix"
	RewriteBinary = "binary"
)

// ErrNone is the error for an artifact that is nowhere.
var ErrNone = errors.New("no such artifact")

// Want is the artifact that an entry names.
type Want struct {
	Kind          Kind
	Name, Version string
	Arch          string
	// Digests are of the artifact's bytes: "sha256:", "sha384:", "sha512:" and
	// hexadecimal. Weaker ones are ignored, with exceptions that are the
	// only digest that their index or lock has: "h1:" and base64 is the hash of
	// the files of a Go module (golang.org/x/mod/sumdb/dirhash), "apk:" and
	// hexadecimal the SHA-1 of the control part of an .apk, which has the SHA-256
	// of the rest (https://wiki.alpinelinux.org/wiki/Apk_spec). "yarn/KEY:" and
	// hexadecimal is the SHA-512 of the zip file that Yarn makes of a tarball.
	Digests []string
	// File is the name of the file or its URL or path, empty when it is unknown.
	File string
	// Near are paths in file systems of sources, relative to their roots, of files
	// that may be it.
	Near []string
	// Size is the size in bytes, 0 when it is unknown. It saves hashing others.
	Size int64
	// Installed are the paths of what may be the artifact itself in the first of the
	// sources, where an installer does not unpack it.
	Installed []string
	// Fits reports whether an artifact is the one that was installed, where an
	// entry names several by their digests: the wheels of all platforms. The
	// others are looked at as long as it returns false. It may be nil.
	Fits func(*Manifest) bool
}
