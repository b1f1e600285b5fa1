"""The demo's last word: NTP and MEAP side by side. usage: demo_table.py MEAP OUTPUT"""
import json
import pathlib
import subprocess
import sys

NAMES = ("ntp", "meap")


def row(name, values, form):
    cells = [form.format(value) if value is not None else "-" for value in values]
    return f"| {name:<40} | " + " | ".join(f"{cell:>16}" for cell in cells) + " |"


def breakdown(run, fields):
    """The cells of one table of a run's retrieval: values of the fields → score."""
    tables = run["breakdowns"]["retrieval"]
    cells = next(table["cells"] for table in tables if table["by"] == fields)
    return {tuple(cell[field] for field in fields): cell["acc"] for cell in cells}


def decay_rows(out):
    """Masked against unmasked input within each model, with the 95 % intervals."""
    results = [run["results"][0] for run in json.loads((out / "decay.json").read_text())["runs"]]
    for measure, name in (("decay", "attention that masked positions lose"),
                          ("variance_increase", "variance over the others, increase")):
        estimates = [result[measure] for result in results]
        yield row(name + ", %", ["{value:.1f} [{low:.1f}, {high:.1f}]".format(
            **{key: 100 * number for key, number in estimate.items()}) for estimate in estimates], "{}")


def main():
    meap, out = sys.argv[1], pathlib.Path(sys.argv[2])
    run = {name: json.loads((out / f"{name}.json").read_text()) for name in NAMES}
    evals = dict(zip(NAMES, json.loads((out / "retrieval.json").read_text())["runs"]))
    score = {name: evals[name]["results"]["retrieval"] for name in NAMES}
    print(row("", ("NTP", "MEAP"), "{}"))
    print(f"|{'-' * 42}|" + f"{'-' * 17}:|" * 2)
    print(row("validation loss (unmasked text)", [run[n]["validation_loss"] for n in NAMES], "{:.4f}"))
    shares = [f"{score[n]['acc']:.3f} ±{score[n]['acc_stderr']:.3f}" for n in NAMES]
    print(row("facts retrieved (a blind guess: .250)", shares, "{}"))
    for field, name in (("facts", "  of stories with {} fact(s)"), ("depth", "  stated after {} % of the story")):
        cells = {n: breakdown(evals[n], [field]) for n in NAMES}
        for key in sorted(cells["ntp"]):
            print(row(name.format(*key), [cells[n].get(key) for n in NAMES], "{:.3f}"))
    for line in decay_rows(out):
        print(line)
    print(row("training seconds", [run[n]["train_seconds"] for n in NAMES], "{:.0f}"))
    print(row("tokens", [run[n]["tokens"] for n in NAMES], "{:d}"))
    print("One seed, a toy model: the table tells what came out, whichever leads.\n")
    with open(out / "probes.jsonl", encoding="utf-8") as lines:
        probe = json.loads(next(lines))
    prompt = probe["context"] + probe["question"]
    print(f"Sample:\n{prompt}  ({probe['answer']})")
    for name in NAMES:
        text = subprocess.run([meap, "generate", "--model", out / name / "hf", "--prompt", prompt,
                               "--max-new-tokens", "6", "--quiet"], capture_output=True, text=True, check=True).stdout
        print(f"  {name:<5}{text.splitlines()[0] if text.strip() else ''}")
    print(f"\nRuns: {out}/ntp and {out}/meap (metrics.jsonl, tensorboard/, hf/ for transformers).\n"
          f"Numbers: {out}/retrieval.json, {out}/decay.json. Look at it all in a browser: {out}/report.html")


if __name__ == "__main__":
    main()
