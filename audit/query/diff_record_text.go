package query

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
)

// entry is a difference of two records as text that is not escaped.
type entry struct {
	// sign is what happened: "added", "removed", "changed", or empty.
	sign string
	// name is what differs, empty for the whole; before and after are its values,
	// empty for something that has none; detail is the rest.
	name, before, after, detail string
	// weaker marks what lets more pass or fixes less.
	weaker bool
}

// recordList is a part of the difference of two records.
type recordList struct {
	title string
	// one and many are what a summary calls the entries.
	one, many string
	entries   []entry
}

// lists returns the parts that differ, in the order of their weight.
func (d *RecordDiff) lists() []recordList {
	if d == nil {
		return nil
	}
	var out []recordList
	add := func(title, one, many string, entries []entry) {
		if len(entries) > 0 {
			out = append(out, recordList{title, one, many, entries})
		}
	}
	var policy []entry
	for _, c := range d.Policy {
		e := entry{name: c.Key, before: orNone(c.Before), after: orNone(c.After), weaker: c.Weaker}
		if c.Weaker {
			e.detail = "lets more pass"
		}
		policy = append(policy, e)
	}
	add("Policy", "change of the policy", "changes of the policy", policy)
	add("Exceptions", "difference in exceptions", "differences in exceptions", d.Exceptions.entries())
	add("Definition", "difference in the definition", "differences in the definition", d.Definition.entries())
	if f := d.Files; f != nil {
		var files []entry
		for _, x := range []struct {
			sign string
			list []audit.AcceptedFile
		}{{"added", f.Added}, {"removed", f.Removed}} {
			for _, a := range x.list {
				e := entry{sign: x.sign, name: a.Path, detail: a.Rule}
				if a.Exception != "" {
					e.detail += ", by the exception for " + a.Exception
				}
				files = append(files, e)
			}
		}
		add("Accepted files", "difference in accepted files", "differences in accepted files", files)
	}
	var content []entry
	for _, id := range d.Content {
		content = append(content, entry{name: shortName(id), detail: "other files, places or lock entry"})
	}
	add("Same version, changed files, places or lock entry", "with other files, places or lock entry", "with other files, places or lock entry", content)
	var covered []entry
	for _, id := range d.Covered {
		covered = append(covered, entry{name: shortName(id)})
	}
	add("Newly covered by an exception", "newly covered by an exception", "newly covered by an exception", covered)
	return out
}

func (d *ExceptionDiff) entries() []entry {
	if d == nil {
		return nil
	}
	var out []entry
	for _, x := range d.Added {
		out = append(out, entry{sign: "added", name: x.Subject, detail: x.text(), weaker: true})
	}
	for _, x := range d.Removed {
		out = append(out, entry{sign: "removed", name: x.Subject, detail: x.text()})
	}
	for _, p := range d.Changed {
		out = append(out, entry{sign: "changed", name: p[0].Subject, before: "until " + p[0].Expires, after: p[1].text(), weaker: p[1].Expires > p[0].Expires})
	}
	return out
}

// text returns until when the exception holds, whose it is and why.
func (x Exception) text() string {
	if x.Expires == "" {
		return "since " + cmp.Or(x.Since, "an unknown day")
	}
	return fmt.Sprintf("until %s by %s: %s", x.Expires, x.Owner, strings.Join(strings.Fields(x.Reason), " "))
}

func (d *UseDiff) entries() []entry {
	if d == nil {
		return nil
	}
	var out []entry
	if d.Before == nil || d.After == nil {
		none := func(c *audit.UseCounts) string {
			if c == nil {
				return "none"
			}
			return c.String()
		}
		return []entry{{before: none(d.Before), after: none(d.After), weaker: d.After == nil}}
	}
	for _, u := range d.Added {
		out = append(out, entry{sign: "added", name: u.Short(), detail: pinText(u.Pin), weaker: true})
	}
	for _, u := range d.Removed {
		out = append(out, entry{sign: "removed", name: u.Short(), detail: pinText(u.Pin)})
	}
	for _, c := range d.Changed {
		out = append(out, entry{sign: "changed", name: c.Before.Key, before: versionAndPin(c.Before), after: versionAndPin(c.After), weaker: c.Weaker})
	}
	return out
}

func versionAndPin(u audit.AcceptedUse) string {
	return strings.TrimSpace(audit.ShortVersion(u.Version) + " (" + pinText(u.Pin) + ")")
}

// pinText returns how well a use is fixed.
func pinText(pin string) string {
	u := audit.Use{Pin: pin}
	switch {
	case pin == "checkout":
		return "in the checkout"
	case u.Fixed():
		return "pinned by " + pin
	case pin == "version":
		return "by version alone"
	case pin == "floating":
		return "floats"
	}
	return "floats, " + pin
}

func orNone(s string) string { return cmp.Or(s, "none") }

// text returns the entry as a line. name and words escape untrusted text.
func (e entry) text(name, words func(string) string, arrow string) string {
	var parts []string
	if e.before != "" || e.after != "" {
		parts = append(parts, words(e.before)+arrow+words(e.after))
	}
	if e.detail != "" {
		parts = append(parts, words(e.detail))
	}
	text := strings.Join(parts, "; ")
	if e.name != "" {
		subject := name(e.name)
		if e.sign != "" {
			subject = e.sign + " " + subject
		}
		if text != "" {
			text = ": " + text
		}
		text = subject + text
	}
	return text
}

// record writes the difference of two records.
func (p diffSheet) record(d *RecordDiff) {
	for _, l := range d.lists() {
		p.title(l.title, len(l.entries))
		shown := l.entries[:p.cut(len(l.entries))]
		for _, e := range shown {
			text := e.text(terminal.Escape, terminal.Escape, " -> ")
			style := terminal.Plain
			if e.weaker {
				style = terminal.Yellow
			}
			p.Prose(indent, indent+indent, text, style)
		}
		p.rest(len(l.entries), len(shown))
	}
}
