package ospkg

// Order returns how the package manager of a purl type orders versions, nil
// for a type that is none of an operating system. What it returns is negative
// when a is earlier than b, and takes any strings. For "alpm" it is no order
// of all versions: one without a release equals all of its releases.
func Order(typ string) func(a, b string) int {
	switch typ {
	case "deb", "opkg":
		return CompareVersions
	case "rpm":
		return CompareRPM
	case "apk":
		return compareApk
	case "alpm":
		return compareAlpm
	}
	return nil
}
