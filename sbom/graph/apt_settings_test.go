package graph

import (
	"slices"
	"testing"

	"github.com/depaudit/depaudit/sbom"
)

// TestAptSettings checks what apt's settings change: autoremove takes what is only
// suggested or recommended, and a rebuild does not install what is only
// recommended.
func TestAptSettings(t *testing.T) {
	deb := func(name string, reason sbom.InstallReason) sbom.Component {
		return sbom.Component{ID: name, Kind: sbom.KindOS, Type: "deb", Name: name, InstallReason: reason}
	}
	orphans := func(g *Graph) []string { return g.Roots().Orphans }
	for _, tt := range []struct {
		name             string
		apt              sbom.Apt
		removed, rebuilt []string // without a question
	}{
		{"the defaults", sbom.Apt{}, nil, []string{"suggested"}},
		{"of images of Debian", sbom.Apt{TakeSuggested: true}, []string{"suggested"}, []string{"suggested"}},
		{"nor what is recommended", sbom.Apt{TakeSuggested: true, TakeRecommended: true}, []string{"recommended", "suggested"}, []string{"suggested"}},
		{"only what is recommended", sbom.Apt{TakeRecommended: true}, []string{"recommended"}, []string{"suggested"}},
		{"no recommendations", sbom.Apt{NoRecommends: true}, nil, []string{"recommended", "suggested"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := sbom.Document{
				Environment: sbom.Environment{Kind: "dir", Apt: tt.apt},
				Components: []sbom.Component{
					deb("tool", sbom.ReasonExplicit), deb("needed", sbom.ReasonDependency), deb("recommended", sbom.ReasonDependency), deb("suggested", sbom.ReasonDependency),
				},
				Relations: []sbom.Relation{
					{From: "tool", To: "needed", Kind: sbom.RelDepends},
					{From: "tool", To: "recommended", Kind: sbom.RelRecommends},
					{From: "tool", To: "suggested", Kind: sbom.RelSuggests},
				},
			}
			doc, err := sbom.New(d)
			if err != nil {
				t.Fatal(err)
			}
			g := New(doc, Options{})
			if got := orphans(g); !slices.Equal(got, tt.removed) {
				t.Errorf("autoremove takes %q, want %q", got, tt.removed)
			}
			if got := orphans(g.Rebuild()); !slices.Equal(got, tt.rebuilt) {
				t.Errorf("a rebuild lacks %q, want %q", got, tt.rebuilt)
			}
		})
	}
}
