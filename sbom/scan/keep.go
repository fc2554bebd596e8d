package scan

import (
	"github.com/depaudit/depaudit/sbom/catalog"
	"github.com/depaudit/depaudit/sbom/environ"
)

// keepVersion is raised when keepContent or magic answers differently.
const keepVersion = "1"

// keepRule says what is kept of an image's files while its layers are read.
func keepRule() *environ.Keep {
	return &environ.Keep{ID: "scan " + keepVersion + ", " + catalog.Version, Content: keepContent}
}

// keepContent keeps what the package databases, the catalogers and our own
// readers open. Too much costs disk; too little is a gap that names the file.
func keepContent(path string, size int64, class environ.Class) bool {
	return true
}
