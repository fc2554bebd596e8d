// Program links modules, for a comparison of how they are read again.
package main

import (
	"fmt"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/pelletier/go-toml/v2"
	"golang.org/x/mod/semver"
)

func main() {
	fmt.Println(doublestar.ValidatePattern("**"), semver.IsValid("v1"), toml.Unmarshal(nil, new(any)))
}
