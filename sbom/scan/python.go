package scan

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/wording"
)

// Limits of the records of one Python distribution. Real METADATA is a few
// hundred kilobytes at most (a long README is its body), real RECORD files of
// the largest packages a few megabytes.
const (
	maxPythonMetadata = 8 << 20
	maxPythonRecord   = 64 << 20
	maxPythonSmall    = 1 << 20
	// maxPythonValue is the length of a header over several lines, in bytes.
	maxPythonValue = 64 << 10
	// maxClassifiers is the number of licences that classifiers may state.
	maxClassifiers = 20
)

// readPython reports the distributions that Python's importlib.metadata
// would find, and claims the files that their RECORDs list.
//
// A distribution is a *.dist-info or *.egg-info beside the modules, in any
// case of the suffix, named by the first Name header of its METADATA
// (https://packaging.python.org/en/latest/specifications/core-metadata/).
// The directory is the evidence: one without a name is a gap.
func (s *scanner) readPython() {
	for _, d := range s.byDepth(s.survey.dists) {
		if !s.caches.contain(d) {
			s.readDistribution(d)
		}
	}
	for _, n := range s.sniffed.archives {
		if ecosystem.EqualFold(path.Ext(s.tree.Name(n)), ".egg") && isSiteDir(s.tree.Name(s.tree.Parent(n))) && s.managerOf(n) < 0 {
			s.readEgg(n)
		}
	}
	for _, n := range s.survey.startup {
		if strings.HasSuffix(s.tree.Name(n), ".egg-link") && isSiteDir(s.tree.Name(s.tree.Parent(n))) && !s.owned(n) {
			s.readEggLink(n)
		}
	}
	s.claimListless()
	s.danglingModules()
}

// danglingModules makes a gap of the modules that are links to nothing: Python
// would import what comes to be there, a directory that is mounted or a cache
// that is filled while the stage runs.
func (s *scanner) danglingModules() {
	t := s.tree
	for _, site := range s.packageDirs() {
		if !isSiteDir(t.Name(site.root)) {
			continue
		}
		first, count := rootfs.None, 0
		for n := site.from; n < site.end; n++ {
			if t.Kind(n) != rootfs.Symlink || t.ResolveNode(n) != rootfs.None || s.owned(n) || s.caches.contain(n) {
				continue
			}
			if ext := path.Ext(t.Name(n)); ext == ".py" || ext == ".pyc" || ext == ".so" || ext == "" && t.Parent(n) == site.root {
				if count++; count == 1 {
					first = n
				}
			}
		}
		if count > 0 {
			detail := fmt.Sprintf("a module that is a link to %+q, which is not in the environment", t.Target(first))
			if count > 1 {
				detail += fmt.Sprintf(", and %s more", wording.Count(count-1, "such link", "such links"))
			}
			s.gap(sbom.GapUnreported, t.Path(first), detail)
		}
	}
}

func (s *scanner) readDistribution(d rootfs.Node) {
	t := s.tree
	at := d
	if d = t.ResolveNode(d); d == rootfs.None {
		return
	}
	meta := s.metadataOf(d)
	if meta == rootfs.None || t.Kind(meta) != rootfs.File {
		if s.owned(d) || !s.holdsFiles(d) {
			return // an empty directory that an uninstalled package left
		}
		s.gap(sbom.GapUnreported, t.Path(d), "a Python distribution without METADATA or PKG-INFO: its name is unknown")
		return
	}
	s.read[meta] = true
	m, err := s.coreMetadata(meta)
	name, version := m.name, m.version
	if err != nil {
		if s.owned(meta) {
			return // bundled in a package of the system
		}
		s.gap(sbom.GapMalformed, t.Path(meta), err.Error())
		return
	}
	u := unit{node: meta, inside: -1, site: s.siteOf(at)}
	u.Component = sbom.Component{
		Kind: sbom.KindPackage, Type: "pypi", Name: ecosystem.Python(name), Version: version,
		Paths: []string{t.Path(meta)}, FoundBy: "python-reader", Supplier: m.supplier(), Licenses: m.licenses(),
	}
	if entry := s.metadataIn(at); entry != rootfs.None {
		u.Paths[0] = t.Path(entry) // where Python finds it, and not the cache that it is a link to
	}
	if !ecosystem.ASCII(name) {
		s.notice(sbom.NoticeNonASCII, t.Path(meta), fmt.Sprintf("the Python distribution %+q has a name outside ASCII, which no index accepts", name))
	}
	u.own = s.standsForItself(at)
	if s.managerOf(meta) >= 0 {
		u.own = !s.byManager(d)
	}
	if s.owned(meta) {
		s.add(u)
		return
	}
	if t.Kind(d) == rootfs.Dir {
		u.InstallReason = s.pythonReason(d)
		u.Installers = s.pythonInstaller(d)
		u.Install, u.Digests = s.directURL(d)
	}
	if version == "" {
		u.Detail = "METADATA has no Version"
	}
	i := s.add(u)
	if u.own && s.managerOf(meta) < 0 && s.tree.Parent(at) == u.site {
		s.checkDistribution(i, at)
	}
	if c := s.claimant(meta); c >= 0 && !u.own {
		return // vendored: another package owns all of its files
	}
	if whole := s.wholeOf(u.site); whole != rootfs.None {
		s.parts = append(s.parts, part{i, whole})
		return
	}
	s.claimDistribution(i, at, d, meta)
}

// coreMetadata has the relevant headers of a distribution's metadata.
type coreMetadata struct {
	name, version string
	// about has the headers of one value that say whose it is: the first of each,
	// by its name in lower case.
	about map[string]string
	// classifiers are the last names of the classifiers of licences.
	classifiers []string
}

// aboutHeaders are the headers in coreMetadata.about.
var aboutHeaders = []string{"author", "author-email", "maintainer", "maintainer-email", "license", "license-expression"}

// supplier returns the author, who may be named with the address alone.
func (m coreMetadata) supplier() string {
	for _, role := range []string{"author", "maintainer"} {
		name, email := m.about[role], m.about[role+"-email"]
		switch {
		case sbom.Statement(name) != "" && email != "" && !strings.ContainsAny(email, "<,"):
			return sbom.Statement(name + " <" + email + ">")
		case sbom.Statement(email) != "":
			return sbom.Statement(email)
		case sbom.Statement(name) != "":
			return sbom.Statement(name)
		}
	}
	return ""
}

// licenses returns the expression, or the name in the older header, or those of the
// classifiers as one statement: whether all of them hold, or one may be chosen, no
// metadata states (https://peps.python.org/pep-0639/#deprecate-license-classifiers).
func (m coreMetadata) licenses() []string {
	return sbom.Statements(cmp.Or(
		sbom.Statement(m.about["license-expression"]),
		sbom.Statement(m.about["license"]),
		strings.Join(m.classifiers, ", "),
	))
}

// licenseOf returns the name of the licence that a classifier states, empty for another
// classifier, and for one that names none ("License :: OSI Approved").
func licenseOf(classifier string) string {
	parts := strings.Split(classifier, " :: ")
	if name := parts[len(parts)-1]; parts[0] == "License" && len(parts) > 1 && name != "OSI Approved" {
		return name
	}
	return ""
}

// coreMetadata reads the headers as the email parser behind importlib.metadata
// does: the first header wins. A second name that differs is malformed.
func (s *inventory) coreMetadata(meta rootfs.Node) (coreMetadata, error) {
	f, err := s.tree.OpenFile(meta)
	if err != nil {
		return coreMetadata{}, err
	}
	defer f.Close()
	return parseCoreMetadata(f)
}

func parseCoreMetadata(r io.Reader) (coreMetadata, error) {
	lines := bufio.NewScanner(io.LimitReader(r, maxPythonMetadata+1))
	lines.Buffer(make([]byte, 0, 4096), maxPythonMetadata+2)
	lines.Split(anyLine)
	read := 0
	var names, versions []string
	about := map[string]*[]string{}
	var classifiers []string
	var current *[]string
	for lines.Scan() {
		line := lines.Text()
		read += len(line) + 1
		if read > maxPythonMetadata {
			return coreMetadata{}, fmt.Errorf("the metadata's headers do not end within %d bytes", maxPythonMetadata)
		}
		if strings.IndexByte(line, 0) >= 0 || !utf8.ValidString(line) {
			return coreMetadata{}, errors.New("the metadata is not UTF-8 text")
		}
		if read == len(line)+1 {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		if line == "" {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			if current != nil {
				last := &(*current)[len(*current)-1]
				if len(*last) > maxPythonValue {
					continue // a text, which is no name
				}
				between := " "
				if current == about["license"] {
					between = "\n" // the text of a licence is no name
				}
				*last = strings.TrimSpace(*last + between + strings.TrimSpace(line))
			}
			continue
		}
		key, value, _ := strings.Cut(line, ":")
		switch {
		case ecosystem.EqualFold(key, "Name"):
			current = &names
		case ecosystem.EqualFold(key, "Version"):
			current = &versions
		default:
			h := ecosystem.Lower(key)
			if name := licenseOf(strings.TrimSpace(value)); h == "classifier" && name != "" && len(classifiers) < maxClassifiers && !slices.Contains(classifiers, name) {
				classifiers = append(classifiers, name)
			}
			if !slices.Contains(aboutHeaders, h) || about[h] != nil {
				current = nil
				continue
			}
			current = new([]string)
			about[h] = current
		}
		*current = append(*current, strings.TrimSpace(value))
	}
	if err := lines.Err(); err != nil {
		return coreMetadata{}, err
	}
	if len(names) == 0 || names[0] == "" {
		return coreMetadata{}, errors.New("the metadata has no Name: the name of the package is unknown")
	}
	for _, list := range [][]string{names, versions} {
		for _, v := range list[min(1, len(list)):] {
			if v != list[0] {
				return coreMetadata{}, fmt.Errorf("the metadata has two names, %q and %q", list[0], v)
			}
		}
	}
	m := coreMetadata{name: names[0], about: map[string]string{}, classifiers: classifiers}
	if len(versions) > 0 {
		m.version = versions[0]
	}
	for h, list := range about {
		m.about[h] = (*list)[0]
	}
	return m, nil
}

// anyLine splits where Python's universal newlines do: at a line feed, a
// carriage return, or both.
func anyLine(data []byte, atEOF bool) (advance int, token []byte, err error) {
	i := bytes.IndexAny(data, "\r\n")
	switch {
	case i < 0 && atEOF && len(data) > 0:
		return len(data), data, nil
	case i < 0, data[i] == '\r' && i+1 == len(data) && !atEOF:
		return 0, nil, nil
	case data[i] == '\r' && i+1 < len(data) && data[i+1] == '\n':
		return i + 2, data[:i], nil
	}
	return i + 1, data[:i], nil
}

// metadataOf returns the file of a distribution with its name, None without one.
func (s *inventory) metadataOf(d rootfs.Node) rootfs.Node {
	if s.tree.Kind(d) != rootfs.Dir {
		return d
	}
	if c := s.metadataIn(d); c != rootfs.None {
		return s.tree.ResolveNode(c)
	}
	return rootfs.None
}

// metadataIn returns the entry of a directory that metadataOf follows, None
// without one.
func (s *inventory) metadataIn(d rootfs.Node) rootfs.Node {
	for _, name := range []string{"METADATA", "PKG-INFO"} {
		if c := s.tree.Child(d, name); c != rootfs.None {
			return c
		}
	}
	return rootfs.None
}

// siteOf returns the directory that a distribution is imported from.
func (s *inventory) siteOf(at rootfs.Node) rootfs.Node {
	parent := s.tree.Parent(at)
	if ecosystem.EqualFold(s.tree.Name(at), "EGG-INFO") { // X.egg/EGG-INFO
		parent = s.tree.Parent(parent)
	}
	return parent
}

// standsForItself reports whether Python finds a distribution's metadata:
// directly in a directory that it searches, in an egg there, or beside the
// metadata of the package that lists it. Such a distribution is installed and
// not vendored, whatever other package lists it.
func (s *inventory) standsForItself(d rootfs.Node) bool {
	parent := s.siteOf(d)
	if isSiteDir(s.tree.Name(parent)) {
		return true
	}
	lister := s.claimant(d)
	if lister < 0 {
		lister = s.claimant(s.metadataOf(d))
	}
	return lister >= 0 && s.tree.Parent(s.tree.Parent(s.units[lister].node)) == parent
}

// byManager reports whether the metadata that another manager recorded is still
// what it installed: managers write their name, or nothing, as the installer
// (https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-installer-file),
// and pip writes its own when it installs the distribution again.
func (s *scanner) byManager(d rootfs.Node) bool {
	n := s.tree.Child(d, "INSTALLER")
	if n == rootfs.None || s.storeOf(d) >= 0 {
		return true
	}
	data, err := s.tree.ReadFile(n, maxPythonSmall)
	if err != nil {
		s.gap(sbom.GapUnreadable, s.tree.Path(n), reason(err))
		return false
	}
	switch strings.TrimSpace(string(data)) {
	case "", "conda", "portage", "gpep517":
		return true
	}
	return false
}

func isSiteDir(name string) bool { return name == "site-packages" || name == "dist-packages" }

// pythonReason reads pip's record of explicit installation: PEP 376's REQUESTED.
func (s *inventory) pythonReason(d rootfs.Node) sbom.InstallReason {
	switch {
	case s.tree.Child(d, "REQUESTED") != rootfs.None:
		return sbom.ReasonExplicit
	case s.tree.Child(d, "INSTALLER") != rootfs.None:
		return sbom.ReasonDependency
	}
	return sbom.ReasonUnknown
}

// pythonInstaller reads the name that the installer recorded: the first line of
// INSTALLER, of which old versions of Poetry have a version after the name
// (https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-installer-file).
// A longer one is no name.
func (s *scanner) pythonInstaller(d rootfs.Node) []string {
	n := s.tree.Child(d, "INSTALLER")
	if n == rootfs.None {
		return nil
	}
	data, err := s.tree.ReadFile(n, maxPythonSmall)
	if err != nil {
		return nil // a gap, by the readers that need it
	}
	line, _, _ := strings.Cut(string(data), "\n")
	name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
	const longest = 40
	if name == "" || len(name) > longest {
		return nil
	}
	return []string{name}
}

// directURL reads the record of an installation by URL: direct_url.json of PEP
// 610.
func (s *scanner) directURL(d rootfs.Node) (*sbom.Install, []sbom.Digest) {
	n := s.tree.Child(d, "direct_url.json")
	if n == rootfs.None {
		return nil, nil
	}
	file := s.tree.Path(n)
	data, err := s.tree.ReadFile(n, maxPythonSmall)
	var record struct {
		URL     string `json:"url"`
		VCSInfo *struct {
			CommitID string `json:"commit_id"`
		} `json:"vcs_info"`
		ArchiveInfo *struct {
			Hash   string            `json:"hash"`
			Hashes map[string]string `json:"hashes"`
		} `json:"archive_info"`
		DirInfo *struct {
			Editable bool `json:"editable"`
		} `json:"dir_info"`
	}
	if err == nil {
		err = json.Unmarshal(data, &record)
	}
	if err != nil {
		s.gap(sbom.GapMalformed, file, "the record of a direct installation cannot be read: "+err.Error())
		return &sbom.Install{Kind: sbom.InstallURL, File: file}, nil
	}
	in := &sbom.Install{Kind: sbom.InstallURL, URL: sbom.ScrubURL(record.URL), File: file}
	var digests []sbom.Digest
	switch {
	case record.VCSInfo != nil:
		in.Kind, in.Commit = sbom.InstallVCS, record.VCSInfo.CommitID
	case record.DirInfo != nil && record.DirInfo.Editable:
		in.Kind = sbom.InstallEditable
	case record.ArchiveInfo != nil:
		hashes := record.ArchiveInfo.Hashes
		if alg, value, ok := strings.Cut(record.ArchiveInfo.Hash, "="); ok && len(hashes) == 0 {
			hashes = map[string]string{alg: value}
		}
		for alg, value := range hashes {
			digests = append(digests, sbom.Digest{Algorithm: alg, Value: strings.ToLower(value), File: file})
		}
	}
	return in, digests
}

// claimDistribution claims the files of a distribution's own list. at is the
// entry of the directory that Python searches, and d is what that entry leads to.
func (s *scanner) claimDistribution(i int, at, d, meta rootfs.Node) {
	t := s.tree
	s.claim(at, i)
	s.claim(meta, i)
	site := t.Parent(at)
	if t.Kind(d) != rootfs.Dir {
		s.claimTopLevel(i, site, rootfs.None)
		s.listless = append(s.listless, listless{unit: i, site: site, bare: true})
		return
	}
	if isDistName(t.Name(d)) || ecosystem.EqualFold(t.Name(d), "EGG-INFO") {
		s.claimTree(d, i, nil)
	}
	if ecosystem.EqualFold(t.Name(at), "EGG-INFO") && ecosystem.EqualFold(path.Ext(t.Name(site)), ".egg") {
		s.claimTree(site, i, nil) // the egg is the distribution
		s.listless = append(s.listless, listless{unit: i, site: t.Parent(site), programs: s.programsOf(d)})
		return
	}
	if record := t.Child(d, "RECORD"); record != rootfs.None {
		s.claimRecord(i, at, record)
		return
	}
	if list := t.Child(d, "installed-files.txt"); list != rootfs.None {
		data, err := t.ReadFile(list, maxPythonRecord)
		if err != nil {
			s.gap(sbom.GapUnreadable, t.Path(list), reason(err))
			return
		}
		c := s.newListClaims(i, t.Path(list), t.Path(at), at)
		for line := range strings.Lines(string(data)) {
			c.claim(strings.TrimSpace(line))
		}
		c.report()
		return
	}
	s.claimTopLevel(i, site, t.Child(d, "top_level.txt"))
	if project := s.projectOf(site); project != rootfs.None && !isSiteDir(t.Name(site)) {
		s.claimSources(i, t.Path(project), d)
	}
	s.listless = append(s.listless, listless{unit: i, site: site, programs: s.programsOf(d)})
}

func isDistName(name string) bool {
	lower := strings.ToLower(name)
	return strings.HasSuffix(lower, ".dist-info") || strings.HasSuffix(lower, ".egg-info")
}

// holdsFiles reports whether anything but directories is below a node.
func (s *inventory) holdsFiles(n rootfs.Node) bool {
	from, to := s.tree.Subtree(n)
	for ; from < to; from++ {
		if s.tree.Kind(from) != rootfs.Dir {
			return true
		}
	}
	return false
}
