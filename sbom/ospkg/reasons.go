package ospkg

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// aptStates is the file in which apt records the automatically installed
// packages (apt-mark(8)). The packages that debootstrap installs are not
// recorded there, so that apt and depaudit treat them as explicit.
const aptStates = "/var/lib/apt/extended_states"

// setReasons sets the install reason of each package. The file is apt's and
// not part of the database, so that a malformed one is a gap.
func (d *dpkg) setReasons(ctx context.Context) error {
	auto, known, err := d.readStates(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		known = false
		d.gap(gapKind(err, sbom.GapUnreadable), aptStates, "the explicitly installed packages are unknown: %v", err)
	}
	for i, p := range d.packages {
		c := &d.Components[i]
		switch {
		case p.essential:
			c.InstallReason = sbom.ReasonEssential
		case !known:
			c.InstallReason = sbom.ReasonUnknown
		case auto[p.name+":"+d.arch(p.arch)] || auto[p.key()]:
			c.InstallReason = sbom.ReasonDependency
		default:
			c.InstallReason = sbom.ReasonExplicit
		}
	}
	return nil
}

func (d *dpkg) readStates(ctx context.Context) (auto map[string]bool, known bool, err error) {
	n, err := d.file(aptStates, rootfs.File)
	if n == rootfs.None || err != nil {
		return nil, false, err
	}
	err = d.open(n, func(r io.Reader, file string) error {
		auto, err = readExtendedStates(ctx, r, file)
		return err
	})
	return auto, err == nil, err
}

// readExtendedStates returns "name:architecture" of the automatically
// installed packages. apt records the native architecture for "all".
func readExtendedStates(ctx context.Context, r io.Reader, file string) (map[string]bool, error) {
	stanzas := &stanzaReader{lines: newLines(ctx, r, file)}
	auto := map[string]bool{}
	for {
		s, err := stanzas.next()
		if errors.Is(err, io.EOF) {
			return auto, nil
		}
		if err != nil {
			return nil, err
		}
		name := s.value("Package")
		if !validPackageName(name) {
			return nil, &parseError{File: file, Line: s.line, Msg: excerpt(name) + " is not a package name"}
		}
		if strings.TrimSpace(s.value("Auto-Installed")) == "1" {
			auto[name+":"+s.value("Architecture")] = true
		}
	}
}
