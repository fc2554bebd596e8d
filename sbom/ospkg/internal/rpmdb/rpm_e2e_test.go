package rpmdb

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAgainstRPM compares all values with rpm's output for the same database:
// files with flags and states, dependencies with flags and versions,
// signatures.
func TestAgainstRPM(t *testing.T) {
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("DEPAUDIT_E2E is not set")
	}
	const format = `N|%{NAME}|%{EPOCHNUM}|%{VERSION}|%{RELEASE}|%{INSTALLTIME}\n` +
		`[F|%{=NAME}|%{FILENAMES}|%{FILESTATES}|%{FILEFLAGS}\n]` +
		`[P|%{=NAME}|%{PROVIDENAME}|%{PROVIDEFLAGS}|%{PROVIDEVERSION}\n]` +
		`[R|%{=NAME}|%{REQUIRENAME}|%{REQUIREFLAGS}|%{REQUIREVERSION}\n]` +
		`[C|%{=NAME}|%{RECOMMENDNAME}|%{RECOMMENDFLAGS}|%{RECOMMENDVERSION}\n]` +
		`S|%{NAME}|%{RSAHEADER:pgpsig}|%{DSAHEADER:pgpsig}|%{SIGPGP:pgpsig}|%{SIGGPG:pgpsig}\n`
	for _, f := range fixtures {
		if f.backend == NDB {
			continue // Debian's rpm does not read it
		}
		t.Run(f.file, func(t *testing.T) {
			dir, data := t.TempDir(), fixture(t, f.file)
			if err := os.WriteFile(filepath.Join(dir, filepath.Base(f.file)), data, 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("rpm", "--dbpath", dir, "-qa", "--qf", format)
			cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("rpm: %v\n%s", err, &stderr)
			}
			packages, err := readAll(f.backend, data)
			if err != nil {
				t.Fatal(err)
			}
			want := map[byte][]string{}
			signers := map[string][]string{}
			for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
				if line[0] != 'S' {
					want[line[0]] = append(want[line[0]], line)
					continue
				}
				fields := strings.Split(line, "|")
				for _, s := range fields[2:] {
					if i := strings.Index(s, "Key ID "); i >= 0 {
						signers[fields[1]] = append(signers[fields[1]], s[i+len("Key ID "):])
					}
				}
			}
			if len(want['N']) == 0 || len(want['F']) == 0 || len(want['P']) == 0 || len(want['R']) == 0 {
				t.Fatalf("rpm said nothing: %q", &stderr)
			}
			got := map[byte][]string{}
			add := func(kind byte, format string, args ...any) {
				got[kind] = append(got[kind], string(kind)+"|"+fmt.Sprintf(format, args...))
			}
			for _, p := range packages {
				epoch := uint32(0)
				if p.Epoch != nil {
					epoch = *p.Epoch
				}
				add('N', "%s|%d|%s|%s|%d", p.Name, epoch, p.Version, p.Release, p.InstallTime)
				i := 0
				for file := range p.Files.All() {
					state := p.Files.states[i]
					add('F', "%s|%s%s|%d|%d", p.Name, file.Dir, file.Base, state, p.Files.flags[i])
					if file.Installed != (state == 0 || state == 3) {
						t.Errorf("%s%s is installed: %v", file.Dir, file.Base, file.Installed)
					}
					i++
				}
				for kind, list := range map[byte][]Dependency{'P': p.Provides, 'R': p.Requires, 'C': p.Recommends} {
					for _, d := range list {
						add(kind, "%s|%s|%d|%s", p.Name, d.Name, d.Flags, d.Version)
					}
				}
				for _, id := range p.Signers {
					if !slices.Contains(signers[p.Name], id) {
						t.Errorf("%s is signed by %s, rpm says %s", p.Name, id, signers[p.Name])
					}
				}
				if len(p.Signers) == 0 && len(signers[p.Name]) > 0 {
					t.Errorf("%s is not signed, rpm says %s", p.Name, signers[p.Name])
				}
			}
			for _, kind := range []byte("NFPRC") {
				slices.Sort(want[kind])
				slices.Sort(got[kind])
				w := slices.DeleteFunc(want[kind], func(s string) bool { return strings.HasSuffix(s, "|(none)|(none)|(none)") })
				if !slices.Equal(w, got[kind]) {
					t.Errorf("%c: %d lines, rpm has %d\n%s", kind, len(got[kind]), len(w), firstDifference(w, got[kind]))
				}
			}
		})
	}
}

func firstDifference(want, got []string) string {
	for i := range min(len(want), len(got)) {
		if want[i] != got[i] {
			return cmp.Diff(want[i:min(i+5, len(want))], got[i:min(i+5, len(got))])
		}
	}
	return ""
}
