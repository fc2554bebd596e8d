package ospkg

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/depaudit/depaudit/sbom/moduletest"
)

// apko has package databases of Alpine and Wolfi.
const apko = "chainguard.dev/apko@v0.30.0"

// syft returns the directory of syft's catalogers, which have package
// databases of most distributions.
func syft(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(moduletest.Dir(tb, "github.com/anchore/syft"), "syft/pkg/cataloger")
}

func readFile(tb testing.TB, elements ...string) string {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(elements...))
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}
