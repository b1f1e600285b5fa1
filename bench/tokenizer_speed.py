#!/usr/bin/env python3
"""Encoding and training speed beside the `tokenizers` package: interleaved runs, a fresh process each, medians.

Usage: .venv/bin/python bench/tokenizer_speed.py [--repeats 5] [--megabytes 8] [--no-train] [--date YYYY-MM-DD]
Needs build/tokenizer_bench (ninja -C build tokenizer_bench), build/meap for training, and the shared test data (MEAP_SHARED). Writes
bench/results/tokenizers.json and bench/results/tokenizers.md.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import metadata

ROOT = pathlib.Path(__file__).resolve().parents[1]
SHARED = pathlib.Path(os.environ.get("MEAP_SHARED", ROOT / ".." / "shared"))
CORPUS = SHARED / "data" / "corpus"
NAMES = ("byte-bpe-8k", "sp-bpe-4k", "llama3", "smollm2", "mistral-v3", "gpt2")

# Runs in a process of its own, because the package's threads are set when it starts.
REFERENCE = """
import json, sys, time
from tokenizers import Tokenizer
tokenizer = Tokenizer.from_file(sys.argv[1])
texts = [json.loads(line)["text"] for line in open(sys.argv[2], encoding="utf-8")]
start = time.perf_counter()
encodings = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "tokens": sum(len(e.ids) for e in encodings)}))
"""
REFERENCE_TRAIN = """
import io, json, subprocess, sys, time
from tokenizers import Tokenizer, Regex, models, pre_tokenizers, trainers
pattern = json.load(open(sys.argv[1]))["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"]
def texts():
    for name in sys.argv[3:]:
        process = subprocess.Popen(["zstd", "-dc", name], stdout=subprocess.PIPE)
        for line in io.TextIOWrapper(process.stdout, encoding="utf-8"):
            yield json.loads(line)["text"]
start = time.perf_counter()
tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)])
trainer = trainers.BpeTrainer(vocab_size=8192, min_frequency=2, special_tokens=["<|bos|>", "<|eos|>", "<|pad|>", "[MASK]"],
                              initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
tokenizer.train_from_iterator(texts(), trainer)
seconds = time.perf_counter() - start
tokenizer.save(sys.argv[2])
print(json.dumps({"seconds": seconds}))
"""


def output(command, threads):
    environment = dict(os.environ, RAYON_NUM_THREADS=str(threads), TOKENIZERS_PARALLELISM="true" if threads > 1 else "false")
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment).stdout.decode()


def cpu_model():
    for line in open("/proc/cpuinfo", encoding="utf-8"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def sample(megabytes, path):
    size = 0
    process = subprocess.Popen(["zstd", "-dc", str(CORPUS / "train-00000.jsonl.zst")], stdout=subprocess.PIPE)
    with open(path, "wb") as file:
        for line in process.stdout:
            file.write(line)
            size += len(json.loads(line)["text"].encode())
            if size > megabytes * 1e6:
                break
    process.kill()
    process.wait()
    return size


def encode_speed(name, threads, path, size, repeats):
    folder = SHARED / "data" / "tokenizers" / name
    ours, theirs = [], []
    for _ in range(repeats):
        mine = json.loads(output([str(ROOT / "build" / "tokenizer_bench"), str(folder), path, str(threads), "1"], threads))
        reference = json.loads(output([sys.executable, "-c", REFERENCE, str(folder / "tokenizer.json"), path], threads))
        assert mine["tokens"] == reference["tokens"], (name, mine, reference)
        ours.append(size / 1e6 / mine["seconds"][0])
        theirs.append(size / 1e6 / reference["seconds"])
    return {"tokenizer": name, "threads": threads, "meap_mb_s": round(statistics.median(ours), 1),
            "tokenizers_mb_s": round(statistics.median(theirs), 2), "ratio": round(statistics.median(ours) / statistics.median(theirs), 1)}


def train_speed(threads, repeats):
    files = [str(path) for path in sorted(CORPUS.glob("train-*.jsonl.zst"))]
    base = SHARED / "data" / "tokenizers" / "byte-bpe-8k" / "tokenizer.json"
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(repeats):
            start = time.perf_counter()
            output([str(ROOT / "build" / "meap"), "tokenizer", "train", "--quiet", "--output", folder + "/meap", "--vocab-size", "8192", "--threads",
                    str(threads), *files], threads)
            ours.append(time.perf_counter() - start)
            theirs.append(json.loads(output([sys.executable, "-c", REFERENCE_TRAIN, str(base), folder + "/hf.json", *files], threads))["seconds"])
        mine, reference = json.load(open(folder + "/meap/tokenizer.json"))["model"], json.load(open(folder + "/hf.json"))["model"]
    return {"threads": threads, "meap_s": round(statistics.median(ours), 2), "tokenizers_s": round(statistics.median(theirs), 2),
            "ratio": round(statistics.median(theirs) / statistics.median(ours), 1), "same_merges": mine["merges"] == reference["merges"]}


def write(results):
    folder = ROOT / "bench" / "results"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizers.json").write_text(json.dumps(results, indent=1) + "\n")
    lines = ["# Tokenizers beside the `tokenizers` package", "", f"{results['date']}, {results['cpu']}, {results['cores']} cores, load {results['load']}; "
             f"tokenizers {results['tokenizers']}; `{results['command']}`. Medians of {results['repeats']} interleaved runs, each a fresh process; reading "
             f"of files is not in the times. {results['megabytes']} MB of the corpus. The number of tokens is equal in every run.", "",
             "| tokenizer | threads | meap MB/s | tokenizers MB/s | ratio |", "|---|---|---|---|---|"]
    lines += [f"| {r['tokenizer']} | {r['threads']} | {r['meap_mb_s']} | {r['tokenizers_mb_s']} | {r['ratio']} |" for r in results["encode"]]
    if results["train"]:
        lines += ["", "Training a vocabulary of 8,192 on the whole corpus (149 MB), decompressing and reading it included:", "",
                  "| threads | meap s | tokenizers s | ratio | same merges |", "|---|---|---|---|---|"]
        lines += [f"| {r['threads']} | {r['meap_s']} | {r['tokenizers_s']} | {r['ratio']} | {'yes' if r['same_merges'] else 'no'} |" for r in results["train"]]
    (folder / "tokenizers.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--megabytes", type=float, default=8)
    parser.add_argument("--no-train", action="store_true")
    parser.add_argument("--date", default=datetime.date.today().isoformat())
    options = parser.parse_args()
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        size = sample(options.megabytes, file.name)
        encode = [encode_speed(name, threads, file.name, size, options.repeats) for name in NAMES for threads in (1, 2)]
    train = [] if options.no_train else [train_speed(threads, max(1, options.repeats // 2)) for threads in (1, 2)]
    write({"command": " ".join(["bench/tokenizer_speed.py", *sys.argv[1:]]), "date": options.date, "cpu": cpu_model(), "cores": os.cpu_count(),
           "load": round(os.getloadavg()[0], 1), "tokenizers": metadata.version("tokenizers"), "repeats": options.repeats, "megabytes": round(size / 1e6, 1), "encode": encode,
           "train": train})


if __name__ == "__main__":
    main()
