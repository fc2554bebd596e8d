package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/depaudit/depaudit/sbom/wording"
)

// word is an argument of a command that takes saved reports and environments, split
// into what it names and the stage behind a "#".
type word struct {
	name, stage string
	kind        wordKind
	// file is the kind of a file.
	file fileKind
}

type wordKind int

const (
	wordReference wordKind = iota // an environment, or nothing that is there
	wordInput                     // standard input
	wordPushed                    // a release in a registry
	wordRelease                   // the directory of a release
	wordReports                   // a directory of reports and releases
	wordFile                      // a file, of which the content decides
	wordPipe                      // a pipe or a device
)

// wordOf recognises an argument. A directory with reports that can also be a root file
// system is an error: a report could have been added to prevent a scan.
func wordOf(arg string) (word, error) {
	if arg == "-" {
		return word{name: arg, kind: wordInput}, nil
	}
	if name, stage, ok := pushedStage(arg); ok {
		return word{name: name, stage: stage, kind: wordPushed}, nil
	}
	w := word{name: arg}
	info, err := os.Stat(arg)
	if i := strings.LastIndexByte(arg, '#'); err != nil && i > 0 && i < len(arg)-1 {
		w.name, w.stage = arg[:i], arg[i+1:]
		info, err = os.Stat(w.name)
	}
	switch {
	case err != nil:
		return word{name: arg}, nil
	case info.IsDir():
		_, release := savedRelease(w.name)
		only, err := holdsReports(w.name)
		switch {
		case err != nil:
			return w, usage(err)
		case only && release:
			w.kind = wordRelease
		case only:
			w.kind = wordReports
		}
	case info.Mode().IsRegular():
		w.kind = wordFile
		if w.file, err = recogniseFile(w.name); err != nil {
			return w, usage(err)
		}
	default:
		w.kind = wordPipe
	}
	return w, nil
}

// holdsReports reports whether a directory is one of reports and releases, and no
// environment: without directories it is if a report is in it, else if all files below
// are reports or JSON. In a scan of it no package would be found, which is no answer.
func holdsReports(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > maxDir {
		return false, nil // the scan reports it
	}
	var reports, dirs []string
	others := false
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path) // a link can lead to a directory
		switch {
		case err != nil, strings.HasPrefix(e.Name(), ".") && !info.IsDir():
		case info.IsDir():
			dirs = append(dirs, e.Name())
		default:
			if s, _ := savedIn(dir, path, e.Type()); s != nil {
				reports = append(reports, e.Name())
			} else if filepath.Ext(path) != ".json" {
				others = true
			}
		}
	}
	if len(dirs) == 0 {
		return len(reports) > 0, nil
	}
	below, foreign := 0, others
	for _, name := range dirs {
		if !foreign {
			n, only := reportsOnly(filepath.Join(dir, name))
			below, foreign = below+n, !only
		}
	}
	if foreign && len(reports) > 0 {
		err := fmt.Errorf("%s has saved reports (%s) and directories (%s), and can be a directory of reports or a root file system", dir, fewNames(reports), fewNames(dirs))
		return false, &hinted{err, fmt.Sprintf("write dir:%s to scan it, or name the reports: %s", dir, wording.ShellWord(filepath.Join(dir, reports[0])))}
	}
	return !foreign && len(reports)+below > 0, nil
}

// reportsOnly counts the reports and releases in a directory and below. only is set if
// all other files are JSON.
func reportsOnly(dir string) (n int, only bool) {
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if files++; files > maxDir {
			return fs.ErrInvalid
		}
		if d.IsDir() {
			if _, ok := savedRelease(path); ok {
				n++
				return fs.SkipDir
			}
			return nil
		}
		if s, _ := savedIn(dir, path, d.Type()); s != nil {
			n++
		} else if filepath.Ext(path) != ".json" {
			return fs.ErrInvalid
		}
		return nil
	})
	return n, err == nil
}

// maxDir bounds the files that are looked at to recognise a directory of reports, whose
// releases have some dozens of stages.
const maxDir = 10000
