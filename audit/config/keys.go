package config

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/anchore/packageurl-go"
	"github.com/bmatcuk/doublestar/v4"
	"github.com/goccy/go-yaml/ast"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/textfile"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/wording"
)

// lockPlaces are the positions of the lock patterns, by stage and index.
type lockPlaces [][]position

// places are the positions of paths that [Load] opens.
type places struct {
	locks        lockPlaces
	sources      []sourcePlace
	exceptionsAt position
}

func parseConfig(file string, data []byte) (*Config, places, error) {
	d := &decoder{file: file}
	p := &configParser{decoder: d, config: &Config{File: file, Digest: audit.TextDigest(data), Baseline: DefaultBaseline}}
	if root := d.document(data); root != nil {
		d.mapping(root, "the configuration", p.pipelineFields())
		p.checkStages(p.config.Stages)
	}
	if len(d.errs) > 0 {
		return nil, places{}, d.errs.Sorted()
	}
	return p.config, p.places, nil
}

type configParser struct {
	*decoder
	config *Config
	places
	// refs are the names of stages in exceptions.
	refs []stageRef
}

func (p *configParser) pipelineFields() []field {
	c := p.config
	return append([]field{
		{"pipeline", true, func(n ast.Node) { c.Pipeline, _ = p.text(n, "the name of the pipeline", false) }},
		{"baseline", false, func(n ast.Node) { c.Baseline, _ = p.text(n, "the path of the baseline", false) }},
		{"registries", false, func(n ast.Node) { c.Registries = p.registries(n) }},
		{"exceptions", false, p.exceptions},
		{"exception-days", false, func(n ast.Node) {
			if days, ok := p.number(n, "exception-days", 1); ok {
				c.ExceptionDays = &days
			}
		}},
		{"exception-notice", false, func(n ast.Node) { c.ExceptionNotice = p.optional(n, "exception-notice") }},
		{"stages", true, p.stages},
	}, p.sourceFields(&c.Sources)...)
}

func (p *configParser) stages(n ast.Node) {
	seen := map[string]position{}
	p.list(n, "a list of stages", func(n ast.Node) {
		var s Stage
		var locks []position
		var named position
		p.mapping(n, "a stage", p.stageFields(&s, &locks, &named))
		if at, dup := seen[s.Name]; dup && s.Name != "" {
			p.fail(named, "give each stage a different name", "stage %q is already defined at %d:%d", s.Name, at.line, at.column)
		}
		seen[s.Name] = named
		p.config.Stages = append(p.config.Stages, s)
		p.locks = append(p.locks, locks)
	})
	if s, ok := n.(*ast.SequenceNode); ok && len(s.Values) == 0 {
		p.fail(place(n), "", "the pipeline has no stages")
	}
}

func (p *configParser) stageFields(s *Stage, locks *[]position, named *position) []field {
	return append([]field{
		{"name", true, func(n ast.Node) {
			*named, s.Name = place(n), p.stageName(n)
			s.Line = named.line
		}},
		{"environment", true, func(n ast.Node) {
			s.Environment, _ = p.text(n, `an environment such as "dir:PATH" or "host:"`, false)
		}},
		{"base", false, func(n ast.Node) {
			s.Base, _ = p.text(n, `a base such as "registry:NAME@sha256:..." or "snapshot:FILE"`, false)
		}},
		{"definition", false, func(n ast.Node) { s.Definitions = p.definitions(n) }},
		{"platform", false, func(n ast.Node) { s.Platform = p.platform(n) }},
		{"critical", false, func(n ast.Node) { s.Critical = p.boolean(n, "critical") }},
		{"enforce", false, func(n ast.Node) { s.Enforce = p.boolean(n, "enforce") }},
		{"locks", false, func(n ast.Node) {
			p.list(n, "a list of lock files", func(n ast.Node) {
				if lock, ok := p.lock(n); ok {
					s.Locks = append(s.Locks, lock)
					*locks = append(*locks, place(n))
				}
			})
		}},
		{"limit", false, func(n ast.Node) { s.Limit = p.optional(n, "limit") }},
		{"base-limit", false, func(n ast.Node) { s.BaseLimit = p.optional(n, "base-limit") }},
		{"growth", false, func(n ast.Node) { s.Growth, _ = p.number(n, "growth", 0) }},
		{"minimum", false, func(n ast.Node) { s.Minimum = p.optional(n, "minimum") }},
		{"distroless", false, func(n ast.Node) { s.Distroless = p.boolean(n, "distroless") }},
		{"message", false, func(n ast.Node) { s.Message, _ = p.text(n, "a message", true) }},
		{"first-party", false, func(n ast.Node) {
			p.list(n, "a list of first-party packages", func(n ast.Node) { s.FirstParty = append(s.FirstParty, p.firstParty(n)) })
		}},
		{"registries", false, func(n ast.Node) { s.Registries = p.registries(n) }},
		{"roots", false, func(n ast.Node) {
			p.list(n, "a list of packages and commands", func(n ast.Node) {
				if root, ok := p.text(n, "a package or a command", false); ok {
					s.Roots = append(s.Roots, root)
				}
			})
		}},
		{"verify", false, func(n ast.Node) { s.Verify = p.verify(n) }},
		{"require", false, func(n ast.Node) { s.Require = p.require(n) }},
		{"accept", false, func(n ast.Node) { s.Accept = p.limitations(n) }},
		{"waive", false, func(n ast.Node) {
			p.list(n, "a list of waivers for gaps", func(n ast.Node) { s.Waive = append(s.Waive, p.waiver(n)) })
		}},
	}, p.sourceFields(&s.Sources)...)
}

func (p *configParser) lockFields(l *Lock) []field {
	return []field{
		{"path", true, func(n ast.Node) { l.Path, _ = p.pattern(n, "the path of a lock file, or a pattern") }},
		{"for", true, func(n ast.Node) {
			one := func(n ast.Node) {
				if dir := p.absolutePattern(n); dir != "" {
					l.For = append(l.For, dir)
				}
			}
			if _, several := n.(*ast.SequenceNode); !several {
				one(n)
				return
			}
			p.list(n, "a list of directories", one)
			if len(l.For) == 0 && len(p.errs) == 0 {
				p.fail(place(n), "name a directory, or write the path alone", "the list is empty")
			}
		}},
	}
}

// lock decodes an entry of locks: a path, or a mapping with the directories that
// it is for.
func (p *configParser) lock(n ast.Node) (Lock, bool) {
	var l Lock
	switch n.(type) {
	case *ast.MappingNode:
		before := len(p.errs)
		ok := p.mapping(n, "a lock file", p.lockFields(&l))
		return l, ok && len(p.errs) == before
	}
	var ok bool
	l.Path, ok = p.pattern(n, "the path of a lock file, or a pattern")
	return l, ok
}

var stageName = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func (p *configParser) stageName(n ast.Node) string {
	name, ok := p.text(n, "the name of a stage", false)
	if ok && !stageName.MatchString(name) {
		p.fail(place(n), "use up to 64 letters, digits, '.', '_' and '-', and begin with a letter or a digit",
			"invalid name of a stage %s", textfile.Quote(name))
		return ""
	}
	return name
}

func (p *configParser) optional(n ast.Node, what string) *int {
	v, ok := p.number(n, what, 0)
	if !ok {
		return nil
	}
	return &v
}

// registry matches a host, with or without a scheme and a path, as in
// lockcheck.Policy. The schema has the same pattern.
var registry = lazyregexp.New(`^(https?://)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?$`)

func (p *configParser) registries(n ast.Node) []string {
	var hosts []string
	p.list(n, "a list of registries", func(n ast.Node) {
		host, ok := p.text(n, "the host of a registry", false)
		if !ok {
			return
		}
		if !registry.MatchString(host) {
			hint := `write a host in lower case, such as "npm.example.org", with or without a path; without a user name or a query`
			p.fail(place(n), hint, "invalid registry %s", textfile.Quote(host))
			return
		}
		hosts = append(hosts, host)
	})
	return hosts
}

func (p *configParser) firstPartyFields(o *FirstParty) []field {
	return []field{
		{"name", false, func(n ast.Node) { o.Name, _ = p.text(n, "the name of a package", false) }},
		{"purl", false, func(n ast.Node) { o.PURL = p.purl(n, false) }},
		{"path", false, func(n ast.Node) { o.Path = p.absolutePattern(n) }},
	}
}

func (p *configParser) firstParty(n ast.Node) FirstParty {
	o := FirstParty{Line: place(n).line}
	before := len(p.errs)
	if !p.mapping(n, "one of the stage's own packages", p.firstPartyFields(&o)) || len(p.errs) > before {
		return o
	}
	if m := n.(*ast.MappingNode); len(m.Values) != 1 {
		p.fail(place(n), "make a list entry of each", "one of name, purl and path is expected, got %d keys", len(m.Values))
	}
	return o
}

// platform matches os/arch[/variant], the form that all tools for images share.
// The schema has the same pattern.
var platform = lazyregexp.New(`^[a-z0-9]+/[a-z0-9]+(/[a-z0-9.]+)?$`)

func (p *configParser) platform(n ast.Node) string {
	s, ok := p.text(n, `a platform such as "linux/amd64"`, false)
	if ok && !platform.MatchString(s) {
		p.fail(place(n), "write os/arch or os/arch/variant in lower case, such as linux/amd64 or linux/arm/v7", "invalid platform %s", textfile.Quote(s))
		return ""
	}
	return s
}

func (p *configParser) limitations(n ast.Node) []sbom.LimitationName {
	var known []string
	for _, name := range sbom.LimitationNames() {
		known = append(known, string(name))
	}
	var out []sbom.LimitationName
	p.list(n, "a list of limitations", func(n ast.Node) {
		name, ok := p.word(n, "the name of a limitation", "unknown limitation %s", known)
		switch {
		case !ok:
		case slices.Contains(out, sbom.LimitationName(name)):
			p.fail(place(n), "remove one of them", "the limitation %q is already accepted", name)
		default:
			out = append(out, sbom.LimitationName(name))
		}
	})
	return out
}

// word decodes one of a few known words.
func (p *configParser) word(n ast.Node, what, unknown string, known []string) (string, bool) {
	s, ok := p.text(n, what, false)
	if !ok {
		return "", false
	}
	if slices.Contains(known, s) {
		return s, true
	}
	hint := "known are " + strings.Join(known, ", ")
	if near := wording.Nearest(s, known); near != "" {
		hint = fmt.Sprintf("did you mean %q? ", near) + hint
	}
	p.fail(place(n), hint, unknown, textfile.Quote(s))
	return "", false
}

func (p *configParser) waiverFields(w *Waiver) []field {
	return []field{
		{"path", false, func(n ast.Node) { w.Path = p.absolutePattern(n) }},
		{"kind", false, func(n ast.Node) { w.Kind = p.gapKind(n) }},
		{"reason", true, func(n ast.Node) { w.Reason, _ = p.text(n, "the reason for the waiver", true) }},
		{"owner", true, func(n ast.Node) { w.Owner, _ = p.text(n, "the owner of the waiver", false) }},
		{"expires", true, func(n ast.Node) { w.Expires = p.date(n) }},
	}
}

func (p *configParser) waiver(n ast.Node) Waiver {
	w := Waiver{Line: place(n).line}
	before := len(p.errs)
	if p.mapping(n, "a waiver", p.waiverFields(&w)) && len(p.errs) == before && w.Path == "" && w.Kind == "" {
		p.fail(place(n), "add `path:` or `kind:`, or both", "a waiver without path and kind would waive everything")
	}
	return w
}

func (p *configParser) gapKind(n ast.Node) sbom.GapKind {
	if s, ok := n.(*ast.StringNode); ok && slices.Contains(audit.UnwaivableGaps(), sbom.GapKind(s.Value)) {
		p.fail(place(n), "without the result there is nothing to judge", "a gap of the kind %q cannot be waived", s.Value)
		return ""
	}
	var known []string
	for _, kind := range audit.WaivableGaps() {
		known = append(known, string(kind))
	}
	kind, _ := p.word(n, "the kind of a gap", "unknown kind of a gap %s", known)
	return sbom.GapKind(kind)
}

func (p *configParser) date(n ast.Node) string {
	return p.day(n, "write the last day on which it holds as YYYY-MM-DD")
}

func (p *configParser) day(n ast.Node, hint string) string {
	s, ok := p.text(n, "a date (YYYY-MM-DD)", false)
	if !ok {
		return ""
	}
	if !IsDate(s) {
		p.fail(place(n), hint, "invalid date %s", textfile.Quote(s))
		return ""
	}
	return s
}

// IsDate reports whether s is a full-date of RFC 3339.
func IsDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

// purlShape matches every package URL. The schema has the same pattern.
var purlShape = lazyregexp.New(`^pkg:[a-zA-Z][a-zA-Z0-9.+-]*/[^\s]+$`)

// purl decodes a package URL. wild allows wildcards in namespace, name and
// version.
func (p *configParser) purl(n ast.Node, wild bool) string {
	s, ok := p.text(n, `a package URL such as "pkg:pypi/six"`, false)
	if !ok {
		return ""
	}
	hint := "write pkg:TYPE/NAMESPACE/NAME@VERSION, with or without namespace and version"
	if !purlShape.MatchString(s) {
		p.fail(place(n), hint, "invalid package URL %s", textfile.Quote(s))
		return ""
	}
	name, rest := s, ""
	if i := strings.IndexAny(s, "?#"); i >= 0 {
		name, rest = s[:i], s[i:]
	}
	switch {
	case !wild && strings.Contains(s, "*"):
		p.fail(place(n), "name one package; without a version it matches all of them", "%s has a wildcard, which is for exceptions alone", textfile.Quote(s))
		return ""
	case strings.Contains(rest, "*"):
		p.fail(place(n), "without qualifiers it matches all of them", "%s has a wildcard after the version", textfile.Quote(s))
		return ""
	case badStars.MatchString(name):
		p.fail(place(n), "write * for a part of a name, or ** between slashes for any number of parts, such as pkg:golang/github.com/example/**", "%s has a wildcard that matches nothing", textfile.Quote(s))
		return ""
	}
	parsed, err := packageurl.FromString(s)
	if err != nil {
		p.fail(place(n), hint, "invalid package URL %s: %v", textfile.Quote(s), err)
		return ""
	}
	if strings.Count(parsed.Namespace+parsed.Name+parsed.Version, "*") > strings.Count(name, "*") {
		// A reviewer does not see it, and neither do the checks above.
		p.fail(place(n), "write it as *, or name the package", "%s has an encoded wildcard", textfile.Quote(s))
		return ""
	}
	return s
}

// badStars matches two asterisks that are not a part of a path.
var badStars = lazyregexp.New(`[^/*]\*\*|\*\*[^/@]|\*\*\*`)

// absolutePattern decodes a pattern of absolute paths within an environment.
func (p *configParser) absolutePattern(n ast.Node) string {
	s, ok := p.pattern(n, "a path within the environment, or a pattern")
	if !ok {
		return ""
	}
	if !strings.HasPrefix(s, "/") {
		p.fail(place(n), fmt.Sprintf("write %s", textfile.Quote("/"+s)), "%s is not an absolute path within the environment", textfile.Quote(s))
		return ""
	}
	if matchesAll(s) {
		p.fail(place(n), "name a directory", "%s matches all of the environment", textfile.Quote(s))
		return ""
	}
	if clean := path.Clean(s); clean != s && clean+"/" != s {
		p.fail(place(n), "write "+textfile.Quote(clean), "%s matches nothing: paths have no empty parts, \".\" and \"..\"", textfile.Quote(s))
		return ""
	}
	return s
}

// matchesAll reports whether a pattern of absolute paths covers all directories,
// whatever their names: "/", "/**", "/?*", "/{**,usr}".
func matchesAll(pattern string) bool {
	clean := path.Clean(pattern)
	if strings.TrimLeft(clean, "/*") == "" {
		return true
	}
	for _, dir := range []string{"/usr", "/etc", "/opt", "/var", "/home"} {
		for _, name := range []string{"0", "x", "Y-.z"} {
			if in, err := doublestar.Match(clean+"/**", dir+"/"+name); err != nil || !in {
				return false
			}
		}
	}
	return true
}

func (p *configParser) pattern(n ast.Node, what string) (string, bool) {
	s, ok := p.text(n, what, false)
	if !ok {
		return "", false
	}
	if !doublestar.ValidatePattern(s) {
		p.fail(place(n), "see https://github.com/bmatcuk/doublestar for the syntax", "invalid pattern %s", textfile.Quote(s))
		return "", false
	}
	return s, true
}

// configKeys returns every key of the configuration by its mapping. A test
// compares it with the schema.
func configKeys() map[string][]string {
	p := &configParser{decoder: &decoder{}, config: &Config{}}
	keys := map[string][]string{
		"pipeline":    keysOf(p.pipelineFields()),
		"stage":       keysOf(p.stageFields(&Stage{}, nil, nil)),
		"first-party": keysOf(p.firstPartyFields(&FirstParty{})),
		"exception":   keysOf(p.exceptionFields(&Exception{})),
		"lock":        keysOf(p.lockFields(&Lock{})),
		"waiver":      keysOf(p.waiverFields(&Waiver{})),
		"require":     keysOf(p.requireFields(&Require{})),
	}
	for _, k := range keys {
		slices.Sort(k)
	}
	return keys
}
