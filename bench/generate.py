#!/usr/bin/env python3
"""Greedy decoding and prefill beside transformers, on the same model, dtype and threads. Both sides load once; then
they take turns, so that other work on the machine slows both alike; medians go to bench/results/generate-CPU.json.
    python bench/generate.py MODEL_FOLDER [--build build] [--rounds 5] [--dtypes bf16,f32] [--threads N]"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time
from importlib import metadata

import floors
from step import cpu_name, result_path

ROOT = pathlib.Path(__file__).resolve().parent.parent
CASES = {  # batch, prompt tokens, new tokens; what a second is measured in
    "decode, batch 1": (1, 16, 64),
    "decode, batch 8": (8, 16, 64),
    "prefill of 4,096 tokens": (1, 4096, 1),
}
FLOORS = {"bf16": {"decode, batch 1": 4, "decode, batch 8": 3, "prefill of 4,096 tokens": 1.5}}  # times as fast


def transformers_peer(folder, dtype, threads):
    """Answers "BATCH PROMPT NEW" on stdin with the seconds that model.generate takes, as generate_bench does."""
    import torch
    from transformers import AutoModelForCausalLM, utils

    utils.logging.disable_progress_bar()
    torch.set_num_threads(threads)
    dtypes = {"bf16": torch.bfloat16, "f32": torch.float32}
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtypes[dtype]).eval()
    model.generation_config.eos_token_id = None
    for line in sys.stdin:
        batch, prompt, fresh = map(int, line.split())
        ids = torch.randint(model.config.vocab_size, (batch, prompt))
        with torch.inference_mode():
            start = time.perf_counter()
            out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=fresh, do_sample=False,
                                 pad_token_id=0)
            seconds = time.perf_counter() - start
        assert out.shape == (batch, prompt + fresh)
        print(json.dumps({"seconds": seconds}), flush=True)


class Peer:
    """A process that generates when asked."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def seconds(self, case):
        self.process.stdin.write("%d %d %d\n" % case)
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args} ended with {self.process.wait()}")
        return json.loads(line)["seconds"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def measure(dtype, options):
    peers = {
        "meap": Peer([ROOT / options.build / "generate_bench", options.model, dtype, str(options.threads)]),
        "transformers": Peer([sys.executable, __file__, options.model, "--peer", dtype, "--threads",
                              str(options.threads)]),
    }
    results = {}
    for name, case in CASES.items():
        batch, prompt, fresh = case
        tokens = prompt if fresh == 1 else batch * fresh
        seconds = {peer: [] for peer in peers}
        for peer in peers.values():
            # Warm up: long enough for meap to have packed its weights (128 steps).
            peer.seconds((batch, min(prompt, 64), 160 if fresh > 1 else 1))
        for _ in range(options.rounds):
            for peer in peers:
                seconds[peer].append(peers[peer].seconds(case))
        results[name] = {peer: round(tokens / statistics.median(times), 1) for peer, times in seconds.items()}
        ratios = [theirs / ours for ours, theirs in zip(seconds["meap"], seconds["transformers"])]
        results[name]["ratio"] = round(statistics.median(ratios), 2)
        print(dtype, name, json.dumps(results[name]), file=sys.stderr, flush=True)
    for peer in peers.values():
        peer.close()
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--build", default="build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--dtypes", default="bf16")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        return transformers_peer(options.model, options.peer, options.threads)
    report = {"command": "python bench/generate.py MODEL_FOLDER " + " ".join(sys.argv[2:]),
              "model": json.loads((pathlib.Path(options.model) / "config.json").read_text()), "cpu": cpu_name(),
              "threads": options.threads, "date": datetime.date.today().isoformat(),
              "torch": metadata.version("torch"), "transformers": metadata.version("transformers"),
              "python": platform.python_version(), "unit": "tokens/s, median", "rounds": options.rounds,
              "results": {dtype: measure(dtype, options) for dtype in options.dtypes.split(",")}}
    path = result_path("generate")
    path.write_text(json.dumps(report, indent=1) + "\n")
    print(path)
    floors.finish(floors.at_least(f"{name}, {dtype}: against transformers", report["results"][dtype][name]["ratio"], floor)
                  for dtype in report["results"] for name, floor in FLOORS.get(dtype, {}).items())


if __name__ == "__main__":
    main()
