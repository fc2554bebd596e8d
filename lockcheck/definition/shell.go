package definition

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// command is one command of a script: its name and arguments.
type command struct {
	words []argWord
	at    Position
	// from are the commands whose output it reads by a pipe, and those in its
	// words: <(curl ...), "$(curl ...)".
	from, within []*command
	// output is the file that it is redirected to, input the text of a
	// here-document.
	output string
	input  *script
}

// argWord is a word of a command after expansion. It is not known if a part is
// decided when it runs; then the text is as written.
type argWord struct {
	text  string
	known bool
	at    Position
	// inner is the text of one literal in quotes, for a command in a word.
	inner *script
}

// name returns the base name of the program in lower case, "" if it is not known.
func (c *command) name() string {
	if len(c.words) == 0 || !c.words[0].known {
		return ""
	}
	return strings.TrimSuffix(lower(path.Base(strings.ReplaceAll(c.words[0].text, `\`, "/"))), ".exe")
}

// text returns the text of a word, "" if there is none.
func (c *command) arg(i int) string {
	if i < len(c.words) {
		return c.words[i].text
	}
	return ""
}

// has reports whether one of the words is among some.
func (c *command) has(any ...string) bool {
	for _, w := range c.words {
		for _, a := range any {
			if w.text == a || strings.HasPrefix(a, "--") && strings.HasPrefix(w.text, a+"=") {
				return true
			}
		}
	}
	return false
}

// String returns the words as a text for a message.
func (c *command) String() string {
	var b strings.Builder
	for i, w := range c.words {
		if i > 0 {
			b.WriteByte(' ')
		}
		if b.Len() > maxQuoted {
			b.WriteString("…")
			break
		}
		b.WriteString(w.text)
	}
	return b.String()
}

// Limits of a script. The parser recurses.
const (
	maxScript      = 128 << 10 // bytes
	maxParentheses = 200       // open at one place
	maxNested      = 5         // commands in words of commands
	maxCommands    = 20_000
)

var expression = lazyregexp.New(`\$\{\{(?s:.*?)\}\}`)

// hideExpressions replaces the expressions of the platform by variables of a shell
// that have as many bytes, so that places stay.
func hideExpressions(text string) string {
	return expression.ReplaceAllStringFunc(text, func(e string) string {
		return "${" + strings.Map(func(r rune) rune {
			if r == '\n' {
				return r
			}
			return '_'
		}, strings.Repeat("_", len(e)-3)) + "}"
	})
}

var environExpression = lazyregexp.New(`^\$\{\{\s*env\.([A-Za-z_][A-Za-z0-9_-]*)\s*\}\}$`)

// hiddenName returns the variable that an expression of the platform names, or "".
func hiddenName(expression string) string {
	if m := environExpression.FindStringSubmatch(expression); m != nil {
		return m[1]
	}
	return ""
}

// shellReader parses the scripts of a shell.
type shellReader struct {
	*reader
	split    int               // the words that came from variables
	env      map[string]string // known variables
	assigned map[string]bool   // by the script
	commands []*command
	byCall   map[*syntax.CallExpr]*command
	piped    map[*syntax.BinaryCmd]bool // the inner ones of a pipeline
}

// bash returns the commands of a script in the grammar of bash, in their order,
// whether or not a condition runs them. What is not that grammar is read line by
// line and has a note.
func (r *reader) bash(s script, env map[string]string) []*command {
	sh := &shellReader{reader: r, env: map[string]string{}, assigned: map[string]bool{}, byCall: map[*syntax.CallExpr]*command{}, piped: map[*syntax.BinaryCmd]bool{}}
	for k, v := range env {
		if !isVariable(v) {
			sh.env[k] = v
		}
	}
	sh.parse(s)
	return sh.commands
}

func (sh *shellReader) parse(s script) {
	if len(s.text) > maxScript || parentheses(s.text) > maxParentheses {
		sh.commandNote(s.at(0), "a script is not read: longer than %d bytes or too deeply nested", maxScript)
		return
	}
	text := hideExpressions(s.text)
	file, err := parseBash(text)
	if err == nil {
		sh.walk(file, s)
		return
	}
	at := s.at(0)
	if e, ok := err.(syntax.ParseError); ok {
		at = s.at(min(int(e.Pos.Offset()), max(0, len(s.text)-1)))
	}
	sh.commandNote(at, "the script is not in the grammar of a shell: only its lines that are were read")
	offset := 0
	for line := range strings.SplitAfterSeq(text, "\n") {
		if file, err := parseBash(line); err == nil {
			begin := offset
			sh.walk(file, script{s.text[begin : begin+len(line)], func(o int) Position { return s.at(begin + o) }})
		}
		offset += len(line)
	}
}

// parentheses returns the greatest number of parentheses and braces that are open at
// one place, however they are quoted.
func parentheses(text string) (deepest int) {
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case '(', '{':
			depth++
			deepest = max(deepest, depth)
		case ')', '}':
			depth--
		}
	}
	return deepest
}

func parseBash(text string) (file *syntax.File, err error) {
	return syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "")
}

// walk adds the commands of a parsed script.
func (sh *shellReader) walk(file *syntax.File, s script) {
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Stmt:
			call, ok := n.Cmd.(*syntax.CallExpr)
			if !ok || len(call.Args) == 0 {
				break
			}
			c := sh.command(call, s)
			for _, redirect := range n.Redirs {
				switch redirect.Op {
				case syntax.RdrOut, syntax.AppOut, syntax.RdrClob:
					c.output = sh.word(redirect.Word, s).text
				case syntax.Hdoc, syntax.DashHdoc:
					if h := redirect.Hdoc; h != nil {
						begin, end := int(h.Pos().Offset()), int(h.End().Offset())
						if begin <= end && end <= len(s.text) {
							c.input = &script{s.text[begin:end], func(o int) Position { return s.at(begin + o) }}
						}
					}
				}
			}
		case *syntax.BinaryCmd:
			if isPipe(n) && !sh.piped[n] {
				sh.pipeline(n, s)
			}
		case *syntax.Assign:
			sh.assign(n, s)
		}
		return len(sh.commands) < maxCommands && sh.err == nil
	})
}

func isPipe(n *syntax.BinaryCmd) bool { return n.Op == syntax.Pipe || n.Op == syntax.PipeAll }

// pipeline adds to each command of a pipeline the ones before it, the last of them if
// they are many.
func (sh *shellReader) pipeline(n *syntax.BinaryCmd, s script) {
	parts := []*syntax.Stmt{n.Y}
	left := n.X
	for {
		inner, ok := left.Cmd.(*syntax.BinaryCmd)
		if !ok || !isPipe(inner) {
			break
		}
		sh.piped[inner] = true
		parts = append(parts, inner.Y)
		left = inner.X
	}
	before := sh.calls(left, s)
	for i := len(parts) - 1; i >= 0; i-- {
		calls := sh.calls(parts[i], s)
		last := before[max(0, len(before)-maxPiped):]
		for _, c := range calls {
			c.from = append(slices.Clip(last), c.from...)
		}
		before = append(before, calls...)
	}
}

// maxPiped bounds the commands whose output one reads.
const maxPiped = 100

// assign keeps the value of a variable. One that gets a second value is not known.
func (sh *shellReader) assign(n *syntax.Assign, s script) {
	if n.Name == nil {
		return
	}
	name := n.Name.Value
	var w argWord
	if n.Value != nil && !n.Append && n.Index == nil {
		w = sh.word(n.Value, s)
	}
	if old := sh.env[name]; !w.known || sh.assigned[name] && old != w.text {
		delete(sh.env, name)
	} else {
		sh.env[name] = w.text
	}
	sh.assigned[name] = true
}

// calls returns the commands of a part of a pipeline.
func (sh *shellReader) calls(n syntax.Node, s script) (out []*command) {
	syntax.Walk(n, func(n syntax.Node) bool {
		if call, ok := n.(*syntax.CallExpr); ok && len(call.Args) > 0 && len(out) < maxPiped {
			out = append(out, sh.command(call, s))
		}
		return len(out) < maxPiped
	})
	return out
}

func (sh *shellReader) command(call *syntax.CallExpr, s script) *command {
	if c := sh.byCall[call]; c != nil {
		return c
	}
	c := &command{at: s.at(int(call.Args[0].Pos().Offset()))}
	sh.byCall[call] = c
	sh.commands = append(sh.commands, c)
	for _, arg := range call.Args {
		c.words = append(c.words, sh.fields(arg, sh.word(arg, s))...)
		for _, part := range arg.Parts {
			switch part.(type) {
			case *syntax.Lit, *syntax.SglQuoted, *syntax.ParamExp:
			default:
				c.within = append(c.within, sh.calls(part, s)...)
			}
		}
	}
	return c
}

// word returns a word with the known variables.
func (sh *shellReader) word(w *syntax.Word, s script) argWord {
	out := argWord{known: true, at: s.at(int(w.Pos().Offset()))}
	var b strings.Builder
	sh.parts(w.Parts, s, &b, &out.known, false)
	if out.text = b.String(); len(out.text) > maxExpanded {
		begin, end := int(w.Pos().Offset()), int(w.End().Offset())
		out.text = unquoted(s.text[min(begin, len(s.text)):min(end, len(s.text))])
		out.known = false
	}
	if len(w.Parts) == 1 {
		begin := int(w.Pos().Offset()) + 1
		switch q := w.Parts[0].(type) {
		case *syntax.SglQuoted:
			out.inner = &script{q.Value, func(o int) Position { return s.at(begin + o) }}
		case *syntax.DblQuoted:
			if end := int(w.End().Offset()) - 1; begin <= end && end <= len(s.text) {
				out.inner = &script{s.text[begin:end], func(o int) Position { return s.at(begin + o) }}
			}
		}
	}
	return out
}

// maxFields bounds the words of a script that come from its variables.
const maxFields = 10_000

// fields returns the words that a word becomes: a variable without quotes is split at
// its blanks.
func (sh *shellReader) fields(w *syntax.Word, word argWord) []argWord {
	if len(w.Parts) != 1 || !word.known || !strings.ContainsAny(word.text, " \t\n") {
		return []argWord{word}
	}
	texts := strings.Fields(word.text)
	if _, ok := w.Parts[0].(*syntax.ParamExp); !ok || len(texts) == 0 || sh.split+len(texts) > maxFields {
		return []argWord{word}
	}
	sh.split += len(texts)
	var out []argWord
	for _, text := range texts {
		out = append(out, argWord{text: text, known: true, at: word.at})
	}
	return out
}

// parts writes the text of the parts of a word. One that is known only when the script
// runs is written as it is in the script.
func (sh *shellReader) parts(parts []syntax.WordPart, s script, b *strings.Builder, known *bool, quoted bool) {
	for _, part := range parts {
		switch p := part.(type) {
		case *syntax.Lit:
			b.WriteString(unescape(p.Value, quoted))
		case *syntax.SglQuoted:
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			sh.parts(p.Parts, s, b, known, true)
		case *syntax.ParamExp:
			value, ok := "", false
			if p.Param != nil && p.Exp == nil && p.Repl == nil && p.Slice == nil && p.Index == nil && !p.Length && !p.Excl {
				value, ok = sh.env[p.Param.Value]
			}
			if !ok && p.Param != nil && strings.Trim(p.Param.Value, "_") == "" {
				value, ok = sh.env[hiddenName(source(part, s))]
			}
			if !ok {
				*known = false
				value = source(part, s)
			}
			b.WriteString(value)
		default:
			*known = false
			b.WriteString(source(part, s))
		}
	}
}

// source returns the text of a part of a word in its script.
func source(part syntax.WordPart, s script) string {
	begin, end := int(part.Pos().Offset()), int(part.End().Offset())
	if begin > end || end > len(s.text) {
		return ""
	}
	return s.text[begin:end]
}

// unescape removes the escapes of a literal.
func unescape(s string, quoted bool) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
			if s[i] == '\n' {
				continue
			}
			if quoted && !strings.ContainsRune("$`\"\\", rune(s[i])) {
				b.WriteByte('\\')
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// powershell returns the commands of a script of PowerShell or of cmd, split at line
// ends, ";", "&&" and "|". There is no grammar behind it: blocks and expressions
// are words.
func (r *reader) powershell(s script, env map[string]string) (out []*command) {
	text := s.text
	if len(text) > maxScript {
		r.commandNote(s.at(0), "a script is not read: longer than %d bytes", maxScript)
		return nil
	}
	var c *command
	var b strings.Builder
	begin := -1
	var piped *command
	word := func(end int) {
		if begin < 0 {
			return
		}
		raw := b.String()
		if c == nil {
			c = &command{at: s.at(begin)}
			if piped != nil {
				c.from, piped = append([]*command{piped}, piped.from...), nil
			}
		}
		// The call operator, parentheses of an expression and blocks are no part of a
		// name.
		if raw = strings.Trim(raw, "(){}"); raw != "" && raw != "&" && (len(c.words) > 0 || raw != "=") {
			c.words = append(c.words, argWord{text: raw, known: !isVariable(raw), at: s.at(begin)})
		}
		b.Reset()
		begin = -1
	}
	finish := func(i int) {
		if word(i); c != nil && len(c.words) > 0 && len(out) < maxCommands {
			out = append(out, c)
		}
		c = nil
	}
	for i := 0; i < len(text); i++ {
		switch ch := text[i]; {
		case ch == '`' && i+1 < len(text) && (text[i+1] == '\n' || text[i+1] == '\r'):
			word(i)
			if i++; text[i] == '\r' && i+1 < len(text) {
				i++
			}
		case ch == '#' && begin < 0:
			for i+1 < len(text) && text[i+1] != '\n' {
				i++
			}
		case ch == '\n' || ch == ';' || ch == '&' && strings.HasPrefix(text[i:], "&&"):
			if finish(i); ch == '&' {
				i++
			}
		case ch == '|':
			word(i)
			last := c
			finish(i)
			piped = last
			if strings.HasPrefix(text[i:], "||") {
				piped = nil
				i++
			}
		case ch == ' ' || ch == '\t' || ch == '\r':
			word(i)
		case ch == '"' || ch == '\'':
			if begin < 0 {
				begin = i
			}
			end := strings.IndexByte(text[i+1:], ch)
			if end < 0 {
				end = len(text) - i - 1
			}
			b.WriteString(text[i+1 : i+1+end])
			i += end + 1
		default:
			if begin < 0 {
				begin = i
			}
			b.WriteByte(ch)
		}
	}
	finish(len(text))
	return out
}
