package judge

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/audit/growth"
	"github.com/depaudit/depaudit/lockcheck"
	"github.com/depaudit/depaudit/sbom"
)

// footprint is a document without the first-party components, in which every
// other component has a provenance.
type footprint struct {
	doc    *sbom.Document
	config *config.Stage
	locks  []*lockcheck.Lock
	set    *lockcheck.Set
	sight  []*lockcheck.Lock // to be suggested
	// past has the IDs of packages that were installed beside locked ones by another
	// program.
	past []string
	// registries are the allowed ones.
	registries lockcheck.Policy
	// platform decides which entries of the locks apply.
	platform *platform
	except   *stageExceptions
	base     *stageBase // nil without one
	// lostBase is true for a stage without a base whose baseline was made with one.
	lostBase bool

	// firstParty has the IDs of the components that the project builds.
	firstParty map[string]bool
	// members has the entries of locks that name first-party components.
	members map[string]*lockcheck.Entry
	// selected is the use of each entry of the configuration's first-party.
	selected     []selection
	dependencies []audit.Dependency // sorted by type, name, version, ID
	relations    []sbom.Relation
	excluded     []sbom.Exclusion
	counts       audit.Counts
	// byID has the counted and the bundled dependencies.
	byID map[string]*audit.Dependency
	// broken has the IDs of counted dependencies by the ID of the rule of
	// provenance that they break.
	broken map[string][]string
	// unsound has the IDs of counted dependencies that break any.
	unsound map[string]bool
	// present has the identities of the base's dependencies that are in the
	// stage unchanged. Each is paired with one dependency of the stage.
	present map[string]bool
	locksOf map[entryPlace][]*lockcheck.Lock
	// usedLocks are the locks with an entry for something installed.
	usedLocks map[*lockcheck.Lock]bool
	// contradicting are the dependencies that two locks pin to different bytes, and
	// smuggled the bundled ones that the lock of their package does not have:
	// contradictions.go.
	contradicting []contradiction
	smuggled      []string

	// proof is what was verified, nil for nothing; proofs has its components by
	// ID, and differing the paths of each component that have a line in its
	// ledger because they differ.
	proof     *audit.Proof
	proofs    map[string]*audit.ComponentProof
	differing map[string][]string
	// compared are the dependencies that the baseline has too.
	compared []growth.Pair
}

// whyNoPackage is the code of [audit.Reason] for files.
const whyNoPackage = "no-package"

func newFootprint(in Input, pipeline []string, except *stageExceptions) *footprint {
	f := &footprint{
		doc: in.Document, platform: newPlatform(in.Document), config: &in.Stage, except: except, base: compareBase(in),
		firstParty: map[string]bool{}, members: map[string]*lockcheck.Entry{}, byID: map[string]*audit.Dependency{}, broken: map[string][]string{},
		unsound: map[string]bool{}, present: map[string]bool{},
		locksOf: map[entryPlace][]*lockcheck.Lock{}, usedLocks: map[*lockcheck.Lock]bool{},
	}
	f.readProof(in.Proof)
	f.sight = in.Sight
	f.locks = slices.SortedFunc(slices.Values(in.Locks), func(a, b *lockcheck.Lock) int { return cmp.Compare(a.Path, b.Path) })
	f.registries = lockcheck.Policy{Registries: slices.Concat(pipeline, in.Stage.Registries)}
	f.set = lockcheck.NewSet(f.locks, f.registries)
	f.assignTrees()
	f.indexLocks()
	f.findFirstParty()
	f.listExcluded()
	f.judge()
	f.copyRelations()
	return f
}

// listExcluded lists what the scan excluded, and the first-party components.
func (f *footprint) listExcluded() {
	f.excluded = slices.Clone(f.doc.Excluded)
	for i := range f.doc.Components {
		c := &f.doc.Components[i]
		if !f.firstParty[c.ID] {
			continue
		}
		line := sbom.Exclusion{Name: c.Name, Version: c.Version, PURL: c.PURL, Reason: audit.ExcludedFirstParty, Count: 1}
		if c.Kind == sbom.KindPackage && c.Namespace != "" {
			line.Name = c.Namespace + "/" + c.Name
		}
		if len(c.Paths) > 0 {
			line.Path = c.Paths[0]
		}
		if e := f.members[c.ID]; e != nil {
			line.Detail = sbom.ValidText(fmt.Sprintf("a part of the project by %s:%d", e.File, e.Line))
		}
		f.excluded = append(f.excluded, line)
	}
	slices.SortStableFunc(f.excluded, func(a, b sbom.Exclusion) int { return cmp.Compare(a.Path, b.Path) })
	for i := range f.excluded {
		e := &f.excluded[i]
		e.Count = max(e.Count, 1)
		f.counts.Excluded += e.Count
	}
}

// judge makes the dependencies of the report.
func (f *footprint) judge() {
	f.dependencies = make([]audit.Dependency, 0, len(f.doc.Components)-len(f.firstParty))
	rules := map[string]string{} // by the ID of the dependency that breaks it
	for i := range f.doc.Components {
		c := &f.doc.Components[i]
		if f.firstParty[c.ID] {
			continue
		}
		d := audit.Dependency{Component: *c, Key: sbom.Key(c)}
		d.Component.Evidence, d.Fingerprint, d.Owner = "", "", f.owner(c)
		if q := f.proofs[c.ID]; q != nil && d.Owner == "" {
			d.Content = q.Content
			if q.Proved {
				d.Artifact = q.Artifact
			}
		}
		if d.Layer < 0 || d.Layer > len(f.doc.Environment.Image.Layers) {
			d.Layer = 0
		}
		if d.Owner != "" {
			d.Provenance, d.Evidence = audit.FromBundled, audit.EvidenceNone
			f.useLockOfBundled(c)
		} else if rule := f.account(c, &d); rule != "" {
			rules[d.ID] = rule
		}
		if c.Kind == sbom.KindOS && d.Provenance != audit.FromOS {
			d.OSEvidence = c.Evidence
		}
		f.counts.Count(d.Provenance)
		f.dependencies = append(f.dependencies, d)
	}
	slices.SortFunc(f.dependencies, compareDependencies)
	f.findReplacements()
	f.tellInstallers()
	for i := range f.dependencies {
		d := &f.dependencies[i]
		f.byID[d.ID] = d
		if rule := rules[d.ID]; rule != "" {
			f.broken[rule] = append(f.broken[rule], d.ID)
			f.unsound[d.ID] = true
		}
	}
	f.findSmuggled()
}

func compareDependencies(a, b audit.Dependency) int {
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version), cmp.Compare(a.ID, b.ID))
}

// owner returns the ID of the nearest component around c that is not
// first-party. What is bundled with a first-party component counts: a
// third-party library does not become the project's by being linked into its
// program.
func (f *footprint) owner(c *sbom.Component) string {
	for c.Owner != "" && f.firstParty[c.Owner] {
		c = f.doc.Component(c.Owner)
	}
	return c.Owner
}

// account sets the provenance of a counted component and returns the ID of the
// rule that it breaks, or "". A dependency that breaks none without an
// exception does not use one, so that unneeded exceptions are reported.
func (f *footprint) account(c *sbom.Component, d *audit.Dependency) string {
	rule := f.accountByBase(c, d)
	if rule == "" {
		return ""
	}
	h := f.except.forComponent(rule, c)
	f.except.use(h, rule, d.ID, "")
	if !h.live {
		return rule
	}
	d.Provenance, d.Evidence, d.Exception = audit.FromException, audit.EvidenceExcepted, excuse(h.x)
	return ""
}

// accountByBase checks whether the component belongs to the base before
// anything else. Whether the base is pinned is one finding for all of it and
// not checked here. A dependency of a base that only the image claims breaks
// the same rules as without the claim, since an attacker who controls the
// stage controls the claim too.
func (f *footprint) accountByBase(c *sbom.Component, d *audit.Dependency) string {
	id := sbom.Identity(c)
	if f.present[id] || !f.base.has(c) {
		return f.accountByItself(c, d)
	}
	f.present[id] = true
	rule := ""
	if f.base.Claimed {
		rule = f.accountByItself(c, d)
		d.Lock, d.Locked = nil, ""
	} else if c.Kind == sbom.KindPackage {
		// A lock file from which the base was installed is not unused.
		f.useLocks(f.match(c))
	}
	d.Provenance, d.Evidence = audit.FromImage, f.base.evidence
	return rule
}

// unjudged reports whether the dependencies of the base are unknown, so that
// growth, limits and provenance cannot be judged. A base that the configuration
// names must be there, and so must one that the baseline was made with; a claim
// that does not hold is ignored.
func (f *footprint) unjudged() bool {
	return f.lostBase || f.base != nil && f.base.problem != "" && !f.base.Claimed
}

// findReplacements finds the dependencies that replace one of the base: they
// have the same key and another version or other content, and the base's own is
// no longer there. If the stage has several, the lowest versions are the
// replacements and the others are added by the stage.
func (f *footprint) findReplacements() {
	if !f.base.trusted() {
		return
	}
	missing := map[string][]*sbom.Component{}
	for id, c := range f.base.components {
		if !f.present[id] {
			key := sbom.Key(c)
			missing[key] = append(missing[key], c)
		}
	}
	for _, list := range missing {
		slices.SortFunc(list, func(a, b *sbom.Component) int { return cmp.Compare(sbom.Identity(a), sbom.Identity(b)) })
	}
	for i := range f.dependencies {
		d := &f.dependencies[i]
		if list := missing[d.Key]; len(list) > 0 && d.Provenance != audit.FromImage && d.Provenance != audit.FromBundled {
			d.Replaces, missing[d.Key] = sbom.Identity(list[0]), list[1:]
		}
	}
}

// upgraded returns the number of counted packages of the system that are another
// version of one of the base's.
func (f *footprint) upgraded() int {
	n := 0
	for i := range f.dependencies {
		if d := &f.dependencies[i]; f.base.upgraded[d.ID] && d.Owner == "" {
			n++
		}
	}
	return n
}

// gone returns the number of dependencies of the base that are in the stage at
// no version, neither counted nor bundled.
func (f *footprint) gone() int {
	keys := make(map[string]bool, len(f.doc.Components))
	for i := range f.doc.Components {
		keys[sbom.Key(&f.doc.Components[i])] = true
	}
	n := 0
	for _, c := range f.base.components {
		if !keys[sbom.Key(c)] {
			n++
		}
	}
	return n
}

// accountByItself sets the provenance without the base and without exceptions
// and returns the ID of the rule that the component breaks, or "".
func (f *footprint) accountByItself(c *sbom.Component, d *audit.Dependency) string {
	switch {
	case c.Kind == sbom.KindFiles:
		unaccounted(d, whyNoPackage, "no package accounts for these files")
		return audit.RuleFiles.ID
	case c.Version == "" && (c.Install == nil || c.Install.Kind != sbom.InstallPath):
		unaccounted(d, string(lockcheck.NoVersion), "the environment does not record which version is installed")
		return audit.RuleNotPinned.ID
	case c.Kind == sbom.KindOS:
		d.Provenance, d.Evidence = audit.FromOS, cmp.Or(f.osEvidence(c, d), audit.EvidenceNone)
		return f.accountSystemByLock(c, d)
	case c.Kind == sbom.KindPackage:
		return f.accountByLock(c, d)
	}
	unaccounted(d, whyNoPackage, fmt.Sprintf("a component of the unknown kind %q", c.Kind))
	return audit.RuleFiles.ID
}

// accountSystemByLock accounts for a package of the system by a lock that has it
// (rpms.lock.yaml, apko.lock.json), unless a signature does, which is stronger.
// Bytes that are not the locked ones are told whatever else vouches for them. Locks
// have no distribution.
func (f *footprint) accountSystemByLock(c *sbom.Component, d *audit.Dependency) (rule string) {
	if !d.Strength().Sound() {
		rule = audit.RuleOrigin.ID
	}
	at := *c
	at.Namespace = ""
	r := f.match(&at)
	if r.Entry == nil {
		return rule
	}
	signed := d.Evidence == audit.EvidenceSigned || d.Evidence == audit.EvidenceHeader || d.Evidence == audit.EvidenceBytes
	switch {
	case r.Pinned:
		if f.useLock(r.Entry); !signed && (r.Evidence == lockcheck.HashLocked || r.Evidence == lockcheck.HashClaimed) {
			d.Provenance, d.Evidence, d.Lock, d.Why = audit.FromLock, string(r.Evidence), lockRef(r.Entry), nil
			d.Locked = locked(r.Entry, nil)
			return ""
		}
	case r.Reason == lockcheck.HashMismatch, !signed && slices.Contains([]lockcheck.Reason{lockcheck.OtherVersion, lockcheck.OtherRegistry, lockcheck.OtherPackage}, r.Reason):
		unaccounted(d, string(r.Reason), sbom.ValidText(r.Detail))
		d.Why.Lock = lockRef(r.Entry)
		return ruleOf(r.Reason)
	}
	return rule
}

// checkLinked compares the modules that are linked into a Go program, or the
// crates in a Rust one, with the locks. go.sum has the hashes of all of them: a program with one module that
// is not the locked one is not the locked program, even if its main module is.
// It returns their entries, and the ID of the rule that one of them breaks.
func (f *footprint) checkLinked(c *sbom.Component, d *audit.Dependency) (linked []*lockcheck.Entry, rule string) {
	part := "module"
	if c.Type == "cargo" {
		part = "crate"
	}
	for i := range f.doc.Components {
		m := &f.doc.Components[i]
		if m.Owner != c.ID || m.Type != c.Type || m.Name == "stdlib" {
			continue // the standard library is part of the toolchain and has no hash
		}
		r := f.match(m)
		if r.Pinned {
			linked = append(linked, r.Entry)
			continue
		}
		unaccounted(d, string(r.Reason), sbom.ValidText("a "+part+" that is linked into it is not the locked one: "+r.Detail))
		d.Lock, d.Why.Lock = nil, lockRef(r.Entry)
		return nil, ruleOf(r.Reason)
	}
	return linked, ""
}

func (f *footprint) accountByLock(c *sbom.Component, d *audit.Dependency) string {
	r := f.match(c)
	f.useLocks(r)
	f.contradicts(d, r)
	if !r.Pinned {
		unaccounted(d, string(r.Reason), sbom.ValidText(r.Detail))
		d.Why.Lock = lockRef(r.Entry)
		return ruleOf(r.Reason)
	}
	d.Provenance, d.Evidence, d.Lock = audit.FromLock, string(r.Evidence), lockRef(r.Entry)
	if !d.Strength().Sound() {
		d.Why = &audit.Reason{Code: string(r.Reason), Detail: sbom.ValidText(r.Detail)}
		return audit.RuleNoHash.ID
	}
	var linked []*lockcheck.Entry
	if c.Type == "golang" || c.Type == "cargo" {
		var rule string
		if linked, rule = f.checkLinked(c, d); rule != "" {
			return rule
		}
	}
	d.Locked = locked(r.Entry, linked)
	if f.provedByLock(c, r.Entry) {
		d.Evidence = audit.EvidenceBytes
		return ""
	}
	if r.Reason == lockcheck.LocalVersion {
		d.Why = &audit.Reason{Code: string(r.Reason), Detail: sbom.ValidText(r.Detail)}
		return audit.RuleNoHash.ID
	}
	return ""
}

// acceptedLocal reports whether a dependency breaks its rule only by a local
// version that the lock does not name, and the baseline has that very version.
func (f *footprint) acceptedLocal(id string) bool {
	d := f.byID[id]
	return d != nil && d.Why != nil && d.Why.Code == string(lockcheck.LocalVersion) && slices.ContainsFunc(f.compared, func(pair growth.Pair) bool {
		return pair.Now.ID == id && pair.Before.Version == pair.Now.Version
	})
}

// lockRef returns the position of an entry, nil for none.
func lockRef(e *lockcheck.Entry) *audit.LockRef {
	if e == nil {
		return nil
	}
	return &audit.LockRef{File: sbom.ValidText(e.File), Line: e.Line}
}

func unaccounted(d *audit.Dependency, code, detail string) {
	d.Provenance, d.Evidence, d.Why = audit.FromNowhere, audit.EvidenceNone, &audit.Reason{Code: code, Detail: detail}
}

// ruleOf returns the ID of the rule that a package without a lock entry breaks.
func ruleOf(r lockcheck.Reason) string {
	switch r {
	case lockcheck.HashMismatch:
		return audit.RuleHashMismatch.ID
	case lockcheck.OtherRegistry, lockcheck.OtherPackage:
		return audit.RuleOtherRegistry.ID
	case lockcheck.VCS, lockcheck.URL, lockcheck.Editable, lockcheck.Link, lockcheck.LocalPath:
		return audit.RuleDirectInstall.ID
	}
	return audit.RuleNotPinned.ID
}

// match compares the component with the locks, apart in each place that other
// locks govern.
func (f *footprint) match(c *sbom.Component) lockcheck.Result {
	var results []lockcheck.Result
	for _, paths := range f.set.Split(c.Type, c.Paths) {
		at := *c
		at.Paths = paths
		p := installed(&at)
		p.Markers, p.Platform = f.platform.python(&at), f.platform.npm
		results = append(results, f.set.Match(p))
	}
	return lockcheck.Weakest(results)
}

// installed returns the component as lockcheck compares it, without its
// platform.
func installed(c *sbom.Component) lockcheck.Package {
	p := lockcheck.Package{Type: c.Type, Namespace: c.Namespace, Name: c.Name, Version: c.Version, Paths: c.Paths}
	for _, d := range c.Digests {
		p.Digests = append(p.Digests, lockcheck.Hash{Algorithm: d.Algorithm, Value: d.Value})
	}
	archive := func(d sbom.Digest) bool { return strings.HasSuffix(d.File, ".gem") }
	if c.Type == "conda" || c.Type == "gem" && len(c.Digests) > 0 && slices.ContainsFunc(c.Digests, archive) {
		p.Copies = copies(c.Digests)
	}
	if c.Install != nil {
		p.Install = lockcheck.Install{Kind: string(c.Install.Kind), URL: c.Install.URL, Commit: c.Install.Commit, File: c.Install.File, Patch: c.Install.Patch}
	}
	return p
}

// copies groups digests by the record that has them: a version of a conda package
// can be installed in several prefixes, from several builds.
func copies(digests []sbom.Digest) map[string][]lockcheck.Hash {
	out := map[string][]lockcheck.Hash{}
	for _, d := range digests {
		out[d.File] = append(out[d.File], lockcheck.Hash{Algorithm: d.Algorithm, Value: d.Value})
	}
	return out
}

// entryPlace identifies an entry. Two locks may include one file, so their
// entries are compared by position.
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

// useLocks marks the locks with the entries of a result as used, also of the places
// that the result is not about.
func (f *footprint) useLocks(r lockcheck.Result) {
	f.useLock(r.Entry)
	f.useLock(r.Named)
	for _, e := range r.Others {
		f.useLock(e)
	}
}

// useLock marks the locks with the entry as used.
func (f *footprint) useLock(e *lockcheck.Entry) {
	if e == nil {
		return
	}
	for _, l := range f.locksOf[entryPlace{e.File, e.Line, e.Name}] {
		f.usedLocks[l] = true
	}
}

// assignTrees finds which of several locks is that of each node_modules.
func (f *footprint) assignTrees() {
	if len(f.locks) < 2 {
		return
	}
	var list []lockcheck.Package
	for i := range f.doc.Components {
		if c := &f.doc.Components[i]; c.Type == "npm" && c.Kind == sbom.KindPackage && c.Owner == "" {
			p := installed(c)
			p.Platform = f.platform.npm
			list = append(list, p)
		}
	}
	f.set.AssignTrees(list)
}

// emptyDirs returns the directories that a lock is for and that have no package
// that it could pin.
func (f *footprint) emptyDirs(l *lockcheck.Lock) []string {
	return slices.DeleteFunc(slices.Clone(l.For), func(dir string) bool {
		governs := l.In(dir)
		return slices.ContainsFunc(f.doc.Components, func(c sbom.Component) bool {
			return c.Kind == sbom.KindPackage && slices.ContainsFunc(c.Paths, func(at string) bool { return governs(c.Type, at) })
		})
	})
}

// useLockOfBundled marks the locks that pin a bundled component: go.sum is in use
// where a module of it is linked into a program, whatever accounts for the
// program itself. A near miss is not a use here, since common modules are
// linked into programs of other projects at other versions.
func (f *footprint) useLockOfBundled(c *sbom.Component) {
	if len(f.usedLocks) == len(f.locks) || c.Kind != sbom.KindPackage {
		return
	}
	if r := f.match(c); r.Pinned {
		f.useLocks(r)
	}
}

// copyRelations copies the relations without those of first-party components.
func (f *footprint) copyRelations() {
	for _, r := range f.doc.Relations {
		if !f.firstParty[r.From] && !f.firstParty[r.To] {
			f.relations = append(f.relations, r)
		}
	}
}
