// The binary that TestGoBinary proves against the repository's go.sum.
package main

import (
	"github.com/pelletier/go-toml/v2"
	"golang.org/x/mod/semver"
)

func main() {
	var v any
	if err := toml.Unmarshal([]byte("a = 1"), &v); err != nil || !semver.IsValid("v1") {
		panic(err)
	}
}
