package ospkg

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// apkRecords reads what the database states about files: "Z:" has the digest of
// the content, or of the target of a symbolic link; "a:" of a file and "M:" of a
// directory have owner, group and mode, where they are not the default
// (apk_db_fdb_read and apk_db_write_fdb in apk-tools' src/database.c).
func (d *apk) apkRecords(n rootfs.Node) {
	s := d.system
	component := map[string]int{}
	for i, p := range d.packages {
		component[p.name] = i
	}
	s.recordsOnce(func(ctx context.Context, of func(int) *recorder) (gaps []sbom.Gap) {
		err := s.open(n, func(rd io.Reader, file string) error {
			r := newApkReader(ctx, rd, file, n, newFinder(s.tree, s.areas))
			r.see = func(p *apkRecord, path string, f FileRecord) {
				if i, known := component[p.name]; known {
					of(i).take(path, f)
				}
			}
			for {
				if _, err := r.next(); err != nil {
					gaps = r.unclear
					return err
				}
			}
		})
		if !errors.Is(err, io.EOF) {
			gaps = append(gaps, sbom.Gap{Kind: gapKind(err, sbom.GapUnreadable), Path: s.tree.Path(n), Detail: err.Error()})
		}
		return gaps
	})
}

// record starts the record of a path. apk protects changes of files in /etc, as
// far as its defaults are concerned (apk_db_open in src/database.c). The kind of one that is no directory
// follows from the tree only.
func (r *apkReader) record(path string, kind rootfs.Kind, mode uint32) {
	if r.see == nil {
		return
	}
	r.at, r.current = path, unstated()
	r.current.Kind, r.current.Mode, r.current.HasMode, r.current.UID, r.current.GID = kind, mode, true, 0, 0
	if kind != rootfs.Dir && isInside(path, "/etc") && !isInside(path, "/etc/init.d") && !isInside(path, "/etc/apk") {
		r.current.Flags = Conffile
	}
}

// flush hands the last record over.
func (r *apkReader) flush() {
	if r.see != nil && r.at != "" {
		r.see(r.p, r.at, r.current)
	}
	r.at = ""
}

// recordMode reads "uid:gid:mode", and a digest of extended attributes.
func (r *apkReader) recordMode(value string) {
	if r.at == "" {
		return
	}
	parts := strings.SplitN(value, ":", 4)
	r.current.UID, r.current.GID, r.current.HasMode = -1, -1, false
	if len(parts) < 3 {
		r.unsure("%s is not an owner, a group and a mode", excerpt(value))
		return
	}
	uid, err := strconv.ParseUint(parts[0], 10, 31)
	gid, err2 := strconv.ParseUint(parts[1], 10, 31)
	mode, err3 := strconv.ParseUint(parts[2], 8, 12)
	if err := errors.Join(err, err2, err3); err != nil {
		r.unsure("%s is not an owner, a group and a mode", excerpt(value))
		return
	}
	r.current.UID, r.current.GID, r.current.Mode, r.current.HasMode = int(uid), int(gid), uint32(mode), true
}

func (r *apkReader) recordDigest(value string) {
	if r.at == "" {
		return
	}
	const short = 20 // bytes of SHA-256, "sha256-160" of apk-tools 3
	if text, isShort := strings.CutPrefix(value, "Q2"); isShort {
		if sum, err := base64.StdEncoding.DecodeString(text); err == nil && len(sum) == short {
			r.current.Algorithm, r.current.Digest = "sha256", sum
			return
		}
	}
	d, err := parseApkDigest(value)
	if err != nil {
		r.unsure("%v", err)
		return
	}
	r.current.Algorithm = d.Algorithm
	r.current.Digest, _ = hex.DecodeString(d.Value)
}

// unsure records a field that does not parse. Its number is limited.
func (r *apkReader) unsure(format string, args ...any) {
	const most = 10
	if len(r.unclear) < most {
		r.unclear = append(r.unclear, sbom.Gap{Kind: sbom.GapMalformed, Path: r.lines.file,
			Detail: fmt.Sprintf("line %d: package %s: ", r.lines.number, r.p.name) + fmt.Sprintf(format, args...)})
	}
}
