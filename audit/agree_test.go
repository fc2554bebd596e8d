package audit

import (
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// smallReport is the text of a valid report with a few dependencies of a real one.
func smallReport(t *testing.T) string {
	t.Helper()
	r, err := Parse("report", realReport(t))
	if err != nil {
		t.Fatal(err)
	}
	s := &r.Stages[0]
	s.Dependencies = slices.DeleteFunc(s.Dependencies, func(d Dependency) bool { return d.Provenance == FromBundled })[:3]
	s.Findings, s.Growth, s.Exceptions, s.Excluded, s.Base, s.Remaining, s.Definition = nil, Growth{}, nil, nil, nil, nil, nil
	l := newRoll()
	for i := range s.Dependencies {
		if err := l.add(&s.Dependencies[i]); err != nil {
			t.Fatal(err)
		}
	}
	s.Relations = s.Relations[:2]
	for i := range s.Relations {
		s.Relations[i].From, s.Relations[i].To = s.Dependencies[i].ID, s.Dependencies[i+1].ID
	}
	s.Counts, s.Ecosystems = l.counts, l.ecosystems()
	s.Verdict = s.DeriveVerdict()
	r.Findings = []Finding{{Rule: "a", Severity: Info, Message: "some \u00e9 words"}}
	r.Verdict = r.DeriveVerdict()
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// ambiguities change a text at a key that begins at a place and ends before its colon, so
// that readers of JSON differ in what they read, or in whether they read it.
var ambiguities = map[string]func(text string, begin, end int) string{
	"a key twice": func(text string, begin, end int) string {
		return text[:begin] + text[begin:end] + ": null, " + text[begin:]
	},
	"a key twice, with an escape": func(text string, begin, end int) string {
		return text[:begin] + `"` + escaped(text[begin+1]) + text[begin+2:end] + ": null, " + text[begin:]
	},
	"a key in other letters": func(text string, begin, end int) string {
		return text[:begin] + strings.ToUpper(text[begin:end]) + text[end:]
	},
	"a key in other letters before it": func(text string, begin, end int) string {
		return text[:begin] + strings.ToUpper(text[begin:end]) + ": null, " + text[begin:]
	},
	"a key that folds": func(text string, begin, end int) string {
		key := strings.NewReplacer("s", "\u017f", "k", "\u212a").Replace(text[begin:end])
		if key == text[begin:end] {
			key = strings.ToUpper(key)
		}
		return text[:begin] + key + text[end:]
	},
	"an unknown key":       func(text string, begin, end int) string { return text[:begin] + `"later": null, ` + text[begin:] },
	"half of a pair":       func(text string, begin, end int) string { return text[:begin+1] + `\ud800` + text[begin+1:] },
	"a byte that is none":  func(text string, begin, end int) string { return text[:begin+1] + "\xff" + text[begin+1:] },
	"a comma at the end":   func(text string, begin, end int) string { return text[:begin] + "," + text[begin:] },
	"something behind":     func(text string, begin, end int) string { return text + text[begin:end] },
	"a byte order mark":    func(text string, begin, end int) string { return "\ufeff" + text },
	"an end at this place": func(text string, begin, end int) string { return text[:begin] },
}

func escaped(c byte) string {
	const digits = "0123456789abcdef"
	return `\u00` + string(digits[c>>4]) + string(digits[c&15])
}

// readBoth reads a text whole and in pieces, and checks that both have the same result.
// It reports whether the text was accepted.
func readBoth(t *testing.T, what, text string) bool {
	t.Helper()
	want, whole := Parse("report", []byte(text))
	got, pieces := inPieces([]byte(text))
	switch {
	case (whole == nil) != (pieces == nil):
		t.Errorf("%s: whole %v, in pieces %v", what, whole, pieces)
		return false
	case whole != nil:
		return false
	}
	for i := range want.Stages {
		want.Stages[i].Relations = nil
		if want.Stages[i].Dependencies == nil {
			want.Stages[i].Dependencies = []Dependency{}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: %s", what, diff)
	}
	return true
}

var jsonKey = regexp.MustCompile(`"[A-Za-z0-9]+":`)

// TestAmbiguous makes each key of a report ambiguous in every way, where it is first: it
// is refused whole and in pieces, with the line.
func TestAmbiguous(t *testing.T) {
	text := smallReport(t)
	if !readBoth(t, "unchanged", text) {
		_, err := Parse("report", []byte(text))
		t.Fatal(err)
	}
	placed := regexp.MustCompile(`^report:\d+`)
	var keys [][]int
	had := map[string]bool{}
	for _, key := range jsonKey.FindAllStringIndex(text, -1) {
		if name := text[key[0]:key[1]]; !had[name] {
			had[name] = true
			keys = append(keys, key)
		}
	}
	if len(keys) < 40 {
		t.Fatalf("the report has %d keys", len(keys))
	}
	for what, change := range ambiguities {
		for _, key := range keys {
			changed := change(text, key[0], key[1]-1)
			if readBoth(t, what, changed) {
				t.Errorf("%s: %.40q is accepted", what, changed[key[0]:])
				continue
			}
			if _, err := Parse("report", []byte(changed)); !placed.MatchString(err.Error()) {
				t.Errorf("%s: no line: %v", what, err)
			}
			if _, err := inPieces([]byte(changed)); !placed.MatchString(err.Error()) {
				t.Errorf("%s: no line in pieces: %v", what, err)
			}
		}
	}
}

// TestReadersAgree changes a report at random: it is accepted whole if and only if it is
// accepted in pieces.
func TestReadersAgree(t *testing.T) {
	text := smallReport(t)
	bits := []string{`"`, `\`, "{", "}", "[", "]", ",", ":", "0", "-", "e", ".", "null", "true", `""`, "{}", "[]", "7", " ", "\n", "\t", `\u00e9`, `\ud800`, "\xe9", "\x01", `"id": "a",`, `"name": "a",`, "pass", "warn"}
	random := rand.New(rand.NewPCG(7, 13))
	tried, accepted := 600, 0
	if testing.Short() {
		tried = 200
	}
	for range tried {
		at := random.IntN(len(text))
		var changed string
		switch random.IntN(4) {
		case 0: // without some bytes
			changed = text[:at] + text[min(len(text), at+1+random.IntN(3)):]
		case 1: // with something more
			changed = text[:at] + bits[random.IntN(len(bits))] + text[at:]
		case 2: // with something else
			changed = text[:at] + bits[random.IntN(len(bits))] + text[at+1:]
		default: // without a line, or with one twice
			lines := strings.SplitAfter(text, "\n")
			i := random.IntN(len(lines))
			lines[i] = strings.Repeat(lines[i], 2*random.IntN(2))
			changed = strings.Join(lines, "")
		}
		if readBoth(t, "changed", changed) {
			accepted++
		}
		if t.Failed() {
			t.Fatalf("%s", changed)
		}
	}
	if accepted == 0 || accepted > tried/2 {
		t.Errorf("%d of %d were accepted", accepted, tried)
	}
}
