package ospkg

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// hintApk is the hint for a record that apk did not write.
const hintApk = "run apk fix on the system, or restore the file from a backup"

// apkVirtual is the description that apk gives to the packages it makes for
// "apk add --virtual".
const apkVirtual = "virtual meta package"

// apkRecord is one record of the database.
type apkRecord struct {
	name, version, arch string
	origin              string // the source package
	description         string
	maintainer, license string
	size                int64 // bytes
	digest              sbom.Digest
	identity            string // the digest as written

	depends, provides, installIf, replaces []alternative

	files collector
	line  int
	end   int // the line of the last field
	// faults are malformed fields that do not affect the list of packages.
	faults []sbom.Gap
	broken string // the parts that apk recorded as unfinished: "f", "s", "x"
}

// virtual reports whether a record is only a name for packages that were
// requested together: apk writes such a record for "apk add --virtual
// .build-deps gcc". It never has a file; a record with files is a package,
// whatever its name.
func (p *apkRecord) virtual() bool {
	return (p.name[0] == '.' || p.description == apkVirtual && p.origin == "") && p.files.listed == 0
}

// apkReader reads the database record by record. It accepts what apk-tools
// accepts (apk_db_fdb_read in its src/database.c), with two exceptions: a
// record without an empty line after it, which apk writes after each and
// without which it drops the record; and carriage returns and zero bytes,
// which it reads as part of the text. Both mean that another program changed
// the file, and are errors.
type apkReader struct {
	lines  *lines
	node   rootfs.Node
	finder *finder

	p     *apkRecord
	seen  [256]int // field -> line, in this record
	dir   string   // of the files that follow, from the root
	inDir bool     // a directory was named
	file  bool     // and a file in it
	bad   bool     // the path of the directory is malformed

	// see, if set, takes the records of files; current is the last one, of the
	// path at.
	see     func(p *apkRecord, path string, f FileRecord)
	current FileRecord
	at      string
	unclear []sbom.Gap
}

// next returns the next record, or io.EOF.
func (r *apkReader) next() (*apkRecord, error) {
	r.p = nil
	for {
		line, ok := r.lines.next()
		if !ok {
			if r.lines.err != nil {
				return nil, r.lines.err
			}
			if r.p != nil {
				return nil, r.fail("the last record has no empty line after it: the file is truncated")
			}
			return nil, io.EOF
		}
		if line == "" {
			if r.p == nil {
				continue
			}
			return r.finish()
		}
		if r.lines.unterminated {
			return nil, r.fail("the last line has no newline: the file is truncated")
		}
		if strings.IndexByte(line, 0) >= 0 {
			return nil, r.fail("zero byte: this is not a text file")
		}
		if line[len(line)-1] == '\r' {
			return nil, r.fail("line ends with a carriage return: the file was edited with the line endings of another system")
		}
		if len(line) < 2 || line[1] != ':' {
			return nil, r.fail("%s is not a field", excerpt(line))
		}
		if r.p == nil {
			r.p = &apkRecord{line: r.lines.number}
			r.p.files = collector{finder: r.finder, listing: listing{list: r.node}}
			r.seen, r.dir, r.inDir, r.file = [256]int{}, "", false, false
		}
		r.p.end = r.lines.number
		if err := r.add(line[0], line[2:]); err != nil {
			return nil, err
		}
	}
}

func (r *apkReader) fail(format string, args ...any) *parseError {
	e := r.lines.fail(format, args...)
	e.Hint = hintApk
	return e
}

// add takes one field.
func (r *apkReader) add(name byte, value string) error {
	p := r.p
	switch name {
	case 'F', 'R', 'M', 'a', 'Z':
		return r.addFile(name, value)
	}
	if before := r.seen[name]; before > 0 {
		return r.fail("field %q appears twice in one record, first in line %d", name, before)
	}
	r.seen[name] = r.lines.number
	switch name {
	case 'P':
		if !validApkName(value) {
			return r.fail("%s is not a package name", excerpt(value))
		}
		p.name = strings.Clone(value)
	case 'V':
		if value == "" || !printable(value) {
			return r.fail("%s is not a version", excerpt(value))
		}
		p.version = strings.Clone(value)
	case 'A':
		if !validApkArch(value) {
			return r.fail("%s is not an architecture", excerpt(value))
		}
		p.arch = strings.Clone(value)
	case 'o':
		if value != "" && !validApkName(value) {
			r.fault("origin %s is not a package name", excerpt(value))
			break
		}
		p.origin = strings.Clone(value)
	case 'T':
		if value == apkVirtual {
			p.description = apkVirtual
		}
	case 'C':
		d, err := parseApkDigest(value)
		if err != nil {
			r.fault("%v", err)
			break
		}
		p.digest, p.identity = d, strings.Clone(value)
	case 'I':
		if n, err := strconv.ParseInt(value, 10, 64); err == nil && n >= 0 && n < math.MaxInt64 {
			p.size = n
		}
	case 'D':
		p.depends = r.dependencies(name, value)
	case 'p':
		p.provides = r.dependencies(name, value)
	case 'i':
		p.installIf = r.dependencies(name, value)
	case 'r':
		p.replaces = r.dependencies(name, value)
	case 'm':
		p.maintainer = sbom.Statement(strings.Clone(value))
	case 'L':
		p.license = sbom.Statement(strings.Clone(value))
	case 'f':
		p.broken = strings.Clone(value)
	case 'S', 'U', 't', 'c', 'k', 'q', 's', 'g':
	default:
		r.fault("unknown field %q", name)
	}
	return nil
}

func (r *apkReader) dependencies(name byte, value string) []alternative {
	out, err := parseApkDependencies(value, false)
	if err != nil {
		r.fault("field %q: %v", name, err)
	}
	return out
}

// addFile takes one field of the list of files: directories, without a leading
// slash, and the files in each.
func (r *apkReader) addFile(name byte, value string) error {
	switch {
	case r.p.name == "":
		return r.fail("field %q before the name of the package", name)
	case name != 'F' && !r.inDir, name != 'F' && name != 'R' && name != 'M' && !r.file:
		return r.fail("field %q without a directory or file before it", name)
	}
	c := &r.p.files
	switch name {
	case 'F':
		r.flush()
		r.inDir, r.file = true, false
		r.dir, r.bad = "/"+value, false
		if value == "" {
			r.dir = ""
			break
		}
		if !cleanPath(r.dir) {
			r.bad = true
			r.malformed(r.dir)
			break
		}
		r.dir = strings.Clone(r.dir)
		c.listed++
		r.record(r.dir, rootfs.Dir, 0o755)
		if !c.take(r.dir) {
			c.absent++
		}
	case 'R':
		r.flush()
		r.file = true
		path := r.dir + "/" + value
		if r.bad || strings.IndexByte(value, '/') >= 0 || !cleanPath(path) || value == "" {
			r.malformed(path)
			break
		}
		c.listed++
		r.record(path, 0, 0o644)
		if !c.take(path) {
			c.absent++
		}
	case 'M', 'a':
		r.recordMode(value)
	case 'Z':
		r.recordDigest(value)
	}
	return nil
}

// malformed counts a malformed path, which has no owner.
func (r *apkReader) malformed(path string) {
	c := &r.p.files
	if c.malformed++; c.malformed == 1 {
		c.fault = r.lines.fail("path %s of package %s is not a clean path: it may lead out of the package", excerpt(path), r.p.name)
	}
}

// finish returns the completed record.
func (r *apkReader) finish() (*apkRecord, error) {
	p := r.p
	r.flush()
	r.p = nil
	at := func(format string, args ...any) (*apkRecord, error) {
		return nil, &parseError{File: r.lines.file, Line: p.line, Msg: fmt.Sprintf(format, args...), Hint: hintApk}
	}
	switch {
	case p.name == "":
		return at("record has no P: field, the name of the package")
	case p.version == "":
		return at("package %s has no V: field, the version", p.name)
	}
	if p.digest.Value != "" {
		p.digest.File = r.lines.file
	}
	return p, nil
}

// fault records a malformed field. The number of recorded faults is limited.
func (r *apkReader) fault(format string, args ...any) {
	const most = 10
	if len(r.p.faults) < most {
		what := fmt.Sprintf(format, args...)
		if r.p.name != "" {
			what = "package " + r.p.name + ": " + what
		}
		r.p.faults = append(r.p.faults, sbom.Gap{Kind: sbom.GapMalformed, Path: r.lines.file,
			Detail: fmt.Sprintf("line %d: %s", r.lines.number, what)})
	}
}

// parseApkDigest parses the identity of a package: "Q1" and the base64 of the
// SHA-1 of its control segment, which is also what an index and apko.lock
// have; "Q2" is SHA-256, and "X" in place of "Q" is hexadecimal
// (apk_blob_pull_digest).
func parseApkDigest(s string) (sbom.Digest, error) {
	wrong := fmt.Errorf("%s is not a digest", excerpt(s))
	if len(s) < 2 {
		return sbom.Digest{}, wrong
	}
	var sum []byte
	var err error
	switch s[0] {
	case 'Q':
		sum, err = base64.StdEncoding.DecodeString(s[2:])
	case 'X':
		sum, err = hex.DecodeString(s[2:])
	default:
		return sbom.Digest{}, wrong
	}
	const sha1, sha256 = 20, 32
	switch {
	case err != nil:
	case len(sum) == sha1 && s[1] == '1':
		return sbom.Digest{Algorithm: "sha1", Value: hex.EncodeToString(sum)}, nil
	case len(sum) == sha256 && (s[1] == '1' || s[1] == '2'):
		return sbom.Digest{Algorithm: "sha256", Value: hex.EncodeToString(sum)}, nil
	}
	return sbom.Digest{}, wrong
}

// validApkName follows PKGNAME in apk-tools' src/ctype.c, plus the dot at the
// start of the name of a virtual package.
func validApkName(s string) bool {
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && strings.IndexByte("._", s[i]) < 0 && (i == 0 || strings.IndexByte("-+", s[i]) < 0) {
			return false
		}
	}
	return strings.Trim(s, ".") != ""
}

func validApkArch(s string) bool {
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && strings.IndexByte("_-.", s[i]) < 0 {
			return false
		}
	}
	return true
}

// newApkReader returns a reader of a database. It looks the paths up as it
// reads them, and keeps none.
func newApkReader(ctx context.Context, rd io.Reader, file string, n rootfs.Node, f *finder) *apkReader {
	return &apkReader{lines: newLines(ctx, rd, file), node: n, finder: f}
}
