package judge

import (
	"fmt"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/sbom"
)

// waivers are the waivers of a stage.
type waivers struct {
	terms
	list []config.Waiver
	sel  []selector
	// lapsed is the number of gaps that each expired waiver no longer covers.
	lapsed []int
}

func newWaivers(list []config.Waiver, today string) *waivers {
	w := &waivers{list: list, lapsed: make([]int, len(list))}
	var expires []string
	for _, x := range list {
		w.sel = append(w.sel, newSelector("", "", x.Path))
		expires = append(expires, x.Expires)
	}
	w.terms = newTerms(today, expires)
	return w
}

// apply marks a gap that a live waiver covers.
func (w *waivers) apply(g *audit.Gap) {
	if !g.Waivable() {
		return
	}
	at, live := w.first(func(i int) bool {
		x := &w.list[i]
		return (x.Kind != "" || x.Path != "") && (x.Kind == "" || x.Kind == g.Kind || x.Kind == sbom.GapUnreadable && g.Kind == sbom.GapPermission) &&
			(x.Path == "" || g.Path != "" && w.sel[i].matchesPath(g.Path))
	})
	switch {
	case at < 0:
	case live:
		x := &w.list[at]
		g.Waived = &audit.ExceptionRef{Reason: x.Reason, Owner: x.Owner, Expires: x.Expires}
	default:
		w.lapsed[at]++
	}
}

// waivers reports the expired and the unused waivers.
func (p *policy) waivers() {
	for i, n := range p.waive.lapsed {
		x := &p.waive.list[i]
		switch {
		case n > 0:
			p.add(audit.RuleExpiredWaiver, audit.Facts{Subject: fmt.Sprintf("%s (%s)", x, x.Owner), Detail: x.Expires, Count: n, Line: x.Line})
		case !p.waive.used[i]:
			p.add(audit.RuleUnusedWaiver, audit.Facts{Subject: fmt.Sprintf("%s (%s, until %s)", x, x.Owner, x.Expires), Line: x.Line})
		}
	}
}
