package judge

import (
	"fmt"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/sbom/wording"
)

// waivers are those of a stage. They work like exceptions.
type waivers struct {
	terms
	list []config.Waiver
	sel  []selector
	// lapsed are the expired waivers, by place, with the number of gaps that
	// they no longer cover.
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
		return (x.Kind != "" || x.Path != "") && (x.Kind == "" || x.Kind == g.Kind) &&
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

// waivers tells the waivers that ended and those that are for nothing.
func (p *policy) waivers() {
	for i, n := range p.waive.lapsed {
		x := &p.waive.list[i]
		switch {
		case n > 0:
			p.finding(audit.RuleExpiredWaiver, audit.Finding{
				Message: fmt.Sprintf("the waiver for %s (%s) ended on %s; %s", x.String(), x.Owner, x.Expires, wording.Count(n, "gap is no longer waived", "gaps are no longer waived")),
				Fix:     fmt.Sprintf("repair what could not be read, or renew the waiver (line %d) with a reason that still holds", x.Line),
			})
		case !p.waive.used[i]:
			p.finding(audit.RuleUnusedWaiver, audit.Finding{
				Message: fmt.Sprintf("the waiver for %s (%s, until %s) waives nothing", x.String(), x.Owner, x.Expires),
				Fix:     fmt.Sprintf("delete it (line %d)", x.Line),
			})
		}
	}
}
