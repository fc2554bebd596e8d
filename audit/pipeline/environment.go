package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/depaudit/depaudit/audit/ledger"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// Environment is one environment to scan.
type Environment struct {
	// Name is for progress: the stage's name, or the reference.
	Name string
	// Raw is the reference as the user wrote it; the report shows it.
	Raw string
	// Ref is the reference with an absolute path.
	Ref rootfs.Ref
	// Platform chooses one image of an index, empty for this machine's.
	Platform string
	// Since is the path of a snapshot that an earlier scan of the same
	// environment wrote, empty for none.
	Since string
	// Snapshot requests a snapshot in addition to the document.
	Snapshot bool
	// Paths are the paths whose owners are requested; see [QuestionPaths].
	Paths []string
	// Verify requests a proof of the files, nil for none.
	Verify *ledger.Request
	// Sums is as in [Request].
	Sums bool
	// Files requests a list of all files, without a proof.
	Files bool

	// written is Ref with the path as it was written.
	written rootfs.Ref
}

// ParseEnvironment parses a reference whose path is relative to dir, and checks
// that the path exists. Its error is an [*InputError].
func ParseEnvironment(name, raw, dir string) (Environment, error) {
	ref, err := rootfs.ParseRefIn(dir, raw)
	if err != nil {
		return Environment{}, &InputError{Err: err}
	}
	e := Environment{Name: name, Raw: raw, Ref: ref, written: ref}
	if !ref.HasPath() {
		return e, nil
	}
	path := ref.Path
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	if e.Ref.Path, err = filepath.Abs(path); err != nil {
		return Environment{}, &InputError{Err: err}
	}
	if err := checkPath(ref.Scheme, path); err != nil {
		return Environment{}, err
	}
	return e, nil
}

// parseStage is [ParseEnvironment] for an environment that is judged. A
// snapshot is refused: it records what an environment was, and its count would
// pass for that of an environment.
func parseStage(name, raw, dir string) (Environment, error) {
	e, err := ParseEnvironment(name, raw, dir)
	if err == nil && e.Ref.Scheme == rootfs.SchemeSnapshot {
		return Environment{}, &InputError{Err: fmt.Errorf("%s: a snapshot can only be used as a base", raw), Hint: "name the environment itself, and the snapshot under base: or with --since"}
	}
	return e, err
}

// Hints for a path that does not exist: a stage's environment is often not built
// yet, a document is written by another program.
const (
	buildFirst = "build the stage first, or check the path"
	writeFirst = "write it first, or check the path"
)

// checkPath finds mistakes in a reference before the first scan. An error of
// the file system is left to the scan, which reports it with its cause.
func checkPath(scheme, path string) error {
	info, err := os.Stat(path)
	directory := scheme == rootfs.SchemeDir || scheme == rootfs.SchemeOCIDir
	switch {
	case errors.Is(err, fs.ErrNotExist) && directory:
		return &InputError{Err: fmt.Errorf("directory does not exist: %s", path), Hint: buildFirst}
	case errors.Is(err, fs.ErrNotExist) && (scheme == rootfs.SchemeSBOM || scheme == rootfs.SchemeSnapshot):
		return &InputError{Err: fmt.Errorf("file does not exist: %s", path), Hint: writeFirst}
	case errors.Is(err, fs.ErrNotExist):
		return &InputError{Err: fmt.Errorf("file does not exist: %s", path), Hint: buildFirst}
	case err != nil:
		return nil
	case scheme == rootfs.SchemeDir && !info.IsDir():
		return &InputError{Err: fmt.Errorf("%s is a file, not a root file system", path), Hint: FileHint(path)}
	case scheme == rootfs.SchemeOCIDir && !info.IsDir():
		return &InputError{Err: fmt.Errorf("%s is a file, and an OCI layout is a directory", path), Hint: "for a layout in a tar file write oci-archive:" + path}
	case info.IsDir() && !directory && scheme != rootfs.SchemeAttestation:
		return &InputError{Err: fmt.Errorf("%s is a directory, and %s: takes a file", path, scheme), Hint: "for an OCI layout write oci-dir:" + path + ", for a root file system dir:" + path}
	}
	return nil
}

// FileHint returns a hint for a file that was taken for a directory, by its
// name.
func FileHint(path string) string {
	switch {
	case strings.HasSuffix(path, ".json"), strings.HasSuffix(path, ".spdx"), strings.HasSuffix(path, ".xml"):
		return "for an SBOM write sbom:" + path
	case strings.HasSuffix(path, ".tar"):
		return "for an image write oci-archive:" + path + " or docker-archive:" + path
	}
	return "for an image write oci-archive:" + path + " or docker-archive:" + path + ", for an SBOM sbom:" + path
}
