package version

import "strings"

// parseGem splits a version as Gem::Version does (lib/rubygems/version.rb): runs
// of digits and runs of letters, without zeros at the end of the part before
// the first letters and at the end of the rest.
func parseGem(s string) ([]string, bool) {
	s = strings.TrimSpace(s)
	if s == "" || !isDigit(s[0]) {
		return nil, false
	}
	version, pre, has := strings.Cut(s, "-")
	if has {
		if pre == "" || !gemParts(strings.ReplaceAll(pre, "-", "")) {
			return nil, false
		}
		s = version + ".pre." + strings.ReplaceAll(pre, "-", ".pre.")
	}
	if !gemParts(version) {
		return nil, false
	}
	var out []string
	kept, letters := 0, false // zeros are removed down to kept
	for s != "" {
		n := 0
		switch {
		case isDigit(s[0]):
			for n < len(s) && isDigit(s[n]) {
				n++
			}
		case isLetter(s[0]):
			for n < len(s) && isLetter(s[n]) {
				n++
			}
			if !letters {
				out = withoutZeros(out, 0)
				kept, letters = len(out), true
			}
		default:
			s = s[1:]
			continue
		}
		out = append(out, s[:n])
		s = s[n:]
	}
	out = withoutZeros(out, kept)
	if len(out) == 0 {
		out = []string{"0"}
	}
	return out, true
}

func gemParts(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" {
			return false
		}
		for i := range len(part) {
			if !isDigit(part[i]) && !isLetter(part[i]) {
				return false
			}
		}
	}
	return true
}

func withoutZeros(parts []string, from int) []string {
	for len(parts) > from && strings.Trim(parts[len(parts)-1], "0") == "" {
		parts = parts[:len(parts)-1]
	}
	return parts
}

func compareGem(a, b []string) int {
	at := func(list []string, i int) string {
		if i < len(list) {
			return list[i]
		}
		return "0"
	}
	for i := range max(len(a), len(b)) {
		x, y := at(a, i), at(b, i)
		var c int
		switch nx, ny := isDigit(x[0]), isDigit(y[0]); {
		case nx && ny:
			c = compareNumbers(x, y)
		case nx:
			c = 1
		case ny:
			c = -1
		default:
			c = strings.Compare(x, y)
		}
		if c != 0 {
			return c
		}
	}
	return 0
}
