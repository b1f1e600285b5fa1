"""Checks a folder that `meap data prepare` wrote against the tokenizers package, document by document.

usage: prepared_data.py PREPARED TOKENIZER FILE...   (FILEs: .jsonl or .jsonl.zst, in the order they were prepared)
Reads the shards after src/data/shard.h with numpy alone. Prints a summary; exits 1 at the first difference.
"""
import io
import json
import pathlib
import subprocess
import sys

import numpy as np
from tokenizers import Tokenizer


def stored_documents(folder, manifest):
    for shard in manifest["shards"]:
        raw = np.memmap(folder / shard["file"], dtype=np.uint8, mode="r")
        token_bytes = int(raw[12:16].view("<u4")[0])
        tokens, documents = (int(n) for n in raw[16:32].view("<u8"))
        assert bytes(raw[:8]) == b"MEAPTOKS" and tokens == shard["tokens"] and documents == shard["documents"]
        ids = raw[64 : 64 + tokens * token_bytes].view(f"<u{token_bytes}")
        at = 64 + (tokens * token_bytes + 7) // 8 * 8
        starts = [*raw[at : at + 8 * documents].view("<u8").tolist(), tokens]
        for begin, end in zip(starts, starts[1:]):
            yield ids[begin:end]


def texts(path, field):
    if path.endswith(".zst"):
        process = subprocess.Popen(["zstd", "-dc", path], stdout=subprocess.PIPE)
        lines = io.TextIOWrapper(process.stdout, encoding="utf-8", newline="\n")
    else:
        lines = open(path, encoding="utf-8", newline="\n")
    for line in lines:
        text = json.loads(line)[field]
        if text:
            yield text


def main(folder, tokenizer, files):
    folder = pathlib.Path(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    settings = manifest["settings"]
    reference = Tokenizer.from_file(str(pathlib.Path(tokenizer) / "tokenizer.json"))
    before = [settings["bos"]] if settings["bos"] >= 0 else []
    stored = stored_documents(folder, manifest)
    documents = tokens = 0
    for path in files:
        for text in texts(path, settings["text_field"]):
            expected = before + reference.encode(text, add_special_tokens=False).ids + [settings["eos"]]
            got = next(stored).tolist()
            if got != expected:
                sys.exit(f"document {documents} ({path}): {len(got)} ids, expected {len(expected)}: {text[:80]!r}")
            documents += 1
            tokens += len(expected)
    if next(stored, None) is not None or tokens != manifest["tokens"] or documents != manifest["documents"]:
        sys.exit(f"the folder holds {manifest['documents']} documents, {manifest['tokens']} tokens; "
                 f"the files give {documents}, {tokens}")
    print(json.dumps({"documents": documents, "tokens": tokens, "equal": True}))


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
