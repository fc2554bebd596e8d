package scan

import (
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// TestBackslashHidesNoLine has files whose formats know no continuation: the line
// after a backslash has its effect.
func TestBackslashHidesNoLine(t *testing.T) {
	for _, tt := range []struct {
		name, data, want string
		read             func(*scanner, rootfs.Node, []byte) []statement
	}{
		{"passwd", "root:x:0:0::/root:/bin/bash\nadm:x:3:4:::\\\nevil::0:0::/:/bin/bash\n", "evil", readPasswd},
		{"shadow", "games:*:1:0:::::\\\nevil::1:0:::::\n", "evil", readShadow},
		{"group", "x:x:50:\\\nsudo:x:27:evil\n", "evil", readGroup},
		{"resolv.conf", "search lan \\\nnameserver 66.6.6.6\n", "66.6.6.6", readResolv},
		{"npmrc", "color=false\\\nscript-shell=/evil\n", "/evil", readNpmrc},
		{"two backslashes", "color=false\\\nloglevel=warn\\\nscript-shell=/evil\n", "/evil", readNpmrc},
	} {
		found := false
		for _, s := range tt.read(nil, rootfs.None, []byte(tt.data)) {
			// A statement of its own, and not the tail of the line before.
			found = found || strings.HasPrefix(s.text, "evil") || strings.HasSuffix(s.text, tt.want) && !strings.Contains(s.text, "color") && !strings.Contains(s.text, "search")
		}
		if !found {
			t.Errorf("%s: %+v", tt.name, tt.read(nil, rootfs.None, []byte(tt.data)))
		}
	}
	// Where a backslash continues a line, the whole of it is read too.
	var lines []string
	settingLines([]byte("A=1 \\\n B=2\n# c \\\nC=3\n"), "#", func(l string) { lines = append(lines, l) })
	if got := strings.Join(lines, "|"); got != "B=2|A=1  B=2|C=3" {
		t.Errorf("%q", got)
	}
}
