package image

import (
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/sbom/wording"
)

// maxListed is the maximum number of names in an error message.
const maxListed = 12

// quote makes an untrusted name printable for an error message.
func quote(s string) string { return wording.Quote(s) }

// cut shortens a text, at the start of a character.
func cut(s string, limit int) string { return wording.Cut(s, limit) }

// printable returns an untrusted text on one line, without control characters.
func printable(s string, limit int) string { return wording.Printable(s, limit) }

// list formats names for an error message, each once and in order.
func list(names []string) string { return listAbout(names, nil) }

// listAbout is list with remarks about some of the names.
func listAbout(names []string, about map[string]string) string {
	names = slices.Clone(names)
	slices.Sort(names)
	names = slices.Compact(names)
	more := ""
	if len(names) > maxListed {
		more = ", and " + strconv.Itoa(len(names)-maxListed) + " more"
		names = names[:maxListed]
	}
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quote(n) + about[n]
	}
	return strings.Join(quoted, ", ") + more
}
