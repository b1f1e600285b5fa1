#!/usr/bin/env python3
"""Rendering and encoding instruction data beside transformers: interleaved runs, a fresh process each, medians.

Usage: .venv/bin/python bench/chat_templates.py [--repeats 5] [--date YYYY-MM-DD]
Needs build/chat_bench (ninja -C build chat_bench) and the shared test data (MEAP_SHARED). Writes bench/results/chat-templates.md.
"""
import argparse
import datetime
import importlib.metadata
import json
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
SHARED = pathlib.Path(os.environ.get("MEAP_SHARED", ROOT / ".." / "shared"))
FOLDER = SHARED / "data/tokenizers/smollm2"
DATA = SHARED / "data/sft/alpaca/alpaca_random9k.jsonl.gz"

REFERENCE = """
import gzip, json, sys, time
from transformers import AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
chats = []
for record in map(json.loads, gzip.open(sys.argv[2], "rt", encoding="utf-8")):
    if record["output"].strip():
        question = record["instruction"] + ("\\n" + record["input"] if record["input"].strip() else "")
        chats.append([{"role": "user", "content": question}, {"role": "assistant", "content": record["output"]}])
start = time.perf_counter()
tokens = sum(len(tokenizer.apply_chat_template(chat, tokenize=True, return_dict=True)["input_ids"]) for chat in chats)
print(json.dumps({"seconds": time.perf_counter() - start, "samples": len(chats), "tokens": tokens}))
"""


def run(command):
    environment = dict(os.environ, TOKENIZERS_PARALLELISM="false")
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--date", default=datetime.date.today().isoformat())
    arguments = parser.parse_args()
    ours, theirs = [], []
    for _ in range(arguments.repeats):
        ours.append(run([ROOT / "build/chat_bench", FOLDER, DATA]))
        theirs.append(run([sys.executable, "-c", REFERENCE, FOLDER, DATA]))
    assert ours[0]["samples"] == theirs[0]["samples"] and ours[0]["tokens"] == theirs[0]["tokens"]
    seconds = [statistics.median(r["seconds"] for r in runs) for runs in (ours, theirs)]
    samples = ours[0]["samples"]
    cpu = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("transformers", "jinja2", "tokenizers"))
    text = f"""# Rendering and encoding Alpaca under SmolLM2's chat template
{arguments.date}, {cpu}, one thread each, medians of {arguments.repeats} interleaved runs; {versions}.

    .venv/bin/python bench/chat_templates.py

| | samples | tokens | seconds | samples/s |
|---|---|---|---|---|
| meap, with a role for every token | {samples:,} | {ours[0]['tokens']:,} | {seconds[0]:.3f} | {samples / seconds[0]:,.0f} |
| transformers `apply_chat_template` | {samples:,} | {theirs[0]['tokens']:,} | {seconds[1]:.3f} | {samples / seconds[1]:,.0f} |

Ratio: {seconds[1] / seconds[0]:.1f}.
"""
    (ROOT / "bench/results/chat-templates.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
