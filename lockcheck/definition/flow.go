package definition

import (
	"path"
	"slices"
	"strings"
)

// Sources returns the IDs of the jobs of a file whose results a job takes, also
// indirectly, in the order of the file: those that upload an artifact that it
// downloads. A release that is published is only as good as the job that built it.
func (f *File) Sources(id string) []string {
	found := map[string]bool{id: true}
	for queue := []*Job{f.Job(id)}; len(queue) > 0; queue = queue[1:] {
		for i := range f.Jobs {
			if from := &f.Jobs[i]; queue[0] != nil && !found[from.ID] && from.feeds(queue[0]) {
				found[from.ID] = true
				queue = append(queue, from)
			}
		}
	}
	var out []string
	for i := range f.Jobs {
		if found[f.Jobs[i].ID] && f.Jobs[i].ID != id {
			out = append(out, f.Jobs[i].ID)
		}
	}
	return out
}

// feeds reports whether a job downloads an artifact of this one.
func (j *Job) feeds(to *Job) bool {
	for _, up := range j.Uploads {
		if slices.ContainsFunc(to.Downloads, func(down Artifact) bool { return sameArtifact(up.Name, down.Name) }) {
			return true
		}
	}
	return false
}

// sameArtifact reports whether an uploaded artifact can be the one that a name or a
// pattern takes. What an expression becomes can be any text.
func sameArtifact(up, down string) bool {
	if down == "" || up == down {
		return true
	}
	up, down = anyText(up), anyText(down)
	if ok, err := path.Match(down, up); ok || err != nil {
		return true
	}
	ok, err := path.Match(up, down)
	return ok || err != nil
}

// anyText replaces expressions by "*".
func anyText(s string) string {
	for {
		i := strings.Index(s, "${{")
		if i < 0 {
			return s
		}
		end := strings.Index(s[i:], "}}")
		if end < 0 {
			return s[:i] + "*"
		}
		s = s[:i] + "*" + s[i+end+2:]
	}
}
