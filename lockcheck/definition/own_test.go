package definition

import "testing"

// TestOwnRepository reads what a workflow names in its own repository, in both
// syntaxes.
func TestOwnRepository(t *testing.T) {
	for _, prefix := range []string{"./", "$/", "$/./"} {
		fsys := files(map[string]string{
			".github/workflows/a.yml": "on: push\njobs:\n  a:\n    uses: " + prefix + ".github/workflows/b.yml\n",
			".github/workflows/b.yml": "on: workflow_call\njobs:\n  b:\n    runs-on: self-hosted\n    steps:\n      - uses: " + prefix + "setup\n",
			"setup/action.yml":        "runs:\n  using: composite\n  steps:\n    - uses: o/r@" + commit40 + "\n",
		})
		s, err := Select(t.Context(), fsys, ".github/workflows/a.yml#a")
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, u := range s.Uses {
			found = found || u.FullName() == "o/r" && u.Pin == ByCommit
		}
		if !found || s.Job.Calls == nil {
			t.Errorf("%s: the action in the action of the workflow is missing: %v", prefix, lines(s.Uses))
		}
	}
}
