package exe

import (
	"debug/buildinfo"
	"fmt"
	"io"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/module"
)

// develVersion is what the go command records as the version of a module that
// was built from a working tree (https://go.dev/issue/29228).
const develVersion = "(devel)"

// GoModule is a module that is linked into a Go program.
type GoModule struct {
	Path    string
	Version string // empty for a working tree without a version
	Sum     string // "h1:...", empty without one
	Local   bool   // replaced by a directory
}

// GoBuild is the build information of one Go program
// (https://pkg.go.dev/runtime/debug#BuildInfo).
type GoBuild struct {
	Compiler string   // "go1.26.8"
	Main     GoModule // Path is empty when nothing names it
	Deps     []GoModule
}

// GoBuilds reads the build information of a program: one for each
// architecture of a universal file, none when the file is not a Go program.
func GoBuilds(r io.ReaderAt) ([]GoBuild, error) {
	var out []GoBuild
	for _, part := range slicesOf(r) {
		if err := checkTables(part); err != nil {
			return out, err
		}
		info, err := readBuildInfo(part)
		if err != nil || info == nil {
			// The executables of an environment are mostly not Go's, and the
			// error does not distinguish them from broken ones.
			continue
		}
		out = append(out, goBuild(info))
	}
	return out, nil
}

// readBuildInfo recovers from the panics that debug/macho and debug/pe are
// known for with malformed files.
func readBuildInfo(r io.ReaderAt) (info *debug.BuildInfo, err error) {
	defer func() {
		if p := recover(); p != nil {
			info, err = nil, fmt.Errorf("panic: %v", p)
		}
	}()
	return buildinfo.Read(r)
}

func goBuild(info *debug.BuildInfo) GoBuild {
	deps := slices.DeleteFunc(slices.Clone(info.Deps), func(m *debug.Module) bool { return m == nil })
	main := info.Main
	// "go build file.go" calls the main module command-line-arguments. Its
	// module is then the one dependency that has no version.
	if main == (debug.Module{}) && info.Path != "" || main == (debug.Module{Path: "command-line-arguments"}) {
		main = debug.Module{Path: info.Path, Version: develVersion}
		isDevel := func(m *debug.Module) bool { return m.Version == develVersion }
		if i := slices.IndexFunc(deps, isDevel); i >= 0 && !slices.ContainsFunc(deps[i+1:], isDevel) {
			main = *deps[i]
			deps = slices.Delete(deps, i, i+1)
		}
	}
	compiler, _, _ := strings.Cut(info.GoVersion, " ") // " X:experiments" follows
	b := GoBuild{Compiler: compiler}
	for _, m := range deps {
		if !sameModule(m, &main) {
			b.Deps = append(b.Deps, goModule(m))
		}
	}
	if main != (debug.Module{}) {
		if main.Version == develVersion {
			main.Version = develVersionOf(info, main.Path)
		}
		b.Main = goModule(&main)
	}
	return b
}

func sameModule(a, b *debug.Module) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Path == b.Path && a.Version == b.Version && a.Sum == b.Sum && sameModule(a.Replace, b.Replace)
}

// goModule follows a replacement. One by a directory keeps its module's path.
func goModule(m *debug.Module) GoModule {
	path, local := m.Path, false
	if r := m.Replace; r != nil {
		if local = strings.HasPrefix(r.Path, ".") || strings.HasPrefix(r.Path, "/"); !local {
			path = r.Path
		}
		m = r
	}
	version := m.Version
	if version == develVersion {
		version = ""
	}
	return GoModule{Path: path, Version: version, Sum: m.Sum, Local: local}
}

// The linker flag -X sets a variable of a package, usually one whose name ends
// in version or tag, to the release that is built:
// "-X main.gitVersion=v1.2.3".
const (
	versionFlag = `\.[a-zA-Z0-9]*([rR]elease)?([gG]it)?([bB]uild)?[vV]er(sion)?=(\S+/)*(?P<version>v?\d+.\d+.\d+[-\w]*)`
	tagFlag     = `\.[a-zA-Z0-9]*([tT]ag)=(\S+/)*(?P<version>v?\d+.\d+.\d+[-\w]*)`
)

// develVersionOf returns the version of a main module that was built from a
// working tree: the one that linker flags set, else the pseudo-version of the
// commit (https://go.dev/ref/mod#pseudo-versions), else none.
func develVersionOf(info *debug.BuildInfo, main string) string {
	settings := make(map[string]string)
	for _, s := range info.Settings {
		if _, ok := settings[s.Key]; !ok {
			settings[s.Key] = s.Value
		}
	}
	if flags := settings["-ldflags"]; flags != "" {
		for _, p := range []string{versionFlag, tagFlag} {
			re, err := regexp.Compile(`(?m)(main|` + regexp.QuoteMeta(main) + `\/[^\s]*)` + p)
			if err != nil {
				continue
			}
			if m := re.FindStringSubmatch(flags); m != nil && m[re.SubexpIndex("version")] != "" {
				return "v" + strings.TrimPrefix(m[re.SubexpIndex("version")], "v")
			}
		}
	}
	revision, ok := settings["vcs.revision"]
	at, timed := settings["vcs.time"]
	if !ok || !timed {
		return ""
	}
	// A time that does not parse is the year 1, as in the go command's own
	// pseudo-versions of commits without a date.
	t, _ := time.Parse(time.RFC3339, at)
	return module.PseudoVersion("", "", t, revision[:min(len(revision), 12)])
}
