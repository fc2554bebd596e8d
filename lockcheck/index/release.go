package index

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/depaudit/depaudit/lockcheck/trust"
)

const (
	// maxRelease is the limit of a Release file in bytes. Ubuntu's have 300 kB.
	maxRelease = 4 << 20
	// maxReleases is the limit of Release files in one source. A host has one for
	// each of some dozens of archives. With the limits of their size and of their
	// signatures, it bounds the time for hostile ones to a minute.
	maxReleases = 256
)

// maxField is the limit of a value of a Release file, or of a name or version in an
// index, in bytes: messages have them. The longest path in Debian has 200.
const maxField = 512

// release is a Release file of apt
// (https://wiki.debian.org/DebianRepository/Format).
type release struct {
	source  int
	file    string // InRelease or Release, by its name in the source
	prefix  string // of the names of its indexes in the source
	lists   bool   // names below the prefix are those of apt's lists
	detach  string // the file of a detached signature, or ""
	fields  releaseFields
	about   standing
	key     *trust.Key
	problem string
}

// releaseFields are the fields that are used.
type releaseFields struct {
	origin, label, suite, codename string
	date, validUntil               string // YYYY-MM-DD
	// packages has the SHA-256, in lower-case hexadecimal, of each index of
	// packages, compressed or not; paths is the reverse, with the shortest path.
	packages, paths map[string]string
}

// parseRelease parses a Release file. Only digests of SHA-256 are used.
func parseRelease(data []byte) (releaseFields, error) {
	out := releaseFields{packages: make(map[string]string), paths: make(map[string]string)}
	section := ""
	digests := false
	for number, line := range bytes.Split(data, []byte("\n")) {
		s := strings.TrimRight(string(line), " \t\r")
		if s == "" {
			continue
		}
		if s[0] == ' ' || s[0] == '\t' {
			if section != "sha256" {
				continue
			}
			if err := out.digest(s); err != nil {
				return out, fmt.Errorf("line %d: %w", number+1, err)
			}
			continue
		}
		name, value, ok := strings.Cut(s, ":")
		if !ok {
			return out, fmt.Errorf("line %d: no field: %.40q", number+1, s)
		}
		section = strings.ToLower(name)
		if value = strings.TrimSpace(value); len(value) > maxField {
			value = strings.ToValidUTF8(value[:maxField], "") + "..."
		}
		switch section {
		case "origin":
			out.origin = value
		case "label":
			out.label = value
		case "suite":
			out.suite = value
		case "codename":
			out.codename = value
		case "date":
			out.date = day(value)
		case "valid-until":
			out.validUntil = day(value)
		case "sha256":
			if digests {
				return out, fmt.Errorf("line %d: second list of SHA-256 digests", number+1)
			}
			digests = true
		}
	}
	if !digests {
		return out, errors.New("it lists no SHA-256 digests")
	}
	return out, nil
}

// digest adds a line of the list of digests: digest, size, path.
func (r *releaseFields) digest(line string) error {
	f := strings.Fields(line)
	if len(f) != 3 {
		return fmt.Errorf("not a digest, a size and a path: %.60q", line)
	}
	sum, name := strings.ToLower(f[0]), path.Clean(f[2])
	if !isPackages(path.Base(name)) || !fs.ValidPath(name) {
		return nil
	}
	if len(sum) != 64 || strings.Trim(sum, "0123456789abcdef") != "" {
		return fmt.Errorf("not a SHA-256 digest: %.70q", f[0])
	}
	if _, err := strconv.ParseInt(f[1], 10, 64); err != nil {
		return fmt.Errorf("not a size: %.40q", f[1])
	}
	if other, listed := r.packages[name]; listed && other != sum {
		return fmt.Errorf("%.100q is listed twice, with two digests", name)
	}
	r.packages[name] = sum
	if other, listed := r.paths[sum]; !listed || len(name) < len(other) || len(name) == len(other) && name < other {
		r.paths[sum] = name
	}
	return nil
}

// day returns the day of a date of a Release file, or "".
func day(s string) string {
	for _, layout := range []string{"Mon, _2 Jan 2006 15:04:05 MST", "Mon, _2 Jan 2006 15:04:05 -0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC().Format(time.DateOnly)
		}
	}
	return ""
}

// releasePrefix returns the prefix of a name that ends as that of a Release file
// does. apt's lists have the whole URL in the name.
func releasePrefix(name, suffix string) (prefix string, lists, ok bool) {
	dir, base := path.Split(name)
	switch {
	case base == suffix:
		return dir, false, true
	case strings.HasSuffix(base, "_"+suffix):
		return dir + strings.TrimSuffix(base, suffix), true, true
	}
	return "", false, false
}

// releasesOf reads the Release files of a source.
func (o *opener) releasesOf(source int, names []string) {
	s := o.sources[source]
	read := 0
	inline := make(map[string]bool)
	has := make(map[string]bool)
	for _, name := range names {
		has[name] = true
		if prefix, _, ok := releasePrefix(name, "InRelease"); ok {
			inline[prefix] = true
		}
	}
	for _, name := range names {
		r := &release{source: source, file: name}
		var ok bool
		if r.prefix, r.lists, ok = releasePrefix(name, "InRelease"); !ok {
			if r.prefix, r.lists, ok = releasePrefix(name, "Release"); !ok || inline[r.prefix] {
				continue
			}
			if has[name+".gpg"] {
				r.detach = name + ".gpg"
			}
		}
		if read++; read > maxReleases {
			o.problem(s, ".", fmt.Sprintf("more than %d Release files: the rest is not read", maxReleases))
			return
		}
		if o.readRelease(s, r) {
			o.releases = append(o.releases, r)
		}
	}
}

// readRelease reads and verifies a Release file, and reports whether it is one of
// an archive: the directories of a mirror have files of that name without
// digests.
func (o *opener) readRelease(s Source, r *release) bool {
	r.about = unsigned
	damaged := func(file, detail string) bool {
		r.about, r.problem = unsigned, detail
		o.problem(s, file, detail)
		return true
	}
	data, err := readLimited(s.Files, r.file, maxRelease)
	if err != nil {
		return damaged(r.file, "cannot be read: "+cause(err))
	}
	text := data
	var signatures []trust.Signature
	switch {
	case r.detach != "":
		armored, err := readLimited(s.Files, r.detach, maxRelease)
		if err != nil {
			return damaged(r.detach, "cannot be read: "+cause(err))
		}
		if signatures, err = o.keys.Detached(data, armored); err != nil {
			return damaged(r.detach, err.Error())
		}
	case trust.IsClearsigned(data) || bytes.Contains(data, []byte("\n-----BEGIN PGP ")):
		if text, signatures, err = o.keys.Clearsigned(data); err != nil {
			return damaged(r.file, err.Error())
		}
	case strings.HasSuffix(r.file, "InRelease"):
		// apt stores no such file: an archive without signatures has a Release.
		return damaged(r.file, "the signature was removed from it")
	}
	if r.fields, err = parseRelease(text); err != nil {
		if len(signatures) == 0 && !bytes.Contains(text, []byte("\nSHA256:")) {
			return false
		}
		r.fields = releaseFields{}
		return damaged(r.file, "Release file is damaged: "+err.Error())
	}
	r.judge(signatures, o.keys)
	if r.about == unsigned && len(signatures) > 0 {
		o.problem(s, r.file, r.problem)
	}
	return true
}

// judge decides who vouches for the Release file.
func (r *release) judge(signatures []trust.Signature, keys *trust.Keys) {
	if len(signatures) == 0 {
		r.about, r.problem = unsigned, "no key signs it"
		return
	}
	var unknown []string
	bad, unread := "", ""
	for _, s := range signatures {
		switch {
		case s.Good():
			r.about, r.key, r.problem = signed, s.Key, ""
			return
		case s.Key != nil:
			bad = s.Problem + " (" + s.Key.Name + ")"
		case s.KeyID != "":
			name := s.KeyID
			if builtIn := keys.Untrusted(s.KeyID); builtIn != "" {
				name = builtIn + " (" + s.KeyID + ")"
			}
			unknown = append(unknown, name)
		default:
			unread = s.Problem
		}
	}
	if bad == "" && len(unknown) == 0 {
		bad = unread
	}
	if bad != "" {
		r.about, r.problem = unsigned, bad
		return
	}
	r.about, r.problem = foreign, "signed by "+strings.Join(unknown, " and ")+", which is not trusted"
}

// pathOf returns the path in the Release file of an index with a digest, or "".
func (r *release) pathOf(sum string) string { return r.fields.paths[sum] }

// covers reports whether a file of the same source is below the Release file.
func (r *release) covers(source int, name string) bool {
	if r.source != source || !strings.HasPrefix(name, r.prefix) {
		return false
	}
	return !r.lists || !strings.Contains(name[len(r.prefix):], "/")
}
