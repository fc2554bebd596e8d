package lockcheck

import (
	"path"
	"strings"
)

// member adds a member of the workspace. A directory outside of the project, and
// the project itself, is none.
func (l *Lock) member(src *source, start int, name, dir string, unnamed bool) {
	if dir == "." || !inProject(dir) {
		return
	}
	l.add(Entry{
		Type: "npm", Name: name, unnamed: unnamed, FirstParty: true, File: src.file, Line: src.line(start), Direct: true,
		Source: Source{Kind: KindPath, URL: dir},
	})
}

// inProject reports whether a relative directory is in the project, written in
// its shortest form, and not one of installed packages, which no tool takes for
// a member.
func inProject(dir string) bool {
	return !strings.Contains("/"+dir+"/", "/node_modules/") && dir == path.Clean(dir) && !path.IsAbs(dir) && dir != ".." && !strings.HasPrefix(dir, "../")
}
