#!/usr/bin/env python3
"""The paper's fine-tuning comparison at small scale: NTP for 2 epochs against MEAP for 1 on a fixed subset of an
instruction file, held out answers from its end. Each run goes on where it stopped when this is called again. The table
goes to bench/results/finetune-epochs.md, the curves stay in FOLDER/*/metrics.jsonl.
    python bench/finetune_epochs.py MODEL DATA.jsonl.gz FOLDER [--samples 2000] [--held-out 200] [--build build] [KEY=VALUE ...]"""
import argparse
import datetime
import gzip
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
RUNS = {"NTP, 2 epochs": ["objective.name=ntp", "train.epochs=2"], "MEAP, 1 epoch": ["objective.name=meap", "train.epochs=1"]}


def cut(options):
    """The first samples with an answer to train on, the last ones to hold out."""
    with gzip.open(options.data, "rt", encoding="utf-8") as lines:
        good = [line for line in lines if json.loads(line)["output"]]
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, part in (("train", good[:options.samples]), ("held-out", good[-options.held_out:])):
        (options.folder / f"{name}.jsonl").write_text("".join(part), encoding="utf-8")


def run(options, name, words):
    output = options.folder / name.lower().replace(", ", "-").replace(" ", "-")
    subprocess.run(
        [options.build / "meap", "finetune", ROOT / "recipes/finetune-small.yaml", f"model.path={options.model}",
         f"data.train={options.folder}/train.jsonl", f"data.validation={options.folder}/held-out.jsonl",
         "validation.tokens=1000000000", f"output={output}", "--resume", *words, *options.overrides], check=True)
    lines = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    steps = [line for line in lines if "loss" in line]
    validations = [line["validation_loss"] for line in lines if "validation_loss" in line]
    return (f"| {name} | {len(steps)} | {steps[-1]['tokens']:,} | {sum(s['step_seconds'] for s in steps) / 60:.1f} min | "
            f"{steps[-1]['loss']:.4f} | {min(validations):.4f} | {validations[-1]:.4f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--held-out", type=int, default=200)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    options = parser.parse_args()
    cut(options)
    rows = [run(options, name, words) for name, words in RUNS.items()]
    (ROOT / "bench/results/finetune-epochs.md").write_text("\n".join([
        f"# NTP for 2 epochs against MEAP for 1: {options.samples} samples of {options.data.name}, "
        f"{options.held_out} held out", f"{datetime.date.today()}, {os.cpu_count()} cores, model "
        f"{options.model.name}, recipes/finetune-small.yaml {' '.join(options.overrides)}", "",
        "| run | steps | tokens | time of training | last training loss | lowest held-out answer loss | last one |",
        "|---|---|---|---|---|---|---|", *rows, ""]))


if __name__ == "__main__":
    main()
