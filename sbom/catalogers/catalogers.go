package catalogers

import (
	"slices"

	"github.com/anchore/syft/syft/pkg"
	"github.com/anchore/syft/syft/pkg/cataloger/ai"
	"github.com/anchore/syft/syft/pkg/cataloger/apple"
	"github.com/anchore/syft/syft/pkg/cataloger/conda"
	"github.com/anchore/syft/syft/pkg/cataloger/gentoo"
	"github.com/anchore/syft/syft/pkg/cataloger/homebrew"
	"github.com/anchore/syft/syft/pkg/cataloger/javascript"
	"github.com/anchore/syft/syft/pkg/cataloger/lua"
	"github.com/anchore/syft/syft/pkg/cataloger/nix"
	"github.com/anchore/syft/syft/pkg/cataloger/perl"
	"github.com/anchore/syft/syft/pkg/cataloger/python"
	"github.com/anchore/syft/syft/pkg/cataloger/r"
	"github.com/anchore/syft/syft/pkg/cataloger/ruby"
	"github.com/anchore/syft/syft/pkg/cataloger/snap"
	"github.com/anchore/syft/syft/pkg/cataloger/wordpress"
)

// catalogers returns those that syft runs on images ("what is installed"), and
// conda's, which it runs on directories only. Omitted are the readers of the
// databases of operating systems, which package ospkg reads, and the reader of
// .NET lock files, which declare and do not install. A test has the reason of
// each (omitted, in package oracle).
func catalogers() []pkg.Cataloger {
	return []pkg.Cataloger{
		ai.NewGGUFCataloger(),
		ai.NewSafeTensorsCataloger(),
		apple.NewAppBundleCataloger(),
		conda.NewCondaMetaCataloger(),
		gentoo.NewPortageCataloger(),
		homebrew.NewCataloger(),
		javascript.NewPackageCataloger(),
		lua.NewPackageCataloger(),
		nix.NewCataloger(nix.DefaultConfig()),
		perl.NewCpanInstalledCataloger(),
		python.NewInstalledPackageCataloger(),
		r.NewPackageCataloger(),
		ruby.NewInstalledGemSpecCataloger(),
		snap.NewCataloger(),
		wordpress.NewWordpressPluginCataloger(),

		newExecutables(),
		newClassifiers(),
		newDotnet(),
		newArchives(),
		newJVM(),
		newComposer(),
		newPear(),
		newPHP(),
		newKernel(),
		newConan(),
		newBitnami(),
	}
}

// Covered returns the names of syft's catalogers whose findings [Run] reports,
// sorted: those that run, and those that a reader of ours replaces.
func Covered() []string {
	var names []string
	for _, c := range catalogers() {
		if r, ok := c.(*reader); ok && len(r.replaces) > 0 {
			names = append(names, r.replaces...)
			continue
		}
		names = append(names, c.Name())
	}
	slices.Sort(names)
	return names
}
