package lockcheck

import (
	"cmp"
	"path"
	"strings"
)

// parseFlake parses flake.lock, versions 5 to 7
// (https://nix.dev/manual/nix/stable/command-ref/new-cli/nix3-flake.html#lock-files).
// Its entries are the inputs, each a tree of files with its hash (narHash: the
// SHA-256 of the tree as an archive). Which packages are built from them is
// nowhere in it, so that it pins what a stage is built from and no installed
// package.
func (l *Lock) parseFlake(d *document) error {
	if v := d.want(d.root, "version", nodeNumber); v == nil || v.text != "5" && v.text != "6" && v.text != "7" {
		d.fail(d.root.offset, "lock with a Nix that writes version 7", "a flake.lock of a version that is not supported")
	}
	root := cmp.Or(d.text(d.root, "root"), "root")
	nodes := d.table(d.root, "nodes")
	if nodes == nil || d.err != nil {
		return d.failure()
	}
	for i := range nodes.members {
		m := &nodes.members[i]
		locked := d.table(m.value, "locked")
		if m.key == root && locked == nil {
			continue
		}
		e := Entry{Type: "generic", Name: m.key, File: d.file, Line: d.line(m.offset), Version: d.text(locked, "rev")}
		if m.key == "" || m.value.kind != nodeObject {
			d.fail(m.offset, "create it again with nix flake lock", "an input is %s with a name", nodeObject)
			break
		}
		if hash := d.text(locked, "narHash"); hash != "" {
			hashes, malformed := integrity(hash)
			e.Hashes = hashes
			if malformed {
				l.problem(ProblemBadHash, e.File, e.Line, e.Name, quote(e.Name)+" has a hash of the wrong form")
			}
		}
		flakeSource(d, locked, &e)
		if d.err != nil {
			break
		}
		l.add(e)
		l.floatingInput(&e)
	}
	return d.failure()
}

// floatingInput notes an input that can be another one tomorrow.
func (l *Lock) floatingInput(e *Entry) {
	if len(strong(e.Hashes)) == 0 && (e.Source.Kind == KindVCS && !fullCommit(e.Source.Commit) || e.Source.Kind == KindURL) {
		l.problem(ProblemFloating, e.File, e.Line, e.Name, "the input "+quote(e.Name)+" has neither a hash nor a full commit (nix flake lock)")
	}
	if u, ok := parseLocation(e.Source.URL); ok && strings.HasSuffix(u.scheme, "http") {
		l.insecure(e, u.host)
	}
}

// flakeSource sets the source by the type of a flake reference.
func flakeSource(d *document, locked *node, e *Entry) {
	commit, at := d.text(locked, "rev"), path.Join(d.text(locked, "owner"), d.text(locked, "repo"))
	hosted := func(fallback string) Source {
		return Source{Kind: KindVCS, URL: scrub("https://" + cmp.Or(d.text(locked, "host"), fallback) + "/" + at), Commit: commit}
	}
	switch kind := d.text(locked, "type"); kind {
	case "github":
		e.Source = hosted("github.com")
	case "gitlab":
		e.Source = hosted("gitlab.com")
	case "sourcehut":
		e.Source = hosted("git.sr.ht")
	case "git", "hg":
		e.Source = Source{Kind: KindVCS, URL: scrub(d.text(locked, "url")), Commit: commit}
	case "path":
		e.Source = Source{Kind: KindPath, URL: d.text(locked, "path")}
	case "indirect", "":
		e.Source = Source{Kind: KindRegistry}
	default: // "tarball", "file"
		e.Source = Source{Kind: KindURL, URL: scrub(d.text(locked, "url"))}
	}
}
