package lockcheck

import "slices"

// Known is what the name of a file shows about it.
type Known struct {
	Format string
	// Types are the package URL types of its packages.
	Types []string
	// Read is false for a format that is recognised and not read.
	Read bool
}

// ByName returns the format of a lock by the name of its file. It returns false for
// other files, for those that name what a stage runs on, and for package.json, of
// which most lock nothing.
func ByName(file string) (Known, bool) {
	for _, f := range formats() {
		if f.hasName(file) {
			return Known{f.Name, slices.Clone(f.Types), f.parse != nil}, !f.definition && f.Name != formatCorepack
		}
	}
	return Known{}, false
}
