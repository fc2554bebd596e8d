package definition

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
)

// TestActionlint compares with the parser of actionlint, on the workflows in the
// modules of this one: jobs and steps with their places, what they use, the runner
// labels and the images.
func TestActionlint(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/rhysd/actionlint", "github.com/anchore/syft", "github.com/google/go-containerregistry", "github.com/spf13/cobra", "github.com/klauspost/compress").Output()
	if err != nil {
		t.Skip("the go command does not list the modules: ", err)
	}
	compared := 0
	for dir := range strings.FieldsSeq(string(out)) {
		_ = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
			workflows := strings.Contains(name, ".github/workflows/") || strings.Contains(name, "testdata/ok/") || strings.Contains(name, "testdata/examples/") || strings.Contains(name, "testdata/err/")
			if err != nil || d.IsDir() || !workflows || !strings.HasSuffix(name, "ml") {
				return nil
			}
			text, err := os.ReadFile(name)
			if err != nil {
				return nil
			}
			want, problems := actionlint.Parse(text)
			if want == nil || len(problems) > 0 {
				return nil // not a workflow for it, either
			}
			got, err := ParseAs(context.Background(), Workflow, "w.yml", text)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return nil
			}
			compared++
			if g, w := ours(got), theirs(want); !slices.Equal(g, w) {
				t.Errorf("%s:\n got %s\nwant %s", name, strings.Join(g, "\n     "), strings.Join(w, "\n     "))
			}
			return nil
		})
	}
	if compared < 100 {
		t.Errorf("only %d workflows were compared", compared)
	}
	t.Logf("%d workflows", compared)
}

func ours(f *File) (out []string) {
	for _, j := range f.Jobs {
		out = append(out, fmt.Sprintf("job %s %v needs %v", lower(j.ID), j.At, sorted(j.Needs)))
		for _, u := range j.Uses {
			if u.Kind == UseImage && !u.Command && u.Role != RoleStep {
				out = append(out, "image")
			}
		}
		for _, s := range j.Steps {
			out = append(out, fmt.Sprintf("step %v uses %q run %q if %q", s.At, s.Uses, s.Run, s.If))
		}
	}
	slices.Sort(out)
	return out
}

func theirs(w *actionlint.Workflow) (out []string) {
	place := func(p *actionlint.Pos) Position { return Position{p.Line, p.Col} }
	text := func(s *actionlint.String) string {
		if s == nil {
			return ""
		}
		return s.Value
	}
	for id, j := range w.Jobs {
		var needs []string
		for _, n := range j.Needs {
			needs = append(needs, n.Value)
		}
		out = append(out, fmt.Sprintf("job %s %v needs %v", id, place(j.Pos), sorted(needs)))
		// It takes "container: null" for an image of that name.
		if j.Container != nil && text(j.Container.Image) != "" && text(j.Container.Image) != "null" {
			out = append(out, "image")
		}
		if j.Services != nil {
			for _, s := range j.Services.Value {
				if s.Container != nil && text(s.Container.Image) != "" {
					out = append(out, "image")
				}
			}
		}
		for _, s := range j.Steps {
			uses, run := "", ""
			switch e := s.Exec.(type) {
			case *actionlint.ExecAction:
				uses = text(e.Uses)
			case *actionlint.ExecRun:
				run = text(e.Run)
			}
			out = append(out, fmt.Sprintf("step %v uses %q run %q if %q", place(s.Pos), uses, run, text(s.If)))
		}
	}
	slices.Sort(out)
	return out
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}
