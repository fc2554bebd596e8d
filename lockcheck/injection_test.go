package lockcheck

import (
	"context"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sampleURL matches the URLs in the samples.
var sampleURL = regexp.MustCompile(`(?:git\+)?https?://[^\s"'<>,;(){}\[\]|]+`)

// injections change the lock of a format. Each returns the text unchanged where it
// does not apply.
var injections = []struct {
	name   string
	host   bool
	change func(text string, p Package) string
}{
	{"another host", true, func(text string, _ Package) string {
		host := regexp.MustCompile(`://[^/\s"']+`)
		return sampleURL.ReplaceAllStringFunc(text, func(url string) string { return host.ReplaceAllString(url, "://evil.example") })
	}},
	{"a host that begins like the registry", true, func(text string, _ Package) string {
		host := regexp.MustCompile(`(://[^/\s"']+)`)
		return sampleURL.ReplaceAllStringFunc(text, func(url string) string { return host.ReplaceAllString(url, "$1.evil.example") })
	}},
	{"the registry as user information", true, func(text string, _ Package) string {
		host := regexp.MustCompile(`(://[^/\s"']+)`)
		return sampleURL.ReplaceAllStringFunc(text, func(url string) string { return host.ReplaceAllString(url, "$1@evil.example") })
	}},
	{"another name", false, func(text string, p Package) string {
		return strings.ReplaceAll(text, lastName(p.Name), "evil-"+lastName(p.Name))
	}},
	{"another version", false, func(text string, p Package) string {
		if p.Version == "" {
			return text
		}
		return strings.ReplaceAll(text, p.Version, p.Version[:len(p.Version)-1]+map[bool]string{true: "8", false: "9"}[strings.HasSuffix(p.Version, "9")])
	}},
	{"a name outside ASCII", false, func(text string, p Package) string {
		name := lastName(p.Name)
		return strings.ReplaceAll(text, name, lookAlike(name))
	}},
}

// lastName returns the part of a name that tells packages apart.
func lastName(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// lookAlike replaces the last letter by a Cyrillic one.
func lookAlike(name string) string { return name[:len(name)-1] + "а" }

// openAs opens a text as a file of a format.
func openAs(t *testing.T, format, text string) (*Lock, error) {
	t.Helper()
	return Open(context.Background(), filepath.Join(files(t, fileOf(format), text), fileOf(format)))
}

// TestInjected changes the lock of each format as an attacker who can change a
// pull request would. What it pinned must not be pinned any more, or the file must
// be refused. A format that is added to the table is changed too.
func TestInjected(t *testing.T) {
	samples := lockSamples()
	for _, f := range readFormats() {
		sample := samples[f.Name]
		was := match([]*Lock{open(t, fileOf(f.Name), sample.text)}, sample.p)
		for _, in := range injections {
			text := in.change(sample.text, sample.p)
			switch {
			case text == sample.text:
				continue
			case in.host && (was.Entry.Source.URL == "" || !strings.Contains(sample.text, was.Entry.Source.URL)):
				continue // the URLs are those of other entries
			case !in.host && sample.p.Type == "maven" && len(sample.p.Digests) > 0:
				continue // a jar is what its bytes are
			}
			l, err := openAs(t, f.Name, text)
			if err != nil {
				continue
			}
			if r := match([]*Lock{l}, sample.p); r.Pinned {
				t.Errorf("%s, %s: still pinned: %s", f.Name, in.name, r.Detail)
			}
		}
	}
}

// hexDigest and textDigest match the digests in the samples.
var (
	hexDigest  = regexp.MustCompile(`[0-9a-fA-F]{32,128}`)
	textDigest = regexp.MustCompile(`(h1:|sha(?:1|256|384|512)-|"contentHash": *")([A-Za-z0-9+/])`)
)

// otherBytes changes every digest of a text.
func otherBytes(text string) string {
	text = hexDigest.ReplaceAllStringFunc(text, func(s string) string {
		return s[:4] + map[bool]string{true: "1", false: "0"}[s[4] == '0'] + s[5:]
	})
	return textDigest.ReplaceAllStringFunc(text, func(s string) string {
		return s[:len(s)-1] + map[bool]string{true: "B", false: "A"}[s[len(s)-1] == 'A']
	})
}

// TestOtherBytes changes the digests of each lock: what the environment records
// must not agree with them, and two locks with different ones contradict each other.
func TestOtherBytes(t *testing.T) {
	samples := lockSamples()
	for _, f := range readFormats() {
		sample := samples[f.Name]
		text := otherBytes(sample.text)
		if text == sample.text {
			if f.Strongest != VersionLocked {
				t.Errorf("%s: the sample has no digest", f.Name)
			}
			continue
		}
		changed, err := openAs(t, f.Name, text)
		if err != nil {
			continue
		}
		l := open(t, fileOf(f.Name), sample.text)
		if r := match([]*Lock{changed}, sample.p); f.Strongest == HashClaimed && r.Evidence.rank() >= HashClaimed.rank() {
			t.Errorf("%s: other bytes: %s", f.Name, outcome(r))
		}
		p := sample.p
		p.Digests = nil
		if r := match([]*Lock{l, changed}, p); f.Strongest != VersionLocked && !strings.HasPrefix(p.Version, "sha256:") && p.Install.Kind != KindVCS && r.Pinned && r.Contradicts == nil {
			t.Errorf("%s: two locks with different bytes: %s (%s)", f.Name, outcome(r), r.Detail)
		}
	}
}

// TestConflictMarks puts the marks of a merge conflict before some lines of each
// lock.
func TestConflictMarks(t *testing.T) {
	for name, sample := range lockSamples() {
		lines := strings.SplitAfter(strings.TrimSuffix(sample.text, "\n"), "\n")
		for _, i := range []int{0, len(lines) / 2, len(lines) - 1} {
			for _, mark := range []string{"<<<<<<< HEAD\n", "||||||| 1f2e3d4\n", ">>>>>>> main\r\n"} {
				text := strings.Join(lines[:i], "") + mark + strings.Join(lines[i:], "") + "\n"
				if _, err := openAs(t, name, text); err == nil || !strings.Contains(err.Error(), ":"+itoa(i+1)+":1: a merge conflict is in the file; resolve the merge conflict") {
					t.Errorf("%s, line %d: %v", name, i+1, err)
				}
			}
		}
	}
}

// TestRepeatedKeys repeats a key of the first object of each lock in JSON, TOML and
// YAML.
func TestRepeatedKeys(t *testing.T) {
	object := regexp.MustCompile(`\{\s*("[^"]+"):`)
	key := regexp.MustCompile(`(?m)^([A-Za-z_][A-Za-z0-9_-]*)( ?[:=] *\S.*|: *(?:\n[ -].*)+)$`)
	n := 0
	for name, sample := range lockSamples() {
		trimmed := strings.TrimSpace(sample.text)
		var text string
		switch {
		case strings.HasPrefix(trimmed, "{"):
			m := object.FindStringSubmatch(trimmed)
			if m == nil || !strings.HasPrefix(trimmed, m[0]) {
				continue // a comment comes first
			}
			text = strings.Replace(trimmed, "{", "{"+m[1]+": 0, ", 1)
		case slices.Contains([]string{formatRequirements, "Dockerfile", formatGo, formatBundler, formatGradle, formatExplicit, "cabal.project.freeze", "opam.locked"}, name):
			continue // lines of their own grammar
		default:
			m := key.FindString(sample.text)
			if m == "" {
				continue
			}
			text = strings.Replace(sample.text, m, m+"\n"+m, 1)
		}
		n++
		if _, err := openAs(t, name, text); err == nil {
			t.Errorf("%s: a repeated key is accepted: %.300s", name, text)
		}
	}
	if n < 20 {
		t.Errorf("only %d formats were tried", n)
	}
}
