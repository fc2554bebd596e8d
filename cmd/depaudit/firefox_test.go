package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/websocket"
)

// firefox is Debian's Firefox ESR, driven by WebDriver BiDi
// (https://www.w3.org/TR/webdriver-bidi/) over its WebSocket.
type firefox struct {
	*wire
	// as is what all pages of the process are looked at with: the colours, and whether
	// there is script.
	as   view
	want bool
}

// firefoxPrefs leave the browser alone with its page: no start page, no updates, no
// telemetry, no experiments.
const firefoxPrefs = `user_pref("browser.startup.page", 0);
user_pref("browser.startup.homepage_override.mstone", "ignore");
user_pref("browser.newtabpage.enabled", false);
user_pref("app.normandy.enabled", false);
user_pref("app.update.disabledForTesting", true);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("services.settings.server", "");
user_pref("extensions.getAddons.cache.enabled", false);
user_pref("ui.prefersReducedMotion", 1);
`

// newFirefox starts the browser. Its colours, and whether there is script, are those of
// the process and not of a page.
func newFirefox(t *testing.T, as view) *firefox {
	t.Helper()
	dir := t.TempDir()
	b := &firefox{as: as}
	scheme := map[bool]int{true: 0, false: 1}[as.dark]
	writeFiles(t, dir, map[string]string{"user.js": firefoxPrefs +
		fmt.Sprintf("user_pref(\"layout.css.prefers-color-scheme.content-override\", %d);\nuser_pref(\"javascript.enabled\", %v);\n", scheme, !as.noScript)})
	log := filepath.Join(dir, "log")
	const origin = "http://localhost" // which the package for the socket needs
	cmd := exec.Command("firefox-esr", "--headless", "--no-remote", "--profile", dir, "--remote-debugging-port=0", "--remote-allow-origins="+origin, "about:blank")
	cmd.Env = append(os.Environ(), "HOME="+dir, "MOZ_LOG=nsHostResolver:4,nsHttp:4,nsSocketTransport:4", "MOZ_LOG_FILE="+log)
	var errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &errs, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var server struct {
		Host string `json:"ws_host"`
		Port int    `json:"ws_port"`
	}
	for end := time.Now().Add(browserPatience); server.Port == 0; time.Sleep(20 * time.Millisecond) {
		data, _ := os.ReadFile(filepath.Join(dir, "WebDriverBiDiServer.json"))
		_ = json.Unmarshal(data, &server) // not there, or not whole
		if time.Now().After(end) {
			_ = cmd.Process.Kill()
			t.Fatalf("firefox-esr: %v\n%s", <-ended, errs.String())
		}
	}
	socket, err := websocket.Dial(fmt.Sprintf("ws://%s:%d/session", server.Host, server.Port), "", origin)
	if err != nil {
		_ = cmd.Process.Kill()
		t.Fatalf("%v, %v\n%s", err, <-ended, errs.String())
	}
	socket.MaxPayloadBytes = 1 << 30
	b.wire = newWire(t, func(data []byte) error { return websocket.Message.Send(socket, string(data)) })
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.read(func() (data []byte, err error) {
			err = websocket.Message.Receive(socket, &data)
			return data, err
		}, contextOf)
	}()
	t.Cleanup(func() {
		_, _ = b.send("", "browser.close", nil)
		<-done
		socket.Close()
		if err := <-ended; err != nil {
			t.Errorf("firefox-esr: %v\n%s", err, errs.String())
		}
		logs, err := filepath.Glob(log + "*")
		if err != nil || len(logs) == 0 {
			t.Error("no log of the network: ", err)
		}
		var all []byte
		for _, name := range logs {
			all = append(all, read1(t, name)...)
		}
		checkHosts(t, all, b.want)
	})
	b.call(t, "", "session.new", map[string]any{"capabilities": struct{}{}}, nil)
	b.call(t, "", "session.subscribe", map[string]any{"events": []string{"log.entryAdded", "network.beforeRequestSent", "browsingContext.userPromptOpened", "browsingContext.contextCreated", "browsingContext.downloadWillBegin"}}, nil)
	// What the policy of a page refuses is no entry of the log.
	b.call(t, "", "script.addPreloadScript", map[string]any{"functionDeclaration": `() => document.addEventListener("securitypolicyviolation", e => console.error("refused: " + e.violatedDirective + " " + e.blockedURI))`}, nil)
	return b
}

// contextOf returns the page that an event is about: that which opened another one, or
// has it as a frame, else its own.
func contextOf(e event) string {
	var params struct {
		Opener  string `json:"originalOpener"`
		Parent  string
		Context string
		Source  struct{ Context string }
	}
	_ = json.Unmarshal(e.Params, &params) // other events have other parameters
	return cmp.Or(params.Opener, params.Parent, params.Context, params.Source.Context)
}

func (b *firefox) wantSeen() { b.want = true }

// firefoxTab is a page in Firefox.
type firefoxTab struct {
	*firefox
	t       *testing.T
	context string
}

func (b *firefox) open(t *testing.T, page string, v view) tab {
	t.Helper()
	if v.noScript != b.as.noScript || v.dark != b.as.dark {
		t.Fatalf("a browser of %+v cannot show a page as %+v", b.as, v)
	}
	p := &firefoxTab{firefox: b, t: t}
	var created struct{ Context string }
	b.call(t, "", "browsingContext.create", map[string]any{"type": "tab"}, &created)
	p.context = created.Context
	p.resize(v)
	p.do("browsingContext.navigate", map[string]any{"url": "file://" + page, "wait": "complete"}, nil)
	if !v.noScript {
		p.eval(ready, nil)
	}
	return p
}

// do sends a command about the page.
func (p *firefoxTab) do(method string, params map[string]any, out any) {
	p.t.Helper()
	params["context"] = p.context
	p.call(p.t, "", method, params, out)
}

func (p *firefoxTab) close() { p.do("browsingContext.close", map[string]any{}, nil) }

func (p *firefoxTab) resize(v view) {
	p.t.Helper()
	p.do("browsingContext.setViewport", map[string]any{"viewport": map[string]int{"width": v.width, "height": v.height}, "devicePixelRatio": max(v.scale, 1)}, nil)
}

func (p *firefoxTab) eval(script string, out any) {
	p.t.Helper()
	var result struct {
		Result    remoteValue
		Exception struct{ Text string } `json:"exceptionDetails"`
	}
	p.call(p.t, "", "script.evaluate", map[string]any{"expression": script, "target": map[string]string{"context": p.context}, "awaitPromise": true}, &result)
	if e := result.Exception.Text; e != "" {
		p.t.Fatalf("%.200s: %s", script, e)
	}
	if out == nil {
		return
	}
	data, err := json.Marshal(result.Result.plain(p.t))
	if err == nil {
		err = json.Unmarshal(data, out)
	}
	if err != nil {
		p.t.Fatalf("%.200s: %v: %s", script, err, data)
	}
}

// remoteValue is a value of a script, as the protocol writes it.
type remoteValue struct {
	Type  string
	Value json.RawMessage
}

// plain returns the value as it is in JSON.
func (v remoteValue) plain(t *testing.T) any {
	t.Helper()
	decode := func(data []byte, out any) {
		t.Helper()
		if err := json.Unmarshal(data, out); err != nil {
			t.Fatalf("a %s: %v: %.200s", v.Type, err, data)
		}
	}
	switch v.Type {
	case "null", "undefined":
		return nil
	case "array":
		var list []remoteValue
		decode(v.Value, &list)
		out := make([]any, len(list))
		for i := range list {
			out[i] = list[i].plain(t)
		}
		return out
	case "object":
		var fields [][2]json.RawMessage
		decode(v.Value, &fields)
		out := map[string]any{}
		for _, f := range fields {
			var name string
			var value remoteValue
			decode(f[0], &name)
			decode(f[1], &value)
			out[name] = value.plain(t)
		}
		return out
	}
	if len(v.Value) == 0 {
		t.Fatalf("a script returns a %s", v.Type)
	}
	return v.Value // a string, a number or a boolean
}

func (p *firefoxTab) press(key string, shift bool) {
	p.t.Helper()
	code := map[string]string{"Tab": "\ue004", "Enter": "\ue007", "Escape": "\ue00c", " ": " ", "ArrowLeft": "\ue012", "ArrowRight": "\ue014", "ArrowDown": "\ue015"}[key]
	actions := []map[string]string{{"type": "keyDown", "value": code}, {"type": "keyUp", "value": code}}
	if shift {
		const held = "\ue008"
		actions = slices.Concat([]map[string]string{{"type": "keyDown", "value": held}}, actions, []map[string]string{{"type": "keyUp", "value": held}})
	}
	p.do("input.performActions", map[string]any{"actions": []any{map[string]any{"type": "key", "id": "keyboard", "actions": actions}}}, nil)
}

func (p *firefoxTab) picture() []byte {
	p.t.Helper()
	return p.bytesOf(p.t, "", "browsingContext.captureScreenshot", map[string]any{"context": p.context})
}

func (p *firefoxTab) print(width, height float64) []byte {
	p.t.Helper()
	const cm = 2.54
	return p.bytesOf(p.t, "", "browsingContext.print", map[string]any{"context": p.context, "page": map[string]float64{"width": width * cm, "height": height * cm},
		"margin": map[string]float64{"top": printMargin * cm, "bottom": printMargin * cm, "left": printMargin * cm, "right": printMargin * cm}})
}

func (p *firefoxTab) faults() (out []string) {
	for _, method := range []string{"log.entryAdded", "browsingContext.userPromptOpened", "browsingContext.downloadWillBegin"} {
		for _, params := range p.seen(p.context, method) {
			out = append(out, fmt.Sprintf("%s: %.300s", method, params))
		}
	}
	for _, params := range p.seen(p.context, "browsingContext.contextCreated") {
		var other struct{ Context string }
		if err := json.Unmarshal(params, &other); err != nil || other.Context != p.context {
			out = append(out, fmt.Sprintf("another page, %v: %.300s", err, params))
		}
	}
	for _, params := range p.seen(p.context, "network.beforeRequestSent") {
		var request struct {
			Navigation *string
			Request    struct{ URL string }
		}
		if err := json.Unmarshal(params, &request); err != nil {
			p.t.Fatal(err)
		}
		if strings.HasPrefix(request.Request.URL, "data:font/woff2;") {
			continue // the browser's own bullets of lists
		}
		if request.Navigation == nil || !strings.HasPrefix(request.Request.URL, "file://") {
			out = append(out, "a request: "+request.Request.URL)
		}
	}
	return out
}
