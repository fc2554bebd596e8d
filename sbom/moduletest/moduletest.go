// Package moduletest finds published Go modules whose test data this module's
// tests read. Only tests import it.
package moduletest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Scalibr has version pairs that were mostly made with each ecosystem's own
// tool, and package databases of several distributions.
const Scalibr = "github.com/google/osv-scalibr@v0.5.3"

// Dir returns the directory of a module in the module cache.
//
// A module with a version ("path@v1.2.3") is not a dependency of this module:
// it is downloaded if needed. Where that fails the test is skipped; with
// DEPAUDIT_E2E in the environment it fails. A module without a version is a
// dependency, at the version in go.mod, and must be in the cache.
func Dir(tb testing.TB, module string) string {
	tb.Helper()
	if !strings.Contains(module, "@") {
		dir, err := Dependency(module)
		if err != nil {
			tb.Fatal(err)
		}
		return dir
	}
	cmd := exec.Command("go", "mod", "download", "-json", module)
	cmd.Dir = tb.TempDir() // outside this module: its go.sum does not change
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := cmd.Output()
	var m struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(out, &m); err == nil {
		err = jsonErr
	}
	if err != nil || m.Dir == "" {
		report := tb.Skipf
		if os.Getenv("DEPAUDIT_E2E") != "" {
			report = tb.Fatalf
		}
		report("module %s cannot be downloaded: %v %s", module, err, m.Error)
	}
	return m.Dir
}

// Dependency returns the directory of a dependency of this module.
func Dependency(module string) (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		return "", fmt.Errorf("module %s is not in the module cache (run go mod download): %v", module, err)
	}
	return dir, nil
}

// File returns the content of a file in a module; see [Dir].
func File(tb testing.TB, module string, elements ...string) string {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{Dir(tb, module)}, elements...)...))
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}
