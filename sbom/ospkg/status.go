package ospkg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/ecosystem"
)

// hintRecord is the hint for a record that dpkg did not write.
const hintRecord = "reinstall the package, or restore the file from a backup such as /var/lib/dpkg/status-old"

// maxPackages is the number of records in a database. All of Debian has
// 70,000 binary packages.
const maxPackages = 200_000

// dpkgRecord is one record of the dpkg database, in any state.
type dpkgRecord struct {
	name, arch, version string
	source, sourceVer   string
	want, flag, state   string // "install", "ok", "installed"
	essential           bool
	distribution        bool // the maintainer or the priority is Debian's or Ubuntu's
	multiArch           string
	maintainer          string
	licenses            []string
	size                int64 // bytes
	conffiles           []conffile
	requires            []requires
	provides            []alternative
	replaces            []alternative

	file   string // the path of the record
	line   int
	single bool // in status.d
	// faults are malformed fields that do not affect the list of packages.
	faults []sbom.Gap
}

// conffile is a configuration file of a package.
type conffile struct {
	path string
	sum  string // the MD5 of the package's version, 32 digits; or a word such as "newconffile"
}

// key returns the text that is unique among records.
func (p *dpkgRecord) key() string { return p.name + ":" + p.arch }

// installed reports whether files of the package are on disk. That includes
// the states of an interrupted installation.
func (p *dpkgRecord) installed() bool { return p.state != "config-files" && p.state != "not-installed" }

// half reports whether an installation or a removal was interrupted.
func (p *dpkgRecord) half() bool {
	switch p.state {
	case "half-installed", "unpacked", "half-configured":
		return true
	}
	return p.installed() && p.flag != "ok"
}

func (p *dpkgRecord) status() string { return p.want + " " + p.flag + " " + p.state }

// readStatus reads a file of records and calls add for each. Single is for
// the files of status.d, which dpkg did not write itself: see stanzaReader.
func readStatus(ctx context.Context, r io.Reader, file string, single bool, add func(*dpkgRecord) error) error {
	stanzas := &stanzaReader{lines: newLines(ctx, r, file), keep: isStatusField, wild: single}
	for {
		s, err := stanzas.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		p, err := parseRecord(s, file)
		if err != nil {
			return err
		}
		p.single = single
		if err := add(p); err != nil {
			return err
		}
	}
}

func isStatusField(name string) bool {
	switch ecosystem.Lower(name) {
	case "package", "version", "architecture", "source", "status", "essential", "multi-arch", "installed-size",
		"maintainer", "license", "conffiles", "depends", "pre-depends", "recommends", "suggests", "provides", "replaces", "protected", "important", "priority":
		return true
	}
	return false
}

// recordRules are the differences between the records of dpkg and those of
// opkg, whose format is dpkg's of 2001 with other states and flags.
type recordRules struct {
	hint      string
	validArch func(string) bool
	// parseState parses the Status field.
	parseState func(*dpkgRecord, *stanza) error
	// unversioned has the states in which a record may have no version.
	unversioned []string
	// sizeUnit is the number of bytes in a unit of Installed-Size.
	sizeUnit int64
}

func dpkgRules() recordRules {
	return recordRules{
		hint: hintRecord,
		// An empty architecture is that of a record from before multiarch.
		validArch:  func(s string) bool { return s == "" || validArch(s) },
		parseState: (*dpkgRecord).parseState,
		// dpkg may be interrupted before it has read the version.
		unversioned: []string{"not-installed", "half-installed"},
		sizeUnit:    1024,
	}
}

// parseRecord parses one stanza of the status file. It refuses only stanzas
// that dpkg refuses.
func parseRecord(s *stanza, file string) (*dpkgRecord, error) {
	p, err := dpkgRules().parse(s, file)
	if err != nil {
		return nil, err
	}
	p.multiArch = ecosystem.Lower(s.value("Multi-Arch"))
	p.essential = isEssential(s)
	p.distribution = isDistributions(s)
	return p, nil
}

// parse parses the fields that the records of both package managers have.
func (r recordRules) parse(s *stanza, file string) (*dpkgRecord, error) {
	p := &dpkgRecord{name: s.value("Package"), arch: s.value("Architecture"), version: s.value("Version"), file: file, line: s.line}
	fail := func(name, format string, args ...any) error {
		line := s.line
		if f, found := s.get(name); found {
			line = f.line
		}
		return &parseError{File: file, Line: line, Msg: fmt.Sprintf(format, args...), Hint: r.hint}
	}
	switch {
	case p.name == "":
		return nil, fail("Package", "record has no Package field")
	case !validPackageName(p.name):
		return nil, fail("Package", "%s is not a package name", excerpt(p.name))
	case !r.validArch(p.arch):
		return nil, fail("Architecture", "%s is not an architecture", excerpt(p.arch))
	}
	if err := r.parseState(p, s); err != nil {
		return nil, fail("Status", "%v of package %s", err, p.name)
	}
	switch {
	case p.version != "":
		if err := checkVersion(p.version); err != nil {
			return nil, fail("Version", "%v of package %s", err, p.name)
		}
	case !slices.Contains(r.unversioned, p.state):
		return nil, fail("Version", "package %s is in state %q and has no Version field", p.name, p.state)
	}
	p.source, p.sourceVer = splitSource(s.value("Source"))
	if n, err := strconv.ParseInt(s.value("Installed-Size"), 10, 64); err == nil && n >= 0 && n <= math.MaxInt64/r.sizeUnit {
		p.size = n * r.sizeUnit
	}
	p.maintainer, p.licenses = sbom.Statement(s.value("Maintainer")), sbom.Statements(s.value("License"))
	if p.installed() {
		p.parseRequires(s)
	}
	p.parseConffiles(s)
	return p, nil
}

// parseState parses the Status field: the desired state, a flag, the state
// (dpkg(1), "Information about packages"). A record without one, as in images
// that were unpacked without dpkg, is an installed package.
func (p *dpkgRecord) parseState(s *stanza) error {
	f, found := s.get("Status")
	if !found {
		p.want, p.flag, p.state = "install", "ok", "installed"
		return nil
	}
	words := strings.Fields(ecosystem.Lower(f.value))
	if len(words) != 3 {
		return fmt.Errorf("malformed status %s", excerpt(f.value))
	}
	p.want, p.flag, p.state = words[0], words[1], words[2]
	switch p.want {
	case "unknown", "install", "hold", "deinstall", "purge":
	default:
		return fmt.Errorf("unknown desired state %s", excerpt(p.want))
	}
	switch p.flag {
	case "ok", "reinstreq", "hold", "hold-reinstreq":
	default:
		return fmt.Errorf("unknown flag %s", excerpt(p.flag))
	}
	switch p.state {
	case "not-installed", "config-files", "half-installed", "unpacked", "half-configured",
		"triggers-awaited", "triggers-pending", "installed":
	default:
		return fmt.Errorf("unknown state %s", excerpt(p.state))
	}
	return nil
}

// isEssential reports whether neither dpkg nor apt removes a package
// automatically, whatever depends on it: apt's autoremove starts from these
// (pkgDepCache::MarkRequired in apt-pkg/depcache.cc) and Debian Policy,
// section 2.5, has them "necessary for the proper functioning of the system".
// Protected was called Important before apt 2.3.
func isEssential(s *stanza) bool {
	yes := func(name string) bool { return ecosystem.EqualFold(s.value(name), "yes") }
	return yes("Essential") || yes("Protected") || yes("Important") || ecosystem.EqualFold(s.value("Priority"), "required")
}

// isDistributions reports whether a package is one of Debian or Ubuntu: by the
// address of its maintainer, or by a priority that only packages of the base
// system have (Debian Policy, section 2.5). Others may be, too.
func isDistributions(s *stanza) bool {
	switch ecosystem.Lower(s.value("Priority")) {
	case "required", "important", "standard":
		return true
	}
	_, domain, _ := strings.Cut(strings.TrimSuffix(s.value("Maintainer"), ">"), "@")
	domain = ecosystem.Lower(domain)
	for _, of := range []string{"debian.org", "ubuntu.com"} {
		if domain == of || strings.HasSuffix(domain, "."+of) {
			return true
		}
	}
	return false
}

func (p *dpkgRecord) parseRequires(s *stanza) {
	read := func(name string) []requirement {
		f, found := s.get(name)
		if !found {
			return nil
		}
		r, err := parseRequirements(f.value)
		if err != nil {
			p.fault(f.line, "%s of package %s: %v", name, p.name, err)
		}
		return r
	}
	for _, field := range []struct {
		name string
		kind sbom.RelationKind
	}{
		{"Depends", sbom.RelDepends},
		{"Pre-Depends", sbom.RelPreDepends},
		{"Recommends", sbom.RelRecommends},
		{"Suggests", sbom.RelSuggests},
	} {
		if items := read(field.name); len(items) > 0 {
			p.requires = append(p.requires, requires{field.kind, items})
		}
	}
	for _, r := range read("Provides") {
		p.provides = append(p.provides, r...)
	}
	for _, r := range read("Replaces") {
		p.replaces = append(p.replaces, r...)
	}
}

// parseConffiles parses lines of a path, an MD5 digest and remarks. It starts
// from the end of the line, since a path may have blanks.
func (p *dpkgRecord) parseConffiles(s *stanza) {
	f, _ := s.get("Conffiles")
	line := f.line - 1
	for text := range strings.SplitSeq(f.value, "\n") {
		line++
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		for _, remark := range []string{" remove-on-upgrade", " obsolete"} {
			text = strings.TrimSuffix(text, remark)
		}
		i := strings.LastIndexByte(text, ' ')
		if i < 0 || !cleanPath(strings.TrimSpace(text[:i])) {
			p.fault(line, "Conffiles of package %s: %s is not a path and a digest", p.name, excerpt(text))
			continue
		}
		p.conffiles = append(p.conffiles, conffile{strings.TrimSpace(text[:i]), text[i+1:]})
	}
}

// fault records a malformed field: one gap for each line, up to a limit.
func (p *dpkgRecord) fault(line int, format string, args ...any) {
	const most = 10
	if len(p.faults) < most {
		p.faults = append(p.faults, sbom.Gap{Kind: sbom.GapMalformed, Path: p.file,
			Detail: fmt.Sprintf("line %d: ", line) + fmt.Sprintf(format, args...)})
	}
}

// splitSource parses "name" or "name (version)".
func splitSource(s string) (name, version string) {
	name, rest, found := strings.Cut(s, " (")
	if !found || !strings.HasSuffix(rest, ")") {
		return s, ""
	}
	return name, strings.TrimSuffix(rest, ")")
}
