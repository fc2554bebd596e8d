package lockcheck

import (
	"context"
	"path/filepath"
	"strings"
)

// parseCargoLock parses Cargo.lock with the manifests beside it, which have what
// the lock does not: the members of the workspace, and the crates that the
// project replaces. Without them a package without a source is taken for the
// project's, and is first-party for nothing that is installed.
func (l *Lock) parseCargoLock(ctx context.Context, src *source) error {
	d, err := parseTOML(src)
	if err != nil {
		return err
	}
	project, err := l.readCargoProject(ctx, filepath.Dir(src.file))
	if err != nil {
		return err
	}
	return l.parseCargo(d, project)
}

// parseCargo parses Cargo.lock, versions 1 to 4
// (https://doc.rust-lang.org/cargo/reference/ and cargo's
// src/cargo/core/resolver/encode.rs). Version 1 has the checksums in
// [metadata], under "checksum NAME VERSION (SOURCE)".
func (l *Lock) parseCargo(d *document, project *cargoProject) error {
	if v := d.want(d.root, "version", nodeNumber); v != nil && !(len(v.text) == 1 && v.text >= "1" && v.text <= "4") {
		d.fail(v.offset, "use a version from 1 to 4", "Cargo.lock version %s is not supported", quote(v.text))
	}
	metadata := d.table(d.root, "metadata")
	for _, p := range d.tables(d.root, "package") {
		e := Entry{Type: "cargo", Name: d.text(p, "name"), Version: d.text(p, "version"), File: d.file, Line: d.at(p, "name")}
		if e.Name == "" || e.Version == "" {
			d.fail(p.offset, "create the lock file again with cargo", "a package without a name or a version")
		}
		from := d.text(p, "source")
		cargoSource(from, &e)
		sum := d.text(p, "checksum")
		if sum == "" {
			sum = d.text(metadata, "checksum "+e.Name+" "+e.Version+" ("+from+")")
		}
		if sum != "" && sum != "<none>" {
			l.addHash(&e, "sha256", sum)
		}
		if by := d.text(p, "replace"); by != "" {
			e.flaw = flaw{Replaced, quote(e.Name) + " is replaced by " + quote(oneLine(by))}
		}
		if project != nil {
			project.judge(&e)
		}
		if d.err != nil {
			return d.err
		}
		l.add(e)
	}
	for _, p := range d.tables(d.table(d.root, "patch"), "unused") {
		name := d.text(p, "name")
		l.problem(ProblemIgnored, d.file, d.at(p, "name"), name, "nothing uses the patch of "+quote(name)+" by "+quote(d.text(p, "version"))+" (cargo update, or remove it)")
	}
	if d.err == nil {
		l.refuseTwins(d)
	}
	return d.failure()
}

func cargoSource(from string, e *Entry) {
	kind, url, _ := strings.Cut(from, "+")
	switch {
	case from == "":
		e.Source = Source{Kind: KindPath}
		e.FirstParty = true // a member of the workspace
	case kind == "registry":
		e.Source = registrySource("cargo", url)
	case kind == "sparse":
		e.Source = registrySource("cargo", url)
	case kind == "git":
		_, commit, _ := strings.Cut(url, "#")
		e.Source = Source{Kind: KindVCS, URL: scrub(url), Commit: commit}
	default: // "path+", "local-registry+", "directory+"
		e.Source = Source{Kind: KindPath, URL: scrub(url)}
	}
}
