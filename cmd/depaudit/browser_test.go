package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

// browser is a real browser without a window, with a profile of its own, that ends with
// the test.
type browser interface {
	// open opens a page and waits until it is loaded.
	open(t *testing.T, page string, v view) tab
	// wantSeen announces a request of the test to seenHost.
	wantSeen()
}

// tab is an opened page.
type tab interface {
	resize(v view)
	// eval runs a script of the test, which may be a promise, and decodes its value.
	eval(script string, out any)
	// press sends a key as a keyboard does.
	press(key string, shift bool)
	// picture is what the window shows, as PNG.
	picture() []byte
	// print prints the page on a paper of that size in inches, as PDF.
	print(width, height float64) []byte
	// faults returns what no page of a report does: messages in the console, dialogs,
	// new windows, requests other than for the page itself.
	faults() []string
	close()
}

// view is how a page is looked at.
type view struct {
	width, height int
	scale         float64 // of the pixels, 1 if 0
	dark, still   bool    // prefers-color-scheme, prefers-reduced-motion
	noScript      bool
}

// printMargin is the margin of paper in inches, Chromium's own.
const printMargin = 0.4

// Hosts in pages of tests: nothing may ask for the first one. The second one is asked
// for by a page that shows that requests are seen.
const (
	evilHost = "evil.example"
	seenHost = "seen.example"
)

// browserPatience is how long one step of the browser may take on a busy machine.
const browserPatience = 2 * time.Minute

// ready is a script that waits for the page's own one.
const ready = `new Promise(done => { const look = () => document.querySelector("body[data-ready]") || !document.querySelector("section") ? done() : setTimeout(look, 5); look(); })`

// wire sends numbered commands to a browser and receives its answers and events: both
// protocols have them in this form, as texts in JSON.
type wire struct {
	t     *testing.T
	write func([]byte) error

	mu      sync.Mutex
	number  int
	waiting map[int]chan reply
	events  map[string][]event // by session or context
}

type reply struct {
	ID      int             `json:"id"`
	Result  json.RawMessage `json:"result"`
	Error   json.RawMessage `json:"error"`
	Message string          `json:"message"`
	event
}

type event struct {
	Session string          `json:"sessionId"` // of Chromium
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
}

func newWire(t *testing.T, write func([]byte) error) *wire {
	return &wire{t: t, write: write, waiting: map[int]chan reply{}, events: map[string][]event{}}
}

// read hands out what the browser says, until next fails. of returns where an event
// belongs to.
func (w *wire) read(next func() ([]byte, error), of func(event) string) {
	for {
		data, err := next()
		w.mu.Lock()
		if err != nil {
			for _, c := range w.waiting {
				close(c)
			}
			w.waiting = nil
			w.mu.Unlock()
			return
		}
		var m reply
		if err := json.Unmarshal(data, &m); err != nil {
			w.t.Errorf("the browser says %.200q: %v", data, err)
		} else if c := w.waiting[m.ID]; m.ID > 0 && c != nil {
			delete(w.waiting, m.ID)
			c <- m
		} else {
			at := of(m.event)
			w.events[at] = append(w.events[at], m.event)
		}
		w.mu.Unlock()
	}
}

// send sends a command and returns its result.
func (w *wire) send(session, method string, params any) (json.RawMessage, error) {
	w.mu.Lock()
	if w.waiting == nil {
		w.mu.Unlock()
		return nil, errors.New("the browser has ended")
	}
	w.number++
	id, answer := w.number, make(chan reply, 1)
	w.waiting[id] = answer
	w.mu.Unlock()
	if params == nil {
		params = struct{}{}
	}
	message := map[string]any{"id": id, "method": method, "params": params}
	if session != "" {
		message["sessionId"] = session
	}
	data, err := json.Marshal(message)
	if err != nil {
		return nil, err
	}
	if err := w.write(data); err != nil {
		return nil, err
	}
	select {
	case m, ok := <-answer:
		switch {
		case !ok:
			return nil, errors.New("the browser has ended")
		case len(m.Error) > 0:
			return nil, fmt.Errorf("%s %s", m.Error, m.Message)
		}
		return m.Result, nil
	case <-time.After(browserPatience):
		return nil, errors.New("no answer")
	}
}

// call sends a command and decodes its result into out, if it is not nil.
func (w *wire) call(t *testing.T, session, method string, params, out any) {
	t.Helper()
	data, err := w.send(session, method, params)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	if out != nil {
		if err := json.Unmarshal(data, out); err != nil {
			t.Fatalf("%s: %v: %.200s", method, err, data)
		}
	}
}

// bytesOf calls a method whose result is data in base64.
func (w *wire) bytesOf(t *testing.T, session, method string, params any) []byte {
	t.Helper()
	var result struct{ Data string }
	w.call(t, session, method, params, &result)
	data, err := base64.StdEncoding.DecodeString(result.Data)
	if err != nil {
		t.Fatal(method, err)
	}
	return data
}

// seen returns the parameters of the events of that name so far.
func (w *wire) seen(session, method string) (out []json.RawMessage) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events[session] {
		if e.Method == method {
			out = append(out, e.Params)
		}
	}
	return out
}
