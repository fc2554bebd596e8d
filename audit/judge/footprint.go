package judge

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/lockcheck"
	"github.com/depaudit/depaudit/sbom"
)

// footprint is a document with the project's own components taken out and
// every other one given its provenance.
type footprint struct {
	doc    *sbom.Document
	config *config.Stage
	locks  []*lockcheck.Lock
	set    *lockcheck.Set
	except *exceptions
	base   *stageBase // nil without one

	// own are the IDs of the project's own components.
	own          map[string]bool
	dependencies []audit.Dependency // sorted by type, name, version, ID
	relations    []audit.Relation
	excluded     []audit.Excluded
	counts       audit.Counts
	// byID has the counted dependencies and those inside others.
	byID map[string]*audit.Dependency
	// broken are the IDs of counted dependencies by the rule of provenance
	// that they break.
	broken map[string][]string
	// unsound are the IDs of counted dependencies that break any.
	unsound map[string]bool
	// taken are the identities of the base's dependencies that are in the
	// stage as they are. Each stands for one of the stage's.
	taken map[string]bool
	// expired are the expired exceptions with what they no longer excuse.
	expired map[*config.Exception][]string
	locksOf map[entryPlace][]*lockcheck.Lock
	// usedLocks are the locks that name something installed.
	usedLocks map[*lockcheck.Lock]bool
}

// whyNoPackage is the code of [Reason] for files.
const whyNoPackage = "no-package"

func newFootprint(in Input, pipeline []string, except *exceptions) *footprint {
	f := &footprint{
		doc: in.Document, config: &in.Stage, except: except, base: compareBase(in),
		own: map[string]bool{}, byID: map[string]*audit.Dependency{}, broken: map[string][]string{},
		unsound: map[string]bool{}, taken: map[string]bool{},
		expired: map[*config.Exception][]string{},
		locksOf: map[entryPlace][]*lockcheck.Lock{}, usedLocks: map[*lockcheck.Lock]bool{},
	}
	f.locks = slices.SortedFunc(slices.Values(in.Locks), func(a, b *lockcheck.Lock) int { return cmp.Compare(a.Path, b.Path) })
	f.set = lockcheck.NewSet(f.locks, lockcheck.Policy{Registries: slices.Concat(pipeline, in.Stage.Registries)})
	f.indexLocks()
	f.findOwn()
	f.excludedLines()
	f.judge()
	f.edges()
	return f
}

// findOwn finds the components that the project itself makes (counting rule
// 4).
func (f *footprint) findOwn() {
	sel := make([]selector, len(f.config.FirstParty))
	for i, o := range f.config.FirstParty {
		sel[i] = newSelector(o.Name, o.PURL, o.Path)
	}
	for i := range f.doc.Components {
		c := &f.doc.Components[i]
		if slices.ContainsFunc(sel, func(s selector) bool { return s.matches(c) }) {
			f.own[c.ID] = true
		}
	}
}

func (f *footprint) excludedLines() {
	for _, e := range f.doc.Excluded {
		f.excluded = append(f.excluded, audit.Excluded{
			Path: sbom.ValidText(e.Path), Name: sbom.ValidText(e.Name), Version: sbom.ValidText(e.Version), PURL: sbom.ValidText(e.PURL),
			Reason: string(e.Reason), Detail: sbom.ValidText(e.Detail), Count: max(e.Count, 1),
		})
	}
	for i := range f.doc.Components {
		c := &f.doc.Components[i]
		if !f.own[c.ID] {
			continue
		}
		line := audit.Excluded{Name: sbom.ValidText(c.Name), Version: sbom.ValidText(c.Version), PURL: sbom.ValidText(c.PURL), Reason: "first-party", Count: 1}
		if len(c.Paths) > 0 {
			line.Path = sbom.ValidText(c.Paths[0])
		}
		f.excluded = append(f.excluded, line)
	}
	slices.SortStableFunc(f.excluded, func(a, b audit.Excluded) int { return cmp.Compare(a.Path, b.Path) })
	for _, e := range f.excluded {
		f.counts.Excluded += e.Count
	}
}

// judge gives every component its place in the report.
func (f *footprint) judge() {
	f.dependencies = make([]audit.Dependency, 0, len(f.doc.Components)-len(f.own))
	rules := map[string][]string{} // by ID, the rules that it breaks
	for i := range f.doc.Components {
		c := &f.doc.Components[i]
		if f.own[c.ID] {
			continue
		}
		d := dependency(c)
		if c.Layer > 0 && c.Layer <= len(f.doc.Environment.Image.Layers) {
			d.Layer = c.Layer
		}
		if owner := f.owner(c); owner != "" {
			d.Owner, d.Provenance, d.Evidence = sbom.ValidText(owner), audit.FromBundled, audit.EvidenceNone
		} else {
			rules[d.ID] = f.account(c, &d)
		}
		if c.Kind == sbom.KindOS && d.Provenance != audit.FromOS {
			d.OSEvidence = sbom.ValidText(c.Evidence)
		}
		f.counts.Count(d.Provenance)
		f.dependencies = append(f.dependencies, d)
	}
	slices.SortFunc(f.dependencies, compareDependencies)
	f.replacements()
	for i := range f.dependencies {
		d := &f.dependencies[i]
		f.byID[d.ID] = d
		for _, rule := range rules[d.ID] {
			f.broken[rule] = append(f.broken[rule], d.ID)
			f.unsound[d.ID] = true
		}
	}
}

func compareDependencies(a, b audit.Dependency) int {
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version), cmp.Compare(a.ID, b.ID))
}

// owner is the nearest component around c that is not the project's own. What
// lies inside an own component counts: being carried by our own binary does
// not make somebody else's code ours.
func (f *footprint) owner(c *sbom.Component) string {
	for c.Owner != "" && f.own[c.Owner] {
		c = f.doc.Component(c.Owner)
	}
	return c.Owner
}

func dependency(c *sbom.Component) audit.Dependency {
	paths := make([]string, len(c.Paths))
	for i, p := range c.Paths {
		paths[i] = sbom.ValidText(p)
	}
	d := audit.Dependency{
		ID: sbom.ValidText(c.ID), Key: sbom.ValidText(sbom.Key(c)), PURL: sbom.ValidText(c.PURL), Name: sbom.ValidText(c.Name), Namespace: sbom.ValidText(c.Namespace),
		Version: sbom.ValidText(c.Version), Arch: sbom.ValidText(c.Arch), Type: sbom.ValidText(c.Type), Paths: paths,
		InstallReason: string(c.InstallReason), Files: c.Files, Detail: sbom.ValidText(c.Detail),
		Kind: c.Kind, FoundBy: sbom.ValidText(c.FoundBy), Source: sbom.ValidText(c.Source), InstalledSize: c.InstalledSize,
	}
	for _, x := range c.Digests {
		x.Algorithm, x.Value, x.File = sbom.ValidText(x.Algorithm), sbom.ValidText(x.Value), sbom.ValidText(x.File)
		d.Digests = append(d.Digests, x)
	}
	if c.Install != nil {
		x := *c.Install
		x.URL, x.Commit, x.File = sbom.ValidText(x.URL), sbom.ValidText(x.Commit), sbom.ValidText(x.File)
		d.Install = &x
	}
	return d
}

// account sets the provenance of a component that counts and returns the
// rules that it breaks. What is sound without an exception does not use one,
// so that exceptions which are no longer needed are noticed.
func (f *footprint) account(c *sbom.Component, d *audit.Dependency) []string {
	rule := f.plainOrBase(c, d)
	if rule == "" {
		return nil
	}
	x, live := f.except.forComponent(c)
	switch {
	case x == nil:
		return []string{rule}
	case live:
		d.Provenance, d.Evidence, d.Exception = audit.FromException, audit.EvidenceExcepted, excuse(x)
		return nil
	}
	f.expired[x] = append(f.expired[x], d.ID)
	return []string{rule}
}

// plainOrBase looks at the base before anything else. That the base is named
// well enough is judged once for all of it, and not here. Only what rests on
// the image's own word is judged as though the image had not said it: who can
// make the stage could also have it say that.
func (f *footprint) plainOrBase(c *sbom.Component, d *audit.Dependency) string {
	id := sbom.Identity(c)
	if f.taken[id] || !f.base.has(c) {
		return f.plain(c, d)
	}
	f.taken[id] = true
	rule := ""
	if f.base.Claimed {
		rule = f.plain(c, d)
		d.Lock = nil
	} else if c.Kind == sbom.KindPackage {
		// A lock file that the base was installed from is of use.
		if r := f.set.Match(installed(c)); r.Entry != nil {
			f.useLock(r.Entry)
		}
	}
	d.Provenance, d.Evidence = audit.FromImage, f.base.evidence
	return rule
}

// unjudged says whether it is unknown what is the base's, so that growth,
// limits and provenance cannot be told. A base that the configuration names
// must be there; a claim that does not hold is as good as none.
func (f *footprint) unjudged() bool {
	return f.base != nil && f.base.problem != "" && !f.base.Claimed
}

// replacements finds what stands in for a dependency of the base: one of the
// same key, at another version or with other content, while the base's own is
// not there any more. Of several in the stage the lowest versions do; the
// others are what the stage adds.
func (f *footprint) replacements() {
	if !f.base.trusted() {
		return
	}
	left := map[string][]*sbom.Component{}
	for id, c := range f.base.components {
		if !f.taken[id] {
			key := sbom.ValidText(sbom.Key(c))
			left[key] = append(left[key], c)
		}
	}
	for _, list := range left {
		slices.SortFunc(list, func(a, b *sbom.Component) int { return cmp.Compare(sbom.Identity(a), sbom.Identity(b)) })
	}
	for i := range f.dependencies {
		d := &f.dependencies[i]
		if list := left[d.Key]; len(list) > 0 && d.Provenance != audit.FromImage && d.Provenance != audit.FromBundled {
			d.Replaces, left[d.Key] = sbom.ValidText(sbom.Identity(list[0])), list[1:]
		}
	}
}

// gone is the number of dependencies of the base whose identity is nowhere in
// the stage, neither by itself nor inside of something.
func (f *footprint) gone() int {
	there := make(map[string]bool, len(f.doc.Components))
	for i := range f.doc.Components {
		there[sbom.Key(&f.doc.Components[i])] = true
	}
	n := 0
	for _, c := range f.base.components {
		if !there[sbom.Key(c)] {
			n++
		}
	}
	return n
}

// plain sets the provenance without regard to the base and to exceptions and
// returns the rule that the component breaks, or "".
func (f *footprint) plain(c *sbom.Component, d *audit.Dependency) string {
	switch {
	case c.Kind == sbom.KindFiles:
		unaccounted(d, whyNoPackage, "no package accounts for these files")
		return audit.RuleFiles
	case c.Version == "":
		unaccounted(d, string(lockcheck.NoVersion), "the environment does not say which version is installed")
		return audit.RuleNotPinned
	case c.Kind == sbom.KindOS:
		d.Provenance, d.Evidence = audit.FromOS, sbom.ValidText(c.Evidence)
		if !d.Strength().Sound() {
			if d.Evidence == "" {
				d.Evidence = audit.EvidenceNone
			}
			return audit.RuleOrigin
		}
		return ""
	case c.Kind == sbom.KindPackage:
		rule := f.locked(c, d)
		if rule == "" && c.Type == "golang" {
			rule = f.linked(c, d)
		}
		return rule
	}
	unaccounted(d, whyNoPackage, fmt.Sprintf("a component of the unknown kind %q", c.Kind))
	return audit.RuleFiles
}

// linked holds the modules that are linked into a Go program against the
// locks. go.sum has the hashes of all of them, so a program whose own module
// is the locked one is still not the locked program when one of them is not.
func (f *footprint) linked(c *sbom.Component, d *audit.Dependency) string {
	for i := range f.doc.Components {
		m := &f.doc.Components[i]
		if m.Owner != c.ID || m.Type != "golang" || m.Name == "stdlib" {
			continue // the standard library comes with the toolchain, and has no hash
		}
		r := f.set.Match(installed(m))
		if r.Pinned {
			continue
		}
		d.Provenance, d.Evidence, d.Lock = audit.FromNowhere, audit.EvidenceNone, nil
		d.Why = &audit.Reason{Code: string(r.Reason), Detail: sbom.ValidText("a module is linked into it that is not the locked one: " + r.Detail)}
		if r.Entry != nil {
			d.Why.Lock = &audit.LockRef{File: sbom.ValidText(r.Entry.File), Line: r.Entry.Line}
		}
		return ruleOf(r.Reason)
	}
	return ""
}

func (f *footprint) locked(c *sbom.Component, d *audit.Dependency) string {
	r := f.set.Match(installed(c))
	var ref *audit.LockRef
	if r.Entry != nil {
		ref = &audit.LockRef{File: sbom.ValidText(r.Entry.File), Line: r.Entry.Line}
		f.useLock(r.Entry)
	}
	if r.Pinned {
		d.Provenance, d.Evidence, d.Lock = audit.FromLock, string(r.Evidence), ref
		if !d.Strength().Sound() {
			d.Why = &audit.Reason{Code: string(r.Reason), Detail: sbom.ValidText(r.Detail)}
			return audit.RuleNoHash
		}
		return ""
	}
	unaccounted(d, string(r.Reason), sbom.ValidText(r.Detail))
	d.Why.Lock = ref
	return ruleOf(r.Reason)
}

func unaccounted(d *audit.Dependency, code, detail string) {
	d.Provenance, d.Evidence, d.Why = audit.FromNowhere, audit.EvidenceNone, &audit.Reason{Code: code, Detail: detail}
}

// ruleOf is the rule that a package breaks which no lock pins.
func ruleOf(r lockcheck.Reason) string {
	switch r {
	case lockcheck.HashMismatch:
		return audit.RuleHashMismatch
	case lockcheck.OtherRegistry, lockcheck.OtherPackage:
		return audit.RuleOtherRegistry
	case lockcheck.VCS, lockcheck.URL, lockcheck.Editable, lockcheck.Link, lockcheck.LocalPath:
		return audit.RuleDirectInstall
	}
	return audit.RuleNotPinned
}

// installed is the component as lockcheck compares it.
func installed(c *sbom.Component) lockcheck.Package {
	p := lockcheck.Package{Type: c.Type, Namespace: c.Namespace, Name: c.Name, Version: c.Version, Paths: c.Paths}
	for _, d := range c.Digests {
		p.Digests = append(p.Digests, lockcheck.Hash{Algorithm: d.Algorithm, Value: d.Value, Proved: d.Proved})
	}
	if c.Install != nil {
		p.Install = lockcheck.Install{Kind: string(c.Install.Kind), URL: c.Install.URL, Commit: c.Install.Commit}
	}
	return p
}

// entryPlace finds an entry again. Entries are compared by place, since two
// locks may include one file.
type entryPlace struct {
	file string
	line int
	name string
}

func (f *footprint) indexLocks() {
	for _, l := range f.locks {
		for i := range l.Entries {
			e := &l.Entries[i]
			at := entryPlace{e.File, e.Line, e.Name}
			if have := f.locksOf[at]; len(have) == 0 || have[len(have)-1] != l {
				f.locksOf[at] = append(have, l)
			}
		}
	}
}

// useLock marks the locks that have the entry.
func (f *footprint) useLock(e *lockcheck.Entry) {
	for _, l := range f.locksOf[entryPlace{e.File, e.Line, e.Name}] {
		f.usedLocks[l] = true
	}
}

// edges takes over the relations between components that are still there.
func (f *footprint) edges() {
	for _, r := range f.doc.Relations {
		if f.own[r.From] || f.own[r.To] {
			continue
		}
		f.relations = append(f.relations, audit.Relation{From: sbom.ValidText(r.From), To: sbom.ValidText(r.To), Kind: string(r.Kind), Via: sbom.ValidText(r.Via), Group: r.Group, File: sbom.ValidText(r.File)})
	}
}
