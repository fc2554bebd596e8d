package diff

import (
	"strconv"
	"strings"
)

// foldName is a name in which case and, for Python, separators do not matter.
// Only ASCII letters are touched, so that no look-alike folds into another
// name.
func foldName(name string) string {
	var b strings.Builder
	b.Grow(len(name))
	for i := range len(name) {
		c := name[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}

// pythonName is a project's name by PEP 503: runs of "-", "_" and "." are one
// "-", and case does not matter.
func pythonName(name string) string {
	var b strings.Builder
	run := false
	for i := range len(name) {
		if c := name[i]; c == '-' || c == '_' || c == '.' {
			run = true
			continue
		}
		if run {
			b.WriteByte('-')
			run = false
		}
		b.WriteByte(name[i])
	}
	if run {
		b.WriteByte('-')
	}
	return foldName(b.String())
}

// quote quotes foreign text for an error; whoever prints it neutralises it.
func quote(s string) string {
	const longest = 200 // of what is worth reading
	if len(s) > longest {
		s = strings.ToValidUTF8(s[:longest], "") + "…"
	}
	return strconv.Quote(s)
}
