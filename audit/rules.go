package audit

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/depaudit/depaudit/sbom/wording"
)

const (
	acceptUpdate = `depaudit baseline update --stage STAGE --reason "..." records the present state; ` +
		"the diff of the baseline file is what the reviewers accept."
	acceptException = "an entry under `exceptions:` with purl, reason, owner and the last day (expires) on which it holds; `depaudit except add` writes it."
	acceptWarning   = "nothing needs to be accepted: it is a warning."
	acceptInfo      = "nothing needs to be accepted: it is a remark."
)

// text returns a message without facts.
func text(s string) func(Facts) string { return func(Facts) string { return s } }

// counted returns a message that begins with the number of things: one follows
// "1", many follows any other number.
func counted(one, many, rest string) func(Facts) string {
	return func(f Facts) string { return wording.Count(f.Count, one, many) + rest }
}

// Completeness: what was not examined cannot be judged.
var (
	RuleGaps = Rule{
		ID: "gaps", Title: "Something could not be examined", Strict: SeverityIncomplete, Other: SeverityIncomplete,
		What:   "The scan found a directory, a file, a database or a package that it could not read or parse, or the scan did not finish. Each gap is listed with its path.",
		Why:    "A part that was not examined may contain anything. A count without it is too low by an unknown number, so the report is incomplete and never a pass.",
		Fix:    "read the gap's text: run with the rights to read the path, repair or reinstall the package whose metadata is broken, or raise the limit that was reached.",
		Accept: "an entry under `waive:` of the stage with path or kind, reason, owner and the last day (expires) on which it holds. A lost scan, a package database that could not be read and an unknown base cannot be waived.",
		// Limit of Count are paths that only root can read. Subject has the keys of
		// a waiver that covers them, or the only gap; Detail its last day.
		message: func(f Facts) string {
			switch {
			case f.Limit == 0:
				return wording.Count(f.Count, "thing", "things") + " could not be examined"
			case f.Limit == f.Count:
				return wording.Count(f.Count, "path", "paths") + " only root can read"
			}
			return fmt.Sprintf("%s could not be examined, %d of them paths that only root can read", wording.Count(f.Count, "thing", "things"), f.Limit)
		},
		hint: func(f Facts) string {
			see := "see the gaps of the stage: give the scan the rights it needs, or repair what could not be read"
			waiver := fmt.Sprintf("`waive: [{%s, reason: \"...\", owner: \"...\", expires: %s}]`", f.Subject, f.Detail)
			switch {
			case f.Subject == "":
				return see
			case f.Limit == 0:
				return see + "; to waive it in the stage of depaudit.yaml: " + waiver
			case f.Limit == f.Count:
				return "run `" + f.Command + "`, or waive them in the stage of depaudit.yaml: " + waiver
			}
			return see + "; for the paths that only root can read, run `" + f.Command + "`, or waive them in the stage of depaudit.yaml: " + waiver
		},
	}
	RuleLimitation = Rule{
		ID: "limitation", Title: "The environment cannot show everything that is judged", Strict: SeverityIncomplete, Other: Warning,
		What:   "The stage's environment is of a kind that cannot show something at all. An SBOM of another tool, for example, has no files, so that files which no package accounts for cannot be found. Each limitation has a name: ownership, paths, unaccounted, relations, install-reason, installed, incomplete.",
		Why:    "A count without it is a different count and looks the same. Every format names the limitations beside the number.",
		Fix:    "audit the environment itself: the image, the root file system, the machine.",
		Accept: "`accept:` in the stage with the names of the limitations. The count is then judged as it is, and stays marked.",
		message: func(f Facts) string {
			return "the environment cannot show: " + f.Subject
		},
		hint: func(f Facts) string {
			switch {
			case f.Severity == Info:
				return ""
			case f.Detail == "":
				return "audit the environment itself"
			}
			return fmt.Sprintf("audit the environment itself, or accept a count without it: `accept: [%s]` in the stage", f.Detail)
		},
	}
	RuleEmpty = Rule{
		ID: "empty-environment", Title: "Implausibly few dependencies", Strict: SeverityIncomplete, Other: SeverityIncomplete,
		What:   "The environment has no dependencies, or it names an operating system and has fewer packages than a minimal one or no package database.",
		Why:    "An empty directory, a wrong path or a removed package database looks like a perfect footprint.",
		Fix:    "check that the environment's reference names the root file system that the stage uses.",
		Accept: "if the environment is that lean on purpose, set `minimum:` for the stage, or `distroless: true` if it has no package database.",
		// A Limit of 0 is for a missing package database.
		message: func(f Facts) string {
			switch {
			case f.Limit == 0:
				return "the environment names an operating system but has no package database"
			case f.Count == 0:
				return "nothing was found in the environment"
			}
			return fmt.Sprintf("%s, where at least %d are expected", wording.Count(f.Count, "dependency was found", "dependencies were found"), f.Limit)
		},
		hint: func(f Facts) string {
			const check = "check that the environment's reference names the root that the stage uses; "
			switch {
			case f.Limit == 0:
				return check + "if it has none on purpose, set `distroless: true`"
			case f.Count == 0:
				return check + "if it is empty on purpose, set `minimum: 0`"
			}
			return check + "if it is that lean on purpose, set `minimum:`"
		},
	}
	RuleMethod = Rule{
		ID: "method-changed", Title: "The counting method changed", Strict: SeverityIncomplete, Other: SeverityIncomplete,
		What:   "The baseline was made with other counting rules or another version of the catalogers than this count.",
		Why:    "A new scanner version can move the count more than any pull request. The difference cannot be separated from growth, so it is shown but not judged.",
		Fix:    "count the unchanged environment with the new version and review the differences.",
		Accept: acceptUpdate,
		message: func(f Facts) string {
			return fmt.Sprintf("the baseline was made with %s, this count with %s", f.Subject, f.Detail)
		},
		hint: text("count the unchanged environment again, review the differences, and update the baseline"),
	}
	RuleNoBaseline = Rule{
		ID: "no-baseline", Title: "A critical stage has no baseline", Strict: SeverityIncomplete, Other: "",
		What:    "The baseline file does not exist, or does not have this stage.",
		Why:     "Growth is judged against what was accepted. Without a baseline there is nothing to compare with, and a report without findings would be taken for a pass.",
		Fix:     "make the first baseline, review it, and commit it beside depaudit.yaml.",
		Accept:  acceptUpdate,
		message: text("there is no baseline for this stage"),
		hint:    text("make one, review it, and commit it"),
	}
	RuleBaseDiffers = Rule{
		ID: "base-differs", Title: "The baseline was made with another base", Strict: Error, Other: Warning,
		What: "The stage had a base when it was accepted and has none, or the reverse, or a base of another kind or name. A tag, a digest and the path of a snapshot may change. Often `--since` was forgotten. " +
			"The severity is that of a critical stage if the stage was critical when it was accepted.",
		Why: "Without its base everything that the machine or the image had before looks as if the job installed it, and with another one what the job installs may look as if it was there before. " +
			"The difference to the baseline is shown and not judged, and neither are the limit and the provenance of a stage that lost its base.",
		Fix:    "give the base that the baseline was made with.",
		Accept: acceptUpdate,
		// Subject is the base then, Detail the base now, "" for none.
		message: func(f Facts) string {
			switch {
			case f.Detail == "" && f.Subject == "snapshot":
				return "the baseline was made with a snapshot, and there is none: --since FILE is missing"
			case f.Detail == "":
				return fmt.Sprintf("the baseline was made with the base %s, and the stage has none", f.Subject)
			case f.Subject == "" && f.Detail == "snapshot":
				return "the baseline was made without a base, and the stage has a snapshot"
			case f.Subject == "":
				return fmt.Sprintf("the baseline was made without a base, and the stage has %s", f.Detail)
			}
			return fmt.Sprintf("the baseline was made with the base %s, and the stage has %s", f.Subject, f.Detail)
		},
		hint: func(f Facts) string {
			switch {
			case f.Detail == "" && f.Subject == "snapshot":
				return "take a snapshot before the job installs anything, and give it to the audit: " + f.Snapshot
			case f.Subject == "":
				return "audit without the base (remove `base:` or --since), or accept the stage with it"
			}
			return "restore `base:` of the stage, or accept the stage as it is"
		},
	}
	RuleLateSnapshot = Rule{
		ID: "snapshot-late", Title: "The snapshot was taken after the installation", Strict: Error, Other: Warning,
		What:   "The base of the stage is a snapshot, and it has most of the dependencies that the stage added to its base when it was accepted. The stage adds few, or none at all.",
		Why:    "A snapshot that is taken too late makes the additions of the job part of its base, where they are neither counted nor judged as growth. The gate is then green whatever the job installs.",
		Fix:    "take the snapshot as the first step of the job, before anything is installed.",
		Accept: acceptUpdate,
		message: func(f Facts) string {
			return fmt.Sprintf("the snapshot has %d of the %s that the stage added before: it was taken after the installation", f.Count, wording.Count(f.Limit, "dependency", "dependencies"))
		},
		hint: text("take the snapshot (depaudit snapshot, or begin) as the first step of the job, before anything is installed"),
	}
)

// Growth: what changed since the baseline was accepted.
var (
	RuleGrowth = Rule{
		ID: "growth", Title: "New dependencies", Strict: Error, Other: Warning,
		What:   "The stage has dependencies that its baseline does not have, and more of them than `growth:` allows. They are compared by identity without the version: a swap at the same count is growth, a version bump is not, and a second version beside the first one is. If the configuration names a base, the rule covers what the stage adds to it; a dependency that moved from the base to the stage is growth. A new dependency of a base that is not pinned, or that only the image claims, is growth too.",
		Why:    "Each installed dependency can change what the stage builds.",
		Fix:    "remove the dependency that introduces them, or install it in a stage that is not critical.",
		Accept: acceptUpdate,
		message: func(f Facts) string {
			return fmt.Sprintf("%s, and %d allowed", wording.Count(f.Count, "new dependency", "new dependencies"), f.Limit) + f.Detail
		},
		// Subject is the dependency that introduces most, Line how many.
		hint: func(f Facts) string {
			const elsewhere = " in a stage that is not critical"
			switch {
			case f.Line > 0 && f.Line+1 < f.Count:
				return fmt.Sprintf("remove the packages that introduce them, %s first (it introduces %d), or install it", f.Subject, f.Line) + elsewhere
			case f.Subject != "":
				return "remove " + f.Subject + " from the stage, or install it" + elsewhere
			}
			return "remove them from the stage, or install them" + elsewhere
		},
	}
	RuleOverLimit = Rule{
		ID: "over-limit", Title: "More dependencies than the limit", Strict: Error, Other: Warning,
		What:   "The number of dependencies is above the `limit:` of the stage. If the configuration names a base that is pinned, the limit is for the dependencies that the stage adds to it.",
		Why:    "A limit is the number that the team decided not to exceed in any number of small steps.",
		Fix:    "remove dependencies.",
		Accept: "raise `limit:` in depaudit.yaml; the baseline does not change it.",
		message: func(f Facts) string {
			return fmt.Sprintf("%s%s, and the limit is %d", wording.Count(f.Count, "dependency", "dependencies"), f.Detail, f.Limit)
		},
		hint: text("remove dependencies, or raise `limit:` of the stage"),
	}
	RuleWeaker = Rule{
		ID: "weaker-evidence", Title: "Weaker evidence", Strict: Error, Other: Warning,
		What:    "A dependency that the baseline has with better evidence (from a lock with a hash, from the operating system) now has weaker evidence or none.",
		Why:     "The name and the count stay the same when a package from a lock is replaced by one of the same name from another place.",
		Fix:     "install it again from the source that the baseline records, or name the indexes and artifacts that the baseline was made with (indexes:, artifacts:).",
		Accept:  acceptUpdate,
		message: counted("dependency has", "dependencies have", " weaker evidence than in the baseline"),
		hint:    text("install it again from the source that the baseline records, or name the indexes and artifacts that the baseline was made with (indexes:, artifacts:)"),
	}
	RuleShrunk = Rule{
		ID: "baseline-shrunk", Title: "The stage has shrunk", Strict: Info, Other: Info,
		What:   "The baseline has dependencies that the stage no longer has. It is an error in a critical stage when half of the baseline or more is gone, and a remark otherwise.",
		Why:    "Until the baseline is updated, they can return without being growth. And a stage that lost most of its dependencies is rarely the stage that was accepted: the environment is empty, or it is another one.",
		Fix:    "check that the environment is the stage's, then lower the baseline: depaudit baseline update --stage STAGE.",
		Accept: acceptUpdate,
		// Limit is the size of the baseline when most of it is gone.
		message: func(f Facts) string {
			if f.Limit > 0 {
				return fmt.Sprintf("%d of the %d dependencies of the baseline left the stage", f.Count, f.Limit)
			}
			return wording.Count(f.Count, "dependency", "dependencies") + " of the baseline left the stage"
		},
		hint: func(f Facts) string {
			if f.Limit > 0 {
				return "check that the environment is the one that the stage uses; if it is, lower the baseline"
			}
			return "lower the baseline, so that they cannot return unnoticed"
		},
	}
)

// Provenance: what accounts for each dependency.
var (
	RuleHashMismatch = Rule{
		ID: "hash-mismatch", Title: "Not the locked content", Strict: Error, Other: Warning,
		What:    "The digest that the environment records for an installed package is not the one in the lock file for that version.",
		Why:     "Either the lock file or the environment was changed. A replaced artifact looks like this.",
		Fix:     "first find out where the artifact came from; then install from the lock again.",
		Accept:  acceptException,
		message: counted("package does", "packages do", " not have the hash in the lock file"),
		hint:    text("find out where the installed artifact came from, then install from the lock"),
	}
	RuleOtherRegistry = Rule{
		ID: "other-registry", Title: "From a registry that is not allowed", Strict: Error, Other: Warning,
		What:    "The lock entry, or the installer's record, takes the package from a host that is neither the ecosystem's own nor listed under `registries:`, or from a URL or name of another package.",
		Why:     "A hash only shows that the content is what the author of the lock file chose. The host shows who published it.",
		Fix:     "lock the package from its own registry.",
		Accept:  "add the host to `registries:` of the stage or the pipeline.",
		message: counted("package comes", "packages come", " from a registry that is not allowed"),
		hint:    text("lock it from its own registry, or list the host under `registries:`"),
	}
	RuleDirectInstall = Rule{
		ID: "direct-install", Title: "Installed from a URL, a repository or a working copy", Strict: Error, Other: Warning,
		What:    "The installer recorded that the package came from version control, from a URL or a local directory, as a link or as an editable install, which no lock entry pins. A link to a member of the workspace that the lock names is first-party and not reported.",
		Why:     "The version number of such a package does not identify its content.",
		Fix:     "install a released version from a registry, and lock it with its hash. If the project builds it, name it under `first-party:` of the stage.",
		Accept:  acceptException,
		message: counted("package was", "packages were", " installed from a URL, a repository or a working copy"),
		hint: func(f Facts) string {
			return "install a released version from a registry and lock it with its hash, or except it under `exceptions:`" + f.Detail
		},
	}
	RuleNotPinned = Rule{
		ID: "not-pinned", Title: "In no lock file", Strict: Error, Other: Warning,
		What:   "The package is not from the operating system, and no lock file of the stage pins the version that is installed. Each dependency lists what was found instead: nothing, another version, a range, an entry for another Python or platform, an entry that a patch changes.",
		Why:    "The next build may get another version, from anyone who can publish one. What a patch makes of a package is not the locked artifact: no hash of the lock is that of the installed files.",
		Fix:    "add the package with version and hash to a lock file of the stage, and install from that. A patched package needs an exception, or a release of its own.",
		Accept: acceptException,
		// Info is for the scan of one environment without any lock file, in
		// which a line for each package would repeat the same fact.
		message: func(f Facts) string {
			if f.Severity == Info {
				return wording.Count(f.Count, "package was", "packages were") + " checked against no lock file, as none was given"
			}
			return wording.Count(f.Count, "package is", "packages are") + " not pinned by any lock file"
		},
		hint: func(f Facts) string {
			if f.Severity == Info {
				return cmp.Or(f.Subject, "name the lock files that they should come from, with `--locks FILE`")
			}
			// Subject is what else could pin them.
			if f.Subject != "" {
				f.Subject += "; "
			}
			return f.Subject + "add it with its hash to a lock file of the stage and install from that, or except it under `exceptions:`" + f.Detail
		},
	}
	RuleNoHash = Rule{
		ID: "lock-without-hash", Title: "Locked without a hash", Strict: Error, Other: Warning,
		What:    "The lock entry of the installed version has no hash, or only one that can be forged (md5, sha1), or its hashes are those of another build: the installed version has a local part (1.2.0+x) that neither the entry nor the baseline names.",
		Why:     "The version is fixed but not its content: an attacker who controls the registry or the connection can serve other content.",
		Fix:     "lock with hashes (pip-compile --generate-hashes, uv lock, npm install with a current lockfile version, bundle lock --add-checksums).",
		Accept:  acceptException,
		message: counted("package is", "packages are", " locked without a hash"),
		hint:    text("write the lock with hashes, or except it under `exceptions:`"),
	}
	RuleContradiction = Rule{
		ID: "contradicting-locks", Title: "Locks contradict each other", Strict: Error, Other: Warning,
		What:   "Two lock files of the stage, or two entries of one, pin one version of an installed package to different hashes.",
		Why:    "At most one of them is the package that the team locked. Which one is installed depends on the entry that the installer takes.",
		Fix:    "find out which of them is right, and remove the other entry, or the lock file that the stage does not install from.",
		Accept: acceptException,
		// Subject is the first contradiction as a sentence.
		message: func(f Facts) string {
			if f.Count == 1 {
				return "locks contradict each other: " + f.Subject
			}
			return fmt.Sprintf("locks contradict each other in %s: %s", wording.Count(f.Count, "package", "packages"), f.Subject)
		},
		hint: text("find out which entry is right, and remove the other one"),
	}
	RuleFiles = Rule{
		ID: "unaccounted-files", Title: "Files that no package accounts for", Strict: Error, Other: Warning,
		What:    "Executables, shared libraries or interpreters that belong to no package. Each installation prefix, or file, that nothing accounts for is one dependency; a prefix inside another is its own.",
		Why:     "Their origin is unknown, and they run like everything else.",
		Fix:     "install the tool as a package, or from a lock with a hash. If the project builds it, name it under `first-party:` of the stage.",
		Accept:  "an entry under `exceptions:` with purl and path, or a path alone; see not-pinned.",
		message: counted("directory or file is", "directories and files are", " not accounted for by any package"),
		hint: func(f Facts) string {
			return "install it as a package or from a lock, or except it under `exceptions:`" + f.Detail
		},
	}
	RuleOrigin = Rule{
		ID: "untrusted-origin", Title: "OS package of untrusted origin", Strict: Error, Other: Warning,
		What:    "The package database has the package, but it is from an archive that is not trusted, or from none.",
		Why:     "An entry in the package database only shows that the package manager unpacked the package.",
		Fix:     "install the distribution's own package.",
		Accept:  acceptException,
		message: counted("OS package is", "OS packages are", " of untrusted or unknown origin"),
		hint:    text("install the distribution's own package, or except it under `exceptions:`"),
	}
	RuleExpired = Rule{
		ID: "expired-exception", Title: "Exception has expired", Strict: Error, Other: Warning,
		What:    "A dependency or a file breaks a rule and has an exception whose last day has passed. The rule applies again.",
		Why:     "An exception is temporary, and its reason may no longer hold.",
		Fix:     "do what the exception was waiting for.",
		Accept:  "set a new `expires:` with a reason that still holds.",
		message: func(f Facts) string { return "the exception for " + f.Subject + " ended on " + f.Detail },
		hint: func(f Facts) string {
			return fmt.Sprintf("do what the exception was waiting for, or renew it with a reason that still holds (%s)", f.Place)
		},
	}
	RuleExceptionGrowth = Rule{
		ID: "exception-growth", Title: "An exception covers more than was accepted", Strict: Error, Other: Warning,
		What:   "An exception with a wildcard, or one for a directory, covers a dependency or a file that the baseline does not have under it.",
		Why:    "Reviewers accepted what the exception covered when they read it. What comes into its range later, by itself or because the range became wider, has no reviewer.",
		Fix:    "remove what is new, or narrow the exception down to what is meant.",
		Accept: acceptUpdate,
		message: func(f Facts) string {
			return fmt.Sprintf("the exception for %s covers %s that the baseline does not have under it", f.Subject, wording.Count(f.Count, "dependency or file", "dependencies or files"))
		},
		hint: func(f Facts) string {
			hint := "remove what is new, or narrow the exception down"
			if f.Place != nil {
				hint += " (" + f.Place.String() + ")"
			}
			return hint + "; if it is meant, record it in the baseline"
		},
	}
	RuleIntroduces = Rule{
		ID: "exception-introduces", Title: "An excepted dependency introduces more than it may", Strict: Error, Other: Warning,
		What:   "Dependencies that are in the stage only because of excepted ones are more than `introduces:` of the exception allows, or match none of the package URLs that it lists. As `depaudit whatif` shows, they would leave the stage together with the excepted ones. If no package of that type has a relation in the stage, nothing can be compared, and it is a warning.",
		Why:    "An excepted package decides by itself what it needs, and its next version can need more.",
		Fix:    "remove the excepted dependency, or what it does not need.",
		Accept: "raise `introduces:` of the exception, or add the package to its list.",
		// Detail is set if Dependencies match none of a list, or to "unknown" with
		// the type of packages without relations.
		message: func(f Facts) string {
			if typ, unknown := strings.CutPrefix(f.Detail, "unknown "); unknown {
				return fmt.Sprintf("it is not known what the exception for %s introduces: no package of the type %s has a relation", f.Subject, typ)
			}
			if f.Detail != "" {
				return fmt.Sprintf("what the exception for %s covers introduces %s that it does not list", f.Subject, wording.Count(f.Count, "dependency", "dependencies"))
			}
			return fmt.Sprintf("what the exception for %s covers introduces %s, and %d allowed", f.Subject, wording.Count(f.Count, "dependency", "dependencies"), f.Limit)
		},
		hint: func(f Facts) string {
			return fmt.Sprintf("remove the excepted dependency, or what it does not need; or allow them under `introduces:` of the exception (%s)", f.Place)
		},
	}
)

// The base: what the stage started from.
var (
	RuleBasePinned = Rule{
		ID: "base-not-pinned", Title: "The base is not pinned", Strict: Error, Other: Warning,
		What:   "The base of the stage is an image that is named by a tag, or not by a digest at all.",
		Why:    "A tag can be moved to another image. Everything that the base accounts for would then depend on the person who can move the tag, so new dependencies in it are growth of the stage and count against its limit.",
		Fix:    "write the digest after the name: `base: registry:NAME:TAG@sha256:...`. The finding has the digest of the image that was examined.",
		Accept: "it cannot be accepted in a critical stage. Without `base:`, everything in the stage is judged as added by the stage.",
		message: func(f Facts) string {
			return fmt.Sprintf("the base %s is not pinned, and %s on it", f.Subject, wording.Count(f.Count, "dependency rests", "dependencies rest"))
		},
		hint: func(f Facts) string { return f.Detail },
	}
	RuleBaseLimit = Rule{
		ID: "base-over-limit", Title: "The base is above its limit", Strict: Error, Other: Warning,
		What:   "The base has more dependencies than `base-limit:` of the stage allows.",
		Why:    "Dependencies of the base are in the stage like all others. A limit prevents growth in many small steps that only warn.",
		Fix:    "build on a smaller base.",
		Accept: "raise `base-limit:` in depaudit.yaml.",
		// Without a Subject, the stage has no base.
		message: func(f Facts) string {
			if f.Subject == "" {
				return "there is no base to check `base-limit:` against"
			}
			return fmt.Sprintf("the base has %s, and the limit is %d", wording.Count(f.Count, "dependency", "dependencies"), f.Limit)
		},
		hint: func(f Facts) string {
			if f.Subject == "" {
				return "name it under `base:` of the stage, or remove the limit"
			}
			return "build on a smaller base, or raise `base-limit:` of the stage"
		},
	}
	RuleBaseClaimed = Rule{
		ID: "base-claimed", Title: "Only the image names its base", Strict: Warning, Other: Info,
		What:   "The annotations of the image name its base, and the configuration does not.",
		Why:    "The author of the image wrote the annotations. They explain where dependencies are from and excuse none of them: provenance, growth and limits are judged as if there were no annotation.",
		Fix:    "if it is the image that you build on, name it with its digest under `base:` of the stage.",
		Accept: acceptWarning,
		// Detail is why the base could not be compared.
		message: func(f Facts) string {
			if f.Detail != "" {
				return fmt.Sprintf("only the image itself names its base, %s, which %s", f.Subject, f.Detail)
			}
			return "only the image itself names its base, " + f.Subject
		},
		hint: func(f Facts) string {
			if f.Detail != "" {
				return "name the image that you build on under `base:` of the stage"
			}
			return "if it is the image that you build on, name it with its digest under `base:` of the stage"
		},
	}
	RuleBaseGrowth = Rule{
		ID: "base-growth", Title: "New dependencies in the base", Strict: Warning, Other: Info,
		What:   "The base has dependencies that the baseline does not have.",
		Why:    "They are in the stage like all others, and another team decided to add them.",
		Fix:    "review what changed in the base, and record it in the baseline.",
		Accept: acceptUpdate,
		message: func(f Facts) string {
			return "the base has " + wording.Count(f.Count, "new dependency", "new dependencies")
		},
		hint: text("review what changed in the base, and record it"),
	}
	RuleBaseChanged = Rule{
		ID: "base-changed", Title: "The stage changes files of its base", Strict: Error, Other: Warning,
		What:   "A package of the base is in the stage with the same version and other files: a layer of the stage writes one of them, or their content is another one. Conffiles do not count, nor do files that are equal to those of an artifact that a lock or a signed index names.",
		Why:    "The base accounts for the files that it has, and for no others. A replaced program of the base is not the base's, whatever its package database still lists.",
		Fix:    "find out which command of the stage writes these files, and remove it; or let the base have them, and name that base.",
		Accept: "it cannot be accepted. Without `base:`, everything in the stage is judged as added by the stage.",
		// Detail is what shows the change of the first package.
		message: func(f Facts) string {
			return fmt.Sprintf("the stage changes files of %s of its base: %s: %s", wording.Count(f.Count, "dependency", "dependencies"), f.Subject, f.Detail)
		},
		hint: text("find out which command of the stage writes these files, and remove it, or let the base have them"),
	}
	RuleBaseCompared = Rule{
		ID: "base-compared", Title: "The base was found by comparison", Strict: Info, Other: Info,
		What:   "The base is not an image whose layers are in the stage's image, but a directory or a document, or the stage is not an image. Dependencies that both have are the base's: packages by name, version and, where it is recorded, digest; files by content.",
		Why:    "The result depends on the present content of the directory or the document. Layers would identify the base bit by bit.",
		Fix:    "if the stage is an image, name the image that it is built on as the base.",
		Accept: acceptInfo,
		message: func(f Facts) string {
			return "the base's dependencies were found by comparison with " + f.Subject + f.Detail
		},
	}
)

// Suspicion: places and names that attacks use.
var (
	RuleClaim = Rule{
		ID: "claimed-files", Title: "A package claims files outside its places", Strict: Error, Other: Warning,
		What:    "The file list of an OS package names paths where OS packages install nothing, or another package's files.",
		Why:     "A forged list makes third-party files look provided by the operating system.",
		Fix:     "find out which package it is and where it is from; remove it.",
		Accept:  acceptException,
		message: text("a package claims files in places where OS packages install nothing, or files of another package"),
		hint:    text("find out where the package is from, and remove it"),
	}
	RuleStartup = Rule{
		ID: "startup-code", Title: "Code that runs unasked", Strict: Error, Other: Warning,
		What:   "A file that runs code, or names code to run, when something else starts: the system, a shell, an interpreter, a package manager. Of a package that something accounts for it is a remark, as Debian's setuptools have such a file; others must be in the baseline with their content.",
		Why:    "It runs without being called by anyone.",
		Fix:    "remove the file, or install the package that it belongs to from a lock.",
		Accept: acceptFile,
		message: func(f Facts) string {
			if f.Severity == Info {
				return "code of accounted dependencies runs at every start of an interpreter"
			}
			return files("file runs code whenever something else starts, and was not accepted", "files run code whenever something else starts, and were not accepted", "")(f)
		},
		hint: func(f Facts) string {
			if f.Severity == Info {
				return ""
			}
			return "remove the file, or install the package that it belongs to from a lock"
		},
	}
	RuleLeftover = Rule{
		ID: "leftover-list", Title: "File list of a package that is not installed", Strict: Error, Other: Warning,
		What:    "The package database has a list of files for a package whose state is not installed, and the files are there.",
		Why:     "A change of its state hides a package from every count while its files stay.",
		Fix:     "purge the package, or install it properly.",
		Accept:  "an entry under `exceptions:` with the path of the list.",
		message: text("a package that is not installed has a list of files"),
		hint:    text("purge the package, or install it properly"),
	}
	RuleNonASCII = Rule{
		ID: "non-ascii-name", Title: "Name outside ASCII", Strict: Error, Other: Warning,
		What:    "A package has letters in its name that its ecosystem does not allow.",
		Why:     "A Cyrillic letter can look like a Latin one, and the name is another package.",
		Fix:     "find out what installed it; remove it.",
		Accept:  acceptException,
		message: text("a package has letters outside ASCII in its name"),
		hint:    text("find out what installed it, and remove it"),
	}
	RuleIdentity = Rule{
		ID: "duplicate-identity", Title: "A package under the name of another one", Strict: Error, Other: Warning,
		What:    "The place of a package contradicts its metadata: a dist-info directory with the name of another distribution, a second distribution of one name in a directory of modules, a directory in node_modules of another name that nothing requires, a gem, an R package or a conda record with another name, a bundled npm package that the lock file does not have.",
		Why:     "A package that calls itself by the name and version of a locked one is taken for it, and has other code.",
		Fix:     "find out what installed it; remove it, and install the package from the lock again.",
		Accept:  "an entry under `exceptions:` with its path.",
		message: text("a package has the identity of another one, or is in the place of another one"),
		hint:    text("find out what installed it, and remove it; if an installer left it there, reinstall the package"),
	}
	RuleName = Rule{
		ID: "program-name", Title: "A name of a program that no package lists", Strict: Error, Other: Warning,
		What:    "A link in a directory that programs are searched in runs a program of a package under another name, or stands before the program of a package that has its name, and the baseline does not have it.",
		Why:     "Commands are found by their names: gpgv can be a link to true, and then every signature is good.",
		Fix:     "remove the link.",
		Accept:  `depaudit baseline update --stage STAGE --reason "..." records the link with what it leads to.`,
		message: files("name of a program is", "names of programs are", " in no package and not accepted"),
		hint:    text("remove the link, or accept it if the stage makes it"),
	}
	RuleHalfInstalled = Rule{
		ID: "half-installed", Title: "Package in a broken state", Strict: Warning, Other: Warning,
		What:    "The package manager left a package unpacked or half configured.",
		Why:     "Its scripts may not have run, so the stage may differ from its list of packages.",
		Fix:     "let the package manager finish (dpkg --configure -a).",
		Accept:  acceptWarning,
		message: text("a package is not completely installed"),
		hint:    text("let the package manager finish its work"),
	}
)

// Upkeep: entries of files that no longer do what they seem to.
var (
	RuleWeakLock = Rule{
		ID: "weak-lock", Title: "A lock pins less than it seems to", Strict: Warning, Other: Warning,
		What:   "A lock file contains something that weakens it: another index, an option that the installer ignores, contradicting entries. It is an error in a critical stage where the lock turns a check of the installer off: --trusted-host for a host that is not in `registries:`, --no-require-hashes.",
		Why:    "A reader of the lock file takes it for stronger than it is.",
		Fix:    "write the lock again with the tool that made it.",
		Accept: "nothing needs to be accepted: installed packages are judged by the rules above.",
		message: func(f Facts) string {
			return fmt.Sprintf("the lock file pins less than it seems to in %s, in line %d: %s", wording.Count(f.Count, "place", "places"), f.Line, f.Subject)
		},
		hint: text("write the lock again with the tool that made it"),
	}
	RuleUnusedLock = Rule{
		ID: "unused-lock", Title: "Nothing of a lock file is installed", Strict: Warning, Other: Warning,
		What:   "A lock file of the stage names no package that is installed in it, or no package of its kind is installed in the directory that it is for.",
		Why:    "It is the wrong file, the wrong directory or the wrong stage, and would pin packages that are installed later.",
		Fix:    "remove it from `locks:` of the stage, or correct `for:`.",
		Accept: acceptWarning,
		// Subject is the directory, empty for the whole file.
		message: func(f Facts) string {
			if f.Subject != "" {
				return fmt.Sprintf("no package that this lock file could pin is installed in %q", f.Subject)
			}
			return "nothing of this lock file is installed"
		},
		hint: func(f Facts) string {
			if f.Subject != "" {
				return "correct `for:` of the lock, or remove it from `locks:` of the stage"
			}
			return "remove it from `locks:` of the stage, or correct the path"
		},
	}
	RuleUnknownRoot = Rule{
		ID: "unknown-root", Title: "Unknown root", Strict: Warning, Other: Warning,
		What:   "An entry under `roots:` of the stage matches no package in it, or several.",
		Why:    "The packages that the stage uses are not the installed ones: a name is mistyped, or a package is missing.",
		Fix:    "name a package, a command or an absolute path that the stage has.",
		Accept: acceptWarning,
		message: func(f Facts) string {
			return fmt.Sprintf("the root %q matches no package of the stage, or several", f.Subject)
		},
		hint: text("name a package, a command or an absolute path that the stage has"),
	}
	RuleUnusedFirstParty = Rule{
		ID: "unused-first-party", Title: "Unused first-party entry", Strict: Warning, Other: Warning,
		What:    "An entry under `first-party:` of the stage matches no component, or only third-party packages below the directory that it names, which remain dependencies.",
		Why:     "The name or the path is mistyped, or what it named is gone. An entry that stays would leave the next component of that name out of the count.",
		Fix:     "correct it, or delete it.",
		Accept:  acceptWarning,
		message: func(f Facts) string { return "the first-party entry " + f.Subject + " matches nothing" + f.Detail },
		hint:    func(f Facts) string { return fmt.Sprintf("correct it, or delete it (line %d)", f.Line) },
	}
	RuleUnusedException = Rule{
		ID: "unused-exception", Title: "Unused exception", Strict: Warning, Other: Warning,
		What:    "An exception excuses nothing in any stage in which it holds. It is not reported if one of these stages was not examined.",
		Why:     "The dependency is gone, or it needs no exception any more. One that stays would excuse the next dependency of that name.",
		Fix:     "delete it: `depaudit except prune`.",
		Accept:  acceptWarning,
		message: func(f Facts) string { return "the exception for " + f.Subject + " excuses nothing" },
		hint:    deleteLine,
	}
	RuleExpiring = Rule{
		ID: "expiring-exception", Title: "Exception ends soon", Strict: Warning, Other: Warning,
		What:   "An exception that is needed ends within the next days: 30, or as many as `exception-notice:` has.",
		Why:    "On the day after, the rule applies again and the stage fails.",
		Fix:    "do what the exception is waiting for.",
		Accept: "set a new `expires:` with a reason that still holds.",
		message: func(f Facts) string {
			if f.Count == 0 {
				return "the exception for " + f.Subject + " ends today"
			}
			return fmt.Sprintf("the exception for %s ends in %s, on %s", f.Subject, wording.Count(f.Count, "day", "days"), f.Detail)
		},
		hint: func(f Facts) string {
			return fmt.Sprintf("do what the exception is waiting for, or renew it with a reason that still holds (line %d)", f.Line)
		},
	}
	RuleExcepted = Rule{
		ID: "excepted", Title: "An exception is needed", Strict: Info, Other: Info,
		What:   "An exception excuses something in the stage. The remark has its age and the days that are left.",
		Why:    "What it covers is in the stage like everything else, and nothing accounts for it.",
		Fix:    "do what the exception is waiting for.",
		Accept: acceptInfo,
		// Detail has the age and the days that are left.
		message: func(f Facts) string {
			return "the exception for " + f.Subject + " is needed: " + f.Detail
		},
	}
	RuleExpiredWaiver = Rule{
		ID: "expired-waiver", Title: "Waiver has expired", Strict: Warning, Other: Warning,
		What:   "A gap is covered by an entry under `waive:` whose last day has passed. The gap counts again.",
		Why:    "A waiver is temporary, and its reason may no longer hold.",
		Fix:    "repair what could not be read.",
		Accept: "set a new `expires:` with a reason that still holds.",
		message: func(f Facts) string {
			return fmt.Sprintf("the waiver for %s ended on %s; %s", f.Subject, f.Detail, wording.Count(f.Count, "gap is no longer waived", "gaps are no longer waived"))
		},
		hint: func(f Facts) string {
			return fmt.Sprintf("repair what could not be read, or renew the waiver (line %d) with a reason that still holds", f.Line)
		},
	}
	RuleUnusedWaiver = Rule{
		ID: "unused-waiver", Title: "Unused waiver", Strict: Warning, Other: Warning,
		What:    "An entry under `waive:` covers no gap of its stage.",
		Why:     "The gap is gone. A waiver that stays would cover the next gap of that kind.",
		Fix:     "delete it.",
		Accept:  acceptWarning,
		message: func(f Facts) string { return "the waiver for " + f.Subject + " waives nothing" },
		hint:    deleteLine,
	}
	RuleUnusedAccept = Rule{
		ID: "unused-accept", Title: "Unused acceptance of a limitation", Strict: Info, Other: Info,
		What:    "`accept:` of the stage names a limitation that its environment does not have.",
		Why:     "The environment shows more than the stage requires. The entry would accept a weaker environment.",
		Fix:     "remove it from `accept:`.",
		Accept:  acceptInfo,
		message: func(f Facts) string { return "the environment does not have the accepted limitation: " + f.Subject },
		hint:    text("remove it from `accept:` of the stage"),
	}
	RuleDemoted = Rule{
		ID: "stage-not-critical", Title: "A critical stage of the baseline is no longer critical", Strict: Error, Other: Error,
		What:   "A stage was critical, or enforced, when its baseline was accepted, and is neither in depaudit.yaml.",
		Why:    "Its findings became warnings. Without this rule one word in the configuration would let everything pass.",
		Fix:    "set `critical: true` of the stage again.",
		Accept: "depaudit baseline update --stage STAGE --reason \"...\" records the stage as it is configured; the diff of the baseline file is what the reviewers accept.",
		message: func(f Facts) string {
			return fmt.Sprintf("stage %q is critical in the baseline and not in the configuration", f.Subject)
		},
		hint: text("set `critical: true` of the stage again, or accept the change in the baseline"),
	}
	RuleLoosened = Rule{
		ID: "policy-loosened", Title: "The gate of a stage was made weaker", Strict: Error, Other: Warning,
		What: "The baseline records by which configuration the stage was accepted: limit, base-limit, growth, minimum, distroless, verify, require, and the entries of first-party, registries, accept and waive. " +
			"A limit is gone or higher, less is verified or required, or a list has new entries. The severity is that of a critical stage if the stage was critical when it was accepted.",
		Why:    "What a gate no longer looks for is never found. Without this rule a number in the configuration, or a line under `first-party:`, would let growth pass as one of many changed lines.",
		Fix:    "restore the configuration.",
		Accept: "depaudit baseline update --stage STAGE --reason \"...\" records the present configuration; the diff of the baseline file is what the reviewers accept.",
		message: func(f Facts) string {
			return fmt.Sprintf("the gate is weaker than accepted: %s", f.Subject)
		},
		hint: text("restore the configuration, or accept the change in the baseline"),
	}
	RuleStageGone = Rule{
		ID: "stage-gone", Title: "The baseline has a stage that is not configured", Strict: Error, Other: Warning,
		What:   "A stage of the baseline is not in depaudit.yaml. It is an error if the stage was critical when it was accepted.",
		Why:    "A renamed stage loses its baseline, and with it the accepted state. A critical stage that is not configured is no longer judged at all.",
		Fix:    "name the stage in depaudit.yaml as the baseline does, or delete it from the baseline.",
		Accept: "delete the stage from the baseline file: the diff is what the reviewers accept.",
		message: func(f Facts) string {
			if f.Severity == Error {
				return fmt.Sprintf("the baseline has a critical stage %q that is not configured", f.Subject)
			}
			return fmt.Sprintf("the baseline has a stage %q that is not configured", f.Subject)
		},
		hint: text("name the stage in the configuration as the baseline does, or delete it from the baseline"),
	}
)

// RuleNotReported is about the jobs of a pipeline, each of which audits its stages.
var RuleNotReported = Rule{
	ID: "stage-not-reported", Title: "No report has a required stage", Strict: SeverityIncomplete, Other: SeverityIncomplete,
	What:   "A stage is required, and no report has it. `--require-stages` names the stages that are required; without it `depaudit report` requires all of depaudit.yaml.",
	Why:    "A job that was skipped or canceled reports nothing, and CI systems take a skipped job for a successful one. A verdict without its stage would be green by accident.",
	Fix:    "run the job that audits the stage, and give its report too.",
	Accept: "name the stages of this verdict: `--require-stages`.",
	// Detail are the jobs that should have reported the stage, if they are known.
	message: func(f Facts) string { return fmt.Sprintf("no report has the required stage %q", f.Subject) },
	hint: func(f Facts) string {
		job := "its job"
		if f.Detail != "" {
			job += " (" + f.Detail + ")"
		}
		return fmt.Sprintf("run %s, and give the report that `depaudit audit --stage %s -o json=%s.json` writes there", job, f.Subject, f.Subject)
	},
}

// Policy that is not of the checkout: --policy-from and --policy.
var (
	RulePolicySelf = Rule{
		ID: "policy-of-itself", Title: "The policy is that of the commit under test", Strict: Info, Other: Info,
		What:    "`--policy-from` names the commit that is checked out, or `--policy` the checkout itself. It is a warning for HEAD, which is the commit under test in every job.",
		Why:     "What a branch changes is then judged by what it changes. On the trusted branch itself that is right; in the job of a pull request it is a gate that judges nothing.",
		Fix:     "name the branch that the pull request is for: `--policy-from origin/main`, or the commit that the platform names as its base.",
		Accept:  acceptInfo,
		message: func(f Facts) string { return "the policy is that of the commit under test: " + f.Subject },
		hint: func(f Facts) string {
			if f.Severity == Info {
				return ""
			}
			return "name the branch that is trusted, such as --policy-from origin/main"
		},
	}
	RuleStageNotInPolicy = Rule{
		ID: "stage-not-in-policy", Title: "Only the branch has a stage", Strict: Warning, Other: Warning,
		What:   "The configuration of the checkout has a stage that the trusted one (`--policy-from`, `--policy`) does not have.",
		Why:    "The stage is not judged: its limits and exceptions are those of the branch. It is named so that a reviewer does not take the verdict for one about it.",
		Fix:    "review the stage; it is judged when the trusted branch has it.",
		Accept: acceptWarning,
		message: func(f Facts) string {
			return fmt.Sprintf("only this branch has the stage %q: it is not judged by %s", f.Subject, f.Detail)
		},
		hint: text("review it; it is judged when the trusted branch has it"),
	}
	RulePolicyChanged = Rule{
		ID: "policy-changed", Title: "The branch changes what decides", Strict: Info, Other: Info,
		What:   "The configuration, the baseline, the file of exceptions, a lock, an index or a key differs in the checkout from what the stages were judged by (`--policy-from`, `--policy`). What was not committed counts too.",
		Why:    "The verdict is that of the trusted files. What is installed by a changed lock differs from the trusted one, and fails a critical stage; whether it may is for those who may change the trusted branch.",
		Fix:    "nothing needs to be corrected. Review the change; it decides when the trusted branch has it.",
		Accept: acceptInfo,
		message: func(f Facts) string {
			switch {
			case len(f.Paths) == 0:
				return fmt.Sprintf("%s that decide are changed by this branch; judged by %s", wording.Count(f.Count, "more file", "more files"), f.Subject)
			case f.Detail == PolicyAdded:
				return fmt.Sprintf("%s is added by this branch, and not read; judged by %s", f.Paths[0], f.Subject)
			case f.Detail == PolicyRemoved:
				return fmt.Sprintf("%s is removed by this branch; judged by %s", f.Paths[0], f.Subject)
			}
			return fmt.Sprintf("%s is changed by this branch; judged by %s", f.Paths[0], f.Subject)
		},
	}
)

// RuleNotJudged is about a run with --stage.
var RuleNotJudged = Rule{
	ID: "stage-not-judged", Title: "Critical stages were not judged", Strict: Warning, Other: Warning,
	What:    "The command line selected some stages (--stage), and critical stages are not among them.",
	Why:     "The verdict is that of the selected stages. It is not that of the pipeline.",
	Fix:     "audit the other stages too, in this job or in their own.",
	Accept:  acceptWarning,
	message: func(f Facts) string { return "the verdict is not about " + f.Subject },
	hint:    text("audit the other stages too, in this job or in their own"),
}

func deleteLine(f Facts) string { return fmt.Sprintf("delete it (line %d)", f.Line) }
