package sbom

import (
	"slices"
	"strings"
)

// maxStatement is the length in bytes of what the metadata of a package may state
// about its supplier or its licence. Some packages have the whole text of a
// licence in the field for its name.
const maxStatement = 512

// Statement returns what the metadata of a package states about its supplier or
// its licence, with single spaces; empty for nothing, for a word that means
// nothing ("UNKNOWN", "None"), and for a text rather than a name: one of several
// lines, or a long one.
func Statement(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > maxStatement || strings.ContainsAny(s, "\n\r") {
		return ""
	}
	s = strings.Join(strings.Fields(s), " ")
	switch strings.ToLower(s) {
	case "unknown", "none", "null", "n/a", "(none)", "noassertion", "undefined":
		return ""
	}
	return s
}

// Statements returns a list of the one statement, nil for none.
func Statements(s string) []string {
	if s = Statement(s); s == "" {
		return nil
	}
	return []string{s}
}

// Choice returns the one statement of a package that lists licences of which one may be
// chosen, nil for none: npm and Composer define such a list as the expression with OR
// (https://docs.npmjs.com/cli/configuring-npm/package-json#license,
// https://getcomposer.org/doc/04-schema.md#license).
func Choice(list []string) []string {
	var names []string
	for _, s := range list {
		if s = Statement(s); s != "" && !slices.Contains(names, s) {
			names = append(names, s)
		}
	}
	for i, s := range names {
		if len(names) > 1 && strings.Contains(s, " AND ") && !strings.HasPrefix(s, "(") {
			names[i] = "(" + s + ")"
		}
	}
	return Statements(strings.Join(names, " OR "))
}

// Party is a supplier, as exchange formats have it.
type Party struct {
	Name, Email string
	// Person is false for a team, a project or a company: for a name without an
	// address of a person, as far as its text shows.
	Person bool
}

// teams are the words in the names and addresses of those that are several.
var teams = []string{
	"team", "maintainers", "developers", "group", "project", "foundation", "community", "authors", "contributors",
	"packagers", "inc", "inc.", "ltd", "llc", "gmbh", "corp", "corporation", "lists", "list", "@lists.", "@packages.", "@tracker.", "-devel@", "-team@",
}

// SupplierParty returns the supplier of a component: "NAME <EMAIL>", a name, or an
// address, of the first one if there are several.
func SupplierParty(supplier string) Party {
	first := supplier
	for _, end := range []string{">,", "> ("} { // the next one; the home page, in package.json
		if i := strings.Index(first, end); i >= 0 {
			first = first[:i+1]
		}
	}
	p := Party{Name: first}
	if name, rest, ok := strings.Cut(first, "<"); ok && strings.HasSuffix(rest, ">") {
		p.Name, p.Email = strings.Trim(strings.TrimSpace(name), `"`), strings.TrimSuffix(rest, ">")
	} else if strings.Contains(first, "@") && !strings.Contains(first, " ") {
		p.Email = first
	}
	if p.Name == "" {
		p.Name = p.Email
	}
	p.Person = p.Email != ""
	words := strings.Fields(strings.ToLower(p.Name))
	for _, team := range teams {
		address := strings.ContainsAny(team, "@-")
		for _, w := range words {
			p.Person = p.Person && (address || w != team)
		}
		p.Person = p.Person && !(address && strings.Contains(strings.ToLower(p.Email), team))
	}
	return p
}
