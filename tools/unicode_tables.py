#!/usr/bin/env python3
"""Writes src/text/unicode_tables.inc: the character classes that the Hugging Face `tokenizers` package uses.

Its regular expressions (Oniguruma), its Rust character predicates and its normaliser each follow another
Unicode version, so the classes are asked from the package itself, one code point at a time (two minutes),
and not taken from a Unicode library of this machine.

Usage: .venv/bin/python tools/unicode_tables.py   (needs perl for the age of code points)
"""
import pathlib
import subprocess

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
CATEGORIES = ("Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co").split()


def matched(pattern):
    """Code points that the regular expression matches."""
    split = pre_tokenizers.Split(Regex(pattern), "removed")
    return [c for c in CODE_POINTS if not split.pre_tokenize_str(chr(c))]


def cut(pre_tokenizer):
    """Code points that the pre-tokeniser cuts from a letter before them."""
    return [c for c in CODE_POINTS if pre_tokenizer.pre_tokenize_str("a" + chr(c))[0][0] == "a"]


def ranges(points):
    result = []
    for c in sorted(points):
        if result and result[-1][1] == c - 1:
            result[-1][1] = c
        else:
            result.append([c, c])
    return result


def write_table(out, name, type_name, rows):
    out.write(f"constexpr {type_name} {name}[] = {{\n")
    line = "   "
    for row in rows:
        item = " {" + ", ".join(row) + "},"
        if len(line) + len(item) > 100:
            out.write(line + "\n")
            line = "   "
        line += item
    out.write(line + "\n};\n\n")


def write_ranges(out, name, points):
    write_table(out, name, "CodePointRange", [(f"0x{a:X}", f"0x{b:X}") for a, b in ranges(points)])


def lowercase_rows():
    """(first, last, step, distance): runs of code points whose lower case lies at one distance."""
    lower = normalizers.Lowercase()
    rows = []
    for c in CODE_POINTS:
        image = lower.normalize_str(chr(c))
        if image == chr(c) or c == 0x130:
            continue
        assert len(image) == 1, hex(c)
        distance = ord(image) - c
        if rows and rows[-1][3] == distance:
            first, last, step, _ = rows[-1]
            if (first == last and c - last <= 2) or c - last == step:
                rows[-1] = [first, c, c - last, distance]
                continue
        rows.append([c, c, 1, distance])
    assert lower.normalize_str("\u0130") == "i\u0307"
    return [(f"0x{a:X}", f"0x{b:X}", str(s), str(d)) for a, b, s, d in rows]


def known_to_normalizer():
    """Code points of Unicode 9.0, the version that the package's normaliser knows."""
    script = r'for (0..0x10FFFF) { next if $_ >= 0xD800 && $_ < 0xE000; print "$_\n" if chr =~ /\p{Present_In: 9.0}/ }'
    return [int(x) for x in subprocess.run(["perl", "-e", script], capture_output=True, check=True,
                                           text=True).stdout.split()]


def main():
    target = pathlib.Path(__file__).parent.parent / "src" / "text" / "unicode_tables.inc"
    categories = {}
    for name in CATEGORIES:
        for c in matched(rf"\p{{{name}}}"):
            assert c not in categories, (name, hex(c))
            categories[c] = name
    rows = []
    for c in CODE_POINTS:
        name = categories.get(c, "Cn")
        if not rows or rows[-1][2] != name or rows[-1][1] != c - 1:
            rows.append([c, c, name])
        rows[-1][1] = c
    with open(target, "w", encoding="utf-8") as out:
        out.write(f"// Made by tools/unicode_tables.py with tokenizers {tokenizers.__version__}; do not edit.\n\n")
        write_table(out, "kCategories", "CategoryRange",
                    [(f"0x{a:X}", f"0x{b:X}", f"Category::k{n}") for a, b, n in rows if n != "Cn"])
        write_ranges(out, "kWordRanges", matched(r"\w"))
        write_ranges(out, "kHanRanges", matched(r"\p{Han}"))
        write_ranges(out, "kNumericRanges", cut(pre_tokenizers.Digits(individual_digits=True)))
        write_ranges(out, "kPunctuationRanges", cut(pre_tokenizers.Punctuation()))
        word = set(CODE_POINTS) - set(cut(pre_tokenizers.Whitespace()))
        write_ranges(out, "kRustWordRanges", word)
        write_ranges(out, "kNormalizerKnows", known_to_normalizer())
        write_table(out, "kLowercase", "LowercaseRun", lowercase_rows())


if __name__ == "__main__":
    main()
