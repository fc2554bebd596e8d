package ospkg

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/ospkg/internal/rpmdb"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/rpmheader"
)

// Headers calls yield with the header of each package of an rpm database, as rpm
// stores it: the vendor's signature is in it. The next call overwrites it. Other
// databases have no headers. The error is that of yield, or of the file.
func (db *DB) Headers(ctx context.Context, yield func(component int, header []byte) error) error {
	for _, part := range db.parts {
		if part.headers == nil {
			continue
		}
		err := part.headers(ctx, func(i int, header []byte) error {
			if part.moved != nil {
				i = int(part.moved[i]) - 1
			}
			return yield(i, header)
		})
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// rpmRecords reads what the headers state about files. It follows "rpm --verify"
// (rpmfilesVerify in lib/verify.cc): a ghost is not in the package, and a file
// whose digest is not to be verified changes after the installation.
func (r *rpm) rpmRecords() {
	s, source := r.system, r.source
	component := map[uint32]int{}
	for i, p := range r.packages {
		component[p.Number] = i
	}
	headers := func(ctx context.Context, yield func(int, []byte) error) error {
		return s.openRPMFile(source, func(db rpmdb.Database) error {
			return rpmdb.Headers(ctx, db, func(number uint32, blob []byte) error {
				if i, known := component[number]; known {
					return yield(i, blob)
				}
				return nil
			})
		})
	}
	s.recordsOnce(func(ctx context.Context, of func(int) *recorder) []sbom.Gap {
		ids := s.accounts()
		err := headers(ctx, func(i int, blob []byte) error {
			h, err := rpmheader.Parse(blob, rpmheader.FileTags)
			if err != nil {
				return err
			}
			files, err := h.Files()
			if err != nil {
				return err
			}
			c := of(i)
			for f := range files {
				if f.State == rpmheader.StateNormal || f.State == rpmheader.StateNetShared {
					c.takeRPM(f, ids)
				}
			}
			return nil
		})
		if err == nil || errors.Is(err, ctx.Err()) {
			return nil
		}
		return []sbom.Gap{{Kind: gapKind(err, sbom.GapUnreadable), Path: source.path, Detail: "records of files: " + err.Error()}}
	})
	s.parts[0].headers = headers
}

func (c *recorder) takeRPM(f rpmheader.File, ids accounts) {
	rec := unstated()
	for _, flag := range []struct {
		bit  uint32
		flag FileFlags
	}{{rpmheader.FileConfig, Conffile}, {rpmheader.FileGhost, Ghost}, {rpmheader.FileMissingOK, MissingOK},
		{rpmheader.FileDoc | rpmheader.FileLicense | rpmheader.FileReadme, Doc}} {
		if f.Flags&flag.bit != 0 {
			rec.Flags |= flag.flag
		}
	}
	const (
		kind    = 0o170000
		regular = 0o100000
		dir     = 0o040000
		link    = 0o120000
	)
	switch f.Mode & kind {
	case regular:
		rec.Kind = rootfs.File
	case dir:
		rec.Kind = rootfs.Dir
	case link:
		rec.Kind = rootfs.Symlink
	case 0: // not stated
	default:
		rec.Kind = rootfs.Other
	}
	states := func(bit uint32) bool { return f.Verify&bit != 0 && f.Flags&rpmheader.FileGhost == 0 }
	if rec.Kind == rootfs.File {
		if sum, err := hex.DecodeString(f.Digest); err == nil && len(sum) > 0 && states(rpmheader.VerifyDigest) {
			rec.Algorithm, rec.Digest = f.Algorithm, sum
		}
		if states(rpmheader.VerifySize) && states(rpmheader.VerifyDigest) {
			rec.Size = f.Size
		}
		if states(rpmheader.VerifyCaps) {
			rec.Capabilities, rec.HasCapabilities = strings.Clone(f.Caps), true
		}
		if f.Flags&rpmheader.FileGhost == 0 && f.Verify&rpmheader.VerifyDigest == 0 {
			rec.Flags |= Mutable
		}
	}
	if rec.Kind == rootfs.Symlink && states(rpmheader.VerifyLink) {
		rec.Link = strings.Clone(f.Link)
	}
	// The mode of a link means nothing.
	if f.Mode != 0 && rec.Kind != rootfs.Symlink && states(rpmheader.VerifyMode) {
		rec.Mode, rec.HasMode = uint32(f.Mode&^kind), true
	}
	if f.User != "" && states(rpmheader.VerifyUser) {
		rec.UID = ids.user(f.User)
	}
	if f.Group != "" && states(rpmheader.VerifyGroup) {
		rec.GID = ids.group(f.Group)
	}
	path := f.Path
	if path != "/" {
		path = strings.TrimSuffix(path, "/")
	}
	c.take(path, rec)
}
