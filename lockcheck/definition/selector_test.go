package definition

import (
	"io/fs"
	"reflect"
	"testing"
	"testing/fstest"
)

// opened counts how often the files of a checkout are opened.
type opened struct {
	fstest.MapFS
	times map[string]int
}

func (o opened) Open(name string) (fs.File, error) {
	o.times[name]++
	return o.MapFS.Open(name)
}

// TestSelector checks that selections of one checkout are those that each reference has
// alone, in any order, and that a file that all of them name is read once.
func TestSelector(t *testing.T) {
	texts := map[string]string{
		".github/workflows/w.yml":        "jobs:\n  a: {runs-on: x, steps: [{uses: ./act}]}\n  b: {uses: ./.github/workflows/called.yml}\n  c: {runs-on: y, container: c}\n",
		".github/workflows/called.yml":   "on: workflow_call\njobs: {j: {runs-on: z, steps: [{uses: ./act}]}}\n",
		".github/workflows/actions.lock": "version: v0.0.1\ndependencies:\n  actions/checkout@v4:\n    commit: sha1-" + commit40 + "\n",
		"act/action.yml":                 "runs: {using: composite, steps: [{uses: actions/checkout@v4}]}\n",
		"docker-bake.hcl":                "target \"one\" {\n  target = \"s\"\n}\ntarget \"two\" {\n}\n",
		"Dockerfile":                     "FROM a AS s\nFROM b\nRUN apt-get install -y c\n",
		"compose.yaml":                   "include: [other.yaml]\nservices:\n  s: {build: .}\n  t: {build: {context: ., target: s}}\n",
		"other.yaml":                     "services: {u: {image: u}}\n",
	}
	refs := []string{".github/workflows/w.yml#a", ".github/workflows/w.yml#b", ".github/workflows/w.yml#c", ".github/workflows/called.yml", "docker-bake.hcl#one", "docker-bake.hcl#two", "Dockerfile#s", "Dockerfile", "compose.yaml#s", "compose.yaml#t"}
	for _, step := range []int{1, 3, 7, 9} { // none has a factor of the number of references
		checkout := opened{files(texts), map[string]int{}}
		s := NewSelector(checkout)
		for i := range 2 * len(refs) {
			ref := refs[i*step%len(refs)]
			got, err := s.Select(t.Context(), ref)
			want, wantErr := Select(t.Context(), files(texts), ref)
			if err != nil || wantErr != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("step %d: %s is\n%+v, %v; alone it is\n%+v, %v", step, ref, got, err, want, wantErr)
			}
		}
		for _, name := range []string{".github/workflows/w.yml", "docker-bake.hcl", "Dockerfile", "compose.yaml", "other.yaml"} {
			if n := checkout.times[name]; n > 2 { // fs.Stat opens a file of a map, too
				t.Errorf("step %d: %s was opened %d times", step, name, n)
			}
		}
	}
}
