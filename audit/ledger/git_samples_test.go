package ledger

import (
	"testing"

	"github.com/depaudit/depaudit/audit"
)

// postUpdate is templates/hooks/post-update.sample of git.
const postUpdate = `#!/bin/sh
#
# An example hook script to prepare a packed repository for use over
# dumb transports.
#
# To enable this hook, rename this file to "post-update".

exec git update-server-info
`

// TestGitSamples: a sample hook is explained by its name and all of its content.
func TestGitSamples(t *testing.T) {
	for path, c := range map[string]struct {
		content string
		want    bool
	}{
		"/src/.git/hooks/post-update.sample":    {"+x " + postUpdate, true},
		"/srv/x.git/hooks/post-update.sample":   {"+x " + postUpdate, true},
		"/src/.git/hooks/pre-push.sample":       {"+x " + postUpdate, false},
		"/src/.git/modules/a/hooks/post-update": {"+x " + postUpdate, false},
		"/opt/post-update.sample":               {"+x " + postUpdate, false},
		"/other/.git/hooks/post-update.sample":  {"+x " + postUpdate + "evil\n", false},
		"/third/.git/hooks/post-update.sample":  {"+s " + postUpdate, false},
	} {
		p := prove(t, root{path: c.content}.write(t), Request{})
		got := true
		for _, l := range p.Ledger.Lines {
			got = got && !(l.Path == path && l.Status == audit.FileUnexplained)
		}
		if got != c.want {
			t.Errorf("%s: explained is %v: %v", path, got, p.Ledger.Lines)
		}
	}
}
