package lockcheck

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// parseApko parses apko.lock.json (chainguard-dev/apko, pkg/lock/lock.go). The
// checksum of a package is that of its signed index, "Q1" and the SHA-1 of the
// control segment in base64; the data segment has a SHA-256, which the signed
// control segment repeats. A package of several architectures has an entry for
// each.
func (l *Lock) parseApko(d *document) error {
	if v := d.text(d.root, "version"); v != "v1" && d.err == nil {
		d.fail(d.root.offset, "lock with an apko that writes v1", "apko.lock.json version %s is not supported", quote(v))
	}
	contents := d.table(d.root, "contents")
	for _, p := range d.tables(contents, "packages") {
		e := Entry{Type: "apk", Name: d.text(p, "name"), Version: d.text(p, "version"), File: d.file, Line: d.at(p, "name")}
		if e.Name == "" || e.Version == "" {
			d.fail(p.offset, "create it again with apko lock", "a package without a name or a version")
		}
		e.when.cpu = cpuOf(d.text(p, "architecture"))
		url := d.text(p, "url")
		e.Source = registrySource("apk", url)
		if !strings.Contains(url, "://") {
			e.Source = Source{Kind: KindPath, URL: url}
		}
		if u, ok := parseLocation(url); ok && !strings.HasPrefix(u.base(), e.Name+"-"+e.Version+".") {
			e.flaw = flaw{OtherPackage, quote(e.Name) + " " + e.Version + " is locked to the file " + quote(u.base())}
		}
		l.addQ1(&e, d.text(p, "checksum"))
		hashes, malformed := integrity(d.text(d.table(p, "data"), "checksum"))
		if e.Hashes = append(e.Hashes, hashes...); malformed {
			l.problem(ProblemBadHash, e.File, e.Line, e.Name, quote(e.Name)+" has a hash of the wrong form")
		}
		if d.err != nil {
			return d.err
		}
		l.add(e)
	}
	l.refuseTwins(d)
	return d.failure()
}

// addQ1 adds a checksum of apk's index: "Q1" and a SHA-1, or "Q2" and a SHA-256,
// in base64.
func (l *Lock) addQ1(e *Entry, sum string) {
	if sum == "" {
		return
	}
	algorithm := map[string]string{"Q1": "sha1", "Q2": "sha256"}[sum[:min(2, len(sum))]]
	raw, err := base64.StdEncoding.DecodeString(sum[min(2, len(sum)):])
	if algorithm == "" || err != nil {
		l.problem(ProblemBadHash, e.File, e.Line, e.Name, quote(e.Name)+" has a checksum of the wrong form")
		return
	}
	l.addHash(e, algorithm, hex.EncodeToString(raw))
}

// parseRPMs parses rpms.lock.yaml of rpm-lockfile-prototype
// (https://github.com/konflux-ci/rpm-lockfile-prototype, lockfile version 1): the
// packages of each architecture with the URL and the checksum of the package
// file. Sources are read too and pin no package.
func (l *Lock) parseRPMs(d *document) error {
	if v := d.scalar(d.root, "lockfileVersion"); v != "1" && d.err == nil {
		d.fail(d.root.offset, "lock with a version of the tool that writes version 1", "rpms.lock.yaml version %s is not supported", quote(v))
	}
	for _, arch := range d.tables(d.root, "arches") {
		for _, p := range d.tables(arch, "packages") {
			url := d.text(p, "url")
			e := Entry{Type: "rpm", Name: d.text(p, "name"), Version: strings.TrimPrefix(d.scalar(p, "evr"), "0:"), File: d.file, Line: d.at(p, "name"), Source: registrySource("rpm", url)}
			e.when.cpu = cpuOf(d.text(arch, "arch"))
			u, ok := parseLocation(url)
			if e.Name == "" && ok {
				e.Name, e.Version = rpmFile(u.base())
				e.Line = d.at(p, "url")
			}
			if e.Name == "" || e.Version == "" {
				d.fail(p.offset, "create it again with rpm-lockfile-prototype", "a package without a name or a version")
			}
			version := e.Version[strings.IndexByte(e.Version, ':')+1:]
			if ok && !strings.HasPrefix(u.base(), e.Name+"-"+version+".") {
				e.flaw = flaw{OtherPackage, quote(e.Name) + " " + e.Version + " is locked to the file " + quote(u.base())}
			}
			if sum := d.text(p, "checksum"); sum != "" {
				l.addColonHash(&e, sum)
			}
			if d.err != nil {
				return d.err
			}
			l.add(e)
		}
	}
	l.refuseTwins(d)
	return d.failure()
}

// cpuOf returns the condition of the packages of an architecture of apk or rpm, as
// npm names it. It is empty for one that is not known here.
func cpuOf(arch string) []string {
	cpu := map[string]string{"x86_64": "x64", "aarch64": "arm64", "s390x": "s390x", "ppc64le": "ppc64", "riscv64": "riscv64", "x86": "ia32", "armv7": "arm", "armhf": "arm", "i686": "ia32"}[arch]
	if cpu == "" {
		return nil
	}
	return []string{cpu}
}

// rpmFile returns the name and the version of NAME-VERSION-RELEASE.ARCH.rpm.
func rpmFile(file string) (name, version string) {
	file, ok := strings.CutSuffix(file, ".rpm")
	dot := strings.LastIndexByte(file, '.')
	release := strings.LastIndexByte(file, '-')
	if !ok || dot < 0 || release < 1 || dot < release {
		return "", ""
	}
	at := strings.LastIndexByte(file[:release], '-')
	if at < 1 {
		return "", ""
	}
	return file[:at], file[at+1 : dot]
}
