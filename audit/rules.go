package audit

import (
	"slices"
)

// Rule is a check that documents itself: `depaudit explain`, the page of
// rules and the rules in SARIF are printed from these values.
type Rule struct {
	// ID is what findings, and people in chats, call it by.
	ID    string
	Title string
	// Strict is the severity in a critical or enforced stage, Other that in
	// the others; empty where the rule is not applied.
	Strict, Other Severity
	// What is looked at, why it matters, how to fix it, how to accept it.
	What, Why, Fix, Accept string
}

// Explanation is the rule as text of a few paragraphs.
func (r Rule) Explanation() string {
	return r.What + "\n\nWhy: " + r.Why + "\n\nFix: " + r.Fix + "\n\nAccept: " + r.Accept
}

// Severity returns the severity of a finding, "" where the rule is not
// applied. strict is whether the stage is critical or enforced.
func (r Rule) Severity(strict bool) Severity {
	if strict {
		return r.Strict
	}
	return r.Other
}

// IDs of the rules.
const (
	RuleGaps          = "gaps"
	RuleEmpty         = "empty-environment"
	RuleMethod        = "method-changed"
	RuleNoBaseline    = "no-baseline"
	RuleGrowth        = "growth"
	RuleOverLimit     = "over-limit"
	RuleWeaker        = "weaker-evidence"
	RuleHashMismatch  = "hash-mismatch"
	RuleOtherRegistry = "other-registry"
	RuleDirectInstall = "direct-install"
	RuleNotPinned     = "not-pinned"
	RuleNoHash        = "lock-without-hash"
	RuleFiles         = "unaccounted-files"
	RuleOrigin        = "untrusted-origin"
	RuleExpired       = "expired-exception"
	RuleClaim         = "foreign-claim"
	RuleStartup       = "startup-code"
	RuleLeftover      = "leftover-list"
	RuleNonASCII      = "non-ascii-name"
	RuleHalfInstalled = "half-installed"
	RuleWeakLock      = "weak-lock"
	RuleUnusedLock    = "unused-lock"
	RuleUnusedExcept  = "unused-exception"
	RuleStageGone     = "stage-gone"
	RuleShrunk        = "baseline-shrunk"
	RuleLimitation    = "limitation"
	RuleBaseGrowth    = "base-growth"
	RuleBaseLimit     = "base-over-limit"
	RuleBasePinned    = "base-not-pinned"
	RuleBaseClaimed   = "base-claimed"
	RuleBaseCompared  = "base-compared"
	RuleExpiredWaiver = "expired-waiver"
	RuleUnusedWaiver  = "unused-waiver"
	RuleUnusedAccept  = "unused-accept"
	RuleUnknownRoot   = "unknown-root"
)

// Rules returns all rules, the weightiest first, which is also the order of
// findings of one severity.
func Rules() []Rule {
	return slices.Concat(completenessRules(), growthRules(), provenanceRules(), baseRules(), suspicionRules(), upkeepRules())
}

// RuleByID returns the rule of that ID.
func RuleByID(id string) (Rule, bool) {
	rules := Rules()
	i := slices.IndexFunc(rules, func(r Rule) bool { return r.ID == id })
	if i < 0 {
		return Rule{}, false
	}
	return rules[i], true
}

const (
	acceptUpdate = `depaudit baseline update --stage STAGE --reason "..." records the present state; ` +
		"the diff of the baseline file is what the reviewers accept."
	acceptException = "an entry under `exceptions:` in depaudit.yaml, with purl, reason, owner and the last day (expires) on which it holds."
)

func completenessRules() []Rule {
	return []Rule{{
		ID: RuleGaps, Title: "Something could not be examined", Strict: SeverityIncomplete, Other: SeverityIncomplete,
		What:   "The scan met a folder, a file, a database or a package that it could not read or make sense of, or it did not finish at all. Each gap is listed with its path.",
		Why:    "What was not looked at may hold anything. A count that leaves it out is too low by an unknown number, so the report is incomplete and never a pass.",
		Fix:    "read the gap's text: run with the rights to read the path, repair or reinstall the package whose metadata is broken, or raise the limit that was reached.",
		Accept: "an entry under `waive:` of the stage with path or kind, reason, owner and the last day (expires) on which it holds. A lost scan, a package database that could not be read and a base that is not known cannot be waived.",
	}, {
		ID: RuleLimitation, Title: "The environment cannot show all that is judged", Strict: SeverityIncomplete, Other: Warning,
		What:   "The stage's environment is one that cannot show something at all: an SBOM that somebody else made knows no files, so that nobody can say which of them no package accounts for. Each limitation has a name: ownership, paths, unaccounted, relations, asked, installed, incomplete.",
		Why:    "A count without it is another count, and looks the same. Every format names the limitations beside the number.",
		Fix:    "audit the environment itself: the image, the root file system, the machine.",
		Accept: "`accept:` in the stage with the names of the limitations; the number is then judged as it is, and keeps its mark.",
	}, {
		ID: RuleEmpty, Title: "Implausibly little was found", Strict: SeverityIncomplete, Other: SeverityIncomplete,
		What:   "Nothing was found in the environment, or an operating system is named in it and fewer packages than even a minimal one has, or its package database is missing.",
		Why:    "An empty folder, a wrong path or a removed package database looks like a perfect footprint.",
		Fix:    "check that the environment's reference names the root file system that the stage really uses.",
		Accept: "if the environment is meant to be that lean, set `minimum:` for the stage, or `distroless: true` when it has no package database.",
	}, {
		ID: RuleMethod, Title: "The ruler changed", Strict: SeverityIncomplete, Other: SeverityIncomplete,
		What:   "The baseline was made with other counting rules or another version of the catalogers than this count.",
		Why:    "A new scanner version can move the count more than any pull request. The difference cannot be told from growth, so it is shown but not judged.",
		Fix:    "count the unchanged environment with the new version and look at what differs.",
		Accept: acceptUpdate,
	}, {
		ID: RuleNoBaseline, Title: "A critical stage has no baseline", Strict: SeverityIncomplete, Other: "",
		What:   "The baseline file does not exist, or does not have this stage.",
		Why:    "Growth is judged against what was accepted. Without that there is nothing to judge by, and silence would be taken for a pass.",
		Fix:    "make the first baseline, look through it, and commit it beside depaudit.yaml.",
		Accept: acceptUpdate,
	}}
}

func growthRules() []Rule {
	return []Rule{{
		ID: RuleGrowth, Title: "New dependencies", Strict: Error, Other: Warning,
		What:   "The stage has dependencies that its baseline does not have, and more of them than `growth:` allows. They are compared by identity without the version: a swap at the same count is growth, a version bump is not, a second version beside the first one is. Where the configuration names a base, this is about what the stage adds to it; what was the base's and is now the stage's own is growth. Under a base that is not pinned, or that only the image claims, what is new in it is growth too.",
		Why:    "Each installed dependency can change what the stage makes.",
		Fix:    "remove the packages that introduce them, or install them in a stage that is not critical.",
		Accept: acceptUpdate,
	}, {
		ID: RuleOverLimit, Title: "More dependencies than the limit", Strict: Error, Other: Warning,
		What:   "The number of dependencies is above the `limit:` of the stage. Where the configuration names a base that is pinned, the limit is for those that the stage adds to it.",
		Why:    "A limit is the number that the team decided not to exceed in any number of small steps.",
		Fix:    "remove dependencies.",
		Accept: "raise `limit:` in depaudit.yaml; the baseline does not change it.",
	}, {
		ID: RuleWeaker, Title: "Proof got weaker", Strict: Error, Other: Warning,
		What:   "A dependency that the baseline has with better proof (from a lock with a hash, from the operating system) is now shown less well, or not at all.",
		Why:    "The name and the count stay the same when a package from a lock is replaced by one of the same name from elsewhere.",
		Fix:    "install it again from where the baseline has it.",
		Accept: acceptUpdate,
	}}
}

func provenanceRules() []Rule {
	return []Rule{{
		ID: RuleHashMismatch, Title: "Not the bytes that were locked", Strict: Error, Other: Warning,
		What:   "The digest that the environment has of an installed package is not the one in the lock file for that version.",
		Why:    "Either the lock or the environment is not what it says. This is what a replaced artifact looks like.",
		Fix:    "find out where the artifact came from before anything else; then install from the lock again.",
		Accept: acceptException,
	}, {
		ID: RuleOtherRegistry, Title: "From a registry that is not allowed", Strict: Error, Other: Warning,
		What:   "The lock entry, or the installer's record, takes the package from a host that is neither the ecosystem's own nor listed under `registries:`, or from a URL or name that is another package's.",
		Why:    "A hash only says that the bytes are those that whoever wrote the lock chose. The host says who they come from.",
		Fix:    "lock the package from its own registry.",
		Accept: "add the host to `registries:` of the stage or the pipeline.",
	}, {
		ID: RuleDirectInstall, Title: "Installed from a URL, a repository or a working copy", Strict: Error, Other: Warning,
		What:   "The installer recorded that the package came from version control, from a URL or a local folder, as a link or as an editable install, which no lock entry pins.",
		Why:    "Its version number says nothing about its content.",
		Fix:    "install a released version from a registry, and lock it with its hash.",
		Accept: acceptException,
	}, {
		ID: RuleNotPinned, Title: "In no lock file", Strict: Error, Other: Warning,
		What:   "The package is not from the operating system, and no lock file of the stage pins the version that is installed. Each dependency says what was found instead: nothing, another version, a range.",
		Why:    "The next build may get another version, from whoever can publish one.",
		Fix:    "add the package with version and hash to a lock file of the stage, and install from that.",
		Accept: acceptException,
	}, {
		ID: RuleNoHash, Title: "Locked without a hash", Strict: Error, Other: Warning,
		What:   "The lock entry of the installed version has no hash, or only one that can be forged (md5, sha1).",
		Why:    "The version is fixed, its content is not: who controls the registry or the way to it can serve other bytes.",
		Fix:    "lock with hashes (pip-compile --generate-hashes, uv lock, npm install with a current lockfile version).",
		Accept: acceptException,
	}, {
		ID: RuleFiles, Title: "Files that no package accounts for", Strict: Error, Other: Warning,
		What:   "Executables, shared libraries or interpreters that belong to no package. Each topmost folder, or file, that nothing accounts for is one dependency.",
		Why:    "Nobody can say where they are from, and they run like everything else.",
		Fix:    "install the tool as a package, or from a lock with a hash.",
		Accept: "an entry under `exceptions:` in depaudit.yaml with purl and path, or a path alone; see not-pinned.",
	}, {
		ID: RuleOrigin, Title: "OS package of untrusted origin", Strict: Error, Other: Warning,
		What:   "The package database has the package, but it is from an archive that the policy does not trust, or from none.",
		Why:    "Being in the package database only says that the package manager unpacked it.",
		Fix:    "install the distribution's own package.",
		Accept: acceptException,
	}, {
		ID: RuleExpired, Title: "Exception has expired", Strict: Error, Other: Warning,
		What:   "A dependency is excused by an exception whose last day has passed.",
		Why:    "Exceptions are loans. This one was due.",
		Fix:    "do what the exception was waiting for.",
		Accept: "set a new `expires:` with a reason that still holds.",
	}}
}

func baseRules() []Rule {
	return []Rule{{
		ID: RuleBasePinned, Title: "The base is not pinned", Strict: Error, Other: Warning,
		What:   "The base of the stage is an image that is named by a tag, or not by a digest at all.",
		Why:    "A tag stands for something else tomorrow. Everything that is accounted for by the base then rests on whoever can move the tag, so that new dependencies in it are growth of the stage and count against its limit.",
		Fix:    "write the digest behind the name: `base: registry:NAME:TAG@sha256:...`. The finding has the digest of the image that was looked at.",
		Accept: "it cannot be accepted in a critical stage. Without `base:` everything in the stage is judged as the stage's own.",
	}, {
		ID: RuleBaseLimit, Title: "The base is above its limit", Strict: Error, Other: Warning,
		What:   "The base has more dependencies than `base-limit:` of the stage says.",
		Why:    "What comes with the base is in the stage like everything else. A limit keeps it from growing in many small steps that only warn.",
		Fix:    "build on a smaller base.",
		Accept: "raise `base-limit:` in depaudit.yaml.",
	}, {
		ID: RuleBaseClaimed, Title: "Only the image names its base", Strict: Warning, Other: Info,
		What:   "The annotations of the image say what it is built on, and the configuration does not.",
		Why:    "Whoever made the image wrote that. It explains where dependencies are from and excuses none of them: provenance, growth and limits are judged as though the image had not said it.",
		Fix:    "if it is what you build on, name it with its digest under `base:` of the stage.",
		Accept: "nothing needs to be accepted: it is a warning.",
	}, {
		ID: RuleBaseGrowth, Title: "New dependencies in the base", Strict: Warning, Other: Info,
		What:   "The base has dependencies that the baseline does not have.",
		Why:    "They are in the stage like everything else, and somebody else decided on them.",
		Fix:    "see what changed in the base, and record it in the baseline.",
		Accept: acceptUpdate,
	}, {
		ID: RuleBaseCompared, Title: "The base was found by comparison", Strict: Info, Other: Info,
		What:   "The base is not an image whose layers are in the stage's image, but a folder or a document, or the stage is not an image. What both have is the base's: packages by name, version and, where it is recorded, digest; files by content.",
		Why:    "It rests on what the folder or the document says now. Layers would show that it is the same, bit by bit.",
		Fix:    "where the stage is an image, name the image that it is built on as the base.",
		Accept: "nothing needs to be accepted: it is only told.",
	}}
}

func suspicionRules() []Rule {
	return []Rule{{
		ID: RuleClaim, Title: "A package claims files where it has no business", Strict: Error, Other: Warning,
		What:   "The file list of an OS package names paths where OS packages put nothing, or another package's files.",
		Why:    "A forged list makes foreign files look provided by the operating system.",
		Fix:    "see which package it is and where it is from; remove it.",
		Accept: acceptException,
	}, {
		ID: RuleStartup, Title: "Code that runs at interpreter start-up", Strict: Error, Other: Warning,
		What:   "A .pth file with an import line, a sitecustomize or the like. It is an error in a critical stage when it belongs to nothing that is accounted for, and only mentioned when it does, as Debian's setuptools have one.",
		Why:    "It runs in every process of that interpreter, without being imported by anybody.",
		Fix:    "remove the file, or install the package that it belongs to from a lock.",
		Accept: "an entry under `exceptions:` in depaudit.yaml with its path.",
	}, {
		ID: RuleLeftover, Title: "File list of a package that is not installed", Strict: Error, Other: Warning,
		What:   "The package database has a list of files for a package that it does not call installed, and the files are there.",
		Why:    "Flipping the state of a package hides it from every count while its files stay.",
		Fix:    "purge the package, or install it properly.",
		Accept: "an entry under `exceptions:` in depaudit.yaml with the path of the list.",
	}, {
		ID: RuleNonASCII, Title: "Name outside ASCII", Strict: Error, Other: Warning,
		What:   "A package has letters in its name that its ecosystem does not allow.",
		Why:    "A Cyrillic letter looks like a Latin one and is another package.",
		Fix:    "find out what installed it; remove it.",
		Accept: acceptException,
	}, {
		ID: RuleHalfInstalled, Title: "Package in a broken state", Strict: Warning, Other: Warning,
		What:   "The package manager left a package unpacked or half configured.",
		Why:    "Its scripts may not have run, so the stage may not be what its list of packages says.",
		Fix:    "let the package manager finish (dpkg --configure -a).",
		Accept: "nothing needs to be accepted: it is a warning.",
	}}
}

func upkeepRules() []Rule {
	return []Rule{{
		ID: RuleWeakLock, Title: "A lock pins less than it seems to", Strict: Warning, Other: Warning,
		What:   "A lock file has something in it that weakens it: another index, an option that the installer ignores, entries that contradict each other.",
		Why:    "Who reads the lock file takes it for stronger than it is.",
		Fix:    "write the lock again with the tool that it is from.",
		Accept: "nothing needs to be accepted: what is installed is judged by the rules above.",
	}, {
		ID: RuleUnusedLock, Title: "Nothing of a lock file is installed", Strict: Warning, Other: Warning,
		What:   "A lock file of the stage names no package that is installed in it.",
		Why:    "It is the wrong file, or the wrong stage, and would pin what is installed later.",
		Fix:    "remove it from `locks:` of the stage.",
		Accept: "nothing needs to be accepted: it is a warning.",
	}, {
		ID: RuleUnknownRoot, Title: "Root that is not there", Strict: Warning, Other: Warning,
		What:   "An entry under `roots:` of the stage means no package in it, or several.",
		Why:    "What the stage is said to use is not what is installed: a name is mistyped, or something is missing.",
		Fix:    "name a package, a command or an absolute path that the stage has.",
		Accept: "nothing needs to be accepted: it is a warning.",
	}, {
		ID: RuleUnusedExcept, Title: "Exception for nothing", Strict: Warning, Other: Warning,
		What:   "An exception in depaudit.yaml excuses no dependency of any stage.",
		Why:    "What it was for is gone; left in place, it excuses the next one of that name.",
		Fix:    "delete it.",
		Accept: "nothing needs to be accepted: it is a warning.",
	}, {
		ID: RuleExpiredWaiver, Title: "Waiver has expired", Strict: Warning, Other: Warning,
		What:   "A gap is covered by an entry under `waive:` whose last day has passed. The gap counts again.",
		Why:    "Waivers are loans. This one was due.",
		Fix:    "repair what could not be read.",
		Accept: "set a new `expires:` with a reason that still holds.",
	}, {
		ID: RuleUnusedWaiver, Title: "Waiver for nothing", Strict: Warning, Other: Warning,
		What:   "An entry under `waive:` covers no gap of its stage.",
		Why:    "What it was for is gone; left in place, it covers the next gap of that kind.",
		Fix:    "delete it.",
		Accept: "nothing needs to be accepted: it is a warning.",
	}, {
		ID: RuleUnusedAccept, Title: "A limitation is accepted that is not there", Strict: Info, Other: Info,
		What:   "`accept:` of the stage names a limitation that its environment does not have.",
		Why:    "The environment can show more than it is asked to. Left in place, the entry accepts a weaker one.",
		Fix:    "remove it from `accept:`.",
		Accept: "nothing needs to be accepted: it is only told.",
	}, {
		ID: RuleStageGone, Title: "The baseline has a stage that is not configured", Strict: Warning, Other: Warning,
		What:   "A stage of the baseline is not in depaudit.yaml.",
		Why:    "A renamed stage loses its baseline, and with it what was accepted.",
		Fix:    "name the stage in depaudit.yaml as the baseline does, or delete it from the baseline.",
		Accept: "nothing needs to be accepted: it is a warning.",
	}, {
		ID: RuleShrunk, Title: "The stage has shrunk", Strict: Info, Other: Info,
		What:   "The baseline has dependencies that the stage no longer has.",
		Why:    "Until the baseline is lowered, they can come back unnoticed.",
		Fix:    "lower the baseline: depaudit baseline update --stage STAGE.",
		Accept: "nothing needs to be accepted: shrinking passes.",
	}}
}
