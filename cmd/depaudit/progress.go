package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/clipperhouse/displaywidth"
	"golang.org/x/term"

	"github.com/depaudit/depaudit/audit/pipeline"
	"github.com/depaudit/depaudit/audit/terminal"
)

// progressInterval is the time between two changes of the progress line. Ten in
// a second are enough to see work, and their cost cannot be measured.
const progressInterval = 100 * time.Millisecond

// progressDelay keeps short scans silent.
const progressDelay = 400 * time.Millisecond

// progressLine is one line on a terminal with the state of each running scan.
// It is nil, and does nothing, when stderr is not a terminal.
type progressLine struct {
	mu      sync.Mutex
	w       io.Writer
	width   int
	started time.Time
	stages  []string
	now     map[string]string
	shown   bool
}

func (c *command) newProgress() *progressLine {
	f, ok := c.stderr.(*os.File)
	if c.quiet || !ok || !term.IsTerminal(int(f.Fd())) || c.env("TERM") == "dumb" {
		return nil
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width < 20 {
		width = 80
	}
	return &progressLine{w: f, width: width, started: time.Now(), now: make(map[string]string)}
}

// set shows the state of a scan, or removes it from the line when it has ended.
func (p *progressLine) set(now pipeline.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Done {
		delete(p.now, now.Name)
		p.draw()
		return
	}
	if !slices.Contains(p.stages, now.Name) {
		p.stages = append(p.stages, now.Name)
	}
	p.now[now.Name] = progressText(now)
	p.draw()
}

func progressText(now pipeline.Progress) string {
	text := terminal.Escape(now.Phase)
	switch {
	case now.Total > 0:
		text += fmt.Sprintf(" (%d of %d MB)", now.Bytes/1e6, now.Total/1e6)
	case now.Bytes > 0:
		text += fmt.Sprintf(" (%d MB)", now.Bytes/1e6)
	case now.Files > 0:
		unit := " files"
		if strings.HasSuffix(now.Phase, unit) {
			unit = ""
		}
		text += fmt.Sprintf(" (%d%s)", now.Files, unit)
	}
	if now.File != "" {
		text += ": " + terminal.Escape(now.File)
	}
	return text
}

func (p *progressLine) draw() {
	if time.Since(p.started) < progressDelay {
		return
	}
	var parts []string
	for _, s := range p.stages {
		if what, running := p.now[s]; running {
			parts = append(parts, terminal.Escape(strings.TrimSuffix(s, ":"))+": "+what)
		}
	}
	line := displaywidth.TruncateString(strings.Join(parts, "   "), p.width-1, "…")
	fmt.Fprintf(p.w, "\r\x1b[K%s", line)
	p.shown = true
}

// end clears the line.
func (p *progressLine) end() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
