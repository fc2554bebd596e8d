package definition

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// instruction is one instruction of a Dockerfile.
type instruction struct {
	name string // in upper case; "syntax" for the parser directive
	at   Position
	// flags are the words that begin with "--", words the rest.
	flags, words []word
	text         string
	pieces       []piece // of the text
	body         []bodyLine
}

type word struct {
	text string
	at   Position
	// offset is that of the word in the text of the instruction.
	offset int
}

// piece is a part of an instruction that is on one line.
type piece struct {
	offset int
	at     Position
}

// bodyLine is a line of a here-document.
type bodyLine struct {
	text string
	line int
}

// maxInstruction bounds a logical line of a Dockerfile in bytes.
const maxInstruction = 1 << 20

var (
	directive = lazyregexp.New(`^#\s*([a-zA-Z]+)\s*=\s*(\S+)\s*$`)
	// heredocWord is a word that begins a here-document: not "<<<", a here-string.
	heredocWord = lazyregexp.New(`^[0-9]*<<(-?)\s*([^<\s]+)$`)
)

// heredoc is a here-document that has not ended. What is in it is no instruction, so
// that what begins one decides which lines are.
type heredoc struct {
	end  string
	tabs bool // may stand before the end ("<<-")
	at   Position
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
func heredocs(at Position, text string) []heredoc {
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

// instructions splits a Dockerfile into instructions as BuildKit does
// (https://docs.docker.com/reference/dockerfile/): parser directives at the top,
// lines that the escape character continues, comments and empty lines between
// them, and here-documents.
func (r *reader) instructions(ctx context.Context) (out []instruction) {
	escape, top := `\`, true
	var logical strings.Builder
	var pieces []piece
	var until []heredoc
	finish := func() {
		in := r.instruction(logical.String(), pieces)
		if in.name == "RUN" || in.name == "COPY" || in.name == "ADD" {
			until = heredocs(in.at, in.text)
		}
		out = append(out, in)
		logical.Reset()
		pieces = nil
	}
	for i, line := range r.lines {
		if r.err != nil {
			return nil
		}
		if i%4096 == 0 && ctx.Err() != nil {
			r.err = ctx.Err()
			return nil
		}
		line = strings.TrimSuffix(line, "\r")
		if i == 0 {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		if len(until) > 0 {
			if until[0].endsAt(line) {
				until = until[1:]
			}
			in := &out[len(out)-1]
			in.body = append(in.body, bodyLine{line, i + 1})
			continue
		}
		trimmed := strings.TrimSpace(line)
		if top {
			if m := directive.FindStringSubmatch(trimmed); m != nil {
				key := lower(m[1])
				if key == "escape" {
					escape = m[2]
				} else if key == "syntax" {
					at := Position{i + 1, strings.Index(line, m[2]) + 1}
					out = append(out, instruction{name: key, at: at, text: m[2]})
				}
				if key == "escape" || key == "syntax" || key == "check" {
					continue
				}
			}
			top = false
		}
		if strings.HasPrefix(trimmed, "#") || trimmed == "" {
			continue
		}
		body, continued := cutContinuation(line, escape)
		pieces = append(pieces, piece{logical.Len(), Position{i + 1, 1}})
		logical.WriteString(body)
		if logical.Len() > maxInstruction {
			r.fail(pieces[0].at, "split the instruction", "longer than %d bytes", maxInstruction)
		} else if !continued {
			finish()
		}
	}
	if r.err == nil && len(pieces) > 0 {
		finish()
	}
	if len(until) > 0 {
		r.fail(until[0].at, "end it with a line "+quote(until[0].end), "a here-document does not end")
	}
	return out
}

var instructionName = lazyregexp.New(`^[A-Za-z]+$`)

// place returns the place of a byte of the text.
func (in *instruction) place(offset int) Position {
	i := sort.Search(len(in.pieces), func(i int) bool { return in.pieces[i].offset > offset }) - 1
	if i < 0 {
		return in.at
	}
	p := in.pieces[i]
	return Position{p.at.Line, p.at.Column + offset - p.offset}
}

func (in *instruction) split() (out []word) {
	begin := -1
	for i := 0; i <= len(in.text); i++ {
		blank := i == len(in.text) || strings.IndexByte(" \t\v\f\r\n", in.text[i]) >= 0
		switch {
		case blank && begin >= 0:
			out = append(out, word{in.text[begin:i], in.place(begin), begin})
			begin = -1
		case !blank && begin < 0:
			begin = i
		}
	}
	return out
}

// settings returns the words KEY=VALUE of ARG and ENV, in which a quoted value may have
// blanks.
func (in *instruction) settings() (out []string) {
	for _, w := range in.words {
		if n := len(out); n > 0 && openQuote(out[n-1]) {
			if before := out[n-1]; len(before) < maxExpanded {
				out[n-1] = before + " " + w.text
			}
			continue
		}
		out = append(out, w.text)
	}
	return out
}

// openQuote reports whether a quotation of a text does not end in it.
func openQuote(s string) bool {
	var quotation byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quotation != '\'':
			i++
		case quotation == 0 && (c == '"' || c == '\''):
			quotation = c
		case c == quotation:
			quotation = 0
		}
	}
	return quotation != 0
}

func (r *reader) instruction(text string, pieces []piece) instruction {
	in := instruction{text: text, pieces: pieces, at: pieces[0].at}
	words := in.split()
	if len(words) == 0 || !instructionName.MatchString(words[0].text) {
		r.fail(in.at, "write INSTRUCTION arguments", "not an instruction of a Dockerfile")
		return in
	}
	in.name = strings.ToUpper(words[0].text)
	if in.name == "ONBUILD" && len(words) > 1 {
		words = words[1:]
		in.name = strings.ToUpper(words[0].text)
	}
	rest := words[1:]
	for len(rest) > 0 && strings.HasPrefix(rest[0].text, "--") {
		flag := rest[0]
		if rest = rest[1:]; flag.text == "--" { // ends the flags
			break
		}
		in.flags = append(in.flags, flag)
	}
	in.words = rest
	if in.name == "FROM" && len(rest) == 0 {
		r.fail(in.at, "write FROM IMAGE", "FROM without an image")
	}
	return in
}

// stage returns the name of the stage of FROM IMAGE [AS NAME].
func (in *instruction) stage() string {
	if len(in.words) >= 3 && lower(in.words[1].text) == "as" {
		return in.words[2].text
	}
	return ""
}

func (in *instruction) flag(name string) (string, bool) {
	for _, f := range in.flags {
		if v, ok := strings.CutPrefix(f.text, "--"+name+"="); ok {
			return unquoted(v), true
		}
	}
	return "", false
}

// fromFlags returns the stages or images of COPY --from=X and of
// RUN --mount=type=bind,from=X.
func (in *instruction) fromFlags() (out []word) {
	for _, f := range in.flags {
		if from, ok := strings.CutPrefix(f.text, "--from="); ok && in.name == "COPY" {
			out = append(out, word{unquoted(from), f.at, f.offset})
		}
		options, ok := strings.CutPrefix(f.text, "--mount=")
		if !ok || in.name != "RUN" {
			continue
		}
		for option := range strings.SplitSeq(unquoted(options), ",") {
			if from, ok := strings.CutPrefix(option, "from="); ok {
				out = append(out, word{from, f.at, f.offset})
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

var argument = lazyregexp.New(`\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?::?(-)([^}]*))?\})`)

// maxExpanded bounds a text with its arguments.
const maxExpanded = 64 << 10

// expandArgs replaces $NAME, ${NAME} and ${NAME:-default} by the defaults of the
// build arguments. Those without a value stay.
func expandArgs(s string, args map[string]string) string {
	out := argument.ReplaceAllStringFunc(s, func(use string) string {
		m := argument.FindStringSubmatch(use)
		if v := args[cmp.Or(m[1], m[2])]; v != "" {
			return v
		}
		if m[3] != "" {
			return m[4]
		}
		return use
	})
	if len(out) > maxExpanded {
		return s
	}
	return out
}

// dockerfile reads a Dockerfile: a job for each stage, with the images of FROM,
// COPY --from and RUN --mount, what ADD downloads, and what its commands do. The
// frontend that "# syntax=" names is of the whole file.
func (r *reader) dockerfile(ctx context.Context) {
	d := &stages{reader: r, args: map[string]string{}, names: map[string]string{}}
	for _, in := range r.instructions(ctx) {
		if r.err != nil {
			return
		}
		d.instruction(&in)
	}
	d.finish()
}

// stages reads the stages of a Dockerfile.
type stages struct {
	*reader
	args   map[string]string // those before the first FROM
	values map[string]string // of the arguments and variables of a stage
	job    *Job
	shell  string
	names  map[string]string // the IDs of the stages that have a name, by it in lower case
}

// maxJobs bounds the jobs of a file.
const maxJobs = 20_000

// maxStages bounds those of a Dockerfile.
const maxStages = 2_000

func (d *stages) finish() {
	if d.job != nil {
		d.file.Jobs = append(d.file.Jobs, *d.job)
		if d.job.Name != "" && d.names[lower(d.job.Name)] == "" {
			d.names[lower(d.job.Name)] = d.job.ID
		}
		if len(d.file.Jobs) > maxStages {
			d.fail(d.job.At, "split the file", "more than %d stages", maxStages)
		}
		d.job = nil
	}
}

// named returns the stage of a name that is before the present one.
func (d *stages) named(name string) (string, bool) {
	id, ok := d.names[lower(name)]
	return id, ok
}

func (d *stages) instruction(in *instruction) {
	switch in.name {
	case "syntax":
		if u, ok := image(in.text, RoleFrontend); ok {
			u.File, u.At = d.file.Path, in.at
			d.file.Uses = append(d.file.Uses, u)
		}
		return
	case "FROM":
		d.from(in)
		return
	case "ARG":
		d.arg(in)
		return
	}
	if d.job == nil {
		return
	}
	b := &jobBuilder{reader: d.reader, job: d.job, env: d.values}
	switch in.name {
	case "ENV":
		if len(in.words) > 1 && !strings.Contains(in.words[0].text, "=") { // ENV KEY VALUE
			d.values[in.words[0].text] = expandArgs(unquoted(strings.TrimSpace(in.text[in.words[1].offset:])), d.values)
			return
		}
		for _, w := range in.settings() {
			if key, value, ok := strings.Cut(w, "="); ok {
				d.values[key] = expandArgs(unquoted(value), d.values)
			}
		}
	case "SHELL":
		var words []string
		if json.Unmarshal([]byte(in.rest()), &words) == nil && len(words) > 0 {
			d.shell = words[0]
		}
	case "COPY", "RUN", "ADD":
		for _, w := range in.fromFlags() {
			d.use(b, w, RoleCopy)
		}
		if in.name == "ADD" {
			d.download(b, in)
		} else if in.name == "RUN" {
			step := Step{File: d.file.Path, At: in.at, Shell: d.shell}
			s := in.script()
			step.Run, step.RunAt = s.text, s.at(0)
			b.run(step, s)
			d.job.Steps = append(d.job.Steps, step)
		}
	}
}

// from begins a stage.
func (d *stages) from(in *instruction) {
	d.finish()
	name := in.stage()
	if other, taken := d.named(name); name != "" && taken {
		d.note(Undecided, in.at, "the stage %s is there twice", quote(other))
	}
	d.job = &Job{ID: cmp.Or(name, strconv.Itoa(len(d.file.Jobs))), Name: name, At: in.at}
	d.values, d.shell = map[string]string{}, ""
	b := &jobBuilder{reader: d.reader, job: d.job}
	w := in.words[0]
	w.text = unquoted(w.text)
	if !d.use(b, w, RoleContainer) {
		d.job.Container = expandArgs(w.text, d.args)
	}
}

// arg keeps the default of a build argument. Those before the first FROM are all
// that FROM can use.
func (d *stages) arg(in *instruction) {
	for _, w := range in.settings() {
		key, value, ok := strings.Cut(w, "=")
		switch {
		case d.job == nil:
			d.args[key] = expandArgs(unquoted(value), d.args)
		case ok:
			d.values[key] = expandArgs(unquoted(value), d.values)
		case d.args[key] != "":
			d.values[key] = d.args[key]
		}
	}
}

// use adds an image, or the stage of that name, which is reported. The default of
// an argument is what is used, unless the build sets another one.
func (d *stages) use(b *jobBuilder, w word, role Role) (isStage bool) {
	expanded := expandArgs(w.text, d.args)
	need := ""
	if stage, ok := d.named(expanded); ok {
		need = stage
	} else if role == RoleCopy && decimal(w.text) {
		// The number of a stage, which FROM does not take.
		if i, err := strconv.Atoi(w.text); err == nil && i < len(d.file.Jobs) {
			need = d.file.Jobs[i].ID
		} else {
			return true
		}
	}
	if need != "" {
		if !slices.Contains(b.job.Needs, need) {
			b.job.Needs = append(b.job.Needs, need)
		}
		return true
	}
	if expanded != w.text && !strings.ContainsRune(expanded, '$') {
		d.note(Undecided, w.at, "the image %s is %s unless the build sets an argument", quote(w.text), quote(expanded))
	}
	if u, ok := image(expanded, role); ok {
		u.Text = w.text
		b.use(w.at, u)
	}
	return false
}

// rest returns what follows the name and the flags.
func (in *instruction) rest() string {
	if len(in.words) == 0 {
		return ""
	}
	return in.text[in.words[0].offset:]
}

// script returns the command of RUN: a text with here-documents, or the body of
// the only here-document, or the words of the form of JSON.
func (in *instruction) script() script {
	if len(in.words) == 0 {
		return script{"", func(int) Position { return in.at }}
	}
	begin := in.words[0].offset
	head := in.text[begin:]
	place := in.place
	if strings.HasPrefix(head, "[") {
		var words []string
		if json.Unmarshal([]byte(head), &words) == nil {
			for i, w := range words {
				words[i] = quoteWord(w)
			}
			return script{strings.Join(words, " "), func(int) Position { return place(begin) }}
		}
	}
	if len(in.body) == 0 {
		return script{head, func(offset int) Position { return place(begin + offset) }}
	}
	if heredocWord.MatchString(strings.TrimSpace(head)) {
		// The here-document is the command itself; its last line ends it.
		return bodyScript("", 0, nil, in.body[:len(in.body)-1])
	}
	return bodyScript(head+"\n", begin, place, in.body)
}

// bodyScript returns a script of a first line and of a here-document.
func bodyScript(head string, begin int, place func(int) Position, body []bodyLine) script {
	var text strings.Builder
	text.WriteString(head)
	offsets := make([]int, len(body))
	for i, line := range body {
		offsets[i] = text.Len()
		text.WriteString(line.text + "\n")
	}
	return script{text.String(), func(offset int) Position {
		if offset < len(head) && place != nil {
			return place(begin + offset)
		}
		i := sort.SearchInts(offsets, offset+1) - 1
		if i < 0 {
			return Position{}
		}
		return Position{body[i].line, offset - offsets[i] + 1}
	}}
}

// quoteWord returns a word of a command for a shell.
func quoteWord(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// download adds what ADD takes from a URL: with --checksum, or a commit of a
// repository, it is pinned. The URL can be that of an argument or a variable.
func (d *stages) download(b *jobBuilder, in *instruction) {
	sum, _ := in.flag("checksum")
	words := in.words
	if len(words) > 0 {
		words = words[:len(words)-1]
	}
	for _, w := range words {
		url := expandArgs(strings.Trim(unquoted(w.text), `[]",`), d.values)
		if !strings.Contains(url, "://") && !strings.HasPrefix(url, "git@") {
			continue
		}
		u := download(url)
		commit := gitCommit(url)
		if commitID.MatchString(sum) {
			commit = sum
		}
		switch {
		case digestRef.MatchString(sum):
			u.Version, u.Pin = lower(sum), ByDigest
		case isGitURL(url) && commitID.MatchString(commit):
			u.Version, u.Pin = lower(commit), ByCommit
		default:
			u.Pin, u.Detail = Floating, "ADD downloads it without a digest"
			u.Fix = "write --checksum=sha256:... or a full commit"
		}
		b.use(w.at, u)
	}
}
