// Package license translates what packages state about their licences to
// expressions of SPDX (https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/).
// It decides nothing about licences: depaudit repeats claims.
package license

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
)

// refPrefix begins the identifiers of statements that are no expressions.
const refPrefix = "LicenseRef-depaudit-"

// Declared is what a package states.
type Declared struct {
	// Expression has all statements, empty for none. A statement that is no
	// expression ("GPLv3+", "BSD", "see COPYING") is in it by its reference.
	Expression string
	// Refs are the statements that are no expressions, by their references.
	Refs map[string]string
}

// Plain reports whether all statements are expressions.
func (d Declared) Plain() bool { return len(d.Refs) == 0 }

// Of returns the expression of what a component states, by the rules of its type.
func Of(c *sbom.Component) Declared {
	if c.Type == "deb" {
		// The file is that of the source package.
		return Debian(c.Licenses, cmp.Or(c.Source, c.Name))
	}
	return New(c.Licenses)
}

// ID returns the identifier of SPDX that one statement of a component is equal to.
func ID(c *sbom.Component, statement string) (string, bool) {
	if c.Type == "deb" {
		id, ok := short(statement)
		return id, ok && exact(id)
	}
	id, ok := canonical(statement)
	return id, ok && exact(id)
}

// New returns the expression of a list of statements: all of them hold, as far as
// the package says.
func New(statements []string) Declared {
	var parts []string
	d := Declared{Refs: map[string]string{}}
	for _, s := range statements {
		part, ok := canonical(s)
		if !ok {
			part = reference(s)
			d.Refs[part] = s
		} else if len(statements) > 1 && strings.Contains(part, " ") {
			part = "(" + part + ")"
		}
		if !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	d.Expression = strings.Join(parts, " AND ")
	return d
}

// reference returns the identifier for a text.
func reference(text string) string {
	sum := sha256.Sum256([]byte(text))
	return refPrefix + hex.EncodeToString(sum[:8])
}
