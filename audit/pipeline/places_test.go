package pipeline

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/audit/config"
)

// TestPlaces checks that what decides about an environment may not be in it, by
// any way.
func TestPlaces(t *testing.T) {
	const yaml = "pipeline: p\nstages: [{name: s, environment: \"dir:%ENV%\", critical: true}]\n"
	tests := []struct {
		name string
		env  string
		more string // keys of the stage
		make func(t *testing.T, dir string)
		file string // the configuration, "cfg/depaudit.yaml" by default
		base string // the baseline
		want string // in the error, empty for none
	}{
		{name: "beside", env: "../root"},
		{name: "configuration in the root", env: "..", file: "root/srv/depaudit.yaml", want: "the configuration is inside"},
		{name: "configuration through a link", env: "../root", want: "the configuration is inside", make: func(t *testing.T, dir string) {
			move(t, dir+"/cfg/depaudit.yaml", dir+"/root/srv/depaudit.yaml")
			link(t, "../root/srv/depaudit.yaml", dir+"/cfg/depaudit.yaml")
		}},
		{name: "configuration by a link in the root that leads out", env: "../root", want: "the configuration is inside", make: func(t *testing.T, dir string) {
			move(t, dir+"/cfg/depaudit.yaml", dir+"/cfg/other.yaml")
			link(t, "../../cfg/other.yaml", dir+"/root/srv/depaudit.yaml")
			link(t, "../root/srv/depaudit.yaml", dir+"/cfg/depaudit.yaml")
		}},
		{name: "baseline in the root", env: "../root", base: "root/srv/b.json", want: "the baseline is inside"},
		{name: "lock in the root", env: "../root", more: ", locks: [requirements.txt]", want: "the lock file is inside", make: func(t *testing.T, dir string) {
			write(t, dir+"/root/srv/requirements.txt", "a==1\n")
			link(t, "../root/srv/requirements.txt", dir+"/cfg/requirements.txt")
		}},
		{name: "included lock in the root", env: "../root", more: ", locks: [requirements.txt]", want: "the lock file is inside", make: func(t *testing.T, dir string) {
			write(t, dir+"/root/srv/more.txt", "a==1\n")
			write(t, dir+"/cfg/requirements.txt", "-r ../root/srv/more.txt\n")
		}},
		{name: "base in the root", env: "../root", more: ", base: \"dir:../root/srv\"", want: "the base is inside"},
		{name: "base is the root", env: "../root", more: ", base: \"dir:../root/\"", want: "the base is the environment itself"},
		{name: "base is the root by a link", env: "../root", more: ", base: \"dir:../other/\"", want: "the base is the environment itself", make: func(t *testing.T, dir string) {
			link(t, "root", dir+"/other")
		}},
		{name: "environment is a link", env: "../other", want: "leads through the link", make: func(t *testing.T, dir string) { link(t, "root", dir+"/other") }},
		{name: "environment below a link", env: "../other/srv", want: "leads through the link", make: func(t *testing.T, dir string) { link(t, "root", dir+"/other") }},
		{name: "environment is a link that is meant", env: "../other/", make: func(t *testing.T, dir string) { link(t, "root", dir+"/other") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "cfg/depaudit.yaml")
			if tt.file != "" {
				file = filepath.Join(dir, tt.file)
			}
			write(t, dir+"/root/srv/x", "")
			text := strings.ReplaceAll(yaml, "%ENV%", tt.env)
			write(t, file, strings.Replace(text, ", critical: true", ", critical: true"+tt.more, 1))
			if tt.make != nil {
				tt.make(t, dir)
			}
			cfg, err := config.Load(file)
			if err != nil {
				t.Fatal(err)
			}
			o := Options{Today: "2026-01-01"}
			if tt.base != "" {
				o.BaselineFile = filepath.Join(dir, tt.base)
			}
			_, err = Audit(context.Background(), cfg, o)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("error %v, want none", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, to, path string) {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
}
