package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
)

// maxSARIF is the number of results that GitHub shows of one run
// (https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support#file-size-limits).
const maxSARIF = 5000

// maxRuns is the number of runs that GitHub takes in one file. What is left of a
// pipeline of more stages is in the last one.
const maxRuns = 20

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool struct {
		Driver sarifDriver `json:"driver"`
	} `json:"tool"`
	AutomationDetails sarifID       `json:"automationDetails"`
	ColumnKind        string        `json:"columnKind"`
	Results           []sarifResult `json:"results"`
}

type sarifID struct {
	ID string `json:"id"`
}

type sarifDriver struct {
	Name           string      `json:"name"`
	Version        string      `json:"version"`
	InformationURI string      `json:"informationUri"`
	Rules          []sarifRule `json:"rules"`
}

type sarifText struct {
	Text     string `json:"text"`
	Markdown string `json:"markdown,omitempty"`
}

type sarifRule struct {
	ID                   string    `json:"id"`
	Name                 string    `json:"name"`
	ShortDescription     sarifText `json:"shortDescription"`
	FullDescription      sarifText `json:"fullDescription"`
	Help                 sarifText `json:"help"`
	HelpURI              string    `json:"helpUri"`
	DefaultConfiguration struct {
		Level string `json:"level"`
	} `json:"defaultConfiguration"`
	Properties struct {
		Tags []string `json:"tags"`
	} `json:"properties"`
}

type sarifResult struct {
	RuleID              string            `json:"ruleId"`
	RuleIndex           int               `json:"ruleIndex"`
	Level               string            `json:"level"`
	Message             sarifText         `json:"message"`
	Locations           []sarifLocation   `json:"locations"`
	PartialFingerprints map[string]string `json:"partialFingerprints"`
}

type sarifLocation struct {
	PhysicalLocation struct {
		ArtifactLocation struct {
			URI       string `json:"uri"`
			URIBaseID string `json:"uriBaseId"`
		} `json:"artifactLocation"`
		Region struct {
			StartLine   int `json:"startLine"`
			StartColumn int `json:"startColumn,omitempty"`
		} `json:"region"`
	} `json:"physicalLocation"`
}

// sarifLevel returns the level of a severity. What leaves a stage incomplete fails
// the gate, as an error does.
func sarifLevel(s audit.Severity) string {
	switch s {
	case audit.Error, audit.SeverityIncomplete:
		return "error"
	case audit.Warning:
		return "warning"
	}
	return "note"
}

// renderSARIF writes SARIF 2.1.0
// (https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html) as GitHub's
// code scanning reads it. Each stage is a run with a category of its own, and so
// are the findings about the whole pipeline: the upload of one job closes the
// alerts of its category only, whether the jobs upload their stages one by one or
// in one report.
func renderSARIF(w io.Writer, r *audit.Report, o Options) error {
	log := sarifLog{Schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json", Version: "2.1.0"}
	byStage := map[string][]result{}
	for _, x := range results(r, o.Checkout) {
		byStage[x.stage] = append(byStage[x.stage], x)
	}
	category := "depaudit/"
	if r.Pipeline != "" {
		category += terminal.Escape(r.Pipeline) + "/"
	}
	rest := byStage[""]
	for i := range r.Stages {
		name := terminal.Escape(r.Stages[i].Name)
		switch {
		case len(r.Stages) == 1:
			log.Runs = append(log.Runs, newSARIFRun(r, category+name+"/", slices.Concat(byStage[name], rest)))
		case len(log.Runs) == maxRuns-1:
			rest = append(rest, byStage[name]...)
		default:
			log.Runs = append(log.Runs, newSARIFRun(r, category+name+"/", byStage[name]))
		}
	}
	if len(r.Stages) != 1 {
		log.Runs = append(log.Runs, newSARIFRun(r, category, rest))
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(log); err != nil {
		return err
	}
	_, err := w.Write(terminal.EscapeJSON(b.Bytes()))
	return err
}

// newSARIFRun returns the run of some results. The errors come first: what is
// beyond the limit of the platform is the least severe, and the last result counts
// them.
func newSARIFRun(r *audit.Report, category string, all []result) sarifRun {
	var run sarifRun
	run.Tool.Driver = sarifDriver{Name: "depaudit", Version: terminal.Escape(r.Tool.Version), InformationURI: "https://github.com/depaudit/depaudit"}
	run.AutomationDetails.ID = category
	run.ColumnKind = "unicodeCodePoints"
	run.Results = []sarifResult{}
	index := map[string]int{}
	for _, rule := range audit.Rules() {
		d := sarifRule{
			ID: rule.ID, Name: pascalCase(rule.ID), ShortDescription: sarifText{Text: rule.Title}, FullDescription: sarifText{Text: rule.What},
			Help: sarifText{rule.Explanation(), ruleMarkdown(rule)}, HelpURI: rulesPage + "#" + rule.ID,
		}
		d.DefaultConfiguration.Level = sarifLevel(rule.Strict)
		d.Properties.Tags = []string{"supply-chain"}
		index[rule.ID] = len(run.Tool.Driver.Rules)
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, d)
	}
	left := 0
	for _, x := range bySeverity(all) {
		at, known := index[x.rule]
		if !known || len(run.Results) == maxSARIF-1 {
			left++
			continue
		}
		res := sarifResult{RuleID: x.rule, RuleIndex: at, Level: sarifLevel(x.severity), Message: sarifText{Text: sarifMessage(x)}}
		res.PartialFingerprints = fingerprints(x.fingerprint)
		var l sarifLocation
		l.PhysicalLocation.ArtifactLocation.URI = (&url.URL{Path: x.place()}).EscapedPath()
		l.PhysicalLocation.ArtifactLocation.URIBaseID = "%SRCROOT%"
		l.PhysicalLocation.Region.StartLine, l.PhysicalLocation.Region.StartColumn = x.line, x.column
		res.Locations = []sarifLocation{l}
		run.Results = append(run.Results, res)
	}
	if left > 0 && len(run.Results) > 0 {
		last := run.Results[len(run.Results)-1]
		last.Message = sarifText{Text: moreText(left, "results")}
		last.PartialFingerprints = fingerprints("more")
		run.Results = append(run.Results, last)
	}
	return run
}

// fingerprints returns the identity of a result. GitHub knows only
// primaryLocationLineHash, which its upload action computes from the text of the
// line if a result has none: all results at the line of a stage would be one
// alert, which reopens whenever the line is edited
// (https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support#data-for-preventing-duplicated-alerts).
func fingerprints(of string) map[string]string {
	return map[string]string{"depaudit/v1": of, "primaryLocationLineHash": of + ":1"}
}

// rulesPage explains the rules, each under its ID.
const rulesPage = "https://github.com/depaudit/depaudit/blob/main/docs/rules.md"

// ruleMarkdown returns the explanation of a rule as Markdown.
func ruleMarkdown(r audit.Rule) string {
	text := func(s string) string { return strings.NewReplacer("<", "&lt;", "*", "\\*", "_", "\\_").Replace(s) }
	var b strings.Builder
	b.WriteString(advice(r.What, text))
	for _, p := range []struct{ title, text string }{{"Why", r.Why}, {"Fix", r.Fix}, {"Accept", r.Accept}, {"Except", r.Except()}} {
		fmt.Fprintf(&b, "\n\n**%s:** %s", p.title, advice(p.text, text))
	}
	return b.String()
}

// advice applies f to a text of this program except for what is in backquotes.
func advice(s string, f func(string) string) string {
	pieces := strings.Split(s, "`")
	for i := range pieces {
		if i%2 == 0 {
			pieces[i] = f(pieces[i])
		}
	}
	return strings.Join(pieces, "`")
}

// sarifMessage returns the text of a result. SARIF takes [x](y) for a link and
// {0} for an argument; neither is ours.
func sarifMessage(x result) string {
	text := x.text
	if x.fix != "" {
		text += ". Fix: " + x.fix
	}
	return strings.NewReplacer("[", "(", "]", ")", "{", "(", "}", ")").Replace(text)
}

// pascalCase returns the name of a rule as SARIF has it: "not-pinned" is
// NotPinned.
func pascalCase(id string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(id, "-") {
		if part != "" {
			b.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	return b.String()
}
