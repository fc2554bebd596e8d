package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit/report"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/wording"
)

// outputFlags are shared by every command that prints a report.
type outputFlags struct {
	outputs []string
	show    []string
	limit   int
	// author and date are those of SBOMs; stated is the date that date or the
	// environment names, set by checkOutputs.
	author, date string
	stated       time.Time
}

func (o *outputFlags) register(cmd *cobra.Command) {
	registerOutput(cmd, &o.outputs, reportFormats())
	cmd.Flags().StringVar(&o.author, "author", "", "`WHO` the SBOMs are from, \"NAME <EMAIL>\"")
	cmd.Flags().Var((*filledValue)(&o.date), "date", dateUsage("the SBOMs"))
	lists := listNames()
	listVar(cmd.Flags(), &o.show, "show", "print the whole `LIST` below the table: "+strings.Join(lists, ", "))
	limitVar(cmd, &o.limit, 0, "rows of each list of --show")
	_ = cmd.RegisterFlagCompletionFunc("show", cobra.FixedCompletions(lists, cobra.ShellCompDirectiveNoFileComp))
}

// listNames are the values of --show.
func listNames() []string {
	var names []string
	for _, l := range report.Lists() {
		names = append(names, l.Name)
	}
	return append(names, "all")
}

// options are the options of renderers for this output.
func (c *command) options(show []string) (report.Options, error) {
	names := listNames()
	for _, s := range show {
		if !slices.Contains(names, s) {
			err := fmt.Errorf("--show: unknown list %q", s)
			if near := wording.Nearest(s, names); near != "" {
				return report.Options{}, usage(&hinted{err, fmt.Sprintf("did you mean %q?", near)})
			}
			return report.Options{}, usage(&hinted{err, "lists: " + strings.Join(names, ", ")})
		}
	}
	return report.Options{Show: show, Width: c.width(), Color: c.colored(), Cut: c.onTerminal(), Groups: c.grouped(), Checkout: c.checkout()}, nil
}

// limitFlags bound the memory and time of one scan.
type limitFlags struct {
	memory  int64
	timeout time.Duration
	noCache bool
}

// Defaults for the scanning process. A Debian root of 170,000 files takes
// 120 MB and half a second; jars with hostile directories have taken 7 GB,
// and a go.mod with 200,000 lines 83 s.
const (
	defaultMemoryMiB = 2048
	defaultTimeout   = 15 * time.Minute
)

func (l *limitFlags) register(cmd *cobra.Command) {
	cmd.Flags().Int64Var(&l.memory, "scan-memory", defaultMemoryMiB, "memory limit for the scan of one environment, in `MIB`")
	l.timeout = defaultTimeout
	cmd.Flags().Var((*durationFlag)(&l.timeout), "scan-timeout", "time limit for the scan of one environment, a `DURATION` such as 90s or 5m")
	cmd.Flags().BoolVar(&l.noCache, "no-cache", false, "read every layer of an image again, and every file that has not changed since a snapshot; store nothing")
}

// durationFlag is the value of a flag. Its error is shorter than that of package
// time, and names a valid value.
type durationFlag time.Duration

func (d *durationFlag) String() string { return time.Duration(*d).String() }
func (*durationFlag) Type() string     { return "duration" }

func (d *durationFlag) Set(s string) error {
	parsed, err := time.ParseDuration(s)
	if err != nil {
		return errors.New("write a number and a unit, such as 5m")
	}
	*d = durationFlag(parsed)
	return nil
}

// cache is the directory for the indexes of image layers, empty for none.
func (l *limitFlags) cache() string {
	if l.noCache {
		return ""
	}
	dir, _ := rootfs.DefaultCache() // without one, layers are read again
	return dir
}

// The directories of the cache beside that for the indexes of layers.
const (
	cacheManifests = "manifests" // of artifacts that were read
	cacheArtifacts = "artifacts" // that "fetch" downloaded
)

// cacheOf is the directory of the cache for something else than layers, empty
// without a cache.
func (l *limitFlags) cacheOf(what string) string {
	layers := l.cache()
	if layers == "" {
		return ""
	}
	return filepath.Join(filepath.Dir(layers), what)
}

// fetched is the directory of what "fetch" downloaded, if it is there.
func (l *limitFlags) fetched() []string {
	dir := l.cacheOf(cacheArtifacts)
	if _, err := os.Stat(dir); dir == "" || err != nil {
		return nil
	}
	return []string{dir}
}

// check checks the flags of a scan before it begins.
func (c *command) check(out *outputFlags, limits *limitFlags) ([]reportOutput, error) {
	outputs, err := c.reportOutputs(out.outputs)
	if err != nil {
		return nil, err
	}
	if _, err := c.options(out.show); err != nil {
		return nil, err
	}
	return outputs, limits.check()
}

func (l *limitFlags) check() error {
	const (
		least = 128     // the program itself needs this much
		most  = 1 << 30 // a petabyte; more does not fit the number of bytes
	)
	if l.memory > most {
		return usage(fmt.Errorf("--scan-memory %d: the maximum is %d", l.memory, most))
	}
	if l.memory < least {
		return usage(fmt.Errorf("--scan-memory %d: the minimum is %d", l.memory, least))
	}
	if l.timeout <= 0 {
		return usage(errors.New("--scan-timeout must be positive"))
	}
	return nil
}
