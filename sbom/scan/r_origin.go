package scan

import (
	"bytes"
	"cmp"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// maxDescription is the size of a DESCRIPTION file. The largest on CRAN have 20 KB.
const maxDescription = 1 << 20

// originOfR returns where a package of R came from, by the fields that remotes, pak
// and renv add to its DESCRIPTION (r-lib/remotes, R/install-github.R,
// github_remote and remote_metadata). It returns nil for a package of a
// repository, such as CRAN, and for one that install.packages installed.
func (s *inventory) originOfR(description rootfs.Node) *sbom.Install {
	data, err := s.tree.ReadFile(description, maxDescription)
	if err != nil {
		return nil
	}
	fields := remoteFields(data)
	in := &sbom.Install{Kind: sbom.InstallVCS, Commit: fields["RemoteSha"], File: s.tree.Path(description)}
	host := strings.TrimPrefix(fields["RemoteHost"], "https://")
	host = strings.TrimPrefix(strings.TrimSuffix(strings.TrimSuffix(host, "/api/v3"), "/2.0"), "api.")
	switch fields["RemoteType"] {
	case "github":
		host = cmp.Or(host, "github.com")
	case "gitlab":
		host = cmp.Or(host, "gitlab.com")
	case "bitbucket":
		host = cmp.Or(host, "bitbucket.org")
	case "git", "git2r", "xgit":
		in.URL = sbom.ScrubURL(fields["RemoteUrl"])
		return in
	case "url":
		in.Kind, in.Commit, in.URL = sbom.InstallURL, "", sbom.ScrubURL(fields["RemoteUrl"])
		return in
	case "local":
		in.Kind, in.Commit = sbom.InstallPath, ""
		return in
	default: // "standard", "cran", "bioc", "any", or none
		return nil
	}
	in.URL = sbom.ScrubURL("https://" + host + "/" + fields["RemoteUsername"] + "/" + fields["RemoteRepo"])
	return in
}

// remoteFields returns the fields of a DESCRIPTION whose names begin with "Remote".
// Lines that begin with white space belong to the field before.
func remoteFields(data []byte) map[string]string {
	fields := map[string]string{}
	for line := range bytes.Lines(data) {
		if name, value, ok := strings.Cut(string(line), ":"); ok && strings.HasPrefix(name, "Remote") {
			if _, again := fields[name]; !again {
				fields[name] = strings.TrimSpace(value)
			}
		}
	}
	return fields
}
