"""Checks with transformers that a folder which meap saved is its original with a mask token.

usage: tokenizer_mask.py ORIGINAL SAVED [ORIGINAL SAVED ...]
Prints one line a pair and exits 1 when one of them differs.
"""
import json
import os
import pathlib
import sys

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["HF_HUB_OFFLINE"] = "1"
from tokenizers import Tokenizer
from transformers import AutoTokenizer

TEXTS = ["", " ", "Hello world", "  two  spaces \n\n and lines\n", "na\u00efve caf\u00e9 \u4f60\u597d \U0001f642 123456", "<s>a</s> <|endoftext|> [INST]x[/INST]",
         "it's I'LL \u2581x", "[mask] [ MASK ] MASK", "\x00\x04\ufffd", "a" * 1000]


def texts_of(folder):
    golden = folder / "golden.jsonl"
    lines = golden.read_text(encoding="utf-8").rstrip("\n").split("\n") if golden.exists() else []
    return TEXTS + [text for text in (json.loads(line)["text"] for line in lines[::8]) if "[MASK]" not in text]


def check(original, saved):
    before = AutoTokenizer.from_pretrained(original)
    after = AutoTokenizer.from_pretrained(saved)
    assert after.mask_token_id is not None and after.mask_token == (before.mask_token or "[MASK]"), after.mask_token
    raw = Tokenizer.from_file(str(original / "tokenizer.json"))
    raw_saved = Tokenizer.from_file(str(saved / "tokenizer.json"))
    assert raw_saved.token_to_id(after.mask_token) == after.mask_token_id
    if before.mask_token is None:
        assert raw.token_to_id("[MASK]") is None and after.mask_token_id == max(raw.get_vocab().values()) + 1
    for text in texts_of(original):
        for special in (False, True):
            assert before.encode(text, add_special_tokens=special) == after.encode(text, add_special_tokens=special), text
            assert raw.encode(text, add_special_tokens=special).ids == raw_saved.encode(text, add_special_tokens=special).ids, text
    assert after.mask_token_id in after.encode("a [MASK] b")
    ids = after.encode("a[MASK]b", add_special_tokens=False)
    assert "[MASK]" not in after.decode(ids, skip_special_tokens=True)
    for name in ("bos_token", "eos_token", "pad_token", "unk_token", "chat_template"):
        assert getattr(before, name) == getattr(after, name), name
    print(f"{original.name}: mask_token_id {after.mask_token_id}, {len(texts_of(original))} texts")


def main():
    paths = [pathlib.Path(argument) for argument in sys.argv[1:]]
    failed = False
    for original, saved in zip(paths[::2], paths[1::2]):
        try:
            check(original, saved)
        except Exception as error:  # all pairs are worth a look
            print(f"{original}: {type(error).__name__}: {error}")
            failed = True
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
