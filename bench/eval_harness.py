#!/usr/bin/env python3
"""`meap eval` beside lm-evaluation-harness on the commonsense tasks, f32 on the CPU. The harness runs at the batch size
that is fastest in a trial, with its model loaded; meap is timed as a command, loading and writing included. Tasks
alternate between the two, so that other work on the machine slows both.
    python bench/eval_harness.py --model DIR --data DIR [--limit 40] [--rounds 1] --output bench/results/NAME.md"""
import argparse
import datetime
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import metadata

import floors

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import harness  # noqa: E402

FLOORS = {"times as fast, all tasks": 2}


def seconds(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def best_batch_size(options):
    trial = {}
    for size in map(int, options.batch_sizes.split(",")):
        model = harness.load_model(options.model, size)
        trial[size] = seconds(lambda: harness.evaluate(model, options.data, ["arc_easy", "hellaswag"], options.trial))
    print({size: f"{time:.1f} s" for size, time in trial.items()}, file=sys.stderr)
    return min(trial, key=trial.get)


def run_meap(task, options):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([ROOT / options.build / "meap", "eval", "--model", options.model, "--tasks", task, "--data",
                        options.data, "--limit", str(options.limit), "--dtype", "f32", "--quiet", "--output",
                        pathlib.Path(folder) / "results.json"], check=True, stdout=subprocess.DEVNULL)


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--build", default="build")
    parser.add_argument("--limit", type=int, default=40)
    parser.add_argument("--trial", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--batch-sizes", default="1,8,32")
    parser.add_argument("--output", required=True)
    options = parser.parse_args()
    size = best_batch_size(options)
    model = harness.load_model(options.model, size)
    times = {task: {"harness": [], "meap": []} for task in harness.TASKS}
    for _ in range(options.rounds):
        for task in harness.TASKS:
            times[task]["meap"].append(seconds(lambda: run_meap(task, options)))
            times[task]["harness"].append(
                seconds(lambda: harness.evaluate(model, options.data, [task], options.limit)))
    lines = [
        f"# The commonsense tasks beside lm-evaluation-harness, {options.limit} items each",
        f"{datetime.date.today()}, {processor()}, {os.cpu_count()} cores; lm_eval {metadata.version('lm_eval')} at batch "
        f"size {size} (the best of {options.batch_sizes}), transformers {metadata.version('transformers')}, torch "
        f"{metadata.version('torch')}; f32. Seconds, median of {options.rounds}; meap as a whole command, loading "
        "included; the harness without loading its model.", "",
        "    python bench/eval_harness.py --model DIR --data DIR --limit "
        f"{options.limit} --rounds {options.rounds} --output FILE", "",
        "| task | harness | meap | times as fast |", "|---|---|---|---|"]
    total = {"harness": 0.0, "meap": 0.0}
    for task, found in times.items():
        median = {who: statistics.median(found[who]) for who in total}
        for who in total:
            total[who] += median[who]
        lines.append(f"| {task} | {median['harness']:.1f} | {median['meap']:.1f} | "
                     f"{median['harness'] / median['meap']:.2f} |")
    lines.append(f"| all | {total['harness']:.1f} | {total['meap']:.1f} | {total['harness'] / total['meap']:.2f} |")
    pathlib.Path(options.output).write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    floors.finish([floors.at_least("times as fast as the harness, all tasks", total["harness"] / total["meap"],
                                   FLOORS["times as fast, all tasks"])])


if __name__ == "__main__":
    main()
