package audit

import "github.com/depaudit/depaudit/sbom"

// Proof is how far the chain of evidence holds in one environment: what the
// entries of signed indexes and the artifacts behind entries prove about its
// files. Package ledger makes it beside the scan; the judge combines it with the
// locks and the policy. Strings have the form of a document ([sbom.Escape]).
type Proof struct {
	// Indexes are the package indexes that were read, sorted.
	Indexes []Index `json:"indexes,omitempty"`
	// Components are sorted by ID. One without an entry here has nothing that
	// was compared.
	Components []ComponentProof `json:"components,omitempty"`
	Ledger     Ledger           `json:"ledger"`
	// Absent are the artifacts that an entry names by digest and that were found
	// nowhere, sorted by component: what "depaudit fetch" gets.
	Absent []Artifact `json:"absent,omitempty"`
	// Gaps are what could not be verified: an index whose signature is damaged,
	// a file that could not be read. They are gaps of the stage.
	Gaps []sbom.Gap `json:"gaps,omitempty"`
}

// Artifact is what an entry names.
type Artifact struct {
	// Component is the ID of the component that was installed from it.
	Component string `json:"component"`
	// Kind is the kind of the artifact: "deb", "wheel", "npm".
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	Version string `json:"version"`
	// Digests are of its bytes, "sha256:" and hexadecimal.
	Digests []string `json:"digests"`
	// Size in bytes, 0 when the entry does not have it.
	Size int64 `json:"size,omitempty"`
	// URL is its place by the entry, empty when the entry has none.
	URL string `json:"url,omitempty"`
	// File is the name of the file, empty when it is unknown.
	File string `json:"file,omitempty"`
}

// Index is a package index, with who vouches for it.
type Index struct {
	// File is the path of the index, or of the bundle that has it; Environment is
	// set when that is a path within the environment.
	File        string `json:"file"`
	Environment bool   `json:"environment,omitempty"`
	// Origin, Label, Suite and Codename are those of the Release file.
	Origin   string `json:"origin,omitempty"`
	Label    string `json:"label,omitempty"`
	Suite    string `json:"suite,omitempty"`
	Codename string `json:"codename,omitempty"`
	// Date is the date of the Release file, YYYY-MM-DD.
	Date string `json:"date,omitempty"`
	// Key is the fingerprint of the key that signed, upper-case hexadecimal, and
	// KeyName its name in the auditor's key set; empty when no trusted key did.
	Key     string `json:"key,omitempty"`
	KeyName string `json:"keyName,omitempty"`
	// Problem is why the index is not trusted, empty when it is.
	Problem string `json:"problem,omitempty"`
	// Packages is the number of components that have an entry in it.
	Packages int `json:"packages"`
}

// ComponentProof is how far the chain holds for one component.
type ComponentProof struct {
	ID string `json:"id"`
	// Evidence of an OS package by the indexes, or by the signature of its own
	// record; empty when neither has anything to say, and for other components.
	Evidence string `json:"evidence,omitempty"`
	// Detail is one sentence: which index and key, or why not.
	Detail string `json:"detail,omitempty"`
	// Differs are the fields of its record that differ from those of the signed
	// entry, sorted: the record was forged or edited.
	Differs []string `json:"differs,omitempty"`
	// Artifact has the digests ("sha256:" and hexadecimal) of the artifact that
	// the files were compared with, empty without one.
	Artifact []string `json:"artifact,omitempty"`
	// Proved is set when every file that the artifact installs is there and is
	// equal, conffiles aside, and the component has no file beside them.
	Proved bool `json:"proved,omitempty"`
	// Consistent is set when every file equals what the environment's own record
	// of it states. It is no proof.
	Consistent bool `json:"consistent,omitempty"`
	// Content identifies the installed files: "blake3:" and a digest of their
	// paths, types, modes and contents, without what differs between two
	// installations of one artifact (byte code, records of the installer,
	// the contents of conffiles).
	Content string `json:"content,omitempty"`
	// Files is the number of files behind Content.
	Files int `json:"files,omitempty"`
	// Latest is the file that was changed or created last, by a time that programs
	// cannot set: where a reviewer looks first when Content differs. It is empty for
	// images, and for a component that an artifact proves.
	Latest string `json:"latest,omitempty"`
	// Layer is the highest layer of an image that changed one of its files, apart
	// from conffiles and from files that an artifact proves, and LayerFile the
	// first file that it changed. 0 and empty outside of images.
	Layer     int    `json:"layer,omitempty"`
	LayerFile string `json:"layerFile,omitempty"`
}

// FileStatus is the outcome for one file of an environment.
type FileStatus string

const (
	FileProved      FileStatus = "proved"      // equal to the manifest of an artifact that an entry names by digest
	FileConsistent  FileStatus = "consistent"  // equal to what the environment's own records state
	FileUnchecked   FileStatus = "unchecked"   // a component's, and there is nothing to compare it with
	FileDerived     FileStatus = "derived"     // explained by a rule, which does not prove it
	FileConffile    FileStatus = "conffile"    // a configuration file of a package that was changed
	FileChanged     FileStatus = "changed"     // differs from the manifest or the record
	FileMissing     FileStatus = "missing"     // the manifest or the record has it, and the environment does not
	FileUnexplained FileStatus = "unexplained" // nothing accounts for it
	FileUnread      FileStatus = "unread"      // could not be read
)

// FileStatuses are all statuses in the order of reports.
func FileStatuses() []FileStatus {
	return []FileStatus{FileProved, FileConsistent, FileUnchecked, FileDerived, FileConffile, FileChanged, FileMissing, FileUnexplained, FileUnread}
}

// Ledger has one line for each file of an environment. Those that are proved,
// consistent or unchecked are only counted, with one exception: nothing but an
// artifact vouches for the rights of a set-id program, so that one that is not
// proved has a line. Derived files have one if all lines were requested. Directories have a line where they differ.
type Ledger struct {
	// Counts are in the order of [FileStatuses], without those of no file.
	Counts []FileCount `json:"counts,omitempty"`
	// Lines are sorted by path.
	Lines []FileLine `json:"lines,omitempty"`
}

// FileCount is the number of files of one status with their size in bytes.
type FileCount struct {
	Status FileStatus `json:"status"`
	Files  int        `json:"files"`
	Bytes  int64      `json:"bytes"`
}

// FileLine is one file, symbolic link or directory of the ledger.
type FileLine struct {
	Path   string     `json:"path"`
	Status FileStatus `json:"status"`
	// How is what differs of a changed file: "content", "mode", "owner", "link",
	// "type", "capabilities".
	How []string `json:"how,omitempty"`
	// Component is the ID of the component that the file belongs to.
	Component string `json:"component,omitempty"`
	// Rule is the name of the rule that explains a derived file or an allowed
	// difference.
	Rule string `json:"rule,omitempty"`
	// Detail is a short remark.
	Detail string `json:"detail,omitempty"`
	// Flaw is set when something contradicts an unexplained file, and not only
	// nothing accounts for it: it is in a package whose artifact does not have it,
	// or not what the record of alternatives has.
	Flaw bool `json:"flaw,omitempty"`
	// Digest is "blake3:" and the digest of the content; of a symbolic link
	// "link:" and its target. Empty for a missing file.
	Digest string `json:"digest,omitempty"`
	// Size in bytes and Mode, octal with the set-id bits ("4755"), as they are.
	Size int64  `json:"size,omitempty"`
	Mode string `json:"mode,omitempty"`
	// Runs is why the file can run code: "program", "startup", "set-id",
	// "library"; empty when no rule knows a reason.
	Runs string `json:"runs,omitempty"`
}
