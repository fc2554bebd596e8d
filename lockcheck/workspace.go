package lockcheck

import (
	"context"
	"path"
	"strings"
)

// The locks of pnpm are read for the members of the workspace only. Their
// packages are not read yet, and each such lock has a note about it. They are read
// by the lines that pnpm writes, not as YAML.

// parsePnpmImporters parses "importers" of pnpm-lock.yaml, whose keys are the
// directories of the project and of its members
// (https://github.com/pnpm/spec/tree/master/lockfile). Their names are not in
// the lock.
func (l *Lock) parsePnpmImporters(ctx context.Context, src *source) error {
	in := false
	err := src.eachLine(ctx, func(start int, line string) error {
		switch {
		case strings.TrimSpace(line) == "" || strings.HasPrefix(strings.TrimLeft(line, " "), "#"):
		case line[0] != ' ':
			rest, found := strings.CutPrefix(line, "importers:")
			if in = found; found && strings.TrimSpace(rest) != "" && strings.TrimSpace(rest) != "{}" {
				return src.errorf(start, "write the lock again with pnpm", "importers are not in the form that pnpm writes")
			}
		case in && strings.HasPrefix(line, "  ") && line[2] != ' ':
			key, rest, ok := cutKey(line[2:])
			if rest = strings.TrimSpace(rest); !ok || rest != "" && rest != "{}" {
				return src.errorf(start, "write the lock again with pnpm", "importers are not in the form that pnpm writes")
			}
			l.member(src, start, key, key, true)
		}
		return nil
	})
	l.partlyRead(src)
	return err
}

// cutKey cuts the key of a YAML mapping, in quotes or plain.
func cutKey(s string) (key, rest string, ok bool) {
	if s[0] == '\'' || s[0] == '"' {
		key, rest, ok = strings.Cut(s[1:], s[:1])
		rest, colon := strings.CutPrefix(rest, ":")
		return key, rest, ok && colon
	}
	return strings.Cut(s, ":")
}

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

func (l *Lock) partlyRead(src *source) {
	l.problem(ProblemPartlyRead, src.file, 1, "", "only the members of the workspace are read of a "+l.Format+": it pins no package yet")
}

// maxYAMLLine bounds a line of the locks of pnpm and Yarn 1. The longest in use are
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
