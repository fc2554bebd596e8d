package rpmdb

import (
	"fmt"
	"hash/fnv"
	"io"
	"iter"

	"github.com/depaudit/depaudit/sbom/rpmheader"
)

// The tags that this package reads (include/rpm/rpmtag.h).
const (
	tagInstallTime     = 1008
	tagSize            = 1009
	tagVendor          = 1011
	tagLicense         = 1014
	tagPackager        = 1015
	tagSourceRPM       = 1044
	tagProvideName     = 1047
	tagRequireFlags    = 1048
	tagRequireName     = 1049
	tagRequireVersion  = 1050
	tagProvideFlags    = 1112
	tagProvideVersion  = 1113
	tagLongSize        = 5009
	tagRecommendName   = 5046
	tagRecommendVer    = 5047
	tagRecommendFlags  = 5048
	tagSuggestName     = 5049
	tagSuggestVer      = 5050
	tagSuggestFlags    = 5051
	tagModularityLabel = 5096
)

func wanted(tag uint32) bool {
	switch tag {
	case rpmheader.TagSigPGP, rpmheader.TagSigGPG, rpmheader.TagDSAHeader, rpmheader.TagRSAHeader, rpmheader.TagSHA1Header, rpmheader.TagSHA256Header, rpmheader.TagOpenPGP,
		rpmheader.TagName, rpmheader.TagVersion, rpmheader.TagRelease, rpmheader.TagEpoch, tagInstallTime, tagSize, tagVendor, tagLicense, tagPackager, rpmheader.TagArch,
		rpmheader.TagOldFileNames, rpmheader.TagFileStates, rpmheader.TagFileModes, rpmheader.TagFileDigests, rpmheader.TagFileLinks, rpmheader.TagFileFlags, tagSourceRPM,
		tagProvideName, tagProvideFlags, tagProvideVersion, tagRequireName, tagRequireFlags, tagRequireVersion,
		rpmheader.TagDirIndexes, rpmheader.TagBaseNames, rpmheader.TagDirNames, tagLongSize,
		tagRecommendName, tagRecommendVer, tagRecommendFlags, tagSuggestName, tagSuggestVer, tagSuggestFlags, tagModularityLabel:
		return true
	}
	return false
}

// header is a header with the readers of what is only in databases.
type header struct{ rpmheader.Header }

// Package is one header of a database.
type Package struct {
	// Number is the key of the header in the database, from 1.
	Number uint32
	Name   string
	// Epoch is nil when the package states none, which compares as 0.
	Epoch   *uint32
	Version string
	Release string
	Arch    string // "" for a public key
	// SourceRPM is the file name of the source package.
	SourceRPM string
	Vendor    string
	// Packager and License are as the package states them.
	Packager, License string
	// Module is the modularity label, "name:stream:version:context", if any.
	Module string
	// Size of the files in bytes, as the package states it.
	Size int64
	// InstallTime is in seconds since 1970.
	InstallTime int64
	// Signers are the IDs of the keys that the signatures name, 16 hexadecimal
	// digits each, without duplicates. The signatures are not verified.
	Signers []string

	Files      Files
	Provides   []Dependency
	Requires   []Dependency
	Recommends []Dependency
	Suggests   []Dependency
}

// Dependency is a capability that a package provides, requires, recommends or
// suggests.
type Dependency struct {
	// Name is the name of a package, of a capability, the path of a file, or
	// a boolean expression in parentheses.
	Name    string
	Version string // "[epoch:]version[-release]", "" for any
	Flags   Sense
}

// Sense is the set of flags of a dependency (rpmsenseFlags in
// include/rpm/rpmds.h).
type Sense uint32

const (
	Less         Sense = 1 << 1
	Greater      Sense = 1 << 2
	Equal        Sense = 1 << 3
	PostTrans    Sense = 1 << 5
	PreReq       Sense = 1 << 6
	PreTrans     Sense = 1 << 7
	Interp       Sense = 1 << 8
	ScriptPre    Sense = 1 << 9
	ScriptPost   Sense = 1 << 10
	ScriptPreUn  Sense = 1 << 11
	ScriptPostUn Sense = 1 << 12
	ScriptVerify Sense = 1 << 13
	MissingOK    Sense = 1 << 19
	PreUnTrans   Sense = 1 << 20
	PostUnTrans  Sense = 1 << 21
	RPMLib       Sense = 1 << 24
)

// Operator is the relation between versions, "" for none.
func (s Sense) Operator() string {
	op := ""
	if s&Less != 0 {
		op += "<"
	}
	if s&Greater != 0 {
		op += ">"
	}
	if s&Equal != 0 {
		op += "="
	}
	return op
}

func (d Dependency) String() string {
	if d.Flags.Operator() == "" || d.Version == "" {
		return d.Name
	}
	return d.Name + " " + d.Flags.Operator() + " " + d.Version
}

// Files are the files of a package, as rpm installed them.
type Files struct {
	bases []string
	dirs  []string
	index []uint32
	// flags and states have no element, or one for each file.
	flags  []uint32
	states []byte
	prints []uint64
}

// File is a file of a package.
type File struct {
	// Dir and Base are the path. Dir starts and ends with a slash in every
	// package that rpmbuild made; neither is checked.
	Dir, Base string
	// Ghost is true for a file that the package does not contain, but owns
	// when it exists, such as a log.
	Ghost bool
	// Config is true for a configuration file.
	Config bool
	// Installed is false for a file that rpm did not install: it was left out
	// (documentation, another language), is of another architecture, or was
	// replaced by another package's.
	Installed bool
	// Print is a short fingerprint of the kind and the content of the file, or
	// of the target of a link, which must be equal in two packages that share
	// the file. It is a claim of the package; 0 without one.
	Print uint64
}

// Flags and states of files (include/rpm/rpmfiles.h).
const (
	fileConfig = 1 << 0
	fileGhost  = 1 << 6

	stateNormal    = 0
	stateNetShared = 3
)

// Len returns the number of files.
func (f *Files) Len() int { return len(f.bases) }

// All returns the files in the order of the package.
func (f *Files) All() iter.Seq[File] {
	return func(yield func(File) bool) {
		for i, base := range f.bases {
			file := File{Base: base, Installed: true}
			if len(f.index) > 0 {
				file.Dir = f.dirs[f.index[i]]
			}
			if len(f.flags) > 0 {
				file.Ghost = f.flags[i]&fileGhost != 0
				file.Config = f.flags[i]&fileConfig != 0
			}
			if len(f.states) > 0 {
				// RPMFILE_IS_INSTALLED in include/rpm/rpmfiles.h.
				file.Installed = f.states[i] == stateNormal || f.states[i] == stateNetShared
			}
			if len(f.prints) > 0 {
				file.Print = f.prints[i]
			}
			if !yield(file) {
				return
			}
		}
	}
}

// readPackage parses a header.
func readPackage(number uint32, blob []byte) (*Package, error) {
	parsed, err := rpmheader.Parse(blob, wanted)
	if err != nil {
		return nil, err
	}
	h := header{parsed}
	p := &Package{Number: number}
	for _, field := range []struct {
		tag  uint32
		into *string
	}{
		{rpmheader.TagName, &p.Name}, {rpmheader.TagVersion, &p.Version}, {rpmheader.TagRelease, &p.Release}, {rpmheader.TagArch, &p.Arch},
		{tagSourceRPM, &p.SourceRPM}, {tagVendor, &p.Vendor}, {tagPackager, &p.Packager}, {tagLicense, &p.License}, {tagModularityLabel, &p.Module},
	} {
		if *field.into, err = h.Text(field.tag); err != nil {
			return nil, err
		}
		if *field.into == "(none)" { // rpm writes it into the headers of public keys
			*field.into = ""
		}
	}
	for _, need := range []struct{ what, value string }{{"name", p.Name}, {"version", p.Version}, {"release", p.Release}} {
		if need.value == "" {
			return nil, damaged("", "package %.64q has no %s", p.Name, need.what)
		}
	}
	epoch, found, err := h.Number(rpmheader.TagEpoch)
	if err != nil {
		return nil, err
	}
	if found {
		e := uint32(epoch)
		if uint64(e) != epoch {
			return nil, damaged(fmt.Sprintf("tag %d", rpmheader.TagEpoch), "%d is not an epoch", epoch)
		}
		p.Epoch = &e
	}
	if err := p.readNumbers(h); err != nil {
		return nil, err
	}
	if p.Signers, err = h.signers(); err != nil {
		return nil, err
	}
	if p.Files, err = h.files(); err != nil {
		return nil, err
	}
	if p.Provides, err = h.dependencies(tagProvideName, tagProvideFlags, tagProvideVersion); err != nil {
		return nil, err
	}
	if p.Requires, err = h.dependencies(tagRequireName, tagRequireFlags, tagRequireVersion); err != nil {
		return nil, err
	}
	if p.Recommends, err = h.dependencies(tagRecommendName, tagRecommendFlags, tagRecommendVer); err != nil {
		return nil, err
	}
	p.Suggests, err = h.dependencies(tagSuggestName, tagSuggestFlags, tagSuggestVer)
	return p, err
}

func (p *Package) readNumbers(h header) error {
	size, found, err := h.Number(tagLongSize) // of packages beyond 4 GB
	if err == nil && !found {
		size, _, err = h.Number(tagSize)
	}
	if err != nil {
		return err
	}
	p.Size = max(int64(size), 0)
	installed, _, err := h.Number(tagInstallTime)
	p.InstallTime = max(int64(installed), 0)
	return err
}

// files reads the list of files in its compressed form or, of packages from
// before rpm 4, as paths.
func (h header) files() (f Files, err error) {
	if f.bases, err = h.Texts(rpmheader.TagBaseNames); err != nil {
		return f, err
	}
	if len(f.bases) > 0 {
		if f.dirs, err = h.Texts(rpmheader.TagDirNames); err != nil {
			return f, err
		}
		if f.index, err = h.Numbers(rpmheader.TagDirIndexes); err != nil {
			return f, err
		}
		if len(f.index) != len(f.bases) {
			return f, damaged("", "%d file names, but %d directory indexes", len(f.bases), len(f.index))
		}
		for _, i := range f.index {
			if uint64(i) >= uint64(len(f.dirs)) {
				return f, damaged("", "a file is in directory %d of %d", i, len(f.dirs))
			}
		}
	} else if f.bases, err = h.Texts(rpmheader.TagOldFileNames); err != nil {
		return f, err
	}
	if f.flags, err = h.Numbers(rpmheader.TagFileFlags); err != nil {
		return f, err
	}
	if f.states, err = h.Bytes(rpmheader.TagFileStates); err != nil {
		return f, err
	}
	for _, n := range []int{len(f.flags), len(f.states)} {
		if n != 0 && n != len(f.bases) {
			return f, damaged("", "%d files, but %d flags or states of them", len(f.bases), n)
		}
	}
	f.states = append([]byte(nil), f.states...) // the blob is the caller's
	f.prints, err = h.prints(len(f.bases))
	return f, err
}

// prints returns hashes of the values that rpm compares when two packages have
// one file (rpmfilesCompare in lib/rpmfi.cc): kind, digest, target. The hash
// does not need to resist an attacker, who could as well repeat the digest.
func (h header) prints(files int) ([]uint64, error) {
	modes, err := h.Shorts(rpmheader.TagFileModes)
	if err != nil {
		return nil, err
	}
	digests, err := h.Texts(rpmheader.TagFileDigests)
	if err != nil {
		return nil, err
	}
	links, err := h.Texts(rpmheader.TagFileLinks)
	if err != nil {
		return nil, err
	}
	if len(modes) != files || len(digests) != files || len(links) != files {
		return nil, nil // old packages do not have all of them
	}
	const kind = 0o170000 // S_IFMT
	out := make([]uint64, files)
	for i := range out {
		sum := fnv.New64a()
		sum.Write([]byte{byte(modes[i] & kind >> 8)})
		io.WriteString(sum, digests[i])
		sum.Write([]byte{0})
		io.WriteString(sum, links[i])
		out[i] = max(sum.Sum64(), 1)
	}
	return out, nil
}

// dependencies reads three parallel tags. Very old packages have neither flags
// nor versions for provided capabilities.
func (h header) dependencies(names, flags, versions uint32) ([]Dependency, error) {
	n, err := h.Texts(names)
	if err != nil {
		return nil, err
	}
	f, err := h.Numbers(flags)
	if err != nil {
		return nil, err
	}
	v, err := h.Texts(versions)
	if err != nil {
		return nil, err
	}
	for _, count := range []int{len(f), len(v)} {
		if count != 0 && count != len(n) {
			return nil, damaged(fmt.Sprintf("tag %d", names), "%d names, %d flags and %d versions", len(n), len(f), len(v))
		}
	}
	out := make([]Dependency, len(n))
	for i := range out {
		out[i].Name = n[i]
		if len(f) > 0 {
			out[i].Flags = Sense(f[i])
		}
		if len(v) > 0 {
			out[i].Version = v[i]
		}
	}
	return out, nil
}
