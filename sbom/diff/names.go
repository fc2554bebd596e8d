package diff

import (
	"strconv"
	"strings"
)

// quote quotes foreign text for an error; whoever prints it neutralises it.
func quote(s string) string {
	const longest = 200 // of what is worth reading
	if len(s) > longest {
		s = strings.ToValidUTF8(s[:longest], "") + "…"
	}
	return strconv.Quote(s)
}
