package ospkg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/sbom"
)

// hintAlpm is the hint for a record that pacman did not write.
const hintAlpm = "reinstall the package, or restore the file from a backup"

// alpmRecord is one package of the database.
type alpmRecord struct {
	name, version, arch string
	base                string // the source package
	packager            string
	licenses            []string
	size                int64 // bytes
	dependency          bool  // installed for another package
	depends             []alternative
	optional            []alternative
	provides            []alternative
	replaces            []alternative

	file   string // the path of the record
	faults []sbom.Gap
}

// readAlpmSections reads a file of sections: "%NAME%", lines, an empty line.
// It calls line for each line of a wanted section. Text outside of a section
// is an error, and so is a last line without a newline: pacman ends every line
// with one, and every section with an empty line, so that a missing one means
// that the file is truncated.
func readAlpmSections(l *lines, section func(name string) error, line func(name, text string) error) error {
	name := ""
	for {
		text, ok := l.next()
		if !ok {
			if l.err == nil && name != "" {
				return l.fail("section %%%s%% has no empty line after it: the file is truncated", name)
			}
			return l.err
		}
		switch {
		case l.unterminated:
			return l.fail("the last line has no newline: the file is truncated")
		case strings.IndexByte(text, 0) >= 0:
			return l.fail("zero byte: this is not a text file")
		case strings.HasSuffix(text, "\r"):
			return l.fail("line ends with a carriage return: the file was edited with the line endings of another system")
		case text == "":
			name = ""
		case name != "":
			if err := line(name, text); err != nil {
				return err
			}
		default:
			inner, _ := strings.CutPrefix(text, "%")
			inner, closed := strings.CutSuffix(inner, "%")
			if len(inner) != len(text)-2 || !closed || inner == "" || !isSection(inner) {
				return l.fail("%s is not a section header", excerpt(text))
			}
			name = strings.Clone(inner)
			if err := section(name); err != nil {
				return err
			}
		}
	}
}

func isSection(s string) bool {
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && s[i] != '_' {
			return false
		}
	}
	return true
}

// readAlpmDesc reads a desc file.
func readAlpmDesc(ctx context.Context, r io.Reader, file string) (*alpmRecord, error) {
	l := newLines(ctx, r, file)
	p := &alpmRecord{file: file}
	sections := map[string]int{}
	seen := map[string]int{} // section -> line
	set := func(to *string, name, text, what string, valid func(string) bool) error {
		if seen[name] > 1 {
			return l.fail("section %%%s%% has a second line", name)
		}
		if !valid(text) {
			return l.fail("%s is not %s", excerpt(text), what)
		}
		*to = strings.Clone(text)
		return nil
	}
	err := readAlpmSections(l, func(name string) error {
		if before := sections[name]; before > 0 {
			return l.fail("section %%%s%% appears twice, first in line %d", name, before)
		}
		sections[name] = l.number
		if len(sections) > maxFields {
			return &limitError{*l.fail("more than %d sections", maxFields)}
		}
		return nil
	}, func(name, text string) error {
		seen[name]++
		switch name {
		case "NAME":
			return set(&p.name, name, text, "a package name", validAlpmName)
		case "VERSION":
			return set(&p.version, name, text, "a version", validAlpmVersion)
		case "ARCH":
			return set(&p.arch, name, text, "an architecture", validApkArch)
		case "BASE":
			return set(&p.base, name, text, "the name of a source package", validAlpmName)
		case "SIZE":
			if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 && n < math.MaxInt64 {
				p.size = n
			}
		case "PACKAGER":
			p.packager = sbom.Statement(text)
		case "LICENSE":
			p.licenses = append(p.licenses, sbom.Statements(text)...)
		case "REASON":
			switch text {
			case "0":
			case "1":
				p.dependency = true
			default:
				p.fault(l.number, "unknown install reason %s", excerpt(text))
			}
		case "DEPENDS":
			p.depends = p.add(p.depends, l.number, text)
		case "OPTDEPENDS":
			// The text is free, and some packages have more than a name
			// before the colon. No package has such a name.
			if a, err := parseAlpmDependency(text); err == nil {
				p.optional = append(p.optional, a)
			}
		case "PROVIDES":
			p.provides = p.add(p.provides, l.number, text)
		case "REPLACES":
			p.replaces = p.add(p.replaces, l.number, text)
		}
		return nil
	})
	var parse *parseError
	if errors.As(err, &parse) {
		parse.Hint = hintAlpm
	}
	switch {
	case err != nil:
		return nil, err
	case p.name == "":
		return nil, &parseError{File: file, Msg: "has no section %NAME%, the name of the package", Hint: hintAlpm}
	case p.version == "":
		return nil, &parseError{File: file, Msg: "package " + p.name + " has no section %VERSION%", Hint: hintAlpm}
	}
	return p, nil
}

// add reads one dependency, "name>=1.2: why".
func (p *alpmRecord) add(to []alternative, line int, text string) []alternative {
	a, err := parseAlpmDependency(text)
	if err != nil {
		p.fault(line, "%v", err)
		return to
	}
	return append(to, a)
}

// parseAlpmDependency parses a name with a version constraint. The text after
// ": " is a description (alpm_dep_from_string).
func parseAlpmDependency(s string) (alternative, error) {
	text, _, _ := strings.Cut(s, ": ")
	end := strings.IndexAny(text, "<>=")
	if end < 0 {
		end = len(text)
	}
	a := alternative{name: strings.Clone(text[:end])}
	if a.name == "" || !printable(a.name) {
		return a, fmt.Errorf("%s is not a dependency", excerpt(s))
	}
	if end == len(text) {
		return a, nil
	}
	for _, op := range []struct{ text, op string }{{"<=", "<="}, {">=", ">="}, {"<", "<<"}, {">", ">>"}, {"=", "="}} {
		if rest, found := strings.CutPrefix(text[end:], op.text); found {
			a.op, a.version = op.op, strings.Clone(rest)
			break
		}
	}
	if a.version == "" || !printable(a.version) {
		return a, fmt.Errorf("%s has no version to compare with", excerpt(s))
	}
	return a, nil
}

// fault records a malformed field. The number of recorded faults is limited.
func (p *alpmRecord) fault(line int, format string, args ...any) {
	const most = 10
	if len(p.faults) < most {
		p.faults = append(p.faults, sbom.Gap{Kind: sbom.GapMalformed, Path: p.file,
			Detail: fmt.Sprintf("line %d: ", line) + fmt.Sprintf(format, args...)})
	}
}

// validAlpmName follows PKGBUILD(5): letters, digits and "@._+-", not starting
// with a hyphen or a dot.
func validAlpmName(s string) bool {
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && strings.IndexByte("@_+", s[i]) < 0 && (i == 0 || strings.IndexByte(".-", s[i]) < 0) {
			return false
		}
	}
	return s != ""
}

// validAlpmVersion refuses a version that cannot be part of a directory name.
func validAlpmVersion(s string) bool { return s != "" && printable(s) && strings.IndexByte(s, '/') < 0 }
