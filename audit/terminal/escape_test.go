package terminal

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestEscape(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"", ""},
		{"libc6", "libc6"},
		{"héllo 世界 Ωμέγα", "héllo 世界 Ωμέγα"},
		{"a\x1b[31mred\x1b[0m", `a\x1b[31mred\x1b[0m`},
		{"\x1b]0;title\x07", `\x1b]0;title\x07`},
		{"\u009b31m", `\u009b31m`}, // C1 CSI as a character
		{"\x9b31m", `\x9b31m`},     // and as a byte
		{"a\nb\r\tc", `a\nb\r\tc`}, // a line is a line
		{"a\u2028b\u2029", `a\u2028b\u2029`},
		{"nul\x00del\x7f", `nul\x00del\x7f`},
		{"\u202egnp.exe", `\u202egnp.exe`}, // right-to-left override
		{"\u202a\u202b\u202c\u202d\u2066\u2067\u2068\u2069\u200e\u200f\u061c", `\u202a\u202b\u202c\u202d\u2066\u2067\u2068\u2069\u200e\u200f\u061c`},
		{"num\u200bpy\u200c\u200d\u2060\ufeff\u00ad", `num\u200bpy\u200c\u200d\u2060\ufeff\u00ad`},
		{"a\u00a0b\u3000c\u2800", `a\u00a0b\u3000c\u2800`}, // blanks that are not the space
		{"\u3164\u115f\uffa0", `\u3164\u115f\uffa0`},       // letters by category, and invisible
		{"x\ufe0f\U000e0041", `x\ufe0f\U000e0041`},         // variation selector, tag
		{"\ue000\U0010ffff\ufffe", `\ue000\U0010ffff\ufffe`},
		{"\ufffd", "\ufffd"}, // replaced elsewhere, visibly
		{"bad\xff\xc3(", `bad\xff\xc3(`},
		{"e\u0301", "e\u0301"},
		{"\u0301e", `\u0301e`}, // would sit on what is printed before it
		{"a \u0301e", `a \u0301e`},
		{"\n\u0301", `\n\u0301`},
		{"z\u0300\u0301\u0302\u0303\u0304\u0305", "z\u0300\u0301\u0302\u0303" + `\u0304\u0305`},
		{"::error file=x::boom", `\x3a:error file=x::boom`},
		{"   ::error::boom", `   \x3a:error::boom`},
		{"File::Temp", "File::Temp"},
		{"a ::error::boom", `a \x3a:error::boom`}, // a line may be wrapped here
		{":::", `\x3a::`},
		{"a:::b", `a:\x3a:b`}, // and a long word anywhere
		{"a:: b", "a:: b"},
		{"##[error]boom", `#\x23[error]boom`},
		{"text ##[set-env name=X]y ##vso[x]", `text #\x23[set-env name=X]y #\x23vso[x]`},
		{"C# #1", "C# #1"},
		{strings.Repeat("a", maxText), strings.Repeat("a", maxText)},
		{strings.Repeat("a", maxText+1), strings.Repeat("a", maxText-1) + "…"},
		{strings.Repeat("\x1b", maxText), strings.Repeat(`\x1b`, maxText/4-1) + "…"},
	} {
		if got := Escape(test.in); got != test.want {
			t.Errorf("Escape(%+q)\n got %s\nwant %s", test.in, got, test.want)
		}
	}
}

func FuzzEscape(f *testing.F) {
	for _, s := range naughty {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Escape(s)
		if err := unsafeLine(got); err != "" {
			t.Errorf("Escape(%+q) = %+q: %s", s, got, err)
		}
		if n := utf8.RuneCountInString(got); n > maxText {
			t.Errorf("%d characters", n)
		}
		if again := Escape(got); again != got {
			t.Errorf("not stable: %+q, then %+q", got, again)
		}
		if s != "" && got == "" {
			t.Errorf("%+q vanished", s)
		}
	})
}

// naughty is a choice of what does harm in one place or another.
var naughty = []string{
	"", " ", "libc6", "a b", "evil|`x`</td><!-- @octocat #123 \x1b[2J\u202egnp.exe::error::boom\n::warning::[x](http://example.com) ##[error]*_~",
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

// unsafeLine returns the defect of a line that Escape made, or "".
func unsafeLine(s string) string {
	if !utf8.ValidString(s) {
		return "invalid UTF-8"
	}
	marks := MaxMarks // none at the beginning
	for _, r := range s {
		switch {
		case unicode.Is(unicode.C, r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
			return "a control character or separator"
		case unicode.Is(unicode.Zs, r) && r != ' ':
			return "a blank that is not the space"
		case unicode.Is(unicode.Bidi_Control, r), unicode.Is(unicode.Join_Control, r), unicode.Is(unicode.Variation_Selector, r):
			return "an invisible character"
		case unicode.Is(unicode.M, r):
			if marks++; marks > MaxMarks {
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
