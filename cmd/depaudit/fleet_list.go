package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/depaudit/depaudit/audit/textfile"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/wording"
)

// Limits of a list. Ten thousand lines of a hundred bytes are a megabyte, which is
// also what a ConfigMap of Kubernetes takes
// (https://kubernetes.io/docs/concepts/configuration/configmap/). An Indexed Job has
// at most a hundred thousand indexes.
const (
	maxListBytes = 64 << 20
	maxListLines = 100_000
	maxNameBytes = 200
)

// fleetLine is one piece of work of a fleet: NAME CONFIG [STAGE...].
type fleetLine struct {
	number int // from 1
	// name is the path of the report below the directory of reports, without .json.
	name string
	// written is the path of the configuration as the list has it, and config the
	// same for opening it.
	written, config string
	stages          []string // empty for all of the configuration
}

// text is the line with another path of the configuration.
func (l fleetLine) text(config string) string {
	return strings.Join(append([]string{l.name, config}, l.stages...), " ")
}

// report is the path of the line's report.
func (l fleetLine) report(dir string) string {
	return filepath.Join(dir, filepath.FromSlash(l.name)+".json")
}

// fleetName is a path of names that are safe in every file system and object store:
// no ".." and no name that begins with a dot or a dash.
var fleetName = lazyregexp.New(`^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$`)

// badOnWindows are names that Windows reads as devices, whatever follows the first
// dot, and names whose last dot it drops
// (https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file).
var badOnWindows = lazyregexp.New(`(?i)^((con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?|.*\.)$`)

// checkName returns why a name cannot be that of a report, with a hint.
func checkName(name string) (why, hint string) {
	if !fleetName.MatchString(name) || len(name) > maxNameBytes {
		return "is no name of a report", "use letters, digits, dots, dashes, underscores, and slashes between names"
	}
	parts := strings.Split(name, "/")
	for i, part := range parts {
		if badOnWindows.MatchString(part) {
			return "is no name of a report, as Windows reads " + textfile.Quote(part) + " as something else", "use another name"
		}
		if i < len(parts)-1 && strings.EqualFold(filepath.Ext(part), ".json") {
			return "is no name of a report, as the directory " + textfile.Quote(part) + " is called like a report", "use another name"
		}
	}
	return "", ""
}

// readList reads a list of a fleet. Relative paths in it are relative to its directory, as
// those in a configuration are.
func readList(path string) ([]fleetLine, error) {
	switch info, err := os.Stat(path); {
	case err == nil && info.IsDir():
		return nil, &hinted{fmt.Errorf("%s is a directory, not a list", path), "the first argument is a file that depaudit fleet list writes"}
	case err == nil && slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(path)):
		return nil, &hinted{fmt.Errorf("%s is a configuration, not a list", path), "write one with: depaudit fleet list " + wording.ShellWord(path) + " >stages.txt"}
	}
	data, err := textfile.Read(path, maxListBytes)
	if err != nil {
		return nil, err
	}
	// Each line of JSON would be a mistake of its own.
	if text := bytes.TrimSpace(data); bytes.HasPrefix(text, []byte("{")) || bytes.HasPrefix(text, []byte("[")) {
		return nil, &hinted{fmt.Errorf("%s is JSON, not a list", path), "write a list with: depaudit fleet list DIR/*/depaudit.yaml >stages.txt"}
	}
	return parseList(path, data)
}

func parseList(path string, data []byte) ([]fleetLine, error) {
	var (
		lines []fleetLine
		errs  textfile.Errors
		// Two names that differ in case are one file on some systems.
		names = map[string]int{}
		// By configuration and stage, "" for all of its stages: a stage in two reports of one
		// night would be counted twice.
		work = map[string]map[string]int{}
	)
	fail := func(line, column int, hint, format string, args ...any) {
		errs = append(errs, &textfile.Error{File: path, Line: line, Column: column, Msg: fmt.Sprintf(format, args...), Hint: hint})
	}
	for i, raw := range bytes.Split(data, []byte("\n")) {
		words, columns := listWords(string(raw))
		if len(words) == 0 {
			continue
		}
		number := i + 1
		if at := bytes.IndexFunc(bytes.TrimSuffix(raw, []byte("\r")), func(r rune) bool { return r != '\t' && unicode.IsControl(r) }); at >= 0 {
			fail(number, at+1, "write plain text with a line for each report", "a control character, %s", textfile.Quote(string(raw[at:at+1])))
			continue
		}
		if len(lines) == maxListLines {
			fail(number, 1, "write several lists", "more than %d lines", maxListLines)
			break
		}
		if len(words) < 2 {
			fail(number, columns[0], "such as: curl/build curl/depaudit.yaml build", "want NAME CONFIG [STAGE...], got %s alone", textfile.Quote(words[0]))
			continue
		}
		l := fleetLine{number: number, name: words[0], written: words[1], config: words[1], stages: words[2:]}
		if !filepath.IsAbs(l.config) {
			l.config = filepath.Join(filepath.Dir(path), l.config)
		}
		l.config = filepath.Clean(l.config)
		if why, hint := checkName(l.name); why != "" {
			fail(number, columns[0], hint, "%s %s", textfile.Quote(l.name), why)
			continue
		}
		if first, twice := names[strings.ToLower(l.name)]; twice {
			fail(number, columns[0], "give each line a name of its own: the report is called by it", "the name %s is that of line %d, too", textfile.Quote(l.name), first)
			continue
		}
		names[strings.ToLower(l.name)] = number
		done := work[l.config]
		if done == nil {
			done = map[string]int{}
			work[l.config] = done
		}
		stages := l.stages
		if len(stages) == 0 {
			stages = []string{""}
		}
		for k, stage := range stages {
			first, twice := done[stage]
			if all, ok := done[""]; ok {
				first, twice = all, true
			} else if stage == "" {
				for _, n := range done { // the first line of them, in whatever order they come
					if !twice || n < first {
						first, twice = n, true
					}
				}
			}
			if twice {
				fail(number, columns[min(2+k, len(columns)-1)], "each stage has one report: remove one", "line %d has this stage of the same configuration", first)
				break
			}
			done[stage] = number
		}
		lines = append(lines, l)
	}
	switch {
	case len(errs) > 0:
		return nil, errs.Sorted()
	case len(lines) == 0:
		return nil, &hinted{fmt.Errorf("%s: the list is empty: a farm without work would pass", path), "write one with: depaudit fleet list DIR/*/depaudit.yaml"}
	}
	return lines, nil
}

// listWords are the words of a line before a comment, with their columns from 1.
func listWords(line string) (words []string, columns []int) {
	line = strings.TrimSuffix(line, "\r")
	for at := 0; at < len(line); {
		if line[at] == ' ' || line[at] == '\t' {
			at++
			continue
		}
		if line[at] == '#' {
			break
		}
		end := strings.IndexAny(line[at:], " \t")
		if end < 0 {
			end = len(line) - at
		}
		words, columns = append(words, line[at:at+end]), append(columns, at+1)
		at += end
	}
	return words, columns
}

// shard is the part of a list that one worker of several does.
type shard struct{ index, total int } // index from 0

// takes reports whether the worker does the line at this position, from 0. Neighbours
// go to different workers: the stages of one pipeline are often equally slow.
func (s shard) takes(position int) bool { return position%s.total == s.index }

// parseShard parses I/N, counted from 1 as GitLab's CI_NODE_INDEX is
// (https://docs.gitlab.com/ci/variables/predefined_variables/), or I%N, counted from 0
// as JOB_COMPLETION_INDEX of Kubernetes
// (https://kubernetes.io/docs/tasks/job/indexed-parallel-processing-static/) and
// strategy.job-index of GitHub are. With the wrong one of the two, one of the workers has
// an index that does not exist, and fails.
//
// An empty index, as a variable that is not set gives it, is an error: workers that all
// did the whole list would be green and prove nothing about the split.
func parseShard(s string) (shard, error) {
	at := strings.IndexAny(s, "/%")
	if at < 0 {
		return shard{}, badShard(s, "want INDEX/TOTAL or INDEX%TOTAL")
	}
	index, err := strconv.Atoi(s[:at])
	total, err2 := strconv.Atoi(s[at+1:])
	switch fromOne := s[at] == '/'; {
	case s[:at] == "" || s[at+1:] == "":
		return shard{}, badShard(s, "a number is missing: is the variable of the CI system set?")
	case err != nil || err2 != nil || index < 0 || total < 1:
		return shard{}, badShard(s, "INDEX and TOTAL are numbers")
	case total > maxListLines:
		return shard{}, badShard(s, fmt.Sprintf("there are at most %d parts", maxListLines))
	case fromOne && index == 0:
		return shard{}, badShard(s, fmt.Sprintf("parts are counted from 1; to count from 0, write --shard 0%%%d for this and %% for all others", total))
	case !fromOne && index == total:
		return shard{}, badShard(s, fmt.Sprintf("parts are counted from 0; to count from 1, write --shard %d/%d for this and / for all others", index, total))
	case fromOne && index > total || index > total:
		return shard{}, badShard(s, fmt.Sprintf("there are %s", wording.Count(total, "part", "parts")))
	case fromOne:
		index--
	}
	return shard{index, total}, nil
}

func badShard(s, why string) error {
	return &hinted{
		errors.New("--shard " + textfile.Quote(s) + ": " + why),
		"GitLab: --shard $CI_NODE_INDEX/$CI_NODE_TOTAL; Kubernetes: --shard=$(JOB_COMPLETION_INDEX)%100, 100 being the completions",
	}
}
