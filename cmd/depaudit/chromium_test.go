package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// chromium is Debian's, driven by its DevTools protocol
// (https://chromedevtools.github.io/devtools-protocol/) over two pipes: messages with a
// NUL at their ends.
type chromium struct {
	*wire
	in     io.WriteCloser
	netLog string
	want   bool
}

// newChromium starts the browser.
func newChromium(t *testing.T) *chromium {
	t.Helper()
	dir := t.TempDir()
	theirIn, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	b := &chromium{in: in, netLog: filepath.Join(dir, "net.json"), wire: newWire(t, func(data []byte) error {
		_, err := in.Write(append(data, 0))
		return err
	})}
	cmd := exec.Command("chromium", "--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
		"--hide-scrollbars", "--user-data-dir="+filepath.Join(dir, "profile"), "--log-net-log="+b.netLog, "about:blank")
	cmd.ExtraFiles = []*os.File{theirIn, theirOut} // 3 and 4
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirIn.Close()
	theirOut.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer out.Close()
		messages := bufio.NewReader(out)
		b.read(func() ([]byte, error) {
			data, err := messages.ReadBytes(0)
			return bytes.TrimSuffix(data, []byte{0}), err
		}, func(e event) string { return e.Session })
	}()
	t.Cleanup(func() {
		_, _ = b.send("", "Browser.close", nil)
		b.in.Close()
		<-done
		if err := cmd.Wait(); err != nil {
			t.Errorf("chromium: %v\n%s", err, errs.String())
		}
		b.checkNetLog()
	})
	return b
}

func (b *chromium) wantSeen() { b.want = true }

// checkNetLog looks for hosts in the log of everything that the browser did with the
// network, also before a request: names that were looked up, connections made early.
func (b *chromium) checkNetLog() {
	data, err := os.ReadFile(b.netLog)
	if err != nil || !bytes.Contains(data, []byte(`"events"`)) {
		b.t.Error("no log of the network: ", err)
	}
	checkHosts(b.t, data, b.want)
}

// checkHosts looks for hosts in a log of the network.
func checkHosts(t *testing.T, log []byte, wantSeen bool) {
	for line := range bytes.Lines(log) {
		if bytes.Contains(line, []byte(evilHost)) {
			t.Errorf("the network was used: %.300s", line)
		}
	}
	if wantSeen && !bytes.Contains(log, []byte(seenHost)) {
		t.Error("the log of the network does not have a request that was made")
	}
}

// chromiumTab is a page in Chromium.
type chromiumTab struct {
	*chromium
	t       *testing.T
	session string
}

func (b *chromium) open(t *testing.T, page string, v view) tab {
	t.Helper()
	var target struct {
		ID string `json:"targetId"`
	}
	var session struct {
		ID string `json:"sessionId"`
	}
	b.call(t, "", "Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	b.call(t, "", "Target.attachToTarget", map[string]any{"targetId": target.ID, "flatten": true}, &session)
	p := &chromiumTab{chromium: b, t: t, session: session.ID}
	for _, domain := range []string{"Page", "Runtime", "Network", "Log", "DOM", "Accessibility"} {
		p.do(domain+".enable", nil, nil)
	}
	p.resize(v)
	scheme, motion := "light", "no-preference"
	if v.dark {
		scheme = "dark"
	}
	if v.still {
		motion = "reduce"
	}
	p.do("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": motion}}}, nil)
	p.do("Emulation.setScriptExecutionDisabled", map[string]any{"value": v.noScript}, nil)
	p.do("Page.navigate", map[string]any{"url": "file://" + page}, nil)
	for end := time.Now().Add(browserPatience); len(p.seen(p.session, "Page.loadEventFired")) == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the page is not loaded")
		}
	}
	if !v.noScript {
		p.eval(ready, nil)
	}
	return p
}

// do sends a command about the page.
func (p *chromiumTab) do(method string, params, out any) {
	p.t.Helper()
	p.call(p.t, p.session, method, params, out)
}

func (p *chromiumTab) close() { p.do("Page.close", nil, nil) }

func (p *chromiumTab) resize(v view) {
	p.t.Helper()
	p.do("Emulation.setDeviceMetricsOverride", map[string]any{"width": v.width, "height": v.height, "deviceScaleFactor": max(v.scale, 1), "mobile": false}, nil)
}

func (p *chromiumTab) eval(script string, out any) {
	p.t.Helper()
	var result struct {
		Result struct {
			Value json.RawMessage `json:"value"`
		} `json:"result"`
		Exception *struct {
			Text      string `json:"text"`
			Exception struct {
				Description string `json:"description"`
			} `json:"exception"`
		} `json:"exceptionDetails"`
	}
	p.do("Runtime.evaluate", map[string]any{"expression": script, "awaitPromise": true, "returnByValue": true}, &result)
	if e := result.Exception; e != nil {
		p.t.Fatalf("%.200s: %s %s", script, e.Text, e.Exception.Description)
	}
	if out != nil {
		if err := json.Unmarshal(result.Result.Value, out); err != nil {
			p.t.Fatalf("%.200s: %v: %s", script, err, result.Result.Value)
		}
	}
}

func (p *chromiumTab) press(key string, shift bool) {
	p.t.Helper()
	code := map[string]int{"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "ArrowLeft": 37, "ArrowRight": 39, "ArrowDown": 40}[key]
	params := map[string]any{"type": "keyDown", "key": key, "code": strings.ReplaceAll(key, " ", "Space"), "windowsVirtualKeyCode": code}
	if text, ok := map[string]string{"Enter": "\r", " ": " "}[key]; ok {
		params["text"] = text
	}
	if shift {
		params["modifiers"] = 8
	}
	p.do("Input.dispatchKeyEvent", params, nil)
	params["type"] = "keyUp"
	delete(params, "text")
	p.do("Input.dispatchKeyEvent", params, nil)
}

func (p *chromiumTab) picture() []byte {
	p.t.Helper()
	return p.bytesOf(p.t, p.session, "Page.captureScreenshot", nil)
}

func (p *chromiumTab) print(width, height float64) []byte {
	p.t.Helper()
	return p.bytesOf(p.t, p.session, "Page.printToPDF", map[string]any{"paperWidth": width, "paperHeight": height,
		"marginTop": printMargin, "marginBottom": printMargin, "marginLeft": printMargin, "marginRight": printMargin})
}

func (p *chromiumTab) faults() (out []string) {
	for _, method := range []string{"Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded", "Page.javascriptDialogOpening", "Page.windowOpen", "Network.webSocketCreated", "Page.downloadWillBegin"} {
		for _, params := range p.seen(p.session, method) {
			out = append(out, fmt.Sprintf("%s: %.300s", method, params))
		}
	}
	first := true
	for _, params := range p.seen(p.session, "Network.requestWillBeSent") {
		var request struct {
			Type    string
			Request struct{ URL string }
		}
		if err := json.Unmarshal(params, &request); err != nil {
			p.t.Fatal(err)
		}
		if first && request.Type == "Document" && strings.HasPrefix(request.Request.URL, "file://") {
			first = false
			continue
		}
		out = append(out, "a request: "+request.Request.URL)
	}
	return out
}
