"""The demo's last word: NTP and MEAP side by side. usage: demo_table.py MEAP OUTPUT"""
import json
import pathlib
import subprocess
import sys

from retrieval import retrieval


def row(name, ntp, meap, form="{:.4f}"):
    return f"| {name:<34} | {form.format(ntp):>8} | {form.format(meap):>8} |"


def main():
    meap, out = sys.argv[1], pathlib.Path(sys.argv[2])
    with open(out / "probes.jsonl", encoding="utf-8") as lines:
        probes = [json.loads(line) for line in lines]
    run = {name: json.loads((out / f"{name}.json").read_text()) for name in ("ntp", "meap")}
    facts = {name: retrieval(meap, out / name / "hf", probes) for name in run}
    (out / "results.json").write_text(json.dumps({"runs": run, "retrieval": facts}, indent=2))

    def pair(pick, form):
        return pick("ntp"), pick("meap"), form

    print(f"| {'':<34} | {'NTP':>8} | {'MEAP':>8} |\n|{'-' * 36}|---------:|---------:|")
    print(row("validation loss (unmasked text)", *pair(lambda n: run[n]["validation_loss"], "{:.4f}")))
    print(row("facts retrieved", *pair(lambda n: facts[n]["accuracy"], "{:.3f}")))
    print(row("  standard error", *pair(lambda n: facts[n]["stderr"], "{:.3f}")))
    for depth in ("early", "middle", "late"):
        print(row(f"  fact stated {depth}", *pair(lambda n: facts[n]["by_depth"][depth] or 0.0, "{:.3f}")))
    print(row("training seconds", *pair(lambda n: run[n]["train_seconds"], "{:.0f}")))
    print(row("tokens", *pair(lambda n: run[n]["tokens"], "{:d}")))
    print(f"A blind guess among a story's own facts retrieves {facts['ntp']['chance']:.3f}. One seed, a toy model: "
          "the table tells what came out, whichever leads.\n")
    prompt = probes[0]["context"] + probes[0]["question"]
    print(f"Sample:\n{prompt}  ({probes[0]['answer']})")
    for name in run:
        text = subprocess.run([meap, "generate", "--model", out / name / "hf", "--prompt", prompt,
                               "--max-new-tokens", "6", "--quiet"], capture_output=True, text=True, check=True).stdout
        print(f"  {name:<5}{text.splitlines()[0] if text.strip() else ''}")
    print(f"\nRuns: {out}/ntp and {out}/meap (metrics.jsonl, tensorboard/, hf/ for transformers); "
          f"numbers: {out}/results.json")


if __name__ == "__main__":
    main()
