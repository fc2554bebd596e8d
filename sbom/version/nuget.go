package version

import (
	"strings"

	"github.com/depaudit/depaudit/sbom/ecosystem"
)

// nuget returns the normalized form of a NuGet version: three numbers, or four if
// the last is not 0, without leading zeros and build metadata, in lower case
// (https://learn.microsoft.com/nuget/concepts/package-versioning#normalized-version-numbers).
// Any other text is returned as it is.
func nuget(s string) string {
	if len(s) > maxLength {
		return s
	}
	plain, _, _ := strings.Cut(s, "+")
	numbers, label, hasLabel := strings.Cut(plain, "-")
	parts := strings.Split(numbers, ".")
	if len(parts) > 4 {
		return s
	}
	for i, p := range parts {
		if p == "" || strings.Trim(p, "0123456789") != "" {
			return s
		}
		if parts[i] = strings.TrimLeft(p, "0"); parts[i] == "" {
			parts[i] = "0"
		}
	}
	for len(parts) < 3 {
		parts = append(parts, "0")
	}
	if len(parts) == 4 && parts[3] == "0" {
		parts = parts[:3]
	}
	out := strings.Join(parts, ".")
	if hasLabel {
		out += "-" + ecosystem.Lower(label)
	}
	return out
}
