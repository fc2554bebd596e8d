package scan

import (
	"fmt"
	"testing"

	"github.com/depaudit/depaudit/sbom"
)

// TestOriginOfR checks the records of remotes, pak and renv in DESCRIPTION files.
func TestOriginOfR(t *testing.T) {
	const commit = "1763e0dcb72fb58d97bab97bb834fc71f1e012bc"
	for text, want := range map[string]string{
		"Repository: CRAN\n":                                    "",
		"RemoteType: standard\nRemoteSha: 0.12\n":               "",
		"Description: x\n  RemoteType: github\nRemoteType: any": "",
		"RemoteType: github\nRemoteHost: api.github.com\nRemoteUsername: yihui\nRemoteRepo: mime\nRemoteSha: " + commit + "\n":      "vcs https://github.com/yihui/mime " + commit,
		"RemoteType: github\nRemoteHost: git.example/api/v3\nRemoteUsername: a\nRemoteRepo: b\nRemoteSha: " + commit + "\n":         "vcs https://git.example/a/b " + commit,
		"RemoteType: gitlab\nRemoteUsername: a\nRemoteRepo: b\nRemoteSha: " + commit + "\n":                                         "vcs https://gitlab.com/a/b " + commit,
		"RemoteType: bitbucket\nRemoteHost: api.bitbucket.org/2.0\nRemoteUsername: a\nRemoteRepo: b\nRemoteSha: " + commit + "\r\n": "vcs https://bitbucket.org/a/b " + commit,
		"RemoteType: git2r\nRemoteUrl: https://u:p@git.example/a.git\nRemoteSha: " + commit + "\nRemoteSha: 0000\n":                 "vcs https://git.example/a.git " + commit,
		"RemoteType: url\nRemoteUrl: https://x.example/a.tar.gz?token=secret\n":                                                     "url https://x.example/a.tar.gz",
		"RemoteType: local\nRemoteUrl: ~/a\n": "path",
	} {
		doc := files{"/usr/local/lib/R/site-library/mime/DESCRIPTION": "Package: mime\nVersion: 0.12.1\n" + text}.scan(t)
		found := false
		for _, c := range doc.Components {
			if c.Type != "cran" {
				continue
			}
			found = true
			in := c.Install
			if in == nil {
				in = new(sbom.Install)
			} else if in.File != "/usr/local/lib/R/site-library/mime/DESCRIPTION" {
				t.Errorf("%q: the record is %s", text, in.File)
			}
			got := fmt.Sprintf("%s %s %s", in.Kind, in.URL, in.Commit)
			for len(got) > 0 && got[len(got)-1] == ' ' {
				got = got[:len(got)-1]
			}
			if got != want {
				t.Errorf("%q: %q, want %q", text, got, want)
			}
		}
		if !found {
			t.Errorf("%q: no package", text)
		}
	}
}
