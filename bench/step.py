#!/usr/bin/env python3
"""Training step against peers: ours (step_bench), transformers eager, transformers with jemalloc and
torch.compile, and the bound (matrix products and attention alone). Steps are interleaved, so that
other work on the machine slows all alike; medians go to bench/results/step-CPU.json.
    python bench/step.py [--build build] [--rounds 7] [--shapes s,m,l] [--dtypes f32,bf16]"""
import argparse
import ctypes.util
import datetime
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
from importlib import metadata

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHAPES = {  # layers, width, ffn, heads, key/value heads, vocabulary, T, B
    "s": "6,288,768,6,6,32000,256,8",
    "m": "8,512,1376,8,2,4096,512,8",
    "l": "12,768,2048,12,2,32064,1024,2",
}
PEERS = ["meap", "eager", "compile", "bound"]


class Peer:
    """A process that makes steps when asked."""

    def __init__(self, name, shape, dtype, options):
        environment = dict(os.environ)
        arguments = [SHAPES[shape], dtype, str(options.threads)]
        if name == "meap":
            command = [str(ROOT / options.build / "step_bench"), *arguments]
        else:
            # -P: this folder's tokenizers.py must not stand in for the package of that name.
            command = [sys.executable, "-P", str(ROOT / "bench" / "step_peers.py"), name,
                       *arguments]
            if name == "compile":
                environment["LD_PRELOAD"] = ctypes.util.find_library("jemalloc") or ""
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env=environment)

    def steps(self, count):
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args} ended with {self.process.wait()}")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def measure(shape, dtype, options):
    """{peer: medians} of one shape and dtype."""
    tokens = int(SHAPES[shape].split(",")[6]) * int(SHAPES[shape].split(",")[7])
    names = options.peers.split(",")
    peers = {name: Peer(name, shape, dtype, options) for name in names}
    seconds = {name: [] for name in names}
    peak = {}
    for name in names:
        peers[name].steps(2)  # warm up: compile, fill caches
    for _ in range(options.rounds):
        for name in names:
            answer = peers[name].steps(1)
            seconds[name] += answer["seconds"]
            peak[name] = answer["peak_bytes"]
    for peer in peers.values():
        peer.close()
    result = {}
    for name in names:
        median = statistics.median(seconds[name])
        result[name] = {"tokens_per_second": round(tokens / median, 1),
                        "step_seconds": round(median, 4), "peak_bytes": peak[name]}
        if name != "meap" and "meap" in names:
            ratios = [theirs / ours for ours, theirs in zip(seconds["meap"], seconds[name])]
            result[name]["meap_speedup"] = round(statistics.median(ratios), 3)
    return result


def cpu_name():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    return re.search(r"model name\s*:\s*(.*)", text).group(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--shapes", default=",".join(SHAPES))
    parser.add_argument("--dtypes", default="f32,bf16")
    parser.add_argument("--peers", default=",".join(PEERS))
    options = parser.parse_args()
    report = {"command": "python bench/step.py " + " ".join(sys.argv[1:]), "cpu": cpu_name(),
              "threads": options.threads, "date": datetime.date.today().isoformat(),
              "torch": metadata.version("torch"), "transformers": metadata.version("transformers"),
              "python": platform.python_version(), "shapes": SHAPES, "results": {}}
    for shape in options.shapes.split(","):
        for dtype in options.dtypes.split(","):
            result = measure(shape, dtype, options)
            report["results"][f"{shape} {dtype}"] = result
            print(shape, dtype, json.dumps(result), file=sys.stderr, flush=True)
    name = re.sub(r"[^a-z0-9]+", "-", report["cpu"].lower()).strip("-")
    path = ROOT / "bench" / "results" / f"step-{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n")
    print(path)


if __name__ == "__main__":
    main()
