package propose

import (
	"fmt"
	"strings"

	"github.com/depaudit/depaudit/lockcheck/definition"
	"github.com/depaudit/depaudit/sbom/wording"
)

// Advice returns what is left to do, for people: the stages with their reasons, the
// lines for the workflow, and the next command. config is the path of the
// configuration as commands name it, "" for the default one.
func (p *Proposal) Advice(config string) string {
	var b strings.Builder
	p.list(&b)
	p.lines(&b, config)
	p.left(&b)
	p.next(&b, config)
	return b.String()
}

// list has the stages with their places, their reasons, and where the gate comes.
func (p *Proposal) list(b *strings.Builder) {
	nameWidth := 0
	for i := range p.Stages {
		nameWidth = max(nameWidth, len(p.Stages[i].Name))
	}
	nameWidth = min(nameWidth, 24)
	for i := range p.Stages {
		s := &p.Stages[i]
		critical := "        "
		if s.Critical {
			critical = "critical"
		}
		fmt.Fprintf(b, "  %-*s  %s  %s\n", nameWidth, s.Name, critical, oneLine(place(s.File, s.Line)))
		for _, r := range s.Reasons {
			wrap(b, "      ", "", r, columns)
		}
		if s.Where == InImage {
			continue
		}
		switch {
		case s.Before > 0:
			wrap(b, "      ", "", fmt.Sprintf("gate: before line %d, %s", s.Before, s.By), columns)
		case s.Critical:
			wrap(b, "      ", "", "gate: before the step that publishes", columns)
		default:
			wrap(b, "      ", "", "gate: after its last step", columns)
		}
	}
}

// columns is the width of texts for a terminal.
const columns = 80

// maxLeft is the number of files without a stage that are listed.
const maxLeft = 20

func (p *Proposal) left(b *strings.Builder) {
	if len(p.Left) == 0 {
		return
	}
	b.WriteString("\nnot proposed:\n")
	for i, l := range p.Left {
		if i == maxLeft {
			fmt.Fprintf(b, "  and %s\n", wording.Count(len(p.Left)-i, "more", "more"))
			break
		}
		wrap(b, "  ", "  ", oneLine(place(l.File, l.Line))+": "+l.Detail, columns)
	}
}

func (p *Proposal) flag(config string) string {
	if config == "" {
		return ""
	}
	return " -c " + shellWord(config)
}

// lines has what to paste into the files of the jobs.
func (p *Proposal) lines(b *strings.Builder, config string) {
	for _, kind := range []definition.Kind{definition.Workflow, definition.GitLab} {
		var jobs []*Stage
		for i := range p.Stages {
			if s := &p.Stages[i]; s.Kind == kind && s.Where != InImage {
				jobs = append(jobs, s)
			}
		}
		if len(jobs) == 0 {
			continue
		}
		b.WriteString("\nto paste into each job, with its name for STAGE:\n\n")
		if kind == definition.Workflow {
			b.WriteString(workflowLines(p.flag(config)))
		} else {
			b.WriteString(gitlabLines(p.flag(config)))
		}
	}
	var images []*Stage
	for i := range p.Stages {
		if s := &p.Stages[i]; s.Build != "" {
			images = append(images, s)
		}
	}
	if len(images) > 0 {
		b.WriteString("\nthe images, before they are audited:\n\n")
		for _, s := range images {
			fmt.Fprintf(b, "    %s\n", s.Build)
		}
	}
}

func workflowLines(flags string) string {
	return `      - run: sudo depaudit snapshot -o "$RUNNER_TEMP/before.json"   # the first step
      # ... the steps of the job ...
      - run: sudo depaudit audit` + flags + ` --stage STAGE --since "$RUNNER_TEMP/before.json"
`
}

func gitlabLines(flags string) string {
	return `    - depaudit snapshot -o /tmp/before.json   # the first line of script:
    # ... the lines of the job ...
    - depaudit audit` + flags + ` --stage STAGE --since /tmp/before.json
`
}

// next names the next command.
func (p *Proposal) next(b *strings.Builder, config string) {
	for i := range p.Stages {
		if p.Stages[i].Where != InImage {
			fmt.Fprintf(b, "\nnext: commit both; the first run is incomplete (exit code 3) until its report is\naccepted: depaudit baseline update%s --from report.json\n", p.flag(config))
			return
		}
	}
	fmt.Fprintf(b, "\nnext: build the images, then depaudit baseline update%s, and commit both files\n", p.flag(config))
}

// shellWord quotes a word for a shell where it needs it.
func shellWord(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/@%+=:,-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
