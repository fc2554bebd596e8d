package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/registry"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/wording"
)

// reference returns the reference that an argument without a scheme means, by
// the content of the file or directory. An argument with a scheme, or one that
// only the parser of references can judge, is returned as it is.
func reference(arg string) (string, error) {
	if _, ok := pushedRef(arg, false); ok {
		return "", usage(notEnvironment(arg))
	}
	info, err := os.Stat(arg)
	switch {
	case err != nil:
		return arg, likelyReference(arg)
	case info.IsDir():
		return directoryReference(arg)
	case !info.Mode().IsRegular():
		return arg, nil
	}
	kind, err := recogniseFile(arg)
	if err != nil {
		return "", usage(err)
	}
	switch kind {
	case fileReport:
		return "", usage(&hinted{fmt.Errorf("%s is a report of depaudit, not an environment", arg), fmt.Sprintf("print it with: depaudit report %s; the questions (why, top, diff) take it as it is", arg)})
	case fileBaseline:
		return "", usage(&hinted{fmt.Errorf("%s is a baseline, not an environment", arg), "print it with: depaudit baseline show"})
	case fileSnapshot:
		return rootfs.SchemeSnapshot + ":" + arg, nil
	case fileArchive:
		return archiveReference(arg)
	}
	if !looksLikeDocument(arg) {
		return arg, nil
	}
	return rootfs.SchemeSBOM + ":" + arg, nil
}

// notEnvironment is the error for a release in a registry where an environment belongs.
func notEnvironment(arg string) error {
	return &hinted{fmt.Errorf("%s is a report of depaudit, not an environment", arg), "print it with: depaudit report " + arg + ", check it with: depaudit release verify " + arg + "; the questions (why, top, diff) take it as it is"}
}

// likelyReference returns an error with the reference that a name without a file
// may mean.
func likelyReference(arg string) error {
	name, rest, scheme := strings.Cut(arg, ":")
	switch {
	case !scheme && slices.Contains([]string{rootfs.SchemeHost, "localhost", "."}, name):
		return usage(&hinted{fmt.Errorf("directory does not exist: %s", arg), "to scan this machine write host:"})
	case likelyImage(arg):
		return usage(&hinted{fmt.Errorf("%s is neither a file nor a reference", arg), fmt.Sprintf("for an image write docker:%s (a local engine) or registry:%s", arg, arg)})
	case scheme && isImageName(name, rest):
		full := arg
		if !strings.Contains(name, "/") {
			full = "library/" + full
		}
		if first, _, _ := strings.Cut(full, "/"); !strings.Contains(first, ".") {
			full = "docker.io/" + full
		}
		return usage(&hinted{fmt.Errorf("%s is neither a file nor a reference", arg), fmt.Sprintf("for an image write docker:%s (a local engine) or registry:%s", arg, full)})
	}
	return nil
}

// likelyImage reports whether an argument that is no file looks like HOST/NAME, with a
// tag or a digest or without.
func likelyImage(arg string) bool {
	host, _, below := strings.Cut(arg, "/")
	if _, err := registry.ParseName(arg); err != nil || !below {
		return false
	}
	// What is before the colon of dir:/srv/root is a scheme.
	host, port, hasPort := strings.Cut(host, ":")
	if hasPort {
		return host != "" && port != "" && strings.Trim(port, "0123456789") == ""
	}
	return host == "localhost" || strings.Contains(host, ".") && strings.Trim(host, ".") != ""
}

// isImageName reports whether NAME:TAG looks like an image, and not like a
// mistyped scheme.
func isImageName(name, tag string) bool {
	if name == "" || tag == "" || strings.ContainsAny(tag, "/ ") || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789._-/") != "" {
		return false
	}
	var schemes []string
	for _, s := range rootfs.Schemes() {
		schemes = append(schemes, s.Name)
	}
	if slices.Contains(schemes, name) || wording.Nearest(name, schemes) != "" || name == "oci" || name == "file" {
		return false
	}
	return strings.ContainsAny(tag, "0123456789") || strings.Contains(name, "/") || tag == "latest"
}

// directoryReference recognises an OCI layout, and directories of packages that
// are not root file systems. A layout with other files in it could be a root
// file system to which a layout was added, so as not to be scanned.
func directoryReference(dir string) (string, error) {
	switch filepath.Base(filepath.Clean(dir)) {
	case "node_modules", "site-packages", "dist-packages":
		return "", usage(&hinted{fmt.Errorf("%s holds packages, and is not the root of an environment", dir), "scan the directory that contains it: depaudit scan dir:" + filepath.Dir(filepath.Clean(dir))})
	}
	if _, err := os.Stat(filepath.Join(dir, "oci-layout")); err != nil {
		return dir, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return dir, nil // the scan reports it
	}
	for _, e := range entries {
		if !slices.Contains([]string{"oci-layout", "index.json", "blobs", "manifest.json", "repositories"}, e.Name()) {
			return "", usage(&hinted{fmt.Errorf("%s is an OCI layout with other files in it (%s)", dir, e.Name()), fmt.Sprintf("write oci-dir:%s for the image, dir:%s for the directory", dir, dir)})
		}
	}
	return rootfs.SchemeOCIDir + ":" + dir, nil
}

// archiveReference tells an archive of docker save from a layout by the names
// in it. A compressed one is left to the reader of layouts, which reports what
// it is.
func archiveReference(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", usage(readable(path, err))
	}
	defer f.Close()
	layout, saved, members := false, false, 0
	for t, n := tar.NewReader(f), 0; n < maxMembers; n++ {
		h, err := t.Next()
		if errors.Is(err, io.EOF) || err != nil {
			break
		}
		members++
		switch strings.TrimPrefix(h.Name, "./") {
		case "oci-layout":
			layout = true
		case "manifest.json":
			saved = true
		}
	}
	switch {
	case saved && !layout:
		return rootfs.SchemeDockerArchive + ":" + path, nil
	case !layout && members > 0:
		return "", usage(&hinted{fmt.Errorf("%s is an archive, and neither an OCI layout nor one of docker save", path), "unpack it, and scan the directory: dir:ROOT"})
	}
	return rootfs.SchemeOCIArchive + ":" + path, nil
}

// looksLikeDocument reports whether a file begins as JSON, XML or a tag-value
// document of SPDX does.
func looksLikeDocument(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 1<<10)
	n, _ := io.ReadFull(f, head)
	text := strings.TrimLeft(strings.TrimPrefix(string(head[:n]), "\ufeff"), " \t\r\n")
	return strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") || strings.HasPrefix(text, "<") || strings.Contains(text, "SPDXVersion:")
}

// maxMembers bounds the search for the names that tell kinds of archives apart.
// An image has some dozens of layers, with three members each at most.
const maxMembers = 10000
