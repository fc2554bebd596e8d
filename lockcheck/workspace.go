package lockcheck

import (
	"context"
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

// maxYAMLLine bounds a line of a lock that is read by lines, such as Yarn's. The longest in use are
// keys of some hundred peer dependencies.
const maxYAMLLine = 1 << 20

// eachLine calls a function for each line, without its end, and with its offset.
func (s *source) eachLine(ctx context.Context, f func(start int, line string) error) error {
	for i, start := range s.lines {
		if i%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		end := len(s.data)
		if i+1 < len(s.lines) {
			end = s.lines[i+1] - 1
		}
		if end-start > maxYAMLLine {
			return s.errorf(start, "write the lock again with its tool", "a line longer than %d bytes", maxYAMLLine)
		}
		if err := f(start, strings.TrimSuffix(string(s.data[start:end]), "\r")); err != nil {
			return err
		}
	}
	return nil
}
