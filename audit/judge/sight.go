package judge

import (
	"cmp"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/lockcheck"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/wording"
)

// maxSuggested is the number of locks that a hint suggests.
const maxSuggested = 3

// foundHint returns the locks that are in sight and that the stage does not name,
// with what to write to name them: those beside the configuration, or in the
// working directory, that have the packages of the given IDs, or else those of
// the environment itself. gated is false for a scan, to which locks are given by
// flags.
func (f *footprint) foundHint(ids []string, gated bool) string {
	var out []string
	covered := map[string]bool{}
	for _, l := range f.suggested(ids, covered) {
		name := filepath.Base(l.lock.Path)
		pins := fmt.Sprintf(" (pins %d of %d)", l.pins, len(ids))
		if l.pins == 0 {
			pins = " (has other versions of them)"
		}
		switch {
		case gated && len(f.config.Locks) == 0:
			out = append(out, fmt.Sprintf("found %s: write `locks: [%s]` in the stage%s", name, config.Scalar(name, true), pins))
		case gated:
			out = append(out, fmt.Sprintf("found %s: write `- %s` under `locks:` of the stage%s", name, config.Scalar(name, false), pins))
		default:
			out = append(out, fmt.Sprintf("found %s: --locks %s%s", name, wording.ShellWord(filepath.ToSlash(l.lock.Path)), pins))
		}
	}
	for _, at := range f.locksInside(ids, covered) {
		root := strings.TrimPrefix(f.config.Environment, "dir:")
		switch {
		case gated:
			out = append(out, fmt.Sprintf("found %s in the environment: keep the file that it is a copy of outside, where reviewers control it, and name that under `locks:`", at))
		case f.doc.Environment.Kind == "dir":
			file := path.Join(filepath.ToSlash(root), at)
			out = append(out, fmt.Sprintf("found %s: --locks %s (a gate needs a copy outside of the environment)", file, wording.ShellWord(file)))
		default:
			out = append(out, fmt.Sprintf("found %s in the environment: name the file that it is a copy of with --locks FILE", at))
		}
	}
	if len(out) > maxSuggested {
		out = append(out[:maxSuggested], fmt.Sprintf("and %d more", len(out)-maxSuggested))
	}
	return strings.Join(out, "; ")
}

type suggestion struct {
	lock *lockcheck.Lock
	// pins and has are the numbers of packages that it pins, and that it has an
	// entry of the name for.
	pins, has int
}

// suggested returns the locks in sight that have some of the packages, those that
// pin the most first, and records the types of the packages that they have.
func (f *footprint) suggested(ids []string, covered map[string]bool) []suggestion {
	var out []suggestion
	for _, l := range f.sight {
		s := suggestion{lock: l}
		set := lockcheck.NewSet([]*lockcheck.Lock{l}, f.registries)
		for _, id := range ids {
			c := f.doc.Component(id)
			if c == nil {
				continue
			}
			p := installed(c)
			p.Markers, p.Platform = f.platform.python(c), f.platform.npm
			r := set.Match(p)
			if r.Pinned {
				s.pins++
			}
			if r.Pinned || r.Entry != nil {
				s.has++
				covered[c.Type] = true
			}
		}
		if s.has > 0 {
			out = append(out, s)
		}
	}
	if slices.ContainsFunc(out, func(s suggestion) bool { return s.pins > 0 }) {
		out = slices.DeleteFunc(out, func(s suggestion) bool { return s.pins == 0 })
	}
	slices.SortStableFunc(out, func(a, b suggestion) int { return cmp.Or(b.pins-a.pins, b.has-a.has) })
	return out
}

// locksInside returns the paths of locks in the environment that can have packages
// of the given IDs, of types that are not covered. Those above a package come
// first. One among installed packages is a file of a package.
func (f *footprint) locksInside(ids []string, covered map[string]bool) []string {
	paths := map[string][]string{}
	for _, id := range ids {
		if c := f.doc.Component(id); c != nil && !covered[c.Type] {
			paths[c.Type] = append(paths[c.Type], c.Paths...)
		}
	}
	var above, others []string
	for _, x := range f.doc.Excluded {
		if x.Reason != sbom.ExcludedLock || !pasted.MatchString(x.Path) {
			continue
		}
		known, ok := lockcheck.ByName(x.Path)
		// One of the same name as a lock of the stage is most likely its copy.
		named := func(l *lockcheck.Lock) bool { return filepath.Base(l.Path) == path.Base(x.Path) }
		if !ok || !known.Read || slices.ContainsFunc(f.locks, named) {
			continue
		}
		dir := strings.TrimSuffix(path.Dir(x.Path), "/") + "/"
		could, over := false, false
		for _, typ := range known.Types {
			if territories(path.Dir(x.Path), typ) > 0 {
				continue
			}
			could = could || len(paths[typ]) > 0
			over = over || slices.ContainsFunc(paths[typ], func(p string) bool { return strings.HasPrefix(p, dir) })
		}
		switch {
		case over:
			above = append(above, x.Path)
		case could:
			others = append(others, x.Path)
		}
	}
	if len(above) > 0 {
		return above
	}
	return others
}
