package draft

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/depaudit/depaudit/sbom"
)

const (
	// maxSame is the number of faults of one kind that are reported before
	// they are only counted.
	maxSame = 50
	// maxQuote is the number of bytes of an untrusted string that a message
	// repeats.
	maxQuote = 200
)

// DanglingRelation is the fault of a relation with an end that is not in the
// document.
const DanglingRelation = "a relation leads to an entry that is not in the document"

type fault struct {
	kind sbom.GapKind
	what string
}

// Fault records a fault of the document. what is the kind of fault, with the
// same words for each fault of that kind.
func (d *Draft) Fault(kind sbom.GapKind, what, detail string) {
	f := fault{kind, what}
	if d.faults == nil {
		d.faults = map[fault]int{}
	}
	if d.faults[f]++; d.faults[f] > maxSame {
		if d.faults[f] == maxSame+1 {
			d.uncounted = append(d.uncounted, f)
		}
		return
	}
	d.gaps = append(d.gaps, sbom.Gap{Kind: kind, Detail: what + ": " + detail})
}

func (d *Draft) allGaps() []sbom.Gap {
	for _, f := range d.uncounted {
		d.gaps = append(d.gaps, sbom.Gap{Kind: f.kind, Detail: fmt.Sprintf("%s: %d more", f.what, d.faults[f]-maxSame)})
	}
	return d.gaps
}

// Quote returns an untrusted string as a quoted ASCII literal for a message.
func Quote(s string) string {
	if len(s) > maxQuote {
		return fmt.Sprintf("%+q... (%d bytes)", s[:maxQuote], len(s))
	}
	return fmt.Sprintf("%+q", s)
}

// Clean returns an untrusted string as text of one line: a question mark
// replaces a character that does not print, and a long string is cut.
func Clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.TrimSpace(s))
	if len(s) > maxQuote {
		s = strings.ToValidUTF8(s[:maxQuote], "") + "..."
	}
	return s
}
