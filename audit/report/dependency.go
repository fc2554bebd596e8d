package report

import (
	"fmt"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom"
)

// name returns the name of a dependency with namespace and version, or the ID
// where the report does not have it.
func (s stage) name(id string) string {
	d := s.byID[id]
	if d == nil {
		return id
	}
	return d.Label()
}

// short is name without the version.
func (s stage) short(id string) string {
	d := s.byID[id]
	if d == nil {
		return id
	}
	return d.FullName()
}

// provenance returns the provenance of a dependency with its evidence.
func (s stage) provenance(id string) string {
	d := s.byID[id]
	if d == nil {
		return ""
	}
	return provenance(d)
}

func provenance(d *audit.Dependency) string {
	evidence := d.Evidence
	if d.Provenance == audit.FromNowhere && d.Why != nil {
		evidence = d.Why.Code
	}
	return strength(d.Provenance, evidence)
}

// strength returns a provenance with its evidence.
func strength(p audit.Provenance, evidence string) string {
	if evidence == "" || evidence == "none" {
		return string(p)
	}
	return fmt.Sprintf("%s (%s)", p, evidence)
}

// why returns the reason why a dependency is not accounted for, or its detail.
func (s stage) why(id string) string {
	d := s.byID[id]
	switch {
	case d == nil:
		return ""
	case d.Kind == sbom.KindFiles && d.Detail != "":
		return d.Detail // that no package accounts for it is said already
	case d.Why != nil && d.Why.Lock != nil:
		text, place := detail(d), "("+entry(d.Why.Lock)+")"
		if strings.Contains(text, place) {
			return text
		}
		return strings.TrimSpace(text + " " + place)
	case d.Why != nil && d.Why.Detail != "":
		return detail(d)
	}
	return d.Detail
}

// detail returns the reason why a dependency is not accounted for, without its
// name and version at the beginning: they are printed beside it.
func detail(d *audit.Dependency) string {
	for _, said := range []string{"%q %q is ", "%q is installed at %q and "} {
		for _, name := range []string{d.Name, d.FullName()} {
			if rest, ok := strings.CutPrefix(d.Why.Detail, fmt.Sprintf(said, name, d.Version)); ok {
				return rest
			}
		}
	}
	return d.Why.Detail
}

// entry returns the place of a lock entry.
func entry(l *audit.LockRef) string {
	if l.Line > 0 {
		return fmt.Sprintf("%s:%d", l.File, l.Line)
	}
	return l.File
}
