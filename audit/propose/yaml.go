package propose

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/wording"
)

// keysPage explains all keys of the configuration.
const keysPage = "https://github.com/depaudit/depaudit/blob/main/docs/configuration.md"

// Smallest returns the smallest configuration, for a pipeline of which nothing is
// known.
func Smallest(pipeline string) string {
	if pipeline = nameOf(pipeline); pipeline == "" {
		pipeline = "example-release"
	}
	return `pipeline: ` + scalar(pipeline) + `
stages:
  - name: build
    environment: "host:" # what the job runs on; or docker:IMAGE, dir:ROOT
    critical: true # its findings fail the audit
    # locks: [requirements.txt] # the lock files that it installs from
`
}

// width is the width of comments.
const width = 100

// YAML returns the configuration. prefix is the path of the repository as seen from
// the directory of the configuration, "" where they are the same.
func (p *Proposal) YAML(prefix string) string {
	var b strings.Builder
	b.WriteString("# Proposed by depaudit init. All keys: " + keysPage + "\n")
	if p.Guessed {
		comment(&b, "", "No job in sight publishes: critical is what a person may publish. Check it.")
	}
	if len(p.Unread) > 0 {
		comment(&b, "", fmt.Sprintf("Not complete: %s could not be read.", wording.Count(len(p.Unread), "place", "places")))
		for i, u := range p.Unread {
			if i == maxUnread {
				break
			}
			wrap(&b, "#   ", "", oneLine(place(u.File, u.Line)), width)
		}
	}
	fmt.Fprintf(&b, "pipeline: %s\nstages:\n", scalar(p.Pipeline))
	for i := range p.Stages {
		if i > 0 {
			b.WriteByte('\n')
		}
		p.Stages[i].yaml(&b, prefix)
	}
	return b.String()
}

// maxUnread is the number of places that the comment at the top names.
const maxUnread = 5

func (s *Stage) yaml(b *strings.Builder, prefix string) {
	fmt.Fprintf(b, "  - name: %s\n", scalar(s.Name))
	defined := s.Definition()
	if defined == "" {
		comment(b, "    ", fmt.Sprintf("%s, on %s", oneLine(s.at()), oneLine(s.On)))
	}
	if s.Build != "" {
		b.WriteString("    # " + s.Build + "\n") // a command is not wrapped
	}
	for _, r := range s.Remarks {
		comment(b, "    ", r)
	}
	fmt.Fprintf(b, "    environment: %s\n", scalar(s.Environment))
	if s.Base != "" {
		fmt.Fprintf(b, "    base: %s\n", scalar(s.Base))
	}
	if defined != "" {
		at := fmt.Sprintf("line %d", s.Line)
		if s.Origin != "" && s.Origin != s.File {
			at = oneLine(s.at())
		}
		fmt.Fprintf(b, "    definition: %s # %s, on %s\n", scalar(join(prefix, defined)), at, oneLine(s.On))
	}
	for _, r := range s.Reasons {
		comment(b, "    ", r)
	}
	if s.Critical {
		b.WriteString("    critical: true\n")
	}
	if len(s.Locks) > 0 {
		var list []string
		for _, l := range s.Locks {
			list = append(list, scalar(pattern(join(prefix, l))))
		}
		if line := "    locks: [" + strings.Join(list, ", ") + "]"; len(line) <= width {
			b.WriteString(line + "\n")
			return
		}
		b.WriteString("    locks:\n")
		for _, l := range list {
			b.WriteString("      - " + l + "\n")
		}
	}
}

// join puts the path of the repository before a path in it.
func join(prefix, file string) string {
	if prefix == "" {
		return file
	}
	// Not path.Join, which would clean what comes after a "#".
	return strings.TrimSuffix(path.Clean(prefix), "/") + "/" + file
}

// pattern escapes the wildcards of a path in "locks:".
func pattern(file string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `{`, `\{`).Replace(file)
}

// plainScalar matches texts that are the same string in every version of YAML
// without quotes. A text of digits alone, or with a sign, can be a number.
var plainScalar = lazyregexp.New(`^([A-Za-z/_]|\.[A-Za-z/_.])[A-Za-z0-9./_@+-]*(#[A-Za-z0-9._-]+)?$`)

// words are plain texts that are no strings in YAML 1.1.
var words = []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", ".nan", ".inf", "."}

// scalar returns a text as a value in YAML, in quotes where it needs them.
func scalar(text string) string {
	if plainScalar.MatchString(text) && !slices.Contains(words, strings.ToLower(text)) || image.MatchString(text) {
		return text
	}
	var b strings.Builder
	b.WriteByte('"')
	last := ' '
	for _, r := range text {
		acts := r == '#' && last == '#' || r == ':' && (last == ' ' || last == ':') // on a log
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case (acts || !printable(string(r))) && r <= 0xff:
			fmt.Fprintf(&b, `\x%02x`, r)
		case !printable(string(r)) && r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		case !printable(string(r)):
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			b.WriteRune(r)
		}
		last = r
	}
	b.WriteByte('"')
	return b.String()
}

// image matches references, in which a colon is followed by a character of a name.
var image = lazyregexp.New(`^[a-z][a-z-]*(:[A-Za-z0-9._/@+-]+)+$`)

// comment writes a text as a comment, in lines of the width.
func comment(b *strings.Builder, indent, text string) { wrap(b, indent+"# ", "", text, width) }

// wrap writes a text in lines of a width in bytes, the second and later ones with a
// further indent. No line acts on a terminal or a log.
func wrap(b *strings.Builder, indent, further, text string, width int) {
	line := ""
	flush := func() { b.WriteString(indent + terminal.EscapeTo(line, 4*len(line)+1) + "\n") }
	for _, word := range strings.Fields(text) {
		if line != "" && len(indent)+len(line)+1+len(word) > width {
			flush()
			line = further
		}
		if strings.TrimSpace(line) != "" {
			line += " "
		}
		line += word
	}
	flush()
}
