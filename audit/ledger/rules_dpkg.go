package ledger

import (
	"path"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// dpkgFiles are the files that dpkg writes into its directory, relative to it
// (dpkg(1), FILES; deb-postinst(5) and the other pages of section 5).
var dpkgFiles = []string{"available", "available-old", "arch", "cmethopt", "diversions", "diversions-old", "statoverride", "statoverride-old", "status", "status-old", "lock", "lock-frontend",
	"firmware-ver", "triggers/*", "methods/*/*", "info/format", "info/*.list", "info/*.md5sums", "info/*.conffiles", "info/*.triggers", "info/*.shlibs", "info/*.symbols", "info/*.templates",
	"status.d/*"}

// dpkgScripts are the scripts among them.
var dpkgScripts = []string{"preinst", "postinst", "prerm", "postrm", "config"}

// dpkgRecord reports whether a file is one that dpkg writes, and no program.
func (e *engine) dpkgRecord(n rootfs.Node) bool {
	rel, ok := strings.CutPrefix(e.tree.Path(n), "/var/lib/dpkg/")
	if !ok || !matches(rel, dpkgFiles) || !e.inert(n) {
		return false
	}
	head := make([]byte, 512)
	f, err := e.tree.OpenFile(n)
	if err != nil {
		return true // of an image, where the classes were computed
	}
	defer f.Close()
	got, _ := f.Read(head)
	return !strings.ContainsRune(string(head[:got]), 0)
}

// dpkgScript reports whether a file is a script of an installed package. Nothing
// but the package's artifact vouches for its content: the content of the
// package has it.
func (e *engine) dpkgScript(n rootfs.Node) bool {
	if !e.isControl(n) || e.nodes[n].mode&setID != 0 {
		return false
	}
	ext := strings.TrimPrefix(path.Ext(e.tree.Name(n)), ".")
	for _, s := range dpkgScripts {
		if ext == s {
			return true
		}
	}
	return e.inert(n)
}

// isControl reports whether dpkg keeps a file of the control part of an installed
// package: a script or a list.
func (e *engine) isControl(n rootfs.Node) bool {
	if e.known.controls == nil {
		e.known.controls = map[rootfs.Node]bool{}
		if db := e.files.DB(); db != nil {
			for i := range db.Components {
				for _, c := range db.Control(i) {
					e.known.controls[c] = true
				}
			}
		}
	}
	return e.known.controls[n]
}

// alternative is one record of update-alternatives.
type alternative struct {
	auto   bool
	links  map[string]string // name -> link, the first is the master's
	master string
	// choices are the targets of each name, by choice.
	choices []map[string]string
	best    int // the choice of the highest priority
}

// parseAlternative parses a record of update-alternatives: the mode, the link, pairs
// of a name and a link up to an empty line, and for each choice its path, its
// priority and the path of each further link (parse_administrative_file in
// utils/update-alternatives.c).
func parseAlternative(name, text string) *alternative {
	lines := strings.Split(text, "\n")
	next := func() (string, bool) {
		if len(lines) == 0 {
			return "", false
		}
		l := lines[0]
		lines = lines[1:]
		return l, true
	}
	a := &alternative{links: map[string]string{}, master: name, best: -1}
	mode, _ := next()
	a.auto = mode == "auto"
	link, ok := next()
	if !ok || mode != "auto" && mode != "manual" {
		return nil
	}
	a.links[name] = link
	order := []string{name}
	for {
		s, ok := next()
		if !ok {
			return nil
		}
		if s == "" {
			break
		}
		link, ok := next()
		if !ok {
			return nil
		}
		a.links[s] = link
		order = append(order, s)
	}
	highest := 0
	for {
		target, ok := next()
		if !ok || target == "" {
			return a
		}
		text, _ := next()
		priority, err := strconv.Atoi(text)
		if err != nil {
			return nil
		}
		choice := map[string]string{name: target}
		for _, s := range order[1:] {
			if choice[s], ok = next(); !ok {
				return nil
			}
		}
		if a.best < 0 || priority > highest {
			a.best, highest = len(a.choices), priority
		}
		a.choices = append(a.choices, choice)
	}
}

// readAlternatives reads the records once.
func (e *engine) readAlternatives() {
	if e.known.alternatives != nil {
		return
	}
	e.known.alternatives, e.known.links = map[string]*alternative{}, map[string]string{}
	for _, dir := range []string{"/var/lib/dpkg/alternatives", "/var/lib/alternatives"} {
		for n := range e.tree.Children(e.tree.Resolve(dir)) {
			text, ok := e.text(n)
			if !ok {
				continue
			}
			a := parseAlternative(e.tree.Name(n), text)
			if a == nil {
				continue
			}
			for name, link := range a.links {
				e.known.alternatives[name] = a
				e.known.links[link] = name
			}
		}
	}
}

// alternatives explains the links of update-alternatives: those of
// /etc/alternatives lead to the recorded choice, of which the target is a
// package's; the links to them are recorded; the records are text.
func (e *engine) alternatives(n rootfs.Node) bool {
	p := e.tree.Path(n)
	if dir := path.Dir(p); dir == "/var/lib/dpkg/alternatives" || dir == "/var/lib/alternatives" {
		text, ok := e.text(n)
		return ok && e.inert(n) && parseAlternative(path.Base(p), text) != nil
	}
	if p == "/etc/alternatives/README" {
		return e.inert(n)
	}
	if e.tree.Kind(n) != rootfs.Symlink {
		return false
	}
	e.readAlternatives()
	name, ok := strings.CutPrefix(p, "/etc/alternatives/")
	if !ok {
		recorded, known := e.known.links[p]
		if !known {
			// The record has /bin/x, and the link is /usr/bin/x: merged /usr.
			recorded, known = e.known.links[strings.TrimPrefix(p, "/usr")]
		}
		return known && e.tree.Target(n) == "/etc/alternatives/"+recorded
	}
	f := &e.nodes[n]
	a := e.known.alternatives[name]
	if a == nil {
		f.detail = detailAlternative
		return true
	}
	chosen := -1
	for i, choice := range a.choices {
		if choice[name] == e.tree.Target(n) && (chosen < 0 || i == a.best) {
			chosen = i
		}
	}
	switch {
	case chosen < 0, a.auto && a.choices[chosen][name] != a.choices[a.best][name]:
		f.detail = detailAlternative
		return true
	case !e.alternativeTarget(e.tree.Target(n)):
		return false
	}
	return true
}

// alternativeTarget reports whether a package has the target of an alternative, or
// it was left out of the installation with the documentation.
func (e *engine) alternativeTarget(target string) bool {
	to := e.tree.Resolve(target)
	if to == rootfs.None {
		return isDocumentation(target)
	}
	return e.vouched(to) || e.nodes[to].component > 0 && e.nodes[to].status != unexplained && e.nodes[to].status != changed
}
