package audit

import (
	"fmt"

	"github.com/depaudit/depaudit/sbom/wording"
)

const acceptUse = "an entry under `exceptions:` with the purl of the thing (pkg:github/actions/checkout@v4), reason, owner and the last day (expires) on which it holds; `depaudit except add` writes it."

// The definition of a stage: what its environment does not show.
//
// A hosted runner is a rule of its own. Its image is replaced every week and no
// workflow can pin it, so that an error would make every job on one red, with an
// exception as the only remedy, and a passing report without a word would claim
// more than it knows. A warning changes no verdict and stays in every report.
var (
	RuleFloatingUse = Rule{
		ID: "floating-use", Title: "The stage runs on something that floats", Strict: Error, Other: Warning,
		What:   "The definition of the stage (`definition:`) names an action, a reusable workflow, an image or a feature by a tag, a branch or a variable. None of them is in the environment after the job, so that the count does not have it.",
		Why:    "The owner of the tag can give it to other code, which then runs in the stage with its permissions. In March 2025 the tags of tj-actions/changed-files were moved to a commit that printed secrets.",
		Fix:    "write the full commit of an action or a workflow, with the tag in a comment, and the digest of an image. A lock of actions (.github/workflows/actions.lock) pins them, too.",
		Accept: acceptUse,
		message: func(f Facts) string {
			return "the stage runs on " + wording.Count(f.Count, "thing", "things") + " that can be another one tomorrow" + f.Subject
		},
		hint: useFix("write the full commit of an action, and the digest of an image"),
	}
	RuleUnlockedInstall = Rule{
		ID: "unlocked-install", Title: "A command installs a tool without a lock", Strict: Error, Other: Warning,
		What:   "A command or a setup action of the definition installs a tool, or downloads a program, that no lock and no digest fixes: `pip install X`, `npm i -g X`, `curl ... | sh`, a version range of a tool. Where the environment has the package, it is judged there as well, and this is a warning that names the line. A build backend that pip fetches for a source distribution is gone before any scan, so that only its line can be judged. A package or a download with a version and without a digest is a warning.",
		Why:    "It runs in the stage and can change what the stage makes, also if it is removed afterwards.",
		Fix:    "install from a lock with hashes, such as `pip install --require-hashes -r requirements.txt`, and check the digest of a download before it is used. Give a setup action a full version.",
		Accept: acceptUse,
		message: func(f Facts) string {
			what := " that no lock fixes"
			if f.Limit > 0 { // by version alone
				what = " by version, without a digest"
			}
			return "the definition installs " + wording.Count(f.Count, "tool", "tools") + what + f.Subject
		},
		hint: useFix("install from a lock with hashes"),
	}
	RuleFloatingRunner = Rule{
		ID: "floating-runner", Title: "The runner's image floats", Strict: Warning, Other: Info,
		What:   "The stage runs on a hosted runner, whose image is replaced every week also under a label with a version, or on one that the definition does not describe. Packages of the image that the environment shows are counted there; its kernel, its agent and the tools outside of the environment are not.",
		Why:    "What is installed on the runner can change what the stage makes, and the workflow cannot pin it. It is a warning, since an error would leave no remedy but an exception to every job on a hosted runner.",
		Fix:    "run the job in a `container:` whose image has a digest. Then the runner only starts the container, which is no finding.",
		Accept: acceptWarning + " An exception for the purl (pkg:generic/runner/ubuntu-24.04) removes it.",
		message: func(f Facts) string {
			return "the image of the runner is not pinned" + f.Subject
		},
		hint: useFix("run the job in a `container:` with a digest"),
	}
	RuleNewUse = Rule{
		ID: "new-use", Title: "New machinery in the definition", Strict: Error, Other: Warning,
		What:   "The definition of the stage names an action, an image, a runner or a tool that its baseline does not have. They are compared by name without the version, as dependencies are: another commit of the same action is no new one.",
		Why:    "Each of them runs in the stage and can change what the stage makes, and the number of dependencies does not show it.",
		Fix:    "remove it, or use it in a stage that is not critical.",
		Accept: acceptUpdate,
		message: func(f Facts) string {
			return "the definition has " + wording.Count(f.Count, "thing", "things") + " that the baseline does not have" + f.Subject
		},
		hint: useFix("remove it from the definition, or use it in a stage that is not critical"),
	}
	RuleWeakerPin = Rule{
		ID: "weaker-pin", Title: "A weaker pin than the accepted one", Strict: Error, Other: Warning,
		What:   "An action, an image or a tool of the definition was accepted with a commit, a digest or a lock and now has a version, a tag or a range.",
		Why:    "The name stays the same while the content can change without a commit in this repository.",
		Fix:    "write the commit or the digest again.",
		Accept: acceptUpdate,
		// Detail has the two pins of the first one.
		message: func(f Facts) string {
			return wording.Count(f.Count, "thing of the definition has", "things of the definition have") + " a weaker pin than the baseline" + f.Detail
		},
		hint: useFix("write the commit or the digest again"),
	}
	RuleDefinitionGone = Rule{
		ID: "definition-gone", Title: "The stage lost its definition", Strict: Error, Other: Warning,
		What:   "The baseline has the machinery of the stage, and depaudit.yaml no longer has its `definition:`.",
		Why:    "Without it, new actions and images are not seen. One line less in the configuration would make the report better.",
		Fix:    "name the definition again.",
		Accept: acceptUpdate,
		message: func(f Facts) string {
			return "the baseline has " + wording.Count(f.Count, "thing", "things") + " of the stage's definition, and the configuration has no `definition:`"
		},
		hint: text("name the definition of the stage again, such as `definition: .github/workflows/release.yml#build`"),
	}
)

// useFix returns a hint: what to write instead of each use, or general advice.
func useFix(general string) func(Facts) string {
	return func(f Facts) string {
		if f.Advice == "" {
			return general
		}
		return f.Advice
	}
}

// Among returns the first of some names as the end of a message.
func Among(names []string) string {
	const most = 3
	text := ""
	for i, n := range names {
		if i == most {
			return text + fmt.Sprintf(" and %d more", len(names)-most)
		}
		text += []string{": ", ", "}[min(i, 1)] + n
	}
	return text
}
