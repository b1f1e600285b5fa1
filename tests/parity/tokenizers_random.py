#!/usr/bin/env python3
"""Random strings over many scripts: `meap tokenizer encode` and `decode` against the `tokenizers` package.

Usage: .venv/bin/python tests/parity/tokenizers_random.py [--strings 2000 | --full] [--seed 1] [FOLDER...]
Without folders: every tokenizer of the shared test data and of tests/fixtures/tokenizers. Prints differences and exits 1 when there
are any. --full takes 20,000 strings for each tokenizer. `build/meap` may be named otherwise by MEAP_BINARY.
"""
import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

from tokenizers import Tokenizer

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("MEAP_SHARED", ROOT / ".." / "shared"))
BINARY = os.environ.get("MEAP_BINARY", str(ROOT / "build" / "meap"))

# (first, last) of blocks: Latin, Greek, Cyrillic, Armenian, Hebrew, Arabic, Indic, Thai, Tibetan, Georgian, Hangul, Ethiopic, Khmer,
# punctuation, symbols, CJK, kana, Yi, presentation forms, emoji, historic scripts, mathematical letters, tags, private use, the ends.
BLOCKS = [(0x00, 0x7F), (0x80, 0xFF), (0x100, 0x24F), (0x250, 0x36F), (0x370, 0x3FF), (0x400, 0x52F), (0x530, 0x58F), (0x590, 0x5FF),
          (0x600, 0x6FF), (0x700, 0x7BF), (0x900, 0xDFF), (0xE00, 0xEFF), (0xF00, 0xFFF), (0x1000, 0x109F), (0x10A0, 0x10FF),
          (0x1100, 0x11FF), (0x1200, 0x139F), (0x1680, 0x17FF), (0x1D00, 0x1FFF), (0x2000, 0x206F), (0x2070, 0x2BFF), (0x2E00, 0x2FFF),
          (0x3000, 0x30FF), (0x3100, 0x33FF), (0x3400, 0x9FFF), (0xA000, 0xABFF), (0xAC00, 0xD7FF), (0xE000, 0xE0FF), (0xF900, 0xFFFF),
          (0x10000, 0x10FFF), (0x11000, 0x11FFF), (0x12000, 0x16FFF), (0x1D100, 0x1D7FF), (0x1E000, 0x1EFFF), (0x1F000, 0x1FAFF),
          (0x20000, 0x2A6DF), (0x30000, 0x323AF), (0xE0000, 0xE01EF), (0x10FFF0, 0x10FFFF)]
SPACES = [" ", "  ", "   ", "\n", "\r\n", "\t", " \n", "\n\n", "\u00a0", "\u2003", "\u3000", "\u0085", "\u2028", "\u200b", "\u200d", "\v"]
WORDS = ("the of and to in it's we'll I'VE don't HE'D they're x'\u017f 'S 'Ll hello Hello HELLO world pre-training 3.14 12345678 a1b2 $100 "
         "foo_bar() {};:// https://example.org/?q=1&r=2 e\u0301 na\u00efve \u00c5ngstr\u00f6m \u0130stanbul stra\u00dfe \u1e9e \u2581 \u2581\u2581 \u2581the "
         "\u00df \ufb01 \u212b \uac01 \u1100\u1161\u11a8 \U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \U0001f44d\U0001f3fd <0x0A> <unk> "
         "\u4f60\u597d \u3053\u3093\u306b\u3061\u306f \u041f\u0440\u0438\u0432\u0435\u0442 \u0645\u0631\u062d\u0628\u0627 \u0928\u092e\u0938\u094d\u0924\u0947 \ufffd \x00 \x04 \x7f").split(" ")


def random_string(rng, specials):
    parts = []
    for _ in range(rng.choice((1, 2, 3, 5, 8, 13, 30))):
        kind = rng.random()
        if kind < 0.3:
            parts.append(rng.choice(WORDS))
        elif kind < 0.55:
            parts.append(rng.choice(SPACES))
        elif kind < 0.6:
            parts.append(rng.choice(specials)[: rng.choice((1, 3, 1000, 1000))])
        elif kind < 0.85:
            first, last = rng.choice(BLOCKS)
            parts.append("".join(chr(rng.randint(first, last)) for _ in range(rng.choice((1, 1, 2, 4, 9)))))
        elif kind < 0.9:
            parts.append(rng.choice("aA'1 .\n\u2581\u00e9\u0301") * rng.choice((2, 3, 7, 33, 64)))
        else:
            parts.append("".join(rng.choice("abcdefghijklmnopqrstuvwxyzABC0123456789'!?-.,  ") for _ in range(rng.choice((3, 20, 60)))))
    return "".join(parts).encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def run(arguments, objects):
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        for item in objects:
            file.write(json.dumps(item, ensure_ascii=item.get("ascii", False)) + "\n")
        file.flush()
        done = subprocess.run([BINARY, "tokenizer", *arguments, "--jsonl", file.name], check=True, stdout=subprocess.PIPE)
    return [json.loads(line) for line in done.stdout.decode("utf-8").rstrip("\n").split("\n")]


def compare(name, what, expected, got, inputs, limit=3):
    assert len(expected) == len(got), (name, what, len(expected), len(got))
    wrong = [i for i, (a, b) in enumerate(zip(expected, got)) if a != b]
    for i in wrong[:limit]:
        print(f"{name}: {what} differs for {inputs[i]!r}\n  expected {expected[i]!r}\n  got      {got[i]!r}")
    return len(wrong)


def check(folder, strings, seed):
    rng = random.Random(f"{seed} {folder.name}")
    reference = Tokenizer.from_file(str(folder / "tokenizer.json"))
    specials = [token.content for token in reference.get_added_tokens_decoder().values()] + ["[MASK]", "<mask>", "<s>"]
    texts = [random_string(rng, specials) for _ in range(strings)]
    size = max(reference.get_vocab().values()) + 1
    base = ["--tokenizer", str(folder)]
    wrong = 0
    for special in (False, True):
        expected = [encoding.ids for encoding in reference.encode_batch(texts, add_special_tokens=special)]
        got = [line["ids"] for line in run(["encode", *base, *(["--special"] if special else [])], [{"text": t} for t in texts])]
        wrong += compare(folder.name, f"encode special={special}", expected, got, texts)
    lists = expected[: strings // 2] + [[rng.randrange(size + 2) for _ in range(rng.choice((1, 2, 5, 20)))] for _ in range(strings // 2)]
    for skip in (False, True):
        decoded = reference.decode_batch(lists, skip_special_tokens=skip)
        got = [line["text"] for line in run(["decode", *base, *(["--skip-special"] if skip else [])], [{"ids": ids} for ids in lists])]
        wrong += compare(folder.name, f"decode skip={skip}", decoded, got, lists)
    print(f"{folder.name}: {strings} strings, {wrong} differences")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strings", type=int, default=2000)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("folders", nargs="*", type=pathlib.Path)
    options = parser.parse_args()
    folders = options.folders or sorted(path.parent for base in (SHARED / "data" / "tokenizers", ROOT / "tests" / "fixtures" / "tokenizers")
                                        for path in base.glob("*/tokenizer.json"))
    if not folders:
        sys.exit("no tokenizers found: name folders or set MEAP_SHARED")
    sys.exit(1 if sum(check(folder, 20000 if options.full else options.strings, options.seed) for folder in folders) else 0)


if __name__ == "__main__":
    main()
