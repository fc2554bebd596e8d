package lockcheck

import (
	"cmp"
	"context"
	"regexp"
	"strings"

	"github.com/depaudit/depaudit/sbom/ecosystem"
)

// instruction is one instruction of a Dockerfile.
type instruction struct {
	name string // in upper case; "syntax" for the parser directive
	line int
	// flags are the words that begin with "--", words the rest.
	flags, words []string
	text         string
}

// maxInstruction bounds a logical line of a Dockerfile in bytes.
const maxInstruction = 1 << 20

var (
	directive = regexp.MustCompile(`^#\s*([a-zA-Z]+)\s*=\s*(\S+)\s*$`)
	// heredocWord is a word that begins a here-document: not "<<<", a here-string.
	heredocWord = regexp.MustCompile(`^[0-9]*<<(-?)\s*([^<\s]+)$`)
)

// heredoc is a here-document that has not ended. What is in it is not read, so that
// what begins one decides which lines are instructions.
type heredoc struct {
	end  string
	tabs bool // may stand before the end ("<<-")
	at   int
}

func (h heredoc) endsAt(line string) bool {
	if h.tabs {
		line = strings.TrimLeft(line, "\t")
	}
	return line == h.end
}

// heredocs returns the here-documents that an instruction begins, by its words as
// BuildKit splits them (heredocsFromLine in frontend/dockerfile/parser): a mark in
// quotes or in another word is none, and neither is any in a text that is not
// split, because a quote or a brace does not end.
func heredocs(at int, text string) []heredoc {
	if !strings.Contains(text, "<<") {
		return nil
	}
	var out []heredoc
	var word strings.Builder
	end := func() {
		if m := heredocWord.FindStringSubmatch(word.String()); m != nil {
			out = append(out, heredoc{strings.NewReplacer(`"`, "", "'", "", `\`, "").Replace(m[2]), m[1] == "-", at})
		}
		word.Reset()
	}
	braces := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			word.WriteString(text[i : i+2])
			i++
		case c == '\'' || c == '"':
			closing := closingQuote(text[i:])
			if closing < 0 {
				return nil
			}
			word.WriteString(text[i : i+closing+1])
			i += closing
		case c == '<' && strings.HasPrefix(text[i:], "<<"):
			word.WriteString("<<")
			for i++; i+1 < len(text) && isBlank(text[i+1]); i++ {
			}
		case isBlank(c) && braces == 0:
			end()
		default:
			if c == '{' && i > 0 && text[i-1] == '$' {
				braces++
			} else if c == '}' && braces > 0 {
				braces--
			}
			word.WriteByte(c)
		}
	}
	if end(); braces > 0 {
		return nil
	}
	return out
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// closingQuote returns the place of the quote that ends a string, -1 for none.
func closingQuote(s string) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == s[0]:
			return i
		case s[i] == '\\' && s[0] == '"':
			i++
		}
	}
	return -1
}

// cutContinuation cuts the escape character from the end of a line that the next one
// continues. Two of them are one character of the line.
func cutContinuation(line, escape string) (body string, continued bool) {
	body, continued = strings.CutSuffix(strings.TrimRight(line, " \t"), escape)
	if !continued || strings.HasSuffix(body, escape) {
		return line, false
	}
	return body, true
}

// readDockerfile splits a Dockerfile into instructions as BuildKit does
// (https://docs.docker.com/reference/dockerfile/): parser directives at the top,
// lines that the escape character continues, comments and empty lines between
// them, and here-documents, whose text is not read.
func readDockerfile(ctx context.Context, src *source) ([]instruction, error) {
	var out []instruction
	escape, top := `\`, true
	var logical strings.Builder
	begin, open := 0, false
	var until []heredoc
	err := src.eachLine(ctx, func(start int, line string) error {
		if len(until) > 0 {
			if until[0].endsAt(line) {
				until = until[1:]
			}
			return nil
		}
		trimmed := strings.TrimSpace(line)
		if top {
			if m := directive.FindStringSubmatch(trimmed); m != nil {
				switch key := ecosystem.Lower(m[1]); key {
				case "escape":
					escape = m[2]
					return nil
				case "syntax":
					out = append(out, instruction{name: "syntax", line: src.line(start), text: m[2]})
					return nil
				case "check":
					return nil
				}
			}
			top = false
		}
		if strings.HasPrefix(trimmed, "#") || trimmed == "" {
			return nil
		}
		if !open {
			begin, open = start, true
		}
		body, continued := cutContinuation(line, escape)
		logical.WriteString(body)
		if logical.Len() > maxInstruction {
			return src.errorf(begin, "split the instruction", "longer than %d bytes", maxInstruction)
		}
		if continued {
			return nil
		}
		in, err := src.instruction(begin, logical.String())
		if err != nil {
			return err
		}
		if in.name == "RUN" || in.name == "COPY" || in.name == "ADD" {
			until = heredocs(begin, in.text)
		}
		out = append(out, in)
		logical.Reset()
		open = false
		return nil
	})
	if err == nil && open {
		in, bad := src.instruction(begin, logical.String())
		if bad != nil {
			return nil, bad
		}
		out = append(out, in)
	}
	if err == nil && len(until) > 0 {
		err = src.errorf(until[0].at, "end it with a line "+quote(until[0].end), "a here-document does not end")
	}
	return out, err
}

var instructionName = regexp.MustCompile(`^[A-Za-z]+$`)

func (s *source) instruction(start int, text string) (instruction, error) {
	words := strings.Fields(text)
	if len(words) == 0 || !instructionName.MatchString(words[0]) {
		return instruction{}, s.errorf(start, "write INSTRUCTION arguments", "not an instruction of a Dockerfile")
	}
	in := instruction{name: strings.ToUpper(words[0]), line: s.line(start), text: text}
	if in.name == "ONBUILD" && len(words) > 1 {
		words = words[1:]
		in.name = strings.ToUpper(words[0])
	}
	rest := words[1:]
	for len(rest) > 0 && strings.HasPrefix(rest[0], "--") {
		in.flags, rest = append(in.flags, rest[0]), rest[1:]
	}
	in.words = rest
	if in.name == "FROM" && len(rest) == 0 {
		return in, s.errorf(start, "write FROM IMAGE", "FROM without an image")
	}
	return in, nil
}

// from returns the image and the name of the stage of FROM IMAGE [AS NAME].
func (in instruction) from() (image, stage string) {
	if len(in.words) >= 3 && ecosystem.EqualFold(in.words[1], "as") {
		stage = in.words[2]
	}
	return unquoted(in.words[0]), stage
}

func (in instruction) flag(name string) (string, bool) {
	for _, f := range in.flags {
		if v, ok := strings.CutPrefix(f, "--"+name+"="); ok {
			return unquoted(v), true
		}
	}
	return "", false
}

// fromFlags returns the stages or images of COPY --from=X and of
// RUN --mount=type=bind,from=X.
func (in instruction) fromFlags() []string {
	var out []string
	if from, ok := in.flag("from"); ok && in.name == "COPY" {
		out = append(out, from)
	}
	for _, f := range in.flags {
		options, ok := strings.CutPrefix(f, "--mount=")
		if !ok || in.name != "RUN" {
			continue
		}
		for option := range strings.SplitSeq(unquoted(options), ",") {
			if from, ok := strings.CutPrefix(option, "from="); ok {
				out = append(out, from)
			}
		}
	}
	return out
}

func unquoted(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

func decimal(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

var argument = regexp.MustCompile(`\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?::?(-)([^}]*))?\})`)

// expandArgs replaces $NAME, ${NAME} and ${NAME:-default} by the defaults of the
// build arguments. Those without a value stay.
func expandArgs(s string, args map[string]string) string {
	return argument.ReplaceAllStringFunc(s, func(use string) string {
		m := argument.FindStringSubmatch(use)
		if v := args[cmp.Or(m[1], m[2])]; v != "" {
			return v
		}
		if m[3] != "" {
			return m[4]
		}
		return use
	})
}
