package explore

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/depaudit/depaudit/sbom/timetest"
)

// demo is the variable by which this test binary becomes a program that shows
// a stage, to be driven in a terminal.
const demo = "DEPAUDIT_EXPLORE_DEMO"

func TestMain(m *testing.M) {
	stage := map[string]func() Stage{"docs": docs, "hostile": hostileStage, "panic": panicking}[os.Getenv(demo)]
	if stage == nil {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := Run(ctx, stage(), Terminal{In: os.Stdin, Out: os.Stdout, Color: os.Getenv("NO_COLOR") == ""}); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(4)
	}
}

// panicking is a stage whose provenance panics for a component bundled in python3.
func panicking() Stage {
	s := docs()
	s.Provenance = func(id string) string {
		if id == "pypi/wheel" {
			panic("a defect")
		}
		return "os"
	}
	return s
}

// realTerminal is a tmux pane with a shell in it.
type realTerminal struct {
	t      *testing.T
	socket string
}

func newTerminal(t *testing.T, width, height int, env ...string) *realTerminal {
	t.Helper()
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("DEPAUDIT_E2E is not set")
	}
	term := &realTerminal{t, filepath.Join(t.TempDir(), "tmux")}
	args := []string{"-u", "-f", "/dev/null", "new-session", "-d", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height), "env"}
	term.tmux(append(append(args, env...), "LC_ALL=C.UTF-8", "PS1=$ ", "sh")...)
	t.Cleanup(func() { _ = exec.Command("tmux", "-S", term.socket, "kill-server").Run() })
	term.wait("$")
	return term
}

func (term *realTerminal) tmux(args ...string) string {
	term.t.Helper()
	out, err := exec.CommandContext(term.t.Context(), "tmux", append([]string{"-S", term.socket}, args...)...).CombinedOutput()
	if err != nil {
		term.t.Fatalf("tmux %q: %v\n%s", args, err, out)
	}
	return string(out)
}

func (term *realTerminal) screen() string { return term.tmux("capture-pane", "-p") }

// wait waits until the screen has a text, and returns the screen.
func (term *realTerminal) wait(text string) string {
	term.t.Helper()
	return term.until(fmt.Sprintf("%q", text), func(screen string) bool { return strings.Contains(screen, text) })
}

// until waits until the screen is as it should be, and returns it.
func (term *realTerminal) until(what string, is func(screen string) bool) (screen string) {
	term.t.Helper()
	defer func() {
		if term.t.Failed() {
			term.t.Logf("the screen is\n%s", screen)
		}
	}()
	timetest.Until(term.t, "the screen has "+what, func() bool {
		screen = term.screen()
		return is(screen)
	})
	return screen
}

func (term *realTerminal) keys(keys ...string) { term.tmux(append([]string{"send-keys"}, keys...)...) }

// start runs this binary as a program that shows a stage.
func (term *realTerminal) start(stage string) {
	exe, err := os.Executable()
	if err != nil {
		term.t.Fatal(err)
	}
	term.keys("-l", fmt.Sprintf("%s=%s %s", demo, stage, exe))
	term.keys("Enter")
}

// restored holds that a program has ended with an exit code and that the
// terminal is as it was before.
func (term *realTerminal) restored(code int) string {
	term.t.Helper()
	// What is typed before the end is still the program's.
	term.until("the shell again, since the program has ended", func(string) bool {
		return strings.TrimSpace(term.tmux("display-message", "-p", "#{pane_current_command}")) == "sh"
	})
	term.keys("-l", "echo code=$?; stty -a | tr ' ' '\\n' | grep -x -e -icanon -e -echo -e -isig; echo done.")
	term.keys("Enter")
	screen := term.wait("\ndone.")
	if !strings.Contains(screen, fmt.Sprintf("code=%d\ndone.", code)) {
		term.t.Fatalf("want exit code %d and a terminal as before:\n%s", code, screen)
	}
	if flags := term.tmux("display-message", "-p", "#{alternate_on} #{cursor_flag} #{mouse_any_flag}"); strings.TrimSpace(flags) != "0 1 0" {
		term.t.Fatalf("alternate screen, cursor and mouse are %s", flags)
	}
	return screen
}

func TestTerminal(t *testing.T) {
	term := newTerminal(t, 80, 24)
	term.start("docs")
	term.wait("q quit")
	same := func(keys string) {
		t.Helper()
		m := newModel(docs(), true)
		play(m, keys)
		want, _ := m.screen()
		last := plain(want)
		term.until(fmt.Sprintf("after %q\n%s\n", keys, last), func(screen string) bool { return last == strings.TrimRight(plain(screen), "\n") })
	}
	same("")
	term.keys("Down", "Space", "Tab", "Right")
	same("down space tab right")
	term.keys("Tab", "/")
	term.keys("-l", "日本")
	same("down space tab right tab / type:日本")
	term.keys("Enter", "w")
	same("/ type:日本 enter home down w")
	term.keys("q", "q")
	term.restored(0)
}

// TestHostileTerminal holds that names neither leave their line nor change
// the terminal.
func TestHostileTerminal(t *testing.T) {
	term := newTerminal(t, 80, 24, "NO_COLOR=1")
	term.start("hostile")
	first := term.wait("q quit")
	if lines := strings.Split(strings.TrimRight(first, "\n"), "\n"); len(lines) != 24 || !strings.HasSuffix(lines[23], "q quit") {
		t.Errorf("the frame is broken:\n%s", first)
	}
	for _, keys := range [][]string{{"End"}, {"Tab"}, {"*"}, {"Space", "x"}, {"Escape"}, {"w"}, {"Escape"}, {"?"}, {"End"}, {"Escape"}} {
		term.keys(keys...)
		time.Sleep(200 * time.Millisecond)
		if screen := term.screen(); strings.Count(screen, "\n") != 24 || strings.Contains(screen, "\u202e") {
			t.Errorf("after %q:\n%s", keys, screen)
		}
		if colours := term.tmux("capture-pane", "-p", "-e"); regexp.MustCompile("\x1b\\[[0-9;]*3[13]m").MatchString(colours) {
			t.Errorf("there are colours, and NO_COLOR is set: %q", colours)
		}
	}
	if title := term.tmux("display-message", "-p", "#{pane_title}"); strings.TrimSpace(title) == "title" {
		t.Error("a name set the title of the terminal")
	}
	term.keys("C-c")
	term.restored(0)
}

func TestPanicRestores(t *testing.T) {
	term := newTerminal(t, 80, 24)
	term.start("panic")
	term.wait("q quit")
	term.keys("/")
	term.keys("-l", "python")
	term.keys("Enter", "Tab", "Right")
	term.wait("error: internal error in the view")
	term.restored(4)
}

func TestSignalRestores(t *testing.T) {
	term := newTerminal(t, 80, 24)
	term.start("docs")
	term.wait("q quit")
	pid := strings.TrimSpace(term.tmux("display-message", "-p", "#{pane_pid}"))
	children, err := os.ReadFile(filepath.Join("/proc", pid, "task", pid, "children"))
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(children)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(child, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	term.wait("error: ")
	term.restored(4)
}

// TestResize shrinks and grows the terminal while it is used.
func TestResize(t *testing.T) {
	term := newTerminal(t, 80, 24)
	term.start("docs")
	term.wait("q quit")
	for _, size := range [][2]int{{120, 40}, {40, 10}, {20, 5}, {200, 8}, {80, 24}} {
		term.tmux("resize-window", "-x", fmt.Sprint(size[0]), "-y", fmt.Sprint(size[1]))
		m := newModel(docs(), true)
		m.resize(size[0], size[1])
		want, _ := m.screen()
		term.until(fmt.Sprintf("at %v\n%s\n", size, plain(want)), func(screen string) bool { return strings.TrimRight(screen, "\n") == plain(want) })
	}
	term.keys("q")
	term.restored(0)
}
