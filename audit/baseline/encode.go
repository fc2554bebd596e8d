package baseline

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/depaudit/depaudit/audit"
)

// Encode returns the baseline as JSON with one dependency or file a line, stages
// sorted by name, dependencies by key and version, files by path, and keys in a
// fixed order.
// Equal baselines have equal bytes.
func (b *Baseline) Encode() []byte {
	var w strings.Builder
	fmt.Fprintf(&w, "{\n  \"baseline\": %d,\n  \"stages\": {", formatVersion)
	for i, name := range slices.Sorted(maps.Keys(b.Stages)) {
		if i > 0 {
			w.WriteByte(',')
		}
		w.WriteString("\n    " + asciiJSON(name) + ": ")
		b.Stages[name].encode(&w)
	}
	if len(b.Stages) > 0 {
		w.WriteString("\n  ")
	}
	w.WriteString("}\n}\n")
	return []byte(w.String())
}

func (s *Stage) encode(w *strings.Builder) {
	fmt.Fprintf(w, "{\n      \"rules\": %d,\n      \"catalogers\": %s,\n", s.Rules, asciiJSON(s.Catalogers))
	if s.Reason != "" {
		fmt.Fprintf(w, "      \"reason\": %s,\n", textJSON(s.Reason))
	}
	if s.Critical {
		w.WriteString("      \"critical\": true,\n")
	}
	if s.Policy != nil {
		s.encodePolicy(w)
	}
	if s.Verified {
		w.WriteString("      \"verified\": true,\n")
	}
	w.WriteString("      \"dependencies\": [")
	for i, d := range slices.SortedFunc(slices.Values(s.Dependencies), audit.Accepted.Compare) {
		if i > 0 {
			w.WriteByte(',')
		}
		fmt.Fprintf(w, "\n        {\"key\": %s, \"version\": %s, \"provenance\": %s, \"evidence\": %s",
			asciiJSON(d.Key), asciiJSON(d.Version), asciiJSON(string(d.Provenance)), asciiJSON(d.Evidence))
		if d.Base {
			w.WriteString(`, "base": true`)
		}
		optional(w, "content", asciiJSON(d.Content))
		optional(w, "locked", asciiJSON(d.Locked))
		for i, p := range d.Paths {
			w.WriteString([]string{`, "paths": [`, ", "}[min(i, 1)] + asciiJSON(p))
		}
		if len(d.Paths) > 0 {
			w.WriteByte(']')
		}
		optional(w, "exception", asciiJSON(d.Exception))
		optional(w, "reason", textJSON(d.Reason))
		w.WriteByte('}')
	}
	if len(s.Dependencies) > 0 {
		w.WriteString("\n      ")
	}
	w.WriteByte(']')
	if s.Files != nil {
		s.encodeFiles(w)
	}
	if s.Definition != nil {
		s.encodeDefinition(w)
	}
	if len(s.Exceptions) > 0 {
		w.WriteString(",\n      \"exceptions\": {")
		for i, subject := range slices.Sorted(maps.Keys(s.Exceptions)) {
			if i > 0 {
				w.WriteByte(',')
			}
			fmt.Fprintf(w, "\n        %s: %s", asciiJSON(subject), asciiJSON(s.Exceptions[subject]))
		}
		w.WriteString("\n      }")
	}
	w.WriteString("\n    }")
}

// encodePolicy writes one key a line, and those that have a value.
func (s *Stage) encodePolicy(w *strings.Builder) {
	w.WriteString("      \"policy\": {")
	lines := 0
	line := func(key, value string) {
		if lines++; lines > 1 {
			w.WriteByte(',')
		}
		fmt.Fprintf(w, "\n        %s: %s", asciiJSON(key), value)
	}
	for _, setting := range s.Policy.Settings() {
		if setting.Empty() {
			continue
		}
		switch v := setting.Value.(type) {
		case **int:
			line(setting.Key, strconv.Itoa(**v))
		case *bool:
			line(setting.Key, "true")
		case *string:
			line(setting.Key, asciiJSON(*v))
		case *[]string:
			var list []string
			for _, entry := range *v {
				list = append(list, asciiJSON(entry))
			}
			line(setting.Key, "["+strings.Join(list, ", ")+"]")
		}
	}
	if s.PolicyReason != "" {
		line("reason", textJSON(s.PolicyReason))
	}
	if lines > 0 {
		w.WriteString("\n      ")
	}
	w.WriteString("},\n")
}

func (s *Stage) encodeFiles(w *strings.Builder) {
	w.WriteString(",\n      \"files\": [")
	for i, f := range slices.SortedFunc(slices.Values(s.Files), audit.AcceptedFile.Compare) {
		if i > 0 {
			w.WriteByte(',')
		}
		fmt.Fprintf(w, "\n        {\"path\": %s, \"rule\": %s", asciiJSON(f.Path), asciiJSON(f.Rule))
		optional(w, "digest", asciiJSON(f.Digest))
		optional(w, "mode", asciiJSON(f.Mode))
		optional(w, "exception", asciiJSON(f.Exception))
		optional(w, "reason", textJSON(f.Reason))
		w.WriteByte('}')
	}
	if len(s.Files) > 0 {
		w.WriteString("\n      ")
	}
	w.WriteByte(']')
}

func (s *Stage) encodeDefinition(w *strings.Builder) {
	w.WriteString(",\n      \"definition\": [")
	for i, u := range slices.SortedFunc(slices.Values(s.Definition), audit.AcceptedUse.Compare) {
		if i > 0 {
			w.WriteByte(',')
		}
		fmt.Fprintf(w, "\n        {\"use\": %s", asciiJSON(u.Key))
		optional(w, "version", asciiJSON(u.Version))
		fmt.Fprintf(w, ", \"pin\": %s", asciiJSON(u.Pin))
		optional(w, "reason", textJSON(u.Reason))
		w.WriteByte('}')
	}
	if len(s.Definition) > 0 {
		w.WriteString("\n      ")
	}
	w.WriteByte(']')
}

// optional writes a key with a quoted value that is not empty.
func optional(w *strings.Builder, key, quoted string) {
	if quoted != `""` {
		w.WriteString(", \"" + key + "\": " + quoted)
	}
}

// asciiJSON quotes a name. Everything outside ASCII is escaped: a reviewer
// must see that a letter is Cyrillic, or that text runs backwards.
func asciiJSON(s string) string { return quoteJSON(s, func(r rune) bool { return r < 0x7f }) }

// textJSON quotes text of the team, in any script. Invisible characters are
// escaped.
func textJSON(s string) string { return quoteJSON(s, strconv.IsPrint) }

func quoteJSON(s string, plain func(rune) bool) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r >= 0x20 && plain(r) && r != unicode.ReplacementChar:
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
