package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// eachCommand calls f for every command with its own flags.
func eachCommand(t *testing.T, f func(path string, cmd *cobra.Command)) {
	t.Helper()
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
		if cmd.Name() != "completion" && !cmd.HasParent() || cmd.Runnable() {
			f(cmd.CommandPath(), cmd)
		}
	}
	walk((&command{env: func(string) string { return "" }}).root())
}

// TestListFlags checks that a flag means the same in every command: -n is the number
// of rows of everything that lists, and commas separate the values of each flag that
// takes several.
func TestListFlags(t *testing.T) {
	limited := []string{"audit", "scan", "report", "why", "top", "whatif", "split", "diff", "find", "verify", "graph", "history", "except list", "baseline show", "release list"}
	several := map[string]bool{}
	eachCommand(t, func(path string, cmd *cobra.Command) {
		name := strings.TrimPrefix(path, "depaudit ")
		limit := cmd.Flags().ShorthandLookup("n")
		switch listed := slices.Contains(limited, name); {
		case listed && limit == nil, !listed && limit != nil:
			t.Errorf("%s: -n is there: %v, want %v", path, limit != nil, listed)
		case limit != nil && (limit.Name != "limit" || !strings.HasPrefix(limit.Usage, "at most `N` ") || !strings.HasSuffix(limit.Usage, ", 0 for all")):
			t.Errorf("%s: -n is --%s, %s", path, limit.Name, limit.Usage)
		case limit != nil && (limit.Value.Set("-1") == nil || limit.Value.Set("many") == nil || limit.Value.Set("0") != nil):
			t.Errorf("%s: -n takes other values than numbers", path)
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			switch f.Value.Type() {
			case "stringSlice", "stringArray", "intSlice":
				t.Errorf("%s: --%s is not registered by listVar", path, f.Name)
			case "list":
				several[f.Name] = true
			}
		})
	})
	for _, name := range []string{"show", "stage", "for", "without", "only", "root", "env", "since", "locks", "index", "artifacts", "trust", "rule", "registry", "output", "require-stages"} {
		if !several[name] {
			t.Errorf("--%s takes one value", name)
		}
	}
}

func TestSplitList(t *testing.T) {
	for in, want := range map[string][]string{
		"a": {"a"}, "a,b": {"a", "b"}, " a , b c ": {"a", "b c"}, `a\,b,c`: {"a,b", "c"}, `a\b`: {`a\b`}, "": {""}, `\,`: {","},
	} {
		if got := splitList(in); !slices.Equal(got, want) {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
	var list []string
	f := listFlag{&list}
	if f.Set("a,b") != nil || f.Set("c") != nil || f.Set("d,,e") == nil || f.Set("d,") == nil || !slices.Equal(list, []string{"a", "b", "c"}) {
		t.Error(list)
	}
}
