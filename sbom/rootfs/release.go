package rootfs

import (
	"errors"
	"fmt"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/ecosystem"
)

// maxRelease is the maximum size of a file that names the system. Real ones
// have 300 to 1,000 bytes.
const maxRelease = 64 << 10

// Identity is the operating system of an environment.
type Identity struct {
	sbom.OS
	// File names the system: the path of an os-release file, or of an older one.
	// It is empty when no file does.
	File string
	// Notices are the lines of os-release that are not assignments.
	Notices []sbom.Notice
}

// Release reads os-release(5): /etc/os-release, or /usr/lib/os-release if that
// does not exist, with symbolic links resolved inside of the environment. When
// neither has an ID, an older file that names the system is read, see legacy.go.
//
// The lines of os-release are read as the shell and systemd read them, and
// more leniently where the intention is clear: the identity must not depend on
// a stray line. Lines that are not assignments are notices. A file that cannot
// be read is an error, and the identity is then that of the other files.
func Release(t *Tree) (Identity, error) {
	var id Identity
	var failed error
	for _, path := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		n := t.Resolve(path)
		if n == None {
			continue
		}
		data, err := t.ReadFile(n, maxRelease)
		if err != nil {
			failed = fmt.Errorf("operating system: %w", err)
			continue
		}
		var faults []string
		id.OS, faults = parseRelease(string(data))
		id.File = path
		if len(faults) > 0 {
			detail := faults[0]
			if len(faults) > 1 {
				detail += fmt.Sprintf("; %d lines like this are ignored", len(faults))
			}
			id.Notices = append(id.Notices, sbom.Notice{Kind: sbom.NoticeSystem, Path: path, Detail: detail})
		}
		break
	}
	if id.ID == "" {
		// The names for people are the last resort: "Amazon Linux AMI 2018.03".
		older, path, err := legacyRelease(t)
		failed = errors.Join(failed, err)
		if older.ID == "" && id.Pretty != "" {
			older, path = namedRelease(id.Pretty), id.File
		}
		if older.ID != "" {
			id.ID, id.File = older.ID, path
			if id.VersionID == "" {
				id.VersionID = older.VersionID
			}
			if id.Pretty == "" {
				id.Pretty = older.Pretty
			}
		}
	}
	return id, failed
}

// parseRelease parses the assignments of os-release(5). The last assignment to
// a name wins, as in the shell. Faults are lines that cannot be read, each with
// its number.
func parseRelease(text string) (release sbom.OS, faults []string) {
	name := ""
	faults = eachAssignment(text, func(key, value string) {
		switch key {
		case "ID":
			release.ID = firstWord(value)
			if strings.ContainsAny(strings.TrimSpace(value), " \t") {
				release.ID = nameID(value) // a name for people, or a comment
			}
		case "ID_LIKE":
			release.IDLike = strings.FieldsFunc(ecosystem.Lower(value), func(r rune) bool { return r == ' ' || r == '\t' || r == ',' })
		case "VERSION_ID":
			release.VersionID = strings.TrimSpace(value)
		case "PRETTY_NAME":
			release.Pretty = value
		case "NAME":
			name = value
		}
	})
	if release.Pretty == "" {
		release.Pretty = name
	}
	return release, faults
}

// firstWord returns an identifier in lower case, as os-release(5) requires it,
// without what follows a blank: the shell ends a value there.
func firstWord(s string) string {
	for word := range strings.FieldsSeq(ecosystem.Lower(s)) {
		return word
	}
	return ""
}

// eachAssignment calls set for the assignments of a file in the syntax of
// os-release(5) and lsb-release. It accepts what people write in scripts: a byte
// order mark, "export", blanks around the equals sign. It returns the faults of
// the other lines.
func eachAssignment(text string, set func(name, value string)) (faults []string) {
	text = strings.TrimPrefix(text, "\ufeff")
	line := 0
	for s := range strings.SplitSeq(text, "\n") {
		line++
		s = strings.TrimSpace(s)
		// systemd also accepts ';' as the start of a comment.
		if s == "" || s[0] == '#' || s[0] == ';' {
			continue
		}
		name, rest, ok := strings.Cut(s, "=")
		name = strings.TrimSpace(name)
		if after, exported := strings.CutPrefix(name, "export"); exported && strings.TrimLeft(after, " \t") != after {
			name = strings.TrimSpace(after)
		}
		if !ok || !isVariable(name) {
			faults = append(faults, fmt.Sprintf("line %d: not an assignment of the form NAME=value: %.80q", line, s))
			continue
		}
		value, err := unquote(strings.TrimSpace(rest))
		if err != nil {
			faults = append(faults, fmt.Sprintf("line %d: %s: %v", line, name, err))
		}
		if err == nil || errors.Is(err, errUnclosed) {
			set(name, value)
		}
	}
	return faults
}

func isVariable(s string) bool {
	for i, c := range []byte(s) {
		switch {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', c == '_':
		case i > 0 && '0' <= c && c <= '9':
		default:
			return false
		}
	}
	return s != ""
}

// errUnclosed is the error of a value whose quote is not closed on its line. The
// value is then the rest of the line.
var errUnclosed = errors.New("the quote is not closed")

// unquote parses a value with the quoting of the shell: nothing is special in
// single quotes; in double quotes a backslash escapes '"', '$', '`' and itself;
// outside of quotes it escapes any character. Spaces outside of quotes, which
// the format forbids and real files contain, are kept, as systemd does.
func unquote(s string) (string, error) {
	if strings.IndexByte(s, 0) >= 0 {
		return "", errors.New("the value contains a zero byte")
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '\'':
			end := strings.IndexByte(s[i+1:], '\'')
			if end < 0 {
				b.WriteString(s[i+1:])
				return b.String(), errUnclosed
			}
			b.WriteString(s[i+1 : i+1+end])
			i += 1 + end
		case '"':
			for i++; ; i++ {
				if i >= len(s) {
					return b.String(), errUnclosed
				}
				if s[i] == '"' {
					break
				}
				if s[i] == '\\' && i+1 < len(s) && strings.IndexByte("\"$`\\", s[i+1]) >= 0 {
					i++
				}
				b.WriteByte(s[i])
			}
		case '\\':
			if i++; i >= len(s) {
				return "", errors.New("nothing follows the backslash at the end")
			}
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}
