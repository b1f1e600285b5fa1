#!/usr/bin/env python3
"""Fine-tuning against TRL's SFTTrainer, as users run it (padded batches) and with packing: one epoch over
the same samples of an instruction file with the same model and precision. Peers take turns; medians of
samples/s (training alone, without loading) and of the processes' peak memory go to bench/results/.
    python bench/finetune.py MODEL DATA.jsonl[.gz] [--samples 48] [--rounds 3] [--precision f32]
                             [--objective ntp] [--batch 8] [--build build]"""
import argparse
import datetime
import gzip
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
from importlib import metadata

import floors
from step import cpu_name

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = ["meap", "trl-padded", "trl-packed"]
FLOORS = {"speedup": {"trl-padded": 3, "trl-packed": 1.3}, "peak_memory_ratio": {"trl-padded": 0.5}}
LENGTH = 512


def run(command, **options):
    """Runs a command; returns its stdout and its peak memory in MiB."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{command[0]} {command[1]} failed")
    return out, usage.ru_maxrss / 1024


def run_meap(options, subset, folder):
    # Like the peers, it saves only at the end.
    words = [options.build / "meap", "finetune", ROOT / "recipes/finetune-small.yaml", f"model.path={options.model}",
             f"data.train={subset}", f"data.sequence_length={LENGTH}", f"objective.name={options.objective}",
             "template=alpaca", "train.epochs=1", f"train.batch_tokens={options.batch * 128}",
             f"train.precision={options.precision}", "checkpoint.every=1000000",
             f"output={folder}/run", "--threads", options.threads, "--quiet"]
    _, memory = run([str(w) for w in words])
    lines = [json.loads(line) for line in open(folder / "run/metrics.jsonl")]
    seconds = sum(line["step_seconds"] for line in lines if "loss" in line)
    return {"samples_per_second": options.samples / seconds, "peak_mib": memory}


def run_trl(options, subset, folder, packing):
    words = [sys.executable, str(pathlib.Path(__file__).with_name("finetune_peer.py")), options.model, subset,
             "packed" if packing else "padded", options.precision, options.batch, options.threads, LENGTH, folder]
    out, memory = run([str(w) for w in words], stderr=subprocess.DEVNULL)
    return {**json.loads(out.splitlines()[-1]), "peak_mib": memory}


def cut_subset(options, path):
    opener = gzip.open if options.data.suffix == ".gz" else open
    kept = []
    with opener(options.data, "rt", encoding="utf-8") as lines:
        for line in lines:
            if json.loads(line)["output"]:
                kept.append(line)
            if len(kept) == options.samples:
                break
    path.write_text("".join(kept), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--samples", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--objective", choices=["ntp", "meap"], default="ntp")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    results = {peer: [] for peer in PEERS}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        cut_subset(options, folder / "subset.jsonl")
        for number in range(options.rounds):
            for peer in PEERS:
                work = folder / f"{peer}-{number}"
                work.mkdir()
                if peer == "meap":
                    result = run_meap(options, folder / "subset.jsonl", work)
                else:
                    result = run_trl(options, folder / "subset.jsonl", work, peer == "trl-packed")
                results[peer].append(result)
                print(peer, {k: round(v, 2) for k, v in result.items()}, file=sys.stderr, flush=True)
    medians = {peer: {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}
               for peer, rounds in results.items()}
    report = {
        "command": " ".join(["python bench/finetune.py", *(a if a.startswith("--") else pathlib.Path(a).name
                                                           for a in sys.argv[1:])]),
        "date": datetime.date.today().isoformat(),
        "cpu": cpu_name(), "threads": options.threads,
        "versions": {p: metadata.version(p) for p in ("torch", "transformers", "trl", "accelerate")},
        "medians": medians,
        "speedup": {peer: medians["meap"]["samples_per_second"] / medians[peer]["samples_per_second"]
                    for peer in PEERS[1:]},
        "peak_memory_ratio": {peer: medians["meap"]["peak_mib"] / medians[peer]["peak_mib"] for peer in PEERS[1:]},
    }
    text = json.dumps(report, indent=2)
    output = options.output or ROOT / f"bench/results/finetune-{options.precision}.json"
    output.write_text(text + "\n")
    print(text)
    floors.finish(
        [floors.at_least(f"samples/s against {peer}", report["speedup"][peer], floor)
         for peer, floor in FLOORS["speedup"].items()]
        + [floors.at_most(f"memory, of {peer}'s", report["peak_memory_ratio"][peer], limit)
           for peer, limit in FLOORS["peak_memory_ratio"].items()])


if __name__ == "__main__":
    main()
