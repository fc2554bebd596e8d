package main

// pathSeparator parts the paths of environment.paths; no path has it.
const pathSeparator = "\x00"

// pathOwner says which component a path of an environment belongs to.
type pathOwner struct {
	Path string `json:"path"`
}
