package query

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/graph"
	"github.com/depaudit/depaudit/sbom/wording"
)

// Split is the answer to the question what each part of a stage needs.
type Split struct {
	Head
	// Total is the count of the stage.
	Total graph.Amount `json:"total"`
	// Uses are the components that define each part.
	Uses []Use `json:"uses"`
	graph.Split
	// Components are those that the answer refers to, sorted by ID.
	Components []Component `json:"components"`
}

// Use is a component that a part uses itself.
type Use struct {
	Part string `json:"part"`
	// Word is the word of the question, Path the command of that name.
	Word string `json:"word"`
	Path string `json:"path,omitempty"`
	ID   string `json:"id"`
	// Script is the first line of that command when it is a script, Interpreter
	// the ID of the component of its interpreter, which is part of the need;
	// empty when it is not in the environment.
	Script      string `json:"script,omitempty"`
	Interpreter string `json:"interpreter,omitempty"`
}

// NewSplit returns the answer for a split of package graph.
func NewSplit(s *Subject, uses []Use, split *graph.Split) *Split {
	a := &Split{Head: s.head("split"), Total: total(s.Document), Uses: uses, Split: *split}
	l := s.components()
	for _, u := range uses {
		l.add(u.ID, u.Interpreter)
	}
	for _, o := range split.Overlaps {
		l.add(o.IDs...)
	}
	for _, c := range split.Choices {
		l.add(c.From, c.Chosen)
		l.add(c.Others...)
	}
	a.Components = l.sorted()
	return a
}

// Text writes the answer for people, with no more than limit names of a group,
// all below one.
func (a *Split) Text(w io.Writer, o terminal.Options, limit int) error {
	p := newSheet(o)
	m := newIndex(a.Components)
	p.Line("", a.Subject, terminal.Bold)
	p.Prose(indent, indent, sized(dependencies(a.Total.Count), a.Total.Size)+": "+a.summary(), terminal.Plain)
	p.Blank()
	var rows [][]string
	several := len(a.Parts) > 1
	for _, part := range a.Parts {
		row := []string{part.Name, strconv.Itoa(part.Total.Count), terminal.Bytes(part.Total.Size), strconv.Itoa(a.Essential.Count), strconv.Itoa(part.Alone.Count), ""}
		if several {
			row[5] = strconv.Itoa(part.Shared.Count)
		}
		rows = append(rows, row)
	}
	p.Table(indent, terminal.Table{Columns: []terminal.Column{
		{Title: "Stage for"}, {Title: "Counts", Right: true}, {Title: "Size", Right: true, Whole: true},
		{Title: "Essential", Right: true}, {Title: "Alone", Right: true}, {Title: "Shared", Right: true},
	}, Rows: rows})
	for _, use := range a.Uses {
		if use.Path != "" {
			text := fmt.Sprintf("%s is %s of %s", terminal.Escape(use.Word), terminal.Escape(use.Path), terminal.Escape(m.full(use.ID)))
			switch {
			case use.Interpreter != "" && use.Interpreter != use.ID:
				text += ", a script for " + terminal.Escape(m.full(use.Interpreter))
			case use.Script != "" && use.Interpreter == "":
				text += ", a script, and its interpreter is not among the packages: " + terminal.Escape(use.Script)
			}
			p.Prose(indent, indent+indent, text, terminal.Faint)
		}
	}
	for _, o := range a.Overlaps {
		p.Blank()
		title := "Only for " + terminal.Escape(o.Parts[0])
		if len(o.Parts) > 1 {
			title = "Shared by " + listed(o.Parts)
		}
		p.Prose("", "", fmt.Sprintf("%s: %s", title, sized(strconv.Itoa(o.Count), o.Size)), terminal.Plain)
		var names []string
		for _, id := range o.IDs {
			names = append(names, m.short(id))
		}
		p.names(names, limit)
	}
	a.choices(p, m)
	p.caveats(&a.Head)
	return p.write(w)
}

func (a *Split) summary() string {
	text := sized(strconv.Itoa(a.Essential.Count), a.Essential.Size) + " are essential, and in every stage of the kind"
	if a.Essential.Count == 0 {
		text = "no package is known to be essential"
	}
	if a.Unneeded.Count == 0 {
		return text + "; all others are needed by " + wording.Form(len(a.Parts), "this part", "these parts")
	}
	return text + fmt.Sprintf("; %s %s not needed by %s", sized(strconv.Itoa(a.Unneeded.Count), a.Unneeded.Size), wording.Form(a.Unneeded.Count, "is", "are"), wording.Form(len(a.Parts), "this part", "any of these parts"))
}

// maxShownChoices limits what is only a remark.
const maxShownChoices = 5

// choices lists where another answer was possible.
func (a *Split) choices(p sheet, m index) {
	if len(a.Choices) == 0 {
		return
	}
	// Several parts may have made the same choice.
	seen := make(map[string]bool)
	var texts []string
	for _, c := range a.Choices {
		text := fmt.Sprintf("%s for %s, not %s", terminal.Escape(m.short(c.Chosen)), terminal.Escape(m.short(c.From)), m.names(c.Others))
		if !seen[text] {
			seen[text] = true
			texts = append(texts, text)
		}
	}
	p.Blank()
	p.Prose("", "", "Chosen where one of several is enough:", terminal.Plain)
	for _, text := range texts[:min(len(texts), maxShownChoices)] {
		p.Prose(indent, indent+indent, text, terminal.Plain)
	}
	p.more(indent, len(texts)-maxShownChoices, "", " (-o json has all)")
}

// listed joins a few names with "and".
func listed(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = terminal.Escape(n)
	}
	if len(out) < 2 {
		return strings.Join(out, "")
	}
	return strings.Join(out[:len(out)-1], ", ") + " and " + out[len(out)-1]
}
