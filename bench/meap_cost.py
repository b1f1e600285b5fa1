#!/usr/bin/env python3
"""What MEAP costs against NTP: `meap pretrain` on one corpus with both objectives, short runs in turn, the
rate from each run's metrics.jsonl. The medians and the median of the rounds' ratios go to
bench/results/meap-cost-CPU.json.
    python bench/meap_cost.py [--build build] [--rounds 7] [--steps 20]"""
import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile

import floors
from step import ROOT, provenance, result_path

RECIPE = """\
tokenizer: {folder}/tokenizer
data: {{train: {folder}/train.jsonl, sequence_length: 512, cache: {folder}/cache}}
model: {{num_hidden_layers: 6, hidden_size: 256, intermediate_size: 704, num_attention_heads: 4}}
train: {{steps: {steps}, batch_tokens: 4096, micro_batch: 8}}
checkpoint: {{every: 1000000}}
"""
FLOORS = {"meap_over_ntp": 0.99}
WARM_UP_STEPS = 4  # of a run, not counted


def prepare(meap, folder, steps):
    def run(*arguments):
        subprocess.run([meap, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    run("data", "synth", "--output", folder / "train.jsonl", "--documents", 4000, "--seed", 1)
    run("tokenizer", "train", "--output", folder / "tokenizer", "--vocab-size", 4096,
        folder / "train.jsonl")
    (folder / "recipe.yaml").write_text(RECIPE.format(folder=folder, steps=steps))


def rate(meap, folder, objective, number):
    """Median tokens per second of one run."""
    output = folder / f"{objective}-{number}"
    subprocess.run([meap, "pretrain", str(folder / "recipe.yaml"), f"objective.name={objective}",
                    f"output={output}"], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    lines = map(json.loads, (output / "metrics.jsonl").read_text().splitlines())
    rates = [line["tokens_per_second"] for line in lines if "loss" in line]
    return statistics.median(rates[WARM_UP_STEPS:])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    meap = str(ROOT / options.build / "meap")
    rates = {"ntp": [], "meap": []}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        prepare(meap, folder, options.steps)
        for number in range(options.rounds):
            # Who goes first changes, so that a machine that slows down or speeds up favours neither.
            for objective in sorted(rates, reverse=number % 2 == 0):
                rates[objective].append(rate(meap, folder, objective, number))
    ratios = [ours / theirs for ours, theirs in zip(rates["meap"], rates["ntp"])]
    report = provenance("bench/meap_cost.py", options.rounds) | {
        "recipe": RECIPE, "tokens_per_second": {k: statistics.median(v) for k, v in rates.items()},
        "meap_over_ntp": round(statistics.median(ratios), 4)}
    path = result_path("meap-cost")
    path.write_text(json.dumps(report, indent=1) + "\n")
    print(path, report["meap_over_ntp"])
    floors.finish([floors.at_least("MEAP's tokens/s, of NTP's", report["meap_over_ntp"], FLOORS["meap_over_ntp"])])


if __name__ == "__main__":
    main()
