package definition

import (
	"strings"
)

// setupAction is an action that puts a tool on the runner.
type setupAction struct {
	tool    string
	input   string // with the version
	file    string // the input with a file that has the version
	missing string // what it is without the input
}

// setups are the actions whose name or input does not follow the rule of
// [jobBuilder.setup], by OWNER/REPOSITORY in lower case.
var setups = map[string]setupAction{
	"actions/setup-go":                       {"go", "go-version", "go-version-file", "the one of the runner"},
	"actions/setup-node":                     {"node", "node-version", "node-version-file", "the one of the runner"},
	"actions/setup-python":                   {"python", "python-version", "python-version-file", "the one of the runner"},
	"actions/setup-java":                     {"java", "java-version", "java-version-file", ""},
	"actions/setup-dotnet":                   {"dotnet", "dotnet-version", "global-json-file", ""},
	"anchore/sbom-action":                    {"syft", "syft-version", "", "the one of the action"},
	"astral-sh/setup-uv":                     {"uv", "version", "version-file", "the newest"},
	"conda-incubator/setup-miniconda":        {"miniconda", "miniconda-version", "", "the newest"},
	"dtolnay/rust-toolchain":                 {"rust", "toolchain", "", ""},
	"actions-rs/toolchain":                   {"rust", "toolchain", "", "stable"},
	"actions-rust-lang/setup-rust-toolchain": {"rust", "toolchain", "", "stable"},
	"docker/setup-buildx-action":             {"buildx", "version", "", "the one of the runner"},
	"goreleaser/goreleaser-action":           {"goreleaser", "version", "", "the newest"},
	"golangci/golangci-lint-action":          {"golangci-lint", "version", "", "the newest"},
	"mamba-org/setup-micromamba":             {"micromamba", "micromamba-version", "", "the newest"},
	"pnpm/action-setup":                      {"pnpm", "version", "package_json_file", "the one of package.json"},
	"sigstore/cosign-installer":              {"cosign", "cosign-release", "", "the one of the action"},
	"snok/install-poetry":                    {"poetry", "version", "", "the newest"},
	"taiki-e/install-action":                 {"", "tool", "", ""},
	"oven-sh/setup-bun":                      {"bun", "bun-version", "bun-version-file", "the newest"},
	"denoland/setup-deno":                    {"deno", "deno-version", "deno-version-file", "the newest"},
	"pre-commit/action":                      {"pre-commit", "", "", "the newest"},
}

// setup adds the tool that a setup action installs, in the version that its inputs
// have: "3.x" is the newest Python of the runner's tool cache, or of a release.
// Unknown actions that are named setup-TOOL follow the usual names of inputs.
func (b *jobBuilder) setup(u Use, with *node, at Position) {
	if u.Type != "github" {
		return
	}
	s, ok := setups[lower(u.FullName())]
	if !ok {
		tool, is := strings.CutPrefix(lower(u.Name), "setup-")
		if !is || tool == "" {
			return
		}
		tool = strings.TrimSuffix(tool, "-action")
		s = setupAction{tool, tool + "-version", tool + "-version-file", ""}
		if with.get(s.input) == nil {
			s.input = "version"
		}
		if with.get(s.input) == nil {
			return
		}
	}
	add := func(tool, spec string, at Position) {
		t := Use{Kind: UseTool, Type: "generic", Name: tool, Spec: spec, Text: u.Name + " " + spec, Via: u.Text}
		t.version(spec)
		b.use(at, t)
	}
	version := with.get(s.input)
	switch {
	case s.tool == "": // a list of TOOL[@VERSION]
		if version != nil {
			for tool := range strings.FieldsFuncSeq(version.text, func(r rune) bool { return r == ',' || r == '\n' || r == ' ' }) {
				name, spec, _ := strings.Cut(tool, "@")
				add(name, spec, version.at)
			}
		}
	case version != nil && version.kind == nodeArray:
		for _, v := range version.scalars() {
			add(s.tool, v.text, v.at)
		}
	case version != nil && version.text != "":
		for _, text := range b.expand(version.text) {
			for spec := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
				if spec = strings.TrimSpace(spec); spec != "" {
					add(s.tool, spec, version.at)
				}
			}
		}
	case s.file != "" && with.get(s.file) != nil:
		file := with.get(s.file)
		t := Use{Kind: UseTool, Type: "generic", Name: s.tool, Text: u.Name + " " + file.text, Spec: file.text, Via: u.Text, Pin: Floating}
		t.Detail = "the version is that of the file " + quote(file.text)
		t.look = lookup{lookVersion, file.text}
		if isVariable(file.text) {
			t.Pin, t.Fix = Variable, "write the version"
		}
		b.use(file.at, t)
	case lower(u.FullName()) == "dtolnay/rust-toolchain" && u.Spec != "":
		add(s.tool, u.Spec, at)
	default:
		t := Use{Kind: UseTool, Type: "generic", Name: s.tool, Text: u.Name, Via: u.Text, Pin: Floating}
		if t.Detail = "no version"; s.missing != "" {
			t.Detail = "no version: it is " + s.missing
		}
		if s.input != "" {
			t.Fix = "write `" + s.input + ":` with a full version"
		}
		b.use(at, t)
	}
}

// version sets the pin of a tool by the version that is requested.
func (u *Use) version(spec string) {
	switch {
	case isVariable(spec):
		u.Pin, u.Detail, u.Fix = Variable, "the version is decided when it runs", "write a full version"
	case fullVersion.MatchString(spec):
		u.fixedVersion()
	case spec == "":
		u.Pin, u.Detail, u.Fix = Floating, "no version: it is the newest", "write a full version"
	default:
		u.Pin, u.Detail, u.Fix = Floating, quote(spec)+" is the newest version that matches", "write a full version"
	}
}

// fixedVersion pins a use by a version that is full in a form of its own.
func (u *Use) fixedVersion() {
	u.Pin, u.Detail, u.Fix = ByVersion, "a version has no digest: its bytes are what the publisher has under it", ""
}
