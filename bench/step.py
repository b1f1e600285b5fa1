#!/usr/bin/env python3
"""Training step against peers: ours (step_bench); transformers eager, as users run it; transformers
tuned in two ways (jemalloc, jemalloc and torch.compile; in bf16 torch.compile, and the same with pure
bf16 weights, both with jemalloc); and the bound (matrix products and attention alone, by libtorch).
Steps are interleaved, so that other work on the machine slows all alike. Medians, and medians of the
ratios within a round, go to bench/results/step-CPU.json, each shape and dtype beside those of before.
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
# As PyTorch's tuning guide sets it: freed memory is kept.
JEMALLOC = "oversize_threshold:1,background_thread:true,metadata_thp:auto,dirty_decay_ms:-1,muzzy_decay_ms:-1"
TUNED = {"f32": ["jemalloc", "compile"], "bf16": ["compile", "compile-bf16"]}


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
            if name not in ("eager", "bound"):
                environment["LD_PRELOAD"] = ctypes.util.find_library("jemalloc") or ""
                environment["MALLOC_CONF"] = JEMALLOC
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
    names = ["meap", "eager", *TUNED[dtype], "bound"]
    peers = {name: Peer(name, shape, dtype, options) for name in names}
    seconds = {name: [] for name in names}
    peak, faults = {}, 0
    for name in names:
        peers[name].steps(2)  # warm up: compile, fill caches
    for _ in range(options.rounds):
        for name in names:
            answer = peers[name].steps(1)
            seconds[name] += answer["seconds"]
            peak[name] = answer["peak_bytes"]
            faults = answer.get("page_faults", faults)
    for peer in peers.values():
        peer.close()
    result = {}
    for name in names:
        median = statistics.median(seconds[name])
        result[name] = {"tokens_per_second": round(tokens / median, 1),
                        "step_seconds": round(median, 4), "peak_bytes": peak[name]}
        if name != "meap":
            ratios = [theirs / ours for ours, theirs in zip(seconds["meap"], seconds[name])]
            result[name]["meap_speedup"] = round(statistics.median(ratios), 3)
    result["meap"]["page_faults_per_step"] = faults
    return result


def cpu_name():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    return re.search(r"model name\s*:\s*(.*)", text).group(1)


def provenance(script, rounds):
    """What a result needs beside it to be believed."""
    return {"command": " ".join(["python", script, *sys.argv[1:]]), "cpu": cpu_name(),
            "rounds": rounds, "date": datetime.date.today().isoformat(),
            "torch": metadata.version("torch"), "python": platform.python_version()}


def result_path(name):
    cpu = re.sub(r"[^a-z0-9]+", "-", cpu_name().lower()).strip("-")
    return ROOT / "bench" / "results" / f"{name}-{cpu}.json"


def table(report):
    """The results as Markdown, one line a shape and dtype."""
    lines = ["# Training step against its peers", "Written by `bench/step.py` (`make bench`), which "
             "says who the peers are; ratios above 1 mean that meap is faster.", "",
             "| shape, dtype | tokens/s | against eager | against the tuned | against the bound | "
             "peak memory, of eager's | page faults a step | measured |", "|---|---|---|---|---|---|---|---|"]
    for case, result in report["results"].items():
        meap, eager = result["meap"], result["eager"]
        tuned = ", ".join(f"{name} {result[name]['meap_speedup']:.2f}"
                          for name in TUNED[case.split()[1]])
        lines.append(
            f"| {case} | {meap['tokens_per_second']:,.0f} | {eager['meap_speedup']:.2f} | {tuned} | "
            f"{result['bound']['meap_speedup']:.2f} | {meap['peak_bytes'] / 1e9:.2f} GB, "
            f"{meap['peak_bytes'] / eager['peak_bytes']:.2f} | {meap['page_faults_per_step']} | "
            f"{result['date']}, {result['rounds']} rounds |")
    sizes = [f"{name}: {numbers}" for name, numbers in report["shapes"].items()]
    last = next(reversed(report["results"].values()))
    return "\n".join([*lines, "", "Shapes (layers, width, ffn, heads, key/value heads, vocabulary, T, "
                      "B): " + "; ".join(sizes) + ".", f"CPU: {last['cpu']}, {report['threads']} "
                      f"threads; torch {last['torch']}, transformers {report['transformers']}, Python "
                      f"{last['python']}.", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--shapes", default=",".join(SHAPES))
    parser.add_argument("--dtypes", default="f32,bf16")
    options = parser.parse_args()
    path = result_path("step")
    report = json.loads(path.read_text()) if path.exists() else {"results": {}}
    report |= {"threads": options.threads, "shapes": SHAPES,
               "transformers": metadata.version("transformers")}
    for shape in options.shapes.split(","):
        for dtype in options.dtypes.split(","):
            result = measure(shape, dtype, options)
            report["results"][f"{shape} {dtype}"] = provenance("bench/step.py", options.rounds) | result
            print(shape, dtype, json.dumps(result), file=sys.stderr, flush=True)
            path.write_text(json.dumps(report, indent=1) + "\n")
            path.with_suffix(".md").write_text(table(report))
    print(path)


if __name__ == "__main__":
    main()
