package ospkg

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Modules with package databases that nobody here wrote. They are no
// dependencies of this one, and are read where the go command keeps them.
const (
	apko        = "chainguard.dev/apko@v0.30.0"
	scalibr     = "github.com/google/osv-scalibr@v0.5.3"
	apkVersions = "github.com/knqyf263/go-apk-version@v0.0.0-20200609155635-041fdbb8563f"
)

// module is the folder of a published module. Where it is not in the module
// cache and cannot be fetched, the test is skipped; with DEPAUDIT_E2E that is
// a failure.
func module(tb testing.TB, nameAndVersion string) string {
	tb.Helper()
	cmd := exec.Command("go", "mod", "download", "-json", nameAndVersion)
	cmd.Dir = tb.TempDir() // not this module: nothing is noted in its go.sum
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
		report("%s cannot be fetched: %v %s", nameAndVersion, err, m.Error)
	}
	return m.Dir
}

// syft is the folder of the module that this one depends on.
func syft(tb testing.TB) string {
	tb.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/anchore/syft").Output()
	if err != nil {
		tb.Fatalf("the module syft is not in the module cache: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "syft/pkg/cataloger")
}

func readFile(tb testing.TB, elements ...string) string {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(elements...))
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}
