package lockcheck

import (
	"context"
	"path"
	"slices"
	"strings"
)

// parseGradle parses gradle.lockfile and its kind for build scripts and settings,
// "GROUP:NAME:VERSION=CONFIGURATION,..." on each line
// (https://docs.gradle.org/current/userguide/dependency_locking.html), and the
// older layout with a file for each configuration and no "=". It has no hashes:
// those are in verification-metadata.xml.
func (l *Lock) parseGradle(ctx context.Context, src *source) error {
	err := src.eachLine(ctx, func(begin int, line string) error {
		text := strings.TrimSpace(strings.TrimPrefix(line, "\ufeff"))
		if text == "" || strings.HasPrefix(text, "#") || strings.HasPrefix(text, "empty=") {
			return nil
		}
		module, configurations, _ := strings.Cut(text, "=")
		parts := strings.Split(module, ":")
		if len(parts) != 3 || slices.Contains(parts, "") || strings.ContainsAny(module, " \t") {
			return src.errorf(begin, "write the lock again with gradle dependencies --write-locks", "not GROUP:NAME:VERSION: %s", quote(text))
		}
		e := Entry{Type: "maven", Namespace: parts[0], Name: parts[1], Version: parts[2], File: src.file, Line: src.line(begin), Source: Source{Kind: KindRegistry}}
		if strings.ContainsAny(e.Version, "[](),+") && !strings.HasSuffix(e.Version, "+") || strings.HasPrefix(e.Version, "latest.") {
			e.Version, e.Spec = "", e.Version
		}
		e.Dev = configurations != ""
		for configuration := range strings.SplitSeq(configurations, ",") {
			e.Dev = e.Dev && strings.HasPrefix(configuration, "test")
		}
		l.add(e)
		return nil
	})
	if err != nil {
		return err
	}
	d := &document{source: src}
	l.refuseTwins(d)
	return d.failure()
}

// isGradleLockName accepts the names of Gradle's lock files: those of a project,
// its build script and its settings, and the older ones of each configuration in
// gradle/dependency-locks.
func isGradleLockName(file string) bool {
	switch base := path.Base(file); base {
	case "gradle.lockfile", "buildscript-gradle.lockfile", "settings-gradle.lockfile":
		return true
	default:
		return path.Ext(base) == ".lockfile" && path.Base(path.Dir(file)) == "dependency-locks"
	}
}

// lockedModules removes the entries that only have the hashes of a module from
// candidates, where a gradle.lockfile has the module at other versions: Gradle
// verifies what it downloads by verification-metadata.xml, which retains versions
// that are no longer used, and takes what the lock names.
func lockedModules(candidates []candidate) []candidate {
	versions := map[string]bool{}
	for _, c := range candidates {
		if !c.entry.hashesOnly {
			versions[c.entry.Version] = true
		}
	}
	if len(versions) == 0 {
		return candidates
	}
	return slices.DeleteFunc(slices.Clone(candidates), func(c candidate) bool { return c.entry.hashesOnly && !versions[c.entry.Version] })
}

// identifyJar sets the group, name and version of a Java archive to those of the
// entry that it is to be compared with. An archive need not have them in it, and
// the scan then guesses: its bytes decide, if an entry has their digest. Of an
// archive whose group is not known at all (it is then the name) the name decides,
// if one module only has it.
func (s *Set) identifyJar(p *Package) {
	for _, d := range p.Digests {
		if list := s.byHash[d]; len(list) > 0 {
			e, fits := list[0].entry, -1
			for _, c := range list {
				n := 0
				if c.entry.Version == p.Version {
					n++
				}
				if c.entry.Namespace == p.Namespace && c.entry.Name == p.Name {
					n += 2
				}
				if n > fits {
					e, fits = c.entry, n
				}
			}
			p.Namespace, p.Name, p.Version = e.Namespace, e.Name, e.Version
			return
		}
	}
	if p.Namespace != "" && p.Namespace != p.Name {
		return
	}
	group := ""
	for _, c := range s.byName[packageKey{p.Type, p.Name}] {
		if c.entry.Namespace == "" || group != "" && group != c.entry.Namespace {
			return
		}
		group = c.entry.Namespace
	}
	p.Namespace = group
}
