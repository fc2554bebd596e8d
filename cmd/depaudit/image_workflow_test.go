package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
)

// TestImageWorkflow runs the checks of the reusable workflow for images: an image
// by a tag, and a workflow that does not know its commit, end the job.
func TestImageWorkflow(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../.github/workflows/image.yml")
	if err != nil {
		t.Fatal(err)
	}
	w, errs := actionlint.Parse(text)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	action := readComposite(t)
	scripts := make(map[string]string)
	for _, s := range w.Jobs["audit"].Steps {
		switch e := s.Exec.(type) {
		case *actionlint.ExecRun:
			if strings.Contains(e.Run.Value, "${{") {
				t.Errorf("an input is a part of the script %q", e.Run.Value)
			}
			scripts[s.Name.Value] = e.Run.Value
		case *actionlint.ExecAction:
			if e.Uses.Value != "./.depaudit-action" {
				continue
			}
			for name := range e.Inputs {
				if _, ok := action.Inputs[name]; !ok {
					t.Errorf("the action has no input %s", name)
				}
			}
		}
	}
	digest := strings.Repeat("0", 64)
	for _, test := range []struct {
		step, variable, value string
		ok                    bool
	}{
		{"The image is named by its digest", "IMAGE", "ghcr.io/example/app@sha256:" + digest, true},
		{"The image is named by its digest", "IMAGE", "localhost:5000/app:1.2@sha256:" + digest, true},
		{"The image is named by its digest", "IMAGE", "ghcr.io/example/app:1.2", false},
		{"The image is named by its digest", "IMAGE", "ghcr.io/example/app@", false},
		{"The image is named by its digest", "IMAGE", "ghcr.io/example/app@sha256:" + digest[1:], false},
		{"The image is named by its digest", "IMAGE", "x y@sha256:" + digest, false},
		{"The image is named by its digest", "IMAGE", "", false},
		{"The image is named by its digest", "IMAGE", "$(exit 0)", false},
		{"The commit of this workflow is known", "COMMIT", digest[:40], true},
		{"The commit of this workflow is known", "COMMIT", "", false},
		{"The commit of this workflow is known", "COMMIT", "main", false},
	} {
		cmd := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", scripts[test.step])
		cmd.Env = append(os.Environ(), test.variable+"="+test.value)
		out, err := cmd.CombinedOutput()
		if scripts[test.step] == "" || (err == nil) != test.ok || test.ok != (len(out) == 0) {
			t.Errorf("%s %q: %v\n%s", test.step, test.value, err, out)
		}
	}
}
