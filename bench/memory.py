"""Forecast and peak memory of `meap pretrain` and `meap finetune`, side by side: python3 bench/memory.py [--steps N] > memory.json

Runs a few steps of each case on the corpus (MEAP_SHARED), one after another, on the CPU, and compares what the run foretold
with the most its process ever held; the peak is reached in the step after the first checkpoint, whose copy is then held.
checkpoint_seconds is how long training stood still for that checkpoint."""
import argparse
import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile

import floors

ROOT = pathlib.Path(__file__).resolve().parent.parent
MEAP = pathlib.Path(os.environ.get("MEAP_BUILD", ROOT / "build")) / "meap"
SHARED = pathlib.Path(os.environ.get("MEAP_SHARED", ROOT.parent / "shared"))
# name: preset, T, micro-batch, micro-batches, further words
CASES = {
    "small, T 256": ("small", 256, 16, 2, []),
    "meap-0.1b, T 1024, micro-batch 1": ("meap-0.1b", 1024, 1, 2, []),
    "meap-0.1b, T 1024, micro-batch 2": ("meap-0.1b", 1024, 2, 2, []),
    "meap-0.1b, T 1024, a step of one micro-batch of 2": ("meap-0.1b", 1024, 2, 1, []),
    "meap-0.1b, T 1024, a step of one sequence, bf16": ("meap-0.1b", 1024, 1, 1, ["train.precision=bf16"]),
    "meap-0.1b, T 1024, micro-batch 2, bf16": ("meap-0.1b", 1024, 2, 2, ["train.precision=bf16"]),
    "meap-0.1b, T 1024, micro-batch 1, no checkpoint copy": ("meap-0.1b", 1024, 1, 2, ["checkpoint.background=false"]),
    "meap-0.1b, T 1024, micro-batch 2, recompute mlp": ("meap-0.1b", 1024, 2, 2, ["train.recompute=mlp"]),
    "meap-0.1b, T 1024, micro-batch 2, recompute block": ("meap-0.1b", 1024, 2, 2, ["train.recompute=block"]),
    "meap-0.3b, T 512, micro-batch 1": ("meap-0.3b", 512, 1, 2, []),
}
# name: preset of the base model, T, tokens in a step, further words
FINETUNE_CASES = {
    "fine-tuning meap-0.1b, T 1024, packed": ("meap-0.1b", 1024, 8192, []),
    "fine-tuning meap-0.1b, T 2048, long and short samples, not packed": ("meap-0.1b", 2048, 16384, ["data.packing=false"]),
    "fine-tuning meap-0.1b, T 1024, packed, LoRA of rank 16": ("meap-0.1b", 1024, 8192, ["lora.rank=16"]),
}


def meap(*words):
    done = subprocess.run([str(word) for word in (MEAP, *words, "--quiet")], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def pretrain(preset, length, micro, count, words, steps, folder):
    return meap("pretrain", ROOT / "recipes" / "base.yaml", f"output={folder}/run", f"model.preset={preset}",
                f"tokenizer={SHARED / 'data' / 'tokenizers' / 'mistral-v3'}",
                f"data.train={SHARED / 'data' / 'corpus'}/train-00000*", f"data.cache={folder}/../cache",
                f"data.sequence_length={length}", f"train.batch_tokens={length * micro * count}",
                f"train.micro_batch={micro}", f"train.steps={steps}", "train.device=cpu",
                f"checkpoint.every={max(1, steps // 2)}", *words)


def finetune(preset, length, batch, words, steps, folder):
    """Samples of all lengths up to T, most of them short, as instruction files are."""
    base = folder.parent / f"base-{preset}"
    if not base.exists():
        pretrain(preset, 2048, 1, 1, [], 1, base)
    with open(folder.parent / "items.jsonl", "w", encoding="utf-8") as file:
        for i in range(2000):
            count = 20 + i * 7 % 180 if i % 10 else length * 2 // 3
            answer = " ".join(f"word{(i + k * k) % 97}" for k in range(count // 3))
            file.write(json.dumps({"instruction": f"Tell item {i}.", "input": "", "output": answer}) + "\n")
    return meap("finetune", ROOT / "recipes" / "finetune-small.yaml", f"output={folder}/run", f"model.path={base}/run/hf",
                f"data.train={folder.parent}/items.jsonl", f"data.sequence_length={length}", f"train.batch_tokens={batch}",
                f"train.steps={steps}", "train.device=cpu", "train.precision=f32", f"checkpoint.every={max(1, steps // 2)}",
                *words)


# Of the paper's models; of a small one most is what any program takes.
FLOORS = {"peak over forecast": {"at least": 0.9, "at most": 1.1, "models": "meap-"}}


def missed_floors(cases):
    floor = FLOORS["peak over forecast"]
    for case, result in cases.items():
        ratio = result["peak_bytes"] / result["forecast_bytes"]
        if floor["models"] in case:
            yield floors.at_least(f"{case}: peak over forecast", ratio, floor["at least"])
            yield floors.at_most(f"{case}: peak over forecast", ratio, floor["at most"])


def run(case, steps, folder):
    summary = (pretrain(*CASES[case], steps, folder) if case in CASES
               else finetune(*FINETUNE_CASES[case], steps, folder))
    forecast, peak = summary["forecast_bytes"], summary["peak_bytes"]
    lines = [json.loads(line) for line in open(f"{folder}/run/metrics.jsonl")]
    return {"forecast_bytes": forecast, "peak_bytes": peak, "forecast_over_peak": round(forecast / peak, 3),
            "checkpoint_seconds": round(max(line["checkpoint_seconds"] for line in lines), 3)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--cases", nargs="*", default=[*CASES, *FINETUNE_CASES])
    arguments = parser.parse_args()
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    results = {"command": f"python3 bench/memory.py --steps {arguments.steps}", "date": str(datetime.date.today()),
               "cpu": cpu, "cores": os.cpu_count(), "python": platform.python_version(), "cases": {}}
    with tempfile.TemporaryDirectory() as root:
        for number, case in enumerate(arguments.cases):
            results["cases"][case] = run(case, arguments.steps, pathlib.Path(root) / str(number))
            print(case, results["cases"][case], file=sys.stderr, flush=True)
    print(json.dumps(results, indent=2))
    floors.finish(missed_floors(results["cases"]))


if __name__ == "__main__":
    main()
