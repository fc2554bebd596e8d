package main

import (
	"bytes"
	"encoding/json"
	"image"
	_ "image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// browser runs Debian's chromium on a page, with a new profile, and returns what it
// prints.
func browser(t *testing.T, page string, args ...string) (stdout, stderr string) {
	t.Helper()
	base := []string{"--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--hide-scrollbars",
		"--user-data-dir=" + t.TempDir(), "--enable-logging=stderr", "--virtual-time-budget=2000"}
	cmd := exec.CommandContext(t.Context(), "chromium", append(append(base, args...), "file://"+page)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("chromium %q: %v\n%s", args, err, errs.String())
	}
	return out.String(), errs.String()
}

// requested returns the addresses in the log of the network that have the text.
func requested(t *testing.T, page, text string) (found []string) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "net.json")
	browser(t, page, "--dump-dom", "--log-net-log="+log)
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Events []struct {
			Params struct {
				URL string `json:"url"`
			} `json:"params"`
		} `json:"events"`
	}
	if err := json.Unmarshal(data, &doc); err != nil || len(doc.Events) == 0 {
		t.Fatal("no log of the network:", err)
	}
	for _, e := range doc.Events {
		if strings.Contains(e.Params.URL, text) {
			found = append(found, e.Params.URL)
		}
	}
	return found
}

// TestPageInBrowser opens the page of an environment with hostile names in a real
// browser: no script of a name runs, no request leaves, the console is clean, and
// our own script works. -update-docs writes the pictures in docs.
func TestPageInBrowser(t *testing.T) {
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("DEPAUDIT_E2E is not set")
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o777); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("root/etc/os-release", "ID=debian\nPRETTY_NAME=\"<img src=http://evil.example/os onerror=alert(1)>\"\n")
	for i, name := range []string{
		`</title></style></script><script>document.title='evil'</script>`, `"><img src=http://evil.example/1 onerror="document.title='evil'">`,
		`<svg onload=document.title='evil'>`, `javascript:alert(1)`, "a\u202eevil\u2066", `{{alert(1)}}`, `]]><!--`,
	} {
		manifest, err := json.Marshal(map[string]string{"name": name, "version": name})
		if err != nil {
			t.Fatal(err)
		}
		write("root/srv/app/node_modules/p"+string(rune('a'+i))+"/package.json", string(manifest))
		write("root/usr/local/bin/"+strings.ReplaceAll(name, "/", "_"), "#!/bin/sh\n")
	}
	page := filepath.Join(dir, "page.html")
	if _, errs, code := inProcess(t, dir, []string{"scan", "dir:root", "-o", "html=" + page}, nil); code != exitIncomplete { // no package database
		t.Fatalf("exit code %d: %s", code, errs)
	}
	dom, errs := browser(t, page, "--dump-dom")
	if !strings.Contains(dom, "<button type=\"button\">Evidence</button>") {
		t.Error("our script did not run")
	}
	if title, _, _ := strings.Cut(dom[max(strings.Index(dom, "<title>"), 0):], "</title>"); strings.HasSuffix(title, ">evil") {
		t.Errorf("a script of a name ran: %s", title)
	}
	for line := range strings.Lines(errs) {
		if strings.Contains(line, "CONSOLE") {
			t.Errorf("the console is not clean: %s", line)
		}
	}
	if list := requested(t, page, "evil.example"); list != nil {
		t.Errorf("requests: %q", list)
	}
	// The same checks see a page that does all of that.
	bad := write("bad.html", "<title>x</title><img src=http://evil.example/x><script>console.error('x');document.title='evil'</script>")
	dom, errs = browser(t, bad, "--dump-dom")
	if !strings.Contains(dom, "<title>evil") || !strings.Contains(errs, "CONSOLE") || requested(t, bad, "evil.example") == nil {
		t.Error("a page with a script and a picture is not noticed")
	}

	// CPython's stages, as they are committed.
	_, errs, code := inProcess(t, moduleRoot, []string{"audit", "-c", "testdata/cpython/example/depaudit.yaml", "-o", "html=" + page}, nil)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	for _, shot := range []struct {
		name, size    string
		width, height int
	}{{"report-1280.png", "1280,1500", 1280, 1500}, {"report-400.png", "400,1200", 400, 1200}} {
		file := filepath.Join(dir, shot.name)
		browser(t, page, "--window-size="+shot.size, "--screenshot="+file)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		// A window of chromium is at least 500 wide; the picture has that width.
		if c, _, err := image.DecodeConfig(bytes.NewReader(data)); err != nil || c.Width < shot.width || c.Height != shot.height || len(data) < 30_000 {
			t.Errorf("%s: %v, %d by %d, %d bytes", shot.name, err, c.Width, c.Height, len(data))
		}
		if *updateDocs {
			if err := os.WriteFile(filepath.Join(moduleRoot, "docs", shot.name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	pdf := filepath.Join(dir, "report.pdf")
	browser(t, page, "--print-to-pdf="+pdf)
	data, err := os.ReadFile(pdf)
	if pages := bytes.Count(data, []byte("/Type /Page\n")); err != nil || !bytes.HasPrefix(data, []byte("%PDF")) || pages < 5 {
		t.Errorf("on paper: %v, %d bytes, %d pages", err, len(data), pages)
	}
}
