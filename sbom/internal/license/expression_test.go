package license

import (
	"strings"
	"testing"

	"github.com/github/go-spdx/v2/spdxexp"
)

// TestCanonical has expressions with the form in which they are written, empty for
// what is no expression of SPDX 2.3 (annex D).
func TestCanonical(t *testing.T) {
	for s, want := range map[string]string{
		"MIT":                         "MIT",
		"mit":                         "MIT",
		"  MIT  ":                     "MIT",
		"apache-2.0 OR (mit AND isc)": "Apache-2.0 OR (MIT AND ISC)",
		"((MIT))":                     "((MIT))",
		"(MIT)AND(ISC)":               "(MIT) AND (ISC)",
		"GPL-2.0+":                    "GPL-2.0+",
		"lgpl-2.1+ AND Apache-2.0+":   "LGPL-2.1+ AND Apache-2.0+",
		"GPL-2.0-or-later":            "GPL-2.0-or-later",
		"MIT OR Apache-2.0 AND ISC":   "MIT OR Apache-2.0 AND ISC",
		"gpl-2.0-only WITH classpath-exception-2.0": "GPL-2.0-only WITH Classpath-exception-2.0",
		"Apache-2.0+ WITH LLVM-exception":           "Apache-2.0+ WITH LLVM-exception",

		"Apache-2.0-only": "", "MIT-or-later": "", "GPL-2.0-only+": "", "GPL-2.0-or-later+": "", "GPL-2.0++": "",
		"GPL-2.0-only with Classpath-exception-2.0": "", "MIT or ISC": "", "MIT And ISC": "", "MIT OROFL-1.1": "",
		"MIT +": "", "+": "", "MIT ISC": "", "MIT, ISC": "", "MIT/ISC": "", "MIT\nAND ISC": "", "MIT\tAND ISC": "",
		"": "", " ": "", "()": "", "(MIT": "", "MIT)": "", ")MIT(": "", "MIT AND": "", "AND MIT": "", "MIT AND OR ISC": "", "MIT (ISC)": "", "AND": "",
		"MIT WITH": "", "WITH Classpath-exception-2.0": "", "MIT WITH MIT": "", "Classpath-exception-2.0": "",
		"(MIT OR ISC) WITH LLVM-exception": "", "MIT WITH LLVM-exception WITH LLVM-exception": "", "MIT WITH (LLVM-exception)": "",
		"NONE": "", "NOASSERTION": "", "UNLICENSED": "", "SEE LICENSE IN LICENSE": "", "LicenseRef-a": "", "DocumentRef-a:LicenseRef-b": "",
		"\u212aastrup": "", "Ka\u017ftrup": "", // letters whose lower or upper case is ASCII
	} {
		if got, ok := canonical(s); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v; want %q", s, got, ok, want)
		}
	}
}

func FuzzCanonical(f *testing.F) {
	f.Add("(GPL-2.0-only WITH Classpath-exception-2.0) OR MIT+")
	f.Add(strings.Repeat("(", 1000) + "MIT" + strings.Repeat(")", 1000))
	f.Fuzz(func(t *testing.T, s string) {
		once, ok := canonical(s)
		if !ok {
			return
		}
		if twice, ok := canonical(once); !ok || twice != once {
			t.Errorf("%q: %q, and of that %q", s, once, twice)
		}
		if ok, _ := spdxexp.ValidateLicenses([]string{once}); !ok {
			t.Errorf("%q: go-spdx does not accept %q", s, once)
		}
	})
}
