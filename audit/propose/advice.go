package propose

import (
	"fmt"
	"slices"
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
		fmt.Fprintf(b, "  %-*s  %s  %s\n", nameWidth, s.Name, critical, oneLine(s.at()))
		for _, r := range s.Reasons {
			wrap(b, "      ", "", r, columns)
		}
		if s.Where == InImage {
			continue
		}
		if s.Checkout != "" {
			wrap(b, "      ", "", "checkout: "+s.Checkout, columns)
		}
		switch {
		case s.Before > 0:
			wrap(b, "      ", "", fmt.Sprintf("gate: before the step in line %d (%s)", s.Before, s.By), columns)
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
	return " -c " + wording.ShellWord(config)
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
		stage, into := "STAGE", "each of these jobs, with the name of its stage for STAGE"
		if len(jobs) == 1 {
			stage, into = jobs[0].Name, "the job"
		}
		fmt.Fprintf(b, "\nto paste into %s:\n\n", into)
		if kind == definition.GitLab {
			b.WriteString(gitlabLines(stage, config))
		} else {
			b.WriteString(workflowLines(stage, config))
			merge(b, jobs)
		}
		b.WriteString("\nCOMMIT is the full commit of a release, with the tag as a comment:\n  " + releases + "\n")
	}
	var images []*Stage
	for i := range p.Stages {
		if s := &p.Stages[i]; s.Build != "" {
			images = append(images, s)
		}
	}
	if len(images) > 0 {
		if len(images) == len(p.Stages) {
			b.WriteString("\nthe images, before they are audited:\n\n")
		} else {
			b.WriteString("\nthe images, in the jobs that build them, before the gate, which then names their\nstages too (stages: A B):\n\n")
		}
		for _, s := range images {
			fmt.Fprintf(b, "    %s\n", s.Build)
		}
	}
}

// workflowLines are the steps of a job (action.yml).
func workflowLines(stage, config string) string {
	with := "stages: " + scalar(stage)
	if config != "" {
		with += ", config: " + scalar(config)
	}
	return `      - uses: depaudit/depaudit@COMMIT # the first step
        with: {run: begin}
      # ... the steps that install, build and test ...
      - uses: depaudit/depaudit@COMMIT # the gate
        with: {` + with + `}
`
}

// merge has the job that fails when one of several was skipped, which a platform
// counts as passed. It comes before the jobs that publish.
func merge(b *strings.Builder, jobs []*Stage) {
	for _, file := range files(jobs) {
		var needs, stages, publish []string
		for _, s := range jobs {
			switch {
			case s.File != file:
			case s.publisher:
				publish = append(publish, oneLine(s.Job))
			default:
				needs = append(needs, scalar(s.Job))
				stages = append(stages, s.Name)
			}
		}
		if len(needs) < 2 {
			continue
		}
		b.WriteByte('\n')
		wrap(b, "", "", "and a job for "+oneLine(file)+" that fails if one of them was skipped:", columns)
		b.WriteByte('\n')
		fmt.Fprintf(b, `  footprint:
    if: always()
    needs: [%s]
    runs-on: ubuntu-24.04
    permissions: {}
    steps:
      - uses: depaudit/depaudit@COMMIT
        with:
          run: merge
          stages: %s
          results: ${{ join(needs.*.result, ' ') }}
`, strings.Join(needs, ", "), strings.Join(stages, " "))
		if len(publish) > 0 {
			b.WriteByte('\n')
			wrap(b, "", "", "with `needs: footprint` in "+strings.Join(publish, ", ")+", so that nothing is published unless all were judged", columns)
		}
	}
}

// files returns the files of stages, in their order.
func files(stages []*Stage) []string {
	var out []string
	for _, s := range stages {
		if !slices.Contains(out, s.File) {
			out = append(out, s.File)
		}
	}
	return out
}

// releases prints the commits of the action's releases.
const releases = "git ls-remote https://github.com/depaudit/depaudit 'refs/tags/v*'"

// gitlabLines are the lines of a job of GitLab (templates/steps.yml).
func gitlabLines(stage, config string) string {
	variables := "DEPAUDIT_STAGES: " + scalar(stage)
	if config != "" {
		variables += ", DEPAUDIT_CONFIG: " + scalar(config)
	}
	return `  include:
    - component: $CI_SERVER_FQDN/depaudit/depaudit/steps@COMMIT
  JOB:
    variables: {` + variables + `}
    script:
      - !reference [.depaudit-begin, script]
      # ... the lines that install, build and test ...
      - !reference [.depaudit-audit, script]
      # ... the lines that publish ...
    artifacts: !reference [.depaudit-audit, artifacts]
`
}

// next names the next command.
func (p *Proposal) next(b *strings.Builder, config string) {
	for i := range p.Stages {
		s := &p.Stages[i]
		if s.Where == InImage {
			continue
		}
		b.WriteString("\nnext: commit the configuration with these steps. The first run ends with exit\ncode 3, since nothing is accepted yet. Review its report, accept it, commit it:\n")
		from := "report.json"
		if s.Kind == definition.Workflow {
			// The artifacts of the action, one for each job.
			b.WriteString("  gh run download --pattern 'depaudit-*' --dir reports\n")
			from = "reports"
		}
		fmt.Fprintf(b, "  depaudit baseline update%s --from %s\n", p.flag(config), from)
		return
	}
	fmt.Fprintf(b, "\nnext: build the images, accept what they have, and commit both files:\n  depaudit baseline update%s\n", p.flag(config))
}
