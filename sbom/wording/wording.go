// Package wording has the parts of messages that every layer writes: counted
// nouns and the suggestion for a misspelt name.
//
// It imports nothing of this module.
package wording

import (
	"strconv"
	"strings"
)

// number returns n in decimal, with a comma every three digits: "13,214".
func number(n int) string {
	s := strconv.Itoa(n)
	first := 0
	if n < 0 {
		first = 1
	}
	for i := len(s) - 3; i > first; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Count returns a number with its noun: "1 file", "13,214 files".
func Count(n int, one, many string) string {
	return number(n) + " " + Form(n, one, many)
}

// Form returns the form of a word that agrees with n.
func Form(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// maxWord is the length in bytes of the longest misspelt name that is compared
// with others: the distance takes time in the product of the lengths, and no
// key, option or stage has a longer name.
const maxWord = 64

// Nearest returns the one of known that word was probably meant to be, or ""
// when none is close: at most a third of its letters may differ, or the word
// abbreviates it. Case, "-" and
// "_" are ignored, since people mix them up most. The result is for an error
// message; a program must not act on it.
func Nearest(word string, known []string) string {
	if word == "" || len(word) > maxWord {
		return ""
	}
	best, bestDistance := "", 0
	for _, k := range known {
		a, b := plain(word), plain(k)
		d := Distance(a, b)
		if d > max(1, len(b)/3) || d >= len(a) {
			continue
		}
		if best == "" || d < bestDistance {
			best, bestDistance = k, d
		}
	}
	if best != "" || len(word) < minPrefix {
		return best
	}
	for _, k := range known {
		switch {
		case !strings.HasPrefix(plain(k), plain(word)):
		case best != "":
			return "" // it abbreviates several
		default:
			best = k // "spdx" for "spdx-json"
		}
	}
	return best
}

// minPrefix is the length of the shortest abbreviation that is recognised.
const minPrefix = 3

func plain(s string) string {
	return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(s))
}

// Distance returns the number of insertions, deletions and replacements of a
// byte, and of swaps of two neighbours, that turn a into b (optimal string
// alignment).
func Distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, before
		row[0] = i + 1
		for j := range len(b) {
			replace := last[j]
			if a[i] != b[j] {
				replace++
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, replace)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
