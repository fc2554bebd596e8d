package config

import (
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/depaudit/depaudit/audit/textfile"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// Definition is a reference to what defines a stage: a file of the checkout and the
// job, the stage of a Dockerfile or the service in it.
type Definition struct {
	// Ref is FILE or FILE#NAME, as configured. The file is relative to the directory
	// of the configuration, with slashes.
	Ref string
	// Place is that of the reference in the configuration.
	Place Place
}

// File returns the file of the reference, Name what it names there.
func (d Definition) File() string { f, _, _ := strings.Cut(d.Ref, "#"); return f }
func (d Definition) Name() string { _, n, _ := strings.Cut(d.Ref, "#"); return n }

// definitionRef is the form of a reference. The schema has the same pattern.
var definitionRef = lazyregexp.New(`^[^/#\\\x00-\x1f\x7f-\x9f][^#\\\x00-\x1f\x7f-\x9f]*(#[^#\x00-\x1f\x7f-\x9f]+)?$`)

const definitionForm = `write FILE#NAME, such as .github/workflows/release.yml#build, Dockerfile#stage or compose.yaml#service, relative to the directory of this file`

// definitions decodes one reference, or a list of different ones.
func (p *configParser) definitions(n ast.Node) []Definition {
	var out []Definition
	p.oneOrMore(n, "a definition such as .github/workflows/release.yml#build", func(n ast.Node) (string, bool) {
		ref, ok := p.text(n, "a definition such as .github/workflows/release.yml#build", false)
		if !ok {
			return "", false
		}
		if !definitionRef.MatchString(ref) {
			hint := definitionForm
			if strings.HasPrefix(ref, "/") {
				hint = "name a file of the checkout: " + definitionForm
			}
			p.fail(place(n), hint, "invalid definition %s", textfile.Quote(ref))
			return "", false
		}
		at := place(n)
		out = append(out, Definition{Ref: ref, Place: Place{at.line, at.column}})
		return ref, true
	})
	return out
}
