package definition

import (
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// run adds what a command installs and publishes.
func (b *jobBuilder) run(step Step, s script) {
	if b.err != nil {
		return
	}
	// A shell with arguments is a command of its own, {0} its script.
	if strings.Contains(strings.TrimSpace(step.Shell), " ") {
		of := script{step.Shell, func(int) Position { return s.at(0) }}
		t := &toolReader{jobBuilder: b, step: step, script: of, commands: b.bash(of, b.env)}
		t.all(0)
	}
	var commands []*command
	switch shell := b.shellOf(step); shell {
	case "bash":
		commands = b.bash(s, b.env)
	case "pwsh":
		commands = b.powershell(s, b.env)
	default:
		b.commandNote(s.at(0), "a script for %s is not read", quote(shell))
		return
	}
	t := &toolReader{jobBuilder: b, step: step, script: s, commands: commands}
	t.all(0)
}

// shellOf returns the grammar of a step: "bash" for the shells of Unix, "pwsh" for
// those of Windows, else the name of the program.
func (b *jobBuilder) shellOf(step Step) string {
	name, _, _ := strings.Cut(step.Shell, " ")
	switch name = strings.TrimSuffix(lower(path.Base(strings.ReplaceAll(name, `\`, "/"))), ".exe"); name {
	case "pwsh", "powershell", "cmd":
		return "pwsh"
	case "", ".":
		windows := func(label string) bool { return strings.HasPrefix(lower(label), "windows") }
		if len(b.job.RunsOn) > 0 && !slices.ContainsFunc(b.job.RunsOn, func(l string) bool { return !windows(l) }) {
			return "pwsh"
		}
	case "perl", "ruby", "node", "deno", "rscript", "julia", "tclsh", "nu", "elvish", "php", "lua":
		return name
	default:
		if python.MatchString(name) {
			return name
		}
	}
	// A program of another name is a shell in another environment: msys2, alpine.sh.
	return "bash"
}

// toolReader adds what the commands of one script install and publish.
type toolReader struct {
	*jobBuilder
	step     Step
	script   script
	commands []*command
	level    int
	// present is the command that is looked at.
	present int
	index   scriptIndex
}

// use adds what the command uses.
func (t *toolReader) use(at Position, u Use) {
	u.Command = true
	t.jobBuilder.use(at, u)
}

// all looks at the commands in their order.
func (t *toolReader) all(level int) {
	t.level = level
	t.index = indexOf(t.commands)
	for i, c := range t.commands {
		if t.err != nil {
			return
		}
		t.present = i
		t.command(c)
	}
}

// command looks at one command, and at the ones that it starts.
func (t *toolReader) command(c *command) {
	c = unwrap(c)
	name := c.name()
	if decidedLater(c) {
		t.commandNote(c.at, "the command is decided when it runs")
		return
	}
	t.publishes(c, name)
	if t.nested(c, name) {
		return
	}
	if python.MatchString(name) || !c.words0Known() && c.arg(1) == "-m" {
		if i := slices.IndexFunc(c.words, func(w argWord) bool { return w.text == "-m" }); i > 0 && i+1 < len(c.words) {
			module := *c
			module.words = c.words[i+1:]
			t.publishes(&module, module.name())
			t.tool(&module, module.name(), true)
			return
		}
	}
	t.tool(c, name, false)
}

func (c *command) words0Known() bool { return len(c.words) > 0 && c.words[0].known }

// decidedLater reports whether an expression of the platform is the whole command, or
// a part of the program's name. With arguments after it, it is the path of a program;
// and one with a slash is of a script, which is not read either.
func decidedLater(c *command) bool {
	if len(c.words) == 0 || c.words[0].known || strings.Contains(c.words[0].text, "/") {
		return false
	}
	first := c.words[0].text
	rest := expression.ReplaceAllString(first, "")
	return rest != first && (len(c.words) == 1 || rest != "")
}

var python = lazyregexp.New(`^(?:python|pypy|py)[0-9.]*$`)

// wrappers are the programs that start another one, with the options that have a
// value.
var wrappers = map[string]string{
	"sudo": "-u -g -h -p -C -r -t -T -U --user --group", "env": "-u --unset -C --chdir", "nice": "-n --adjustment", "time": "-f -o", "timeout": "-k -s",
	"exec": "-a", "command": "", "nohup": "", "xargs": "-n -P -I -d -a -L -s -E", "doas": "-u", "gosu": "", "su-exec": "", "ionice": "-c -n",
	"stdbuf": "-i -o -e", "retry": "-t -d --times", "xvfb-run": "-s -n", "builtin": "", "setarch": "", "linux32": "", "caffeinate": "", "arch": "-arch", "start-process": "", "&": "",
}

var assignment = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*=`)

// unwrap returns the command that a wrapper starts.
func unwrap(c *command) *command {
	for range maxNested {
		name := c.name()
		options, ok := wrappers[name]
		if !ok {
			return c
		}
		valued := strings.Fields(options)
		i := 1
		for i < len(c.words) {
			switch text := c.words[i].text; {
			case slices.Contains(valued, text):
				i += 2
				continue
			case strings.HasPrefix(text, "-"), name == "env" && assignment.MatchString(text), name == "sudo" && assignment.MatchString(text):
				i++
				continue
			case (name == "timeout" || name == "gosu" || name == "su-exec" || name == "setarch") && i+1 < len(c.words):
				i++ // the duration, the user
			}
			break
		}
		if i >= len(c.words) {
			return c
		}
		inner := *c
		inner.words, inner.at = c.words[i:], c.words[i].at
		c = &inner
	}
	return c
}

// interpreters run what they read.
var interpreters = []string{"sh", "bash", "dash", "ash", "zsh", "ksh", "fish", "perl", "ruby", "node", "php", "pwsh", "powershell", "iex", "invoke-expression", "eval", "source", ".", "cmd"}

func interprets(name string) bool {
	return slices.Contains(interpreters, name) || python.MatchString(name)
}

// nested looks at a script that a shell gets as a word or as a here-document, and
// reports whether that is all that the command does.
func (t *toolReader) nested(c *command, name string) bool {
	switch name {
	case "sh", "bash", "dash", "ash", "zsh", "ksh", "su", "eval", "pwsh", "powershell":
	default:
		return false
	}
	if t.level >= maxNested {
		return false
	}
	inner := c.input
	for i, w := range c.words[1:] {
		flag := c.words[i].text
		if w.inner != nil && (strings.HasPrefix(flag, "-") && strings.HasSuffix(lower(flag), "c") || lower(flag) == "-command" || name == "eval" && i == 0) {
			inner = w.inner
		}
	}
	if inner == nil || strings.TrimSpace(inner.text) == "" {
		return false
	}
	commands := t.bash(*inner, t.env)
	deep := &toolReader{jobBuilder: t.jobBuilder, step: t.step, script: *inner, commands: commands}
	deep.all(t.level + 1)
	return len(c.from) == 0 && len(c.within) == 0
}

// install adds a tool.
func (t *toolReader) install(c *command, at Position, typ, name, spec string) *Use {
	u := Use{Kind: UseTool, Text: c.String(), Type: typ, Spec: spec}
	u.Namespace, u.Name = "", name
	if i := strings.LastIndexByte(name, '/'); i > 0 && i+1 < len(name) && typ != "generic" {
		u.Namespace, u.Name = name[:i], name[i+1:]
	}
	u.version(spec)
	if isVariable(name) {
		u.Pin, u.Detail = Variable, "what is installed is decided when it runs"
	}
	t.use(at, u)
	if len(t.job.Uses) == 0 {
		return &u
	}
	return &t.job.Uses[len(t.job.Uses)-1]
}

// operands returns the words of a command after some, without options. valued are
// the options that have a value in the next word; their values are in options.
func (c *command) operands(from int, valued string) (out []argWord, options map[string]string) {
	options = map[string]string{}
	with := strings.Fields(valued)
	for i := from; i < len(c.words); i++ {
		w := c.words[i]
		switch {
		case w.text == "--":
			return append(out, c.words[i+1:]...), options
		case slices.Contains(with, w.text), len(w.text) > 2 && w.text[0] == '-' && slices.Contains(with, lower(w.text)):
			if len(w.text) > 2 && w.text[1] != '-' { // an option of PowerShell has no case
				w.text = lower(w.text)
			}
			if i++; i < len(c.words) {
				if old := options[w.text]; old != "" {
					options[w.text] = old + "\n" + c.words[i].text
				} else {
					options[w.text] = c.words[i].text
				}
			}
		case strings.HasPrefix(w.text, "--") && strings.Contains(w.text, "="):
			key, value, _ := strings.Cut(w.text, "=")
			options[key] = value
		case len(w.text) > 1 && w.text[0] == '-':
			options[w.text] = "true"
		default:
			out = append(out, w)
		}
	}
	return out, options
}

// sub returns the words of a command that are not options, as "install" of
// "npm --silent install", and the place behind the first n of them.
func (c *command) sub(n int) (words []string, rest int) {
	for rest = 1; rest < len(c.words) && len(words) < n; rest++ {
		if text := c.words[rest].text; !strings.HasPrefix(text, "-") && !strings.HasPrefix(text, "+") {
			words = append(words, text)
		}
	}
	for len(words) < n {
		words = append(words, "")
	}
	return words, rest
}
