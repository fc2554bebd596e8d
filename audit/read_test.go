package audit

import (
	"strings"
	"testing"
)

// TestObjects refuses a report of many small objects before it takes the memory for
// them, wherever they are in it.
func TestObjects(t *testing.T) {
	many := strings.Repeat("{},", maxObjects) + "{}"
	for _, text := range []string{
		`{"schema":1,"stages":[{"dependencies":[` + many + `]}]}`,
		`{"schema":1,"stages":[` + many + `]}`,
		`{"schema":1,"findings":[` + many + `]}`,
	} {
		if _, err := Parse("report.json", []byte(text)); err == nil || !strings.HasPrefix(err.Error(), "report.json: more than 1000000 objects") {
			t.Errorf("%.30s: %v", text, err)
		}
	}
}
