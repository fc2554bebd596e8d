package audit

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/sbom/wording"
)

// Definition is what the files that define a stage name: actions, images, the
// runner, tools. An environment does not show them, so they are counted beside its
// dependencies and never among them.
type Definition struct {
	// Refs are the references of the stage, as configured.
	Refs []string `json:"refs"`
	// Files are the files that were read, sorted. Paths are relative to the working
	// directory, as those of lock files are.
	Files  []string  `json:"files,omitempty"`
	Counts UseCounts `json:"counts"`
	// Uses are sorted by kind and identity.
	Uses []Use `json:"uses"`
	// Undecided are the places with a value that is known only when the job runs and
	// that is taken for its default.
	Undecided []UndecidedPlace `json:"undecided,omitempty"`
	// Known is true if the baseline has the definition of the stage. Then Added are
	// the IDs of uses that it does not have, Removed what only it has, Changed the
	// uses whose version alone differs, and Weaker those whose pin is weaker.
	Known   bool            `json:"known,omitempty"`
	Added   []string        `json:"added,omitempty"`
	Removed []AcceptedUse   `json:"removed,omitempty"`
	Changed []VersionChange `json:"changed,omitempty"`
	Weaker  []WeakerPin     `json:"weaker,omitempty"`
}

// UseCounts are the numbers of a definition. Total is the sum of Kinds, and of
// Pinned, Versioned and Floating.
type UseCounts struct {
	Total int `json:"total"`
	// Kinds has each kind that there is, in the order of reports.
	Kinds []UseCount `json:"kinds,omitempty"`
	// Pinned are fixed by commit, by digest or by a lock, or are in the checkout;
	// Versioned by the version of a release alone; Floating are all others.
	Pinned    int `json:"pinned"`
	Versioned int `json:"versioned"`
	Floating  int `json:"floating"`
}

// UseCount is the number of uses of a kind.
type UseCount struct {
	Kind  string `json:"kind"`
	Count int    `json:"count"`
}

// Use is one thing that a stage runs on.
type Use struct {
	// ID is the Key with the version; see [UseID].
	ID string `json:"id"`
	// Key is the kind and the name, by which growth is judged ("action
	// github/actions/checkout").
	Key  string `json:"key"`
	Kind string `json:"kind"`
	// Name is that of the package URL, with its namespace. PURL is empty for a thing
	// that has none.
	Name string `json:"name"`
	PURL string `json:"purl,omitempty"`
	// Version is the commit, the digest, the version, the tag or the range.
	Version string `json:"version,omitempty"`
	// Pin is one of the words of lockcheck/definition ("commit", "digest", "lock",
	// "checkout", "version", "floating", "variable", "unknown").
	Pin string `json:"pin"`
	// Text is what the file has.
	Text string `json:"text"`
	// Places are where it is named, in the order of the files.
	Places []UsePlace `json:"places"`
	// Via is the action or workflow that uses it in turn.
	Via string `json:"via,omitempty"`
	// Detail is why it floats, Fix what to write instead.
	Detail string `json:"detail,omitempty"`
	Fix    string `json:"fix,omitempty"`
	// Contained is true for a runner that only starts the containers of the jobs.
	Contained bool `json:"contained,omitempty"`
	// Dependency is the ID of the dependency of the environment that it installs,
	// empty if the environment does not show one.
	Dependency string `json:"dependency,omitempty"`
	// Exception is the entry of the configuration that excuses it.
	Exception *ExceptionRef `json:"exception,omitempty"`
}

// UsePlace is a place in a definition, from 1.
type UsePlace struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column,omitempty"`
}

// UndecidedPlace is a place with a value that depends on how the job is run.
type UndecidedPlace struct {
	UsePlace
	Detail string `json:"detail"`
}

func (p UsePlace) String() string {
	s := p.File
	for _, n := range []int{p.Line, p.Column} {
		if n == 0 {
			break
		}
		s += ":" + strconv.Itoa(n)
	}
	return s
}

// WeakerPin is a use with a weaker pin than the baseline accepted.
type WeakerPin struct {
	ID   string `json:"id"`
	From string `json:"from"`
	To   string `json:"to"`
}

// AcceptedUse is a use as the baseline records it.
type AcceptedUse struct {
	Key     string `json:"use"`
	Version string `json:"version,omitempty"`
	Pin     string `json:"pin"`
	// Reason is the text with which it was accepted as growth.
	Reason string `json:"reason,omitempty"`
}

// Compare orders by key and version.
func (a AcceptedUse) Compare(b AcceptedUse) int {
	return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Version, b.Version))
}

// Same returns the use without the reason.
func (a AcceptedUse) Same() AcceptedUse {
	a.Reason = ""
	return a
}

// String returns the use as messages name it.
func (a AcceptedUse) String() string { return UseID(a.Key, a.Version) }

// UseID returns the identity of a use, as "action github/actions/checkout@v4".
func UseID(key, version string) string {
	if version == "" {
		return key
	}
	return key + "@" + version
}

// Label returns the name and the version for people: "actions/checkout@v4". Of the
// 40 digits of a commit and the 64 of a digest the first 12 identify it.
func (u *Use) Label() string { return UseID(u.Name, ShortVersion(u.Version)) }

// ShortVia returns Via with a short version.
func (u *Use) ShortVia() string {
	name, version, _ := strings.Cut(u.Via, "@")
	return UseID(name, ShortVersion(version))
}

// ShortVersion returns a commit or a digest with its first 12 digits, and any other
// version as it is.
func ShortVersion(v string) string {
	const shown = 12
	algorithm, digits, ok := strings.Cut(v, ":")
	if !ok {
		algorithm, digits = "", v
	}
	if len(digits) < 40 || strings.Trim(digits, "0123456789abcdefABCDEF") != "" {
		return v
	}
	if ok {
		algorithm += ":"
	}
	return algorithm + digits[:shown]
}

// Short returns the use as messages name it, with a short version.
func (a AcceptedUse) Short() string { return UseID(a.Key, ShortVersion(a.Version)) }

// Pins in the order of their strength.
const (
	pinFloating = iota
	pinVersioned
	pinFixed
)

func pinRank(pin string) int {
	switch pin {
	case "commit", "digest", "lock", "checkout":
		return pinFixed
	case "version":
		return pinVersioned
	}
	return pinFloating
}

// Pins returns the words for pins, the strongest first.
func Pins() []string {
	return []string{"commit", "digest", "lock", "checkout", "version", "floating", "variable", "unknown"}
}

// Fixed reports whether the use is the same tomorrow, whatever others publish.
func (u *Use) Fixed() bool { return pinRank(u.Pin) == pinFixed }

// WeakerPinThan reports whether a pin fixes less than another.
func WeakerPinThan(pin, other string) bool { return pinRank(pin) < pinRank(other) }

// useKind is a kind of uses with its words for one and for many.
type useKind struct{ name, one, many string }

// useKinds returns the kinds of uses in the order of reports.
func useKinds() []useKind {
	return []useKind{
		{"action", "action", "actions"}, {"workflow", "reusable workflow", "reusable workflows"}, {"image", "image", "images"}, {"runner", "runner", "runners"},
		{"feature", "feature", "features"}, {"tool", "tool", "tools"}, {"download", "download", "downloads"},
	}
}

func kindPlace(kind string) int {
	return slices.IndexFunc(useKinds(), func(k useKind) bool { return k.name == kind })
}

// Compare orders by kind, key and version.
func (u *Use) Compare(v *Use) int {
	return cmp.Or(cmp.Compare(kindPlace(u.Kind), kindPlace(v.Kind)), cmp.Compare(u.Key, v.Key), cmp.Compare(u.Version, v.Version))
}

// CountUses returns the numbers of uses.
func CountUses(uses []Use) UseCounts {
	c := UseCounts{Total: len(uses)}
	for _, k := range useKinds() {
		n := 0
		for i := range uses {
			if uses[i].Kind == k.name {
				n++
			}
		}
		if n > 0 {
			c.Kinds = append(c.Kinds, UseCount{k.name, n})
		}
	}
	for i := range uses {
		switch pinRank(uses[i].Pin) {
		case pinFixed:
			c.Pinned++
		case pinVersioned:
			c.Versioned++
		default:
			c.Floating++
		}
	}
	return c
}

// String returns "9: 3 actions, 1 image, 1 runner, 4 tools; 5 pinned, 4 floating".
func (c UseCounts) String() string {
	if c.Total == 0 {
		return "nothing that the environment does not show"
	}
	var kinds, pins []string
	for _, k := range useKinds() {
		for _, n := range c.Kinds {
			if n.Kind == k.name {
				kinds = append(kinds, wording.Count(n.Count, k.one, k.many))
			}
		}
	}
	for _, p := range []struct {
		n    int
		word string
	}{{c.Pinned, "pinned"}, {c.Versioned, "by version alone"}, {c.Floating, "floating"}} {
		if p.n > 0 {
			pins = append(pins, fmt.Sprintf("%d %s", p.n, p.word))
		}
	}
	return fmt.Sprintf("%d: %s; %s", c.Total, strings.Join(kinds, ", "), strings.Join(pins, ", "))
}

// Use returns the use of an ID, nil if there is none.
func (d *Definition) Use(id string) *Use {
	if d == nil {
		return nil
	}
	i := slices.IndexFunc(d.Uses, func(u Use) bool { return u.ID == id })
	if i < 0 {
		return nil
	}
	return &d.Uses[i]
}

// ByID returns the uses by their IDs.
func (d *Definition) ByID() map[string]*Use {
	if d == nil {
		return nil
	}
	out := make(map[string]*Use, len(d.Uses))
	for i := range d.Uses {
		out[d.Uses[i].ID] = &d.Uses[i]
	}
	return out
}

// Accepted returns the uses as the baseline records them, sorted; nil without a
// definition.
func (d *Definition) Accepted() []AcceptedUse {
	if d == nil {
		return nil
	}
	out := make([]AcceptedUse, 0, len(d.Uses))
	for i := range d.Uses {
		u := &d.Uses[i]
		out = append(out, AcceptedUse{Key: u.Key, Version: u.Version, Pin: u.Pin})
	}
	slices.SortFunc(out, AcceptedUse.Compare)
	return out
}

// UsePair is a use that was accepted, and what it is now.
type UsePair struct{ Before, Now AcceptedUse }

// Weaker reports whether the pin fixes less than the accepted one.
func (p UsePair) Weaker() bool { return WeakerPinThan(p.Now.Pin, p.Before.Pin) }

// CompareUses compares accepted uses with present ones, both sorted, by their keys:
// another commit of an action is no other action. A second version beside the
// first one is a new use.
func CompareUses(before, now []AcceptedUse) (pairs []UsePair, added, removed []AcceptedUse) {
	type list struct{ before, now []AcceptedUse }
	byKey := map[string]*list{}
	at := func(key string) *list {
		if byKey[key] == nil {
			byKey[key] = &list{}
		}
		return byKey[key]
	}
	for _, u := range before {
		at(u.Key).before = append(at(u.Key).before, u)
	}
	for _, u := range now {
		at(u.Key).now = append(at(u.Key).now, u)
	}
	for _, l := range byKey {
		// Equal versions belong together, then what is left in its order.
		l.now = slices.DeleteFunc(l.now, func(u AcceptedUse) bool {
			i := slices.IndexFunc(l.before, func(b AcceptedUse) bool { return b.Version == u.Version })
			if i < 0 {
				return false
			}
			pairs = append(pairs, UsePair{l.before[i], u})
			l.before = slices.Delete(l.before, i, i+1)
			return true
		})
		n := min(len(l.before), len(l.now))
		for i := range n {
			pairs = append(pairs, UsePair{l.before[i], l.now[i]})
		}
		added, removed = append(added, l.now[n:]...), append(removed, l.before[n:]...)
	}
	slices.SortFunc(pairs, func(a, b UsePair) int { return a.Now.Compare(b.Now) })
	slices.SortFunc(added, AcceptedUse.Compare)
	slices.SortFunc(removed, AcceptedUse.Compare)
	return pairs, added, removed
}

// validate checks that the numbers and the references follow from the uses.
func (d *Definition) validate(known *roll) error {
	if d == nil {
		return nil
	}
	ids := map[string]bool{}
	for i := range d.Uses {
		u := &d.Uses[i]
		switch {
		case kindPlace(u.Kind) < 0:
			return fmt.Errorf("use %q has the unknown kind %q", u.ID, u.Kind)
		case !slices.Contains(Pins(), u.Pin):
			return fmt.Errorf("use %q has the unknown pin %q", u.ID, u.Pin)
		case u.ID != UseID(u.Key, u.Version):
			return fmt.Errorf("use %q has the key %q and the version %q", u.ID, u.Key, u.Version)
		case ids[u.ID]:
			return fmt.Errorf("use %q is listed twice", u.ID)
		case len(u.Places) == 0:
			return fmt.Errorf("use %q has no place", u.ID)
		case u.Dependency != "" && !known.has(u.Dependency):
			return fmt.Errorf("%q refers to no dependency", u.Dependency)
		}
		ids[u.ID] = true
	}
	if got := CountUses(d.Uses); !got.equal(d.Counts) {
		return fmt.Errorf("the counts of the definition are %+v, and %+v follows from the uses", d.Counts, got)
	}
	for _, id := range d.Added {
		if !ids[id] {
			return fmt.Errorf("%q refers to no use", id)
		}
	}
	for _, w := range d.Weaker {
		if !ids[w.ID] {
			return fmt.Errorf("%q refers to no use", w.ID)
		}
	}
	if !d.Known && len(d.Added)+len(d.Removed)+len(d.Changed)+len(d.Weaker) > 0 {
		return errors.New("the definition has differences to a baseline that is not known")
	}
	return nil
}

func (c UseCounts) equal(o UseCounts) bool {
	return c.Total == o.Total && c.Pinned == o.Pinned && c.Versioned == o.Versioned && c.Floating == o.Floating && slices.Equal(c.Kinds, o.Kinds)
}
