package diff

import (
	"strconv"
	"strings"
)

// quote quotes untrusted text for an error; the caller escapes it when it prints
// the error.
func quote(s string) string {
	const longest = 200 // of what is worth reading
	if len(s) > longest {
		s = strings.ToValidUTF8(s[:longest], "") + "…"
	}
	return strconv.Quote(s)
}
