#!/usr/bin/env python3
"""Training step against peers: ours (step_bench); transformers eager, as users run it; transformers
tuned in two ways (jemalloc, jemalloc and torch.compile; in bf16 torch.compile, and the same with pure
bf16 weights, both with jemalloc); and the bound (matrix products and attention alone, by libtorch).
Steps are interleaved, so that other work on the machine slows all alike. Medians, and medians of the
ratios within a round, go to bench/results/step-CPU.json, each shape and dtype beside those of before. With
--device cuda all of it runs on the first GPU, one peer after another since they do not fit together, and
the results, with the share of the GPU's peak (MFU), go to step-GPU.json.
    python bench/step.py [--build build] [--rounds 7] [--shapes s,m,l] [--dtypes f32,bf16] [--device cpu]
    python bench/step.py --device cuda [--shapes x] [--dtypes bf16]"""
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

import floors

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHAPES = {  # layers, width, ffn, heads, key/value heads, vocabulary, T, B
    "s": "6,288,768,6,6,32000,256,8",
    "m": "8,512,1376,8,2,4096,512,8",
    "l": "12,768,2048,12,2,32064,1024,2",
    "x": "24,2048,5632,32,2,32064,4096,2",  # meap-1.1b, for a GPU
}
DEFAULTS = {"cpu": ("s,m,l", "f32,bf16"), "cuda": ("x", "bf16")}  # shapes, dtypes
# As PyTorch's tuning guide sets it: freed memory is kept.
JEMALLOC = "oversize_threshold:1,background_thread:true,metadata_thp:auto,dirty_decay_ms:-1,muzzy_decay_ms:-1"
TUNED = {"cpu": {"f32": ["jemalloc", "compile"], "bf16": ["compile", "compile-bf16"]},
         "cuda": {"f32": ["compile"], "bf16": ["compile", "compile-bf16"]}}
FLOORS = {  # as often as fast; memory as a share of eager's
    "eager": {"s f32": 1.30, "m f32": 1.20, "l f32": 1.15, "s bf16": 1.20, "m bf16": 1.35, "l bf16": 1.50},
    "best tuned peer": 1.0, "best tuned peer, median over the cases": 1.08,
    "bound": {"s": 0.95, "m": 0.95, "l": 1.0},
    "memory": 0.6,
    "mfu": {"x bf16": 0.55},
}


class Peer:
    """A process that makes steps when asked."""

    def __init__(self, name, shape, dtype, options):
        environment = dict(os.environ)
        arguments = [SHAPES[shape], dtype, str(options.threads), options.device]
        if name == "meap":
            command = [str(ROOT / options.build / "step_bench"), *arguments]
        else:
            command = [sys.executable, str(ROOT / "bench" / "step_peers.py"), name, *arguments]
            if options.device == "cpu" and name not in ("eager", "bound"):
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


def take_turns(names, shape, dtype, options):
    """{peer: its answers}, a step each a round."""
    peers = {name: Peer(name, shape, dtype, options) for name in names}
    for peer in peers.values():
        peer.steps(2)  # warm up: compile, fill caches
    answers = {name: [] for name in names}
    for _ in range(options.rounds):
        for name, peer in peers.items():
            answers[name].append(peer.steps(1))
    for peer in peers.values():
        peer.close()
    return answers


def measure(shape, dtype, options):
    """{peer: medians} of one shape and dtype."""
    tokens = int(SHAPES[shape].split(",")[6]) * int(SHAPES[shape].split(",")[7])
    names = ["meap", "eager", *TUNED[options.device][dtype], "bound"]
    groups = [names] if options.device == "cpu" else [[name] for name in names]
    answers = {}
    for group in groups:
        answers |= take_turns(group, shape, dtype, options)
    seconds = {name: [s for answer in answers[name] for s in answer["seconds"]] for name in names}
    ours = answers["meap"][-1]
    result = {}
    for name in names:
        median = statistics.median(seconds[name])
        result[name] = {"tokens_per_second": round(tokens / median, 1),
                        "step_seconds": round(median, 4), "peak_bytes": answers[name][-1]["peak_bytes"]}
        if ours["peak_flops"] > 0:
            rate = ours["flops_per_token"] * tokens / median
            result[name]["mfu"] = round(rate / ours["peak_flops"], 3)
        if name != "meap":
            ratios = [theirs / ours for ours, theirs in zip(seconds["meap"], seconds[name])]
            result[name]["meap_speedup"] = round(statistics.median(ratios), 3)
    result["meap"]["page_faults_per_step"] = ours["page_faults"]
    return result


def missed_floors(results, device):
    """Checks of floors.finish over {shape and dtype: what measure gave}."""
    checks, tuned = [], []
    for case, result in results.items():
        shape, dtype = case.split()
        if case in FLOORS["mfu"] and "mfu" in result["meap"]:
            checks.append(floors.at_least(f"{case}: MFU", result["meap"]["mfu"], FLOORS["mfu"][case]))
        if device != "cpu" or case not in FLOORS["eager"]:
            continue
        best = min(result[name]["meap_speedup"] for name in TUNED[device][dtype])
        tuned.append(best)
        memory = result["meap"]["peak_bytes"] / result["eager"]["peak_bytes"]
        checks += [
            floors.at_least(f"{case}: against eager", result["eager"]["meap_speedup"], FLOORS["eager"][case]),
            floors.at_least(f"{case}: against the best tuned peer", best, FLOORS["best tuned peer"]),
            floors.at_least(f"{case}: against the bound", result["bound"]["meap_speedup"], FLOORS["bound"][shape]),
            floors.at_most(f"{case}: memory, of eager's", memory, FLOORS["memory"])]
    if tuned:
        checks.append(floors.at_least("against the best tuned peer, median over the cases",
                                      statistics.median(tuned), FLOORS["best tuned peer, median over the cases"]))
    return checks


def gpu_name(parser):
    """The first GPU's, or the end of the program where there is none."""
    import torch

    if not torch.cuda.is_available():
        parser.error(f"--device cuda: torch {torch.__version__} finds no GPU here; it takes a CUDA build of torch, in "
                     "this Python and in the build (make MEAP_TORCH=...), on a machine with a GPU")
    return torch.cuda.get_device_name(0)


def cpu_name():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    return re.search(r"model name\s*:\s*(.*)", text).group(1)


def provenance(script, rounds):
    """What a result needs beside it to be believed."""
    return {"command": " ".join(["python", script, *sys.argv[1:]]), "cpu": cpu_name(),
            "rounds": rounds, "date": datetime.date.today().isoformat(),
            "torch": metadata.version("torch"), "python": platform.python_version()}


def result_path(name, processor=None):
    """Of results on a processor; this machine's CPU unless another is named."""
    processor = re.sub(r"[^a-z0-9]+", "-", (processor or cpu_name()).lower()).strip("-")
    return ROOT / "bench" / "results" / f"{name}-{processor}.json"


def table(report):
    """The results as Markdown, one line a shape and dtype."""
    gpu = report.get("gpu")
    tuned_names = TUNED["cuda" if gpu else "cpu"]
    lines = ["# Training step against its peers", "Written by `bench/step.py` (`make bench`), which "
             "says who the peers are; ratios above 1 mean that meap is faster.", "",
             "| shape, dtype | tokens/s | against eager | against the tuned | against the bound | "
             f"peak memory, of eager's | {'MFU' if gpu else 'page faults a step'} | measured |",
             "|---|---|---|---|---|---|---|---|"]
    for case, result in report["results"].items():
        meap, eager = result["meap"], result["eager"]
        tuned = ", ".join(f"{name} {result[name]['meap_speedup']:.2f}"
                          for name in tuned_names[case.split()[1]])
        extra = meap["page_faults_per_step"]
        if gpu:
            extra = ", ".join(f"{name} {result[name].get('mfu', 0):.3f}"
                              for name in ("meap", "eager", *tuned_names[case.split()[1]]))
        lines.append(
            f"| {case} | {meap['tokens_per_second']:,.0f} | {eager['meap_speedup']:.2f} | {tuned} | "
            f"{result['bound']['meap_speedup']:.2f} | {meap['peak_bytes'] / 1e9:.2f} GB, "
            f"{meap['peak_bytes'] / eager['peak_bytes']:.2f} | {extra} | "
            f"{result['date']}, {result['rounds']} rounds |")
    sizes = [f"{name}: {numbers}" for name, numbers in report["shapes"].items()]
    last = next(reversed(report["results"].values()))
    return "\n".join([*lines, "", "Shapes (layers, width, ffn, heads, key/value heads, vocabulary, T, "
                      "B): " + "; ".join(sizes) + ".", (f"GPU: {gpu}. " if gpu else "") + f"CPU: {last['cpu']}, "
                      f"{report['threads']} threads; torch {last['torch']}, transformers {report['transformers']}, "
                      f"Python {last['python']}.", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--device", choices=DEFAULTS, default="cpu")
    parser.add_argument("--shapes", help="s,m,l on a CPU, x on a GPU unless given")
    parser.add_argument("--dtypes", help="f32,bf16 on a CPU, bf16 on a GPU unless given")
    options = parser.parse_args()
    options.shapes = options.shapes or DEFAULTS[options.device][0]
    options.dtypes = options.dtypes or DEFAULTS[options.device][1]
    gpu = gpu_name(parser) if options.device == "cuda" else None
    path = result_path("step", gpu)
    report = json.loads(path.read_text()) if path.exists() else {"results": {}}
    report |= {"threads": options.threads, "transformers": metadata.version("transformers")}
    if gpu:
        report["gpu"] = gpu
    measured = {}
    for shape in options.shapes.split(","):
        for dtype in options.dtypes.split(","):
            result = measure(shape, dtype, options)
            measured[f"{shape} {dtype}"] = result
            report["results"][f"{shape} {dtype}"] = provenance("bench/step.py", options.rounds) | result
            report["shapes"] = {name: SHAPES[name] for name in SHAPES
                                if any(case.split()[0] == name for case in report["results"])}
            print(shape, dtype, json.dumps(result), file=sys.stderr, flush=True)
            path.write_text(json.dumps(report, indent=1) + "\n")
            path.with_suffix(".md").write_text(table(report))
    print(path)
    floors.finish(missed_floors(measured, options.device))


if __name__ == "__main__":
    main()
