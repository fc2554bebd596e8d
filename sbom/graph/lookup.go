package graph

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/depaudit/depaudit/sbom/wording"
)

// Limits of the suggestions of a failed lookup.
const (
	// maxNear is the number of suggested names.
	maxNear = 5
	// maxFar is the number of changed letters of a typing mistake.
	maxFar = 3
	// maxWord is the longest name that is compared letter by letter.
	maxWord = 100
)

// Find returns the IDs of the components that match a word, sorted. A word is
// an ID or a package URL, or else name@version, or else a name, or else a path
// of a component. More than one result means that the word is ambiguous, and
// each result is an exact match. A name matches bundled components only where
// no counted component has that name.
//
// A document does not contain the paths that a package database lists. The
// caller has to find their owner and search for that.
func (g *Graph) Find(word string) ([]string, error) {
	if word == "" {
		return nil, &UnknownError{}
	}
	if _, ok := g.index[word]; ok {
		return []string{word}, nil
	}
	name, version, versioned := cutVersion(word)
	for _, match := range []func(i int32) bool{
		func(i int32) bool { return g.nodes[i].PURL == word },
		func(i int32) bool {
			return versioned && g.counts(i) && g.hasName(i, name) && g.nodes[i].Version == version
		},
		func(i int32) bool { return g.counts(i) && g.hasName(i, word) },
		func(i int32) bool {
			return g.hasName(i, word) || versioned && g.hasName(i, name) && g.nodes[i].Version == version
		},
		func(i int32) bool {
			_, found := slices.BinarySearch(g.nodes[i].Paths, word)
			return found && word[0] == '/'
		},
	} {
		var out []string
		for i := range int32(len(g.nodes)) {
			if match(i) {
				out = append(out, g.nodes[i].ID)
			}
		}
		if len(out) > 0 {
			return out, nil
		}
	}
	return nil, &UnknownError{ID: word, Near: g.near(word)}
}

// hasName reports whether a component has a name: alone, or with its namespace,
// its type or both in front of it.
func (g *Graph) hasName(i int32, name string) bool {
	c := g.nodes[i]
	if !strings.HasSuffix(name, c.Name) {
		return false
	}
	before := strings.TrimSuffix(name, c.Name)
	switch before {
	case "", c.Type + "/":
		return true
	case c.Namespace + "/", c.Type + "/" + c.Namespace + "/":
		return c.Namespace != ""
	}
	return false
}

// cutVersion cuts name@version, but not the scope of @scope/name.
func cutVersion(word string) (name, version string, ok bool) {
	i := strings.LastIndexByte(word, '@')
	if i <= 0 || word[i-1] == '/' {
		return word, "", false
	}
	return word[:i], word[i+1:], true
}

// near returns the IDs whose names are most similar to a word: those that
// contain it or are contained in it, and those that differ by a typing mistake.
func (g *Graph) near(word string) []string {
	word, _, _ = strings.Cut(word, "?")
	word, _, _ = cutVersion(word)
	if i := strings.LastIndexByte(word, '/'); i >= 0 && i < len(word)-1 {
		word = word[i+1:]
	}
	word = strings.ToLower(word)
	if word == "" || len(word) > maxWord {
		return nil
	}
	type candidate struct {
		node, far int32
	}
	var found []candidate
	for i := range int32(len(g.nodes)) {
		name := strings.ToLower(g.nodes[i].Name)
		if len(name) > maxWord || name == "" {
			continue
		}
		far := int32(maxFar + 1)
		if d := len(name) - len(word); d >= -maxFar && d <= maxFar {
			far = int32(wording.Distance(word, name))
		}
		const shortest = 3 // shorter words are within everything
		if far > maxFar && (len(word) >= shortest && strings.Contains(name, word) || len(name) >= shortest && strings.Contains(word, name)) {
			far = maxFar
		}
		// A third of the letters may be wrong, not all of them.
		if far <= maxFar && int(far)*3 <= max(utf8.RuneCountInString(word), maxFar) || far == maxFar && strings.Contains(name, word) {
			found = append(found, candidate{i, far})
		}
	}
	slices.SortFunc(found, func(a, b candidate) int {
		bundled := func(c candidate) int {
			if g.counts(c.node) {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.far, b.far), cmp.Compare(bundled(a), bundled(b)),
			cmp.Compare(len(g.nodes[a.node].Name), len(g.nodes[b.node].Name)), cmp.Compare(a.node, b.node))
	})
	var out []string
	for _, c := range found[:min(len(found), maxNear)] {
		out = append(out, g.nodes[c.node].ID)
	}
	return out
}
