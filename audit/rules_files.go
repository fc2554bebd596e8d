package audit

import "github.com/depaudit/depaudit/sbom/wording"

const acceptFile = `depaudit baseline update --stage STAGE --reason "..." records the files with their digests; ` +
	"the diff of the baseline file is what the reviewers accept. An entry under `exceptions:` with the path excuses a file for a time."

// files returns a message about files: their number with the clause, and the
// remark of the first one.
func files(one, many, clause string) func(Facts) string {
	return func(f Facts) string {
		s := wording.Count(f.Count, one, many) + clause
		if f.Subject != "" {
			s += ": " + f.Subject
		}
		if f.Detail != "" {
			s += " (" + f.Detail + ")"
		}
		return s
	}
}

// Files: what is on disk is not what vouches for it states, or nothing vouches
// for it.
var (
	RuleModified = Rule{
		ID: "modified-package", Title: "Files of a package differ from what it installs", Strict: Error, Other: Warning,
		What:    "A file of a package is not equal to that of its artifact, or of the environment's own record where there is no artifact; it is missing; or the package has a file that its artifact and its record do not have.",
		Why:     "The name, the version and the digest of the package are those of the lock or of the archive, and its code is another one.",
		Fix:     "find out what changed the files; then install the package again.",
		Accept:  acceptFile,
		message: files("file differs", "files differ", " from what its package installs"),
		hint:    text("find out what changed them, then install the package again; if the stage changes them on purpose, accept them"),
	}
	RuleContent = Rule{
		ID: "changed-content", Title: "The same version with other files", Strict: Error, Other: Warning,
		What:    "The installed files of a dependency are not those that the baseline accepted, and its version is the same. The baseline has one digest of the paths, the rights and the contents of all files of a dependency, without byte code, records of the installer and configuration.",
		Why:     "One version has one content. Another one is a rebuilt or a patched program, or files that were added to it.",
		Fix:     "find out what changed; then install the package again from where it was locked.",
		Accept:  acceptUpdate,
		message: files("dependency has", "dependencies have", " the version of the baseline and other files"),
		hint:    text("find out what changed, then install it again; if the change is meant, accept it"),
	}
	RuleCopy = Rule{
		ID: "new-copy", Title: "Another copy of an accepted dependency", Strict: Error, Other: Warning,
		What:    "A dependency of the baseline is at a path at which it was not accepted: at another one of the same version, or at more of them.",
		Why:     "A second copy counts as the same dependency. It can have other code and be found first.",
		Fix:     "remove the copy.",
		Accept:  acceptUpdate,
		message: files("copy of an accepted dependency is", "copies of accepted dependencies are", " at a place that the baseline does not have"),
		hint:    text("remove it, or accept it if the stage installs it there"),
	}
	RuleDowngraded = Rule{
		ID: "downgraded", Title: "An older version than in the baseline", Strict: Error, Other: Warning,
		What:    "The version of a dependency is older than the accepted one, by the order of its ecosystem.",
		Why:     "An archive and a registry keep and sign versions with known vulnerabilities, so an older version passes every check of its origin.",
		Fix:     "install the accepted version or a newer one.",
		Accept:  acceptUpdate,
		message: files("dependency is", "dependencies are", " older than in the baseline"),
		hint:    text("install the accepted version or a newer one"),
	}
	RuleLockChanged = Rule{
		ID: "changed-lock", Title: "A lock pins other content under the same version", Strict: Error, Other: Warning,
		What:    "The lock entry of an accepted version has other digests, more of them, or takes the package from another host than when it was accepted.",
		Why:     "A released version does not change. A digest that is added to its entry lets other content pass as the locked one.",
		Fix:     "compare the lock file with its last accepted revision.",
		Accept:  acceptUpdate,
		message: files("accepted version has", "accepted versions have", " other hashes or another registry in the lock"),
		hint:    text("compare the lock file with its last accepted revision"),
	}
	RuleForged = Rule{
		ID: "forged-record", Title: "A record that is not the archive's", Strict: Error, Other: Warning,
		What:    "The record of a package in the database has the name and the version of an entry in a signed index, and other fields.",
		Why:     "The package manager copies the record from the package. A record that differs was written by something else, and its package too.",
		Fix:     "find out where the package is from; install the distribution's own one.",
		Accept:  acceptException,
		message: files("package has", "packages have", " a record that differs from the signed index"),
		hint:    text("find out where it is from, and install the distribution's own package"),
	}
	RuleRequired = Rule{
		ID: "required-evidence", Title: "Weaker evidence than required", Strict: Error, Other: Warning,
		What:    "The evidence of a dependency is below what `require:` of the stage names.",
		Why:     "The team decided how far the chain from the entry to the files must hold.",
		Fix:     "give the audit what is missing: an index as old as the installation (depaudit index save) under `indexes:`, the artifacts under `artifacts:`, a lock with hashes.",
		Accept:  "lower the level under `require:` of the stage.",
		message: files("dependency has", "dependencies have", " weaker evidence than `require:` names"),
		hint:    text("name an index as old as the installation under `indexes:`, or the artifacts under `artifacts:`"),
	}
	RuleUnverified = Rule{
		ID: "unverified", Title: "The files cannot be compared with the baseline", Strict: Error, Other: Warning,
		What:   "The files of the stage were verified when the baseline was made, and now they are not; or they are verified, and the baseline has no digests of them.",
		Why:    "Without digests on both sides, a replaced program and an edited package look like the accepted ones.",
		Fix:    "remove `verify: false` from the stage; update a baseline that was made without verification.",
		Accept: acceptUpdate,
		// Subject is what has no digests, if it is not the stage.
		message: func(f Facts) string {
			if f.Subject != "" {
				return "the files are verified, and the " + f.Subject + " has no digests of them"
			}
			return "the files were verified for the baseline, and now they are not"
		},
		hint: func(f Facts) string {
			if f.Subject != "" {
				return "update the " + f.Subject + " and review the difference"
			}
			return "remove `verify: false` from the stage; one that is not critical needs `verify: true`"
		},
	}
	RulePrivilege = Rule{
		ID: "privilege", Title: "Rights beyond the accepted ones", Strict: Error, Other: Warning,
		What:    "A program has set-id bits or capabilities that neither its package nor the baseline gives it, or a file that decides about rights (sudoers, accounts, policies) is new or changed since the baseline.",
		Why:     "Such a program runs with the rights of its owner for every user who starts it.",
		Fix:     "take the rights away, or remove the file.",
		Accept:  acceptFile,
		message: files("file gives", "files give", " rights that were not accepted"),
		hint:    text("take the rights away, or remove the file"),
	}
	RuleCode = Rule{
		ID: "unexplained-code", Title: "Code that nothing explains", Strict: Error, Other: Warning,
		What:    "A program, a script or a library is in no package, in no dependency that counts, and explained by no rule of the ledger, and it is new or changed since the baseline.",
		Why:     "Its origin is unknown, and it can run.",
		Fix:     "remove it, or install it as a package. If the project builds it, name its path under `first-party:` of the stage.",
		Accept:  acceptFile,
		message: files("file that can run is", "files that can run are", " explained by nothing"),
		hint:    text("remove it, or name its path under `first-party:` if the project builds it"),
	}
	RuleRedirect = Rule{
		ID: "config-redirect", Title: "Configuration that redirects downloads or trust", Strict: Error, Other: Warning,
		What:    "A file that decides where packages and code come from, or who is believed (pip.conf, .npmrc, sources and keys of apt, hosts, certificates), is new or changed since the baseline.",
		Why:     "The next installation takes its packages from there.",
		Fix:     "remove the file or the lines.",
		Accept:  acceptFile,
		message: files("file decides where code comes from, or who is believed, and was not accepted", "files decide where code comes from, or who is believed, and were not accepted", ""),
		hint:    text("remove the file or the lines, or accept them"),
	}
	RuleConffile = Rule{
		ID: "changed-conffile", Title: "A configuration file differs from the package's", Strict: Error, Other: Warning,
		What:    "A configuration file of a package (conffile) was edited, and not so in the baseline.",
		Why:     "Configuration decides what programs do. A stage that is built anew from the same steps has the same configuration.",
		Fix:     "restore the package's file.",
		Accept:  acceptFile,
		message: files("configuration file differs from its package's and was not accepted", "configuration files differ from those of their packages and were not accepted", ""),
		hint:    text("restore the package's file, or accept the change"),
	}
	RuleBytecode = Rule{
		ID: "stale-bytecode", Title: "Byte code that is not of its source", Strict: Error, Other: Warning,
		What:    "A .pyc file has a header that makes Python run it without comparing it with its source (unchecked-hash, PEP 552), or that does not match the source, or has no source.",
		Why:     "Python runs the byte code, and reviewers read the source.",
		Fix:     "delete the file: Python compiles the source again.",
		Accept:  acceptFile,
		message: files("file of byte code may differ from its source", "files of byte code may differ from their source", ""),
		hint:    text("delete it: Python compiles the source again"),
	}
	RuleUnsealed = Rule{
		ID: "unsealed", Title: "A file that the seal does not have", Strict: Error, Other: Warning,
		What:    "The stage is sealed (`verify: sealed`), and a file that nothing explains is not in the baseline, or is there with other content.",
		Why:     "With a seal, every file of the stage is explained by an archive, by a lock, by a rule or by a reviewer.",
		Fix:     "remove the file.",
		Accept:  acceptFile,
		message: files("file that nothing explains is", "files that nothing explains are", " not in the baseline of the sealed stage"),
		hint:    text("remove it, or accept it"),
	}
)
