package lockcheck

import (
	"cmp"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/ecosystem"
)

// parseRenv parses renv.lock (https://rstudio.github.io/renv/articles/lockfile.html;
// rstudio/renv, R/lockfile-read.R and R/remotes.R). Hash is an MD5 of fields of
// the package's DESCRIPTION, not of an archive.
func (l *Lock) parseRenv(d *document) error {
	repositories := map[string]string{}
	for _, r := range d.tables(d.table(d.root, "R"), "Repositories") {
		repositories[d.text(r, "Name")] = d.text(r, "URL")
	}
	packages := d.table(d.root, "Packages")
	if packages == nil {
		return d.failure()
	}
	for i := range packages.members {
		m := &packages.members[i]
		p := d.table(packages, m.key)
		if p == nil || d.err != nil {
			break
		}
		e := Entry{Type: "cran", Name: cmp.Or(d.text(p, "Package"), m.key), Version: d.text(p, "Version"), File: d.file, Line: d.line(m.offset)}
		if e.Name == "" {
			d.fail(m.offset, "create it again with renv::snapshot()", "a package without a name")
			break
		}
		if e.Name != m.key {
			e.Line = d.at(p, "Package")
		}
		if sum := d.text(p, "Hash"); sum != "" {
			l.addHash(&e, "md5", sum)
		}
		renvSource(d, p, &e, repositories)
		l.add(e)
	}
	if d.err != nil {
		return d.err
	}
	return l.refuseSeveral(d.source)
}

func renvSource(d *document, p *node, e *Entry, repositories map[string]string) {
	// renv compares the source in lower case (renv_record_source).
	sha, remote := d.text(p, "RemoteSha"), ecosystem.Lower(d.text(p, "RemoteType"))
	hosted := func(host, fallback string) Source {
		host = strings.TrimPrefix(cmp.Or(host, fallback), "https://")
		host = strings.TrimPrefix(strings.TrimSuffix(host, "/api/v3"), "api.")
		return Source{Kind: KindVCS, URL: scrub("https://" + host + "/" + d.text(p, "RemoteUsername") + "/" + d.text(p, "RemoteRepo")), Commit: sha}
	}
	host := d.text(p, "RemoteHost")
	switch source := ecosystem.Lower(d.text(p, "Source")); {
	case source == "github" || remote == "github":
		e.Source = hosted(host, "github.com")
	case source == "gitlab" || remote == "gitlab":
		e.Source = hosted(host, "gitlab.com")
	case source == "bitbucket" || remote == "bitbucket":
		e.Source = hosted(strings.TrimSuffix(host, "/2.0"), "bitbucket.org")
	case strings.HasPrefix(source, "git") || strings.HasPrefix(remote, "git"):
		e.Source = Source{Kind: KindVCS, URL: scrub(d.text(p, "RemoteUrl")), Commit: sha}
	case source == "url" || remote == "url":
		e.Source = Source{Kind: KindURL, URL: scrub(d.text(p, "RemoteUrl"))}
	case source == "local" || remote == "local":
		e.Source = Source{Kind: KindPath, URL: scrub(d.text(p, "RemoteUrl"))}
	default: // "Repository", "Bioconductor", "CRAN"
		name := cmp.Or(d.text(p, "Repository"), d.text(p, "Source"))
		if _, known := repositories[d.text(p, "Source")]; !known && !slices.Contains([]string{"", "repository", "cran", "bioconductor", "unknown"}, source) {
			name = d.text(p, "Source") // another kind of source: a repository beside it is not where the package is from
		}
		url, known := repositories[name]
		switch {
		case known:
		case strings.Contains(name, "://"):
			url = name
		case name != "" && name != "CRAN" && name != "RSPM" && name != "P3M" && name != "PPM" && name != "Bioconductor" && name != "Repository" && !strings.HasPrefix(name, "BioC"):
			url = "r://" + name // a repository that the lock does not have
		}
		e.Source = registrySource("cran", url)
	}
}
