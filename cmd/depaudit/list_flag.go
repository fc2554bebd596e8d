package main

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// listFlag is the value of a flag that takes several values: repeated, or with commas
// between them, or both, in every command alike. A comma in a value is written \, .
type listFlag struct{ to *[]string }

func (l listFlag) String() string {
	if l.to == nil {
		return ""
	}
	return strings.Join(*l.to, ",")
}

func (listFlag) Type() string { return "list" }

func (l listFlag) Set(s string) error {
	values := splitList(s)
	if len(values) > 1 && slices.Contains(values, "") {
		return errors.New("a value between the commas is missing")
	}
	*l.to = append(*l.to, values...)
	return nil
}

// splitList splits a list at its commas and removes the blanks around its values.
func splitList(s string) []string {
	var out []string
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == ',':
			b.WriteByte(',')
			i++
		case s[i] == ',':
			out = append(out, strings.TrimSpace(b.String()))
			b.Reset()
		default:
			b.WriteByte(s[i])
		}
	}
	return append(out, strings.TrimSpace(b.String()))
}

// listVar registers a flag that takes several values.
func listVar(flags *pflag.FlagSet, to *[]string, name, usage string) {
	listVarP(flags, to, name, "", usage)
}

func listVarP(flags *pflag.FlagSet, to *[]string, name, short, usage string) {
	flags.VarP(listFlag{to}, name, short, usage+"; repeatable, or with commas")
}

// limitVar registers -n, which means the same in every command that lists: the most
// rows of each list, 0 for all.
func limitVar(cmd *cobra.Command, to *int, byDefault int, rows string) {
	*to = byDefault
	cmd.Flags().VarP(limitFlag{to}, "limit", "n", "at most `N` "+rows+", 0 for all")
}

// limitFlag is the value of -n.
type limitFlag struct{ to *int }

func (limitFlag) Type() string { return "int" }

func (l limitFlag) String() string {
	if l.to == nil {
		return ""
	}
	return strconv.Itoa(*l.to)
}

func (l limitFlag) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return errors.New("write a number, 0 for all")
	}
	*l.to = n
	return nil
}
