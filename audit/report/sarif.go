package report

import (
	"bytes"
	"encoding/json"
	"io"
	"net/url"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
)

// maxSARIF is the number of results that GitHub shows of one file
// (https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support#file-size-limits).
const maxSARIF = 5000

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
	Text string `json:"text"`
}

type sarifRule struct {
	ID                   string    `json:"id"`
	Name                 string    `json:"name"`
	ShortDescription     sarifText `json:"shortDescription"`
	FullDescription      sarifText `json:"fullDescription"`
	Help                 sarifText `json:"help"`
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
			URI string `json:"uri"`
		} `json:"artifactLocation"`
		Region struct {
			StartLine int `json:"startLine"`
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
// code scanning reads it. The errors come first: what is beyond the limit of the
// platform is the least severe, and the last result counts them.
func renderSARIF(w io.Writer, r *audit.Report, _ Options) error {
	var run sarifRun
	run.Tool.Driver = sarifDriver{Name: "depaudit", Version: terminal.Escape(r.Tool.Version), InformationURI: "https://github.com/depaudit/depaudit"}
	run.AutomationDetails.ID = "depaudit/" + terminal.Escape(r.Pipeline)
	run.ColumnKind = "unicodeCodePoints"
	run.Results = []sarifResult{}
	index := map[string]int{}
	for _, rule := range audit.Rules() {
		d := sarifRule{
			ID: rule.ID, Name: pascalCase(rule.ID), ShortDescription: sarifText{rule.Title}, FullDescription: sarifText{rule.What},
			Help: sarifText{rule.Explanation()},
		}
		d.DefaultConfiguration.Level = sarifLevel(rule.Strict)
		d.Properties.Tags = []string{"supply-chain"}
		index[rule.ID] = len(run.Tool.Driver.Rules)
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, d)
	}
	all := bySeverity(results(r))
	left := 0
	for _, x := range all {
		at, known := index[x.rule]
		if !known || len(run.Results) == maxSARIF-1 {
			left++
			continue
		}
		res := sarifResult{RuleID: x.rule, RuleIndex: at, Level: sarifLevel(x.severity), Message: sarifText{sarifMessage(x)}}
		res.PartialFingerprints = map[string]string{"depaudit/v1": x.fingerprint}
		var l sarifLocation
		l.PhysicalLocation.ArtifactLocation.URI = (&url.URL{Path: x.file}).EscapedPath()
		l.PhysicalLocation.Region.StartLine = x.line
		res.Locations = []sarifLocation{l}
		run.Results = append(run.Results, res)
	}
	if left > 0 && len(run.Results) > 0 {
		last := run.Results[len(run.Results)-1]
		last.Message = sarifText{moreText(left, "results")}
		last.PartialFingerprints = map[string]string{"depaudit/v1": "more"}
		run.Results = append(run.Results, last)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	log := sarifLog{Schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}}
	if err := enc.Encode(log); err != nil {
		return err
	}
	_, err := w.Write(terminal.EscapeJSON(b.Bytes()))
	return err
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
