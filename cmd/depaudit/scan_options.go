package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/depaudit/depaudit/audit/pipeline"
	"github.com/depaudit/depaudit/audit/terminal"
)

// scanOptions are the options of package pipeline that every scan has. done
// must be called when the scans have ended.
func (c *command) scanOptions(limits limitFlags) (o pipeline.Options, done func()) {
	progress := c.newProgress()
	o = pipeline.Options{
		Scanner:   limits.childScanner,
		Timeout:   limits.timeout,
		Cache:     limits.cache(),
		Manifests: limits.cacheOf(cacheManifests),
		Artifacts: limits.fetched(),
		Rehash:    limits.noCache,
		Suggest:   true,
		Now:       time.Now(),
		Input:     c.stdin,
		Tool:      tool(),
	}
	if exe, err := os.Executable(); err == nil {
		o.Own = []string{exe}
	}
	o.Progress = func(now pipeline.Progress) {
		switch {
		case now.Warning != "":
			progress.end()
			fmt.Fprintf(c.stderr, "depaudit: warning: %s\n", terminal.Escape(now.Warning))
		case progress != nil:
			progress.set(now)
		}
	}
	return o, progress.end
}

// inventories scans environments.
func (c *command) inventories(ctx context.Context, envs []pipeline.Environment, limits limitFlags) ([]pipeline.Inventory, error) {
	options, done := c.scanOptions(limits)
	defer done()
	found, err := pipeline.Inventories(ctx, envs, options)
	if err != nil {
		return nil, scanExit(err)
	}
	return found, nil
}

// scanExit gives an error of package pipeline its exit code.
func scanExit(err error) error {
	var input *pipeline.InputError
	var lost *pipeline.LostError
	switch {
	case errors.As(err, &input):
		return usage(err)
	case errors.As(err, &lost):
		return incomplete(err)
	}
	return trouble(err)
}
