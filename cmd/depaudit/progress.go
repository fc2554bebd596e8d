package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/clipperhouse/displaywidth"
	"golang.org/x/term"

	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/scan"
)

// progressInterval is how often a line of progress changes: often enough to
// see that something happens, seldom enough to cost nothing.
const progressInterval = 100 * time.Millisecond

// progressDelay keeps short scans silent.
const progressDelay = 400 * time.Millisecond

// progressLine is one line on a terminal that says what each running scan
// does. It is nil, and does nothing, when stderr is no terminal.
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
	if !ok || !term.IsTerminal(int(f.Fd())) || c.env("TERM") == "dumb" {
		return nil
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width < 20 {
		width = 80
	}
	return &progressLine{w: f, width: width, started: time.Now(), now: make(map[string]string)}
}

// set says what a stage does.
func (p *progressLine) set(stage string, now scan.Progress) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.now[stage]; !known {
		p.stages = append(p.stages, stage)
	}
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
	p.now[stage] = text
	p.draw()
}

// done takes a stage off the line.
func (p *progressLine) done(stage string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.now, stage)
	p.draw()
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

// end wipes the line.
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
