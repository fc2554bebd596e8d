package lockcheck

import (
	"path"
	"strings"

	"github.com/depaudit/depaudit/sbom/pep508"
)

// condaEntry returns the entry of a conda package by the URL of its artifact, of
// which the file name has the name, the version and the build
// (https://docs.conda.io/projects/conda-build/en/stable/concepts/package-naming-conv.html).
// name, version and build are what the lock has beside the URL, empty where it has
// nothing: the URL of another package is a flaw.
func condaEntry(url, name, version, build string) Entry {
	e := Entry{Type: "conda", Name: name, Version: version}
	url = condaURL(url)
	l, ok := parseLocation(url)
	file := l.base()
	if !ok {
		file = path.Base(strings.TrimSuffix(url, "/"))
	}
	inName, inVersion, inBuild, named := condaFile(file)
	if named && e.Name == "" {
		e.Name = inName
	}
	if named && e.Version == "" {
		e.Version = inVersion
	}
	switch {
	case !named:
	case inName != e.Name || inVersion != e.Version || build != "" && build != inBuild:
		e.flaw = flaw{OtherPackage, quote(e.Name) + " " + quote(e.Version) + " is locked to the file " + quote(file)}
	}
	e.Source = registrySource("conda", url)
	if !ok && !strings.Contains(url, "://") || l.scheme == "file" {
		e.Source = Source{Kind: KindPath, URL: scrub(url)}
	}
	return e
}

// condaURL removes the token that conda writes into the URLs of a channel that
// needs one: "/t/TOKEN/CHANNEL" (conda's common/url.py, split_anaconda_token).
func condaURL(url string) string {
	before, after, ok := strings.Cut(url, "/t/")
	if !ok || !strings.Contains(before, "://") || strings.Count(before, "/") > 2 {
		return url
	}
	if _, after, ok = strings.Cut(after, "/"); !ok {
		return url
	}
	return before + "/" + after
}

// condaFile splits the name of a file, NAME-VERSION-BUILD.conda or .tar.bz2.
func condaFile(file string) (name, version, build string, ok bool) {
	stem, ok := condaStem(file)
	if !ok {
		return "", "", "", false
	}
	i := strings.LastIndexByte(stem, '-')
	if i <= 0 {
		return "", "", "", false
	}
	j := strings.LastIndexByte(stem[:i], '-')
	if j <= 0 {
		return "", "", "", false
	}
	return stem[:j], stem[j+1 : i], stem[i+1:], true
}

// condaStem returns the name of a conda package's file without its extension.
func condaStem(file string) (string, bool) {
	for _, suffix := range []string{".conda", ".tar.bz2"} {
		if stem, ok := strings.CutSuffix(file, suffix); ok {
			return stem, true
		}
	}
	return file, false
}

// otherBuild returns a sentence when the installer's record of a conda package
// has another build of the version than an entry, and "" if it has the same or
// one of the two is unknown.
func otherBuild(p *Package, q string, e *Entry) string {
	if p.Type != "conda" {
		return ""
	}
	build := func(url string) string {
		l, _ := parseLocation(url)
		_, _, build, _ := condaFile(l.base())
		return build
	}
	have, want := build(condaURL(p.Install.URL)), build(e.Source.URL)
	if have == "" || want == "" || have == want {
		return ""
	}
	return q + " " + quote(p.Version) + " is installed as the build " + quote(have) + " and locked as the build " + quote(want) + " (" + place(e) + ")"
}

// condaSubdir returns the platform in the URL of an artifact, "" for those of any
// platform and where the URL has none: the directory that the file is in
// (https://docs.conda.io/projects/conda/en/stable/user-guide/concepts/channels.html).
func condaSubdir(url string) string {
	l, ok := parseLocation(url)
	if !ok {
		return ""
	}
	dir := path.Base(path.Dir(l.path))
	if _, _, known := condaPlatform(dir); !known {
		return ""
	}
	return dir
}

// condaPlatform returns a platform of conda as npm names its parts
// (conda's base/constants.py, KNOWN_SUBDIRS).
func condaPlatform(subdir string) (system, cpu string, known bool) {
	name, arch, _ := strings.Cut(subdir, "-")
	system = map[string]string{"linux": "linux", "osx": "darwin", "win": "win32", "freebsd": "freebsd"}[name]
	cpu = map[string]string{"64": "x64", "32": "ia32", "aarch64": "arm64", "arm64": "arm64", "armv6l": "arm", "armv7l": "arm",
		"ppc64le": "ppc64", "ppc64": "ppc64", "s390x": "s390x", "riscv64": "riscv64"}[arch]
	return system, cpu, system != "" && cpu != ""
}

// onPlatforms evaluates a list of conda's platforms, of which one must be that of
// the environment. An empty list holds.
func onPlatforms(list []string, on Platform) pep508.Truth {
	if len(list) == 0 {
		return pep508.True
	}
	holds := pep508.False
	for _, subdir := range list {
		system, cpu, known := condaPlatform(subdir)
		switch {
		case subdir == "noarch":
			return pep508.True
		case !known:
			holds = max(holds, pep508.Unknown)
		default:
			holds = max(holds, min(fits(on.OS, []string{system}), fits(on.CPU, []string{cpu})))
		}
	}
	return holds
}

// addOnce adds an entry for a platform, or adds the platform to the entry that has
// the same artifact: the locks of conda's tools have one package once for each
// platform and each category. at has the entries by what they pin.
func (l *Lock) addOnce(at map[string]int, e Entry, platform string) {
	key := strings.Join([]string{e.Type, e.Namespace, e.Name, e.Version, e.Source.Kind, e.Source.URL, e.Source.Commit}, "\x00")
	for _, h := range e.Hashes {
		key += "\x00" + h.Algorithm + ":" + h.Value
	}
	if i, ok := at[key]; ok {
		have := &l.Entries[i]
		have.Dev, have.Optional = have.Dev && e.Dev, have.Optional && e.Optional
		if _, known := at[key+"\x00"+platform]; !known && len(have.when.platforms) > 0 && platform != "" {
			have.when.platforms = append(have.when.platforms, platform)
			at[key+"\x00"+platform] = i
		}
		return
	}
	if platform != "" {
		e.when.platforms = []string{platform}
		at[key+"\x00"+platform] = len(l.Entries)
	}
	at[key] = len(l.Entries)
	l.add(e)
}
