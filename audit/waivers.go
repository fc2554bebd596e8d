package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/wording"
)

// GapBase is the kind of a gap in what is known of the stage's base. A scan
// makes none.
const GapBase = "base"

// unwaivableKinds are the gaps that mean that nothing can be said at all: of
// a lost scan nobody knows what it would have shown, and without a package
// database each of its packages is missing.
func unwaivableKinds() []string {
	return []string{string(sbom.GapLost), string(sbom.GapDatabase)}
}

// waivableKinds are all other kinds. A test holds both against what scans
// know.
func waivableKinds() []string {
	return []string{
		string(sbom.GapUnreadable), string(sbom.GapMount), string(sbom.GapCataloger), string(sbom.GapMalformed),
		string(sbom.GapUnreported), string(sbom.GapLimit), GapBase,
	}
}

// waivable says whether a gap may be waived. One of the base that has no
// place says that the base is not known, and with it nothing that rests on it.
func (g *Gap) waivable() bool {
	return !slices.Contains(unwaivableKinds(), g.Kind) && (g.Kind != GapBase || g.Path != "")
}

// openGaps is the number of gaps that are not waived.
func (s *Stage) openGaps() int {
	n := 0
	for i := range s.Gaps {
		if s.Gaps[i].Waived == nil {
			n++
		}
	}
	return n
}

// waivers are those of a stage. They work like exceptions.
type waivers struct {
	terms
	list []Waiver
	sel  []selector
	// lapsed are the expired waivers, by place, with the number of gaps that
	// they no longer cover.
	lapsed []int
}

func newWaivers(list []Waiver, today string) *waivers {
	w := &waivers{list: list, lapsed: make([]int, len(list))}
	var expires []string
	for _, x := range list {
		w.sel = append(w.sel, newSelector("", "", x.Path))
		expires = append(expires, x.Expires)
	}
	w.terms = newTerms(today, expires)
	return w
}

// apply marks the gaps that a live waiver covers. The path that is compared
// is the one in the environment, before it was made fit for a report.
func (w *waivers) apply(g *Gap, path string) {
	if !g.waivable() {
		return
	}
	at, live := w.first(func(i int) bool {
		x := &w.list[i]
		return (x.Kind != "" || x.Path != "") && (x.Kind == "" || x.Kind == g.Kind) &&
			(x.Path == "" || path != "" && w.sel[i].matchesPath(path))
	})
	switch {
	case at < 0:
	case live:
		x := &w.list[at]
		g.Waived = &ExceptionRef{Reason: x.Reason, Owner: x.Owner, Expires: x.Expires}
	default:
		w.lapsed[at]++
	}
}

// subject names the waiver in messages.
func (x *Waiver) subject() string {
	return strings.TrimSpace(cmp.Or(x.Kind, "gaps") + " " + x.Path)
}

// waivers tells the waivers that ended and those that are for nothing.
func (p *policy) waivers() {
	for i, n := range p.waive.lapsed {
		x := &p.waive.list[i]
		switch {
		case n > 0:
			p.finding(RuleExpiredWaiver, Finding{
				Message: fmt.Sprintf("the waiver for %s (%s) ended on %s; %s", x.subject(), x.Owner, x.Expires, wording.Count(n, "gap is no longer waived", "gaps are no longer waived")),
				Fix:     fmt.Sprintf("repair what could not be read, or renew the waiver (line %d) with a reason that still holds", x.Line),
			})
		case !p.waive.used[i]:
			p.finding(RuleUnusedWaiver, Finding{
				Message: fmt.Sprintf("the waiver for %s (%s, until %s) waives nothing", x.subject(), x.Owner, x.Expires),
				Fix:     fmt.Sprintf("delete it (line %d)", x.Line),
			})
		}
	}
}
