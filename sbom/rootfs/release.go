package rootfs

import (
	"errors"
	"fmt"
	"strings"

	"github.com/depaudit/depaudit/sbom"
)

// maxRelease is the maximum size of an os-release file. Real ones have 300 to
// 1,000 bytes.
const maxRelease = 64 << 10

// Release reads os-release(5): /etc/os-release, or /usr/lib/os-release if that
// does not exist, with symbolic links resolved inside of the environment. It
// returns false if neither exists. A file that cannot be read or does not follow
// the format is an error: the operating system is then unknown, which is not the
// same as none.
func Release(t *Tree) (sbom.OS, bool, error) {
	for _, path := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		n := t.Resolve(path)
		if n == None {
			continue
		}
		data, err := t.ReadFile(n, maxRelease)
		if err != nil {
			return sbom.OS{}, false, fmt.Errorf("operating system: %w", err)
		}
		release, err := parseRelease(string(data))
		if err != nil {
			return sbom.OS{}, false, fmt.Errorf("operating system: %s:%w", path, err)
		}
		return release, true, nil
	}
	return sbom.OS{}, false, nil
}

// parseRelease parses the assignments of os-release(5). The last assignment to
// a name wins, as in the shell. Errors start with the line.
func parseRelease(text string) (sbom.OS, error) {
	var release sbom.OS
	line := 0
	for text != "" {
		var s string
		s, text, _ = strings.Cut(text, "\n")
		line++
		s = strings.TrimSpace(s)
		// systemd also accepts ';' as the start of a comment.
		if s == "" || s[0] == '#' || s[0] == ';' {
			continue
		}
		name, rest, ok := strings.Cut(s, "=")
		if !ok || !isVariable(name) {
			return sbom.OS{}, fmt.Errorf("%d: not an assignment of the form NAME=value: %.80q", line, s)
		}
		value, err := unquote(rest)
		if err != nil {
			return sbom.OS{}, fmt.Errorf("%d: %s: %w", line, name, err)
		}
		switch name {
		case "ID":
			release.ID = value
		case "ID_LIKE":
			release.IDLike = strings.Fields(value)
		case "VERSION_ID":
			release.VersionID = value
		case "PRETTY_NAME":
			release.Pretty = value
		}
	}
	return release, nil
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
				return "", errors.New("the single quote is not closed")
			}
			b.WriteString(s[i+1 : i+1+end])
			i += 1 + end
		case '"':
			for i++; ; i++ {
				if i >= len(s) {
					return "", errors.New("the double quote is not closed")
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
