"""Everything that a report can show, made up: two runs, an evaluation of each, judges, attention."""
import json
import math
import random
import re

from conftest import run_meap


def write_run(folder, objective, steps=1200):
    folder.mkdir(parents=True)
    draw = random.Random(objective)
    (folder / "hf").mkdir()
    (folder / "recipe.yaml").write_text(
        f"objective:\n  name: {objective}\n  mask_ratio: 0.15\ntrain:\n  steps: {steps}\n  seed: 1234\noutput: {folder.name}\n")
    with open(folder / "metrics.jsonl", "w") as lines:
        for step in range(1, steps + 1):
            loss = 1.4 + 5.5 * math.exp(-step / 180) + (0.25 if objective == "meap" else 0) + draw.gauss(0, 0.05)
            line = {"step": step, "loss": loss, "lr": 4e-4 * min(1, step / 120), "grad_norm": 0.6 + 2 / step,
                    "tokens": step * 8192, "tokens_per_second": 41000 + draw.gauss(0, 900), "step_seconds": 0.2,
                    "data_wait_seconds": 0.001}
            if objective == "meap":
                line |= {"loss_masked": loss + 0.9, "loss_unmasked": loss - 0.15}
            lines.write(json.dumps(line) + "\n")
            if step % 100 == 0:
                line = {"step": step, "validation_loss": loss - 0.1}
                if objective == "meap":
                    line["validation_loss_masked"] = loss + 0.2
                lines.write(json.dumps({**line, "validation_tokens": 4096}) + "\n")


def evaluation(name, gain):
    positions = [{"position": p, "n": 100, "best_subspan_em": min(1, 0.35 + gain + abs(p - 10) / 40),
                  "best_subspan_em_stderr": 0.04} for p in (1, 5, 10, 15, 20)]
    needle = [{"length": length, "depth": depth, "n": 10,
               "hit": max(0.0, min(1.0, 1.15 + gain - length / 6000 - (0.3 if 20 < depth < 80 else 0)))}
              for length in (500, 1000, 2000, 4000) for depth in (0, 25, 50, 75, 100)]
    return {
        "format": "meap-results-1", "name": name, "model": f"runs/{name}/hf", "settings": {"dtype": "f32"},
        "results": {"mdqa20": {"best_subspan_em": 0.45 + gain, "best_subspan_em_stderr": 0.02},
                    "needle": {"hit": 0.7 + gain, "hit_stderr": 0.03},
                    "xsum": {"clean_local": 0.5 + gain, "clean_local_stderr": 0.05}},
        "n": {"mdqa20": 500, "needle": 200, "xsum": 100},
        "breakdowns": {"mdqa20": [{"by": ["position"], "cells": positions}],
                       "needle": [{"by": ["length", "depth"], "cells": needle}]},
        "verdicts": {"xsum": {"counts": {"local": {"clean": 50, "hallucination": 48, "undecided": 1}}, "empty": 1,
                              "agreement": [{"judges": ["local", "other"], "n": 98, "share": 0.8, "kappa": 0.6}]}},
        "calibration": {"file": "labels", "judges": {"local": {"n": 190, "undecided": 1, "balanced_accuracy": 0.71,
                                                               "kappa": 0.42}}}}


def attention(names):
    def change(value):
        return {"value": value, "low": value - 0.02, "high": value + 0.02}

    def result(gain, ratio):
        def both(value):
            return {"decay": change(value + gain), "variance_increase": change(2 * value + gain)}

        layers = [{"layer": layer, **both(0.1 * layer),
                   "heads": [{"head": head, **both(0.1 * layer + 0.05 * head)} for head in range(4)]}
                  for layer in range(6)]
        return {"length": 256, "ratio": ratio, "windows": 64, **both(0.3), "layers": layers}

    decay = {"format": "meap-attention-decay-1",
             "runs": [{"name": name, "results": [result(0.1 * i, ratio) for ratio in (0.15, 0.3)]}
                      for i, name in enumerate(names)],
             "between": [{"baseline": names[0], "name": names[1],
                          "results": [result(0.05, ratio) for ratio in (0.15, 0.3)]}]}
    profile = {"format": "meap-attention-profile-1", "runs": [
        {"name": name, "results": [{"length": 256, "windows": 64, "entropy": change(3.1), "first_token": change(0.2),
                                    "distances": [0, 1, 2, 4], "distance_share": [0.4, 0.3, 0.2, 0.1]}]}
        for name in names]}
    segments = {"runs": [
        {"name": name, "segments": [{"name": part, "tokens": 9, "share": share} for part, share in
                                    (("context-before", 0.3 - gain), ("answer", 0.2 + gain), ("context-after", 0.4),
                                     ("query", 0.1))]} for name, gain in zip(names, (0, 0.1))]}
    return {"decay": decay, "profile": profile, "segments": segments}


def experiment():
    def metric(mean, difference=None):
        value = {"mean": mean, "low": mean - 0.03, "high": mean + 0.03, "seeds": 3}
        return value if difference is None else {**value, "difference": {
            "mean": difference, "low": difference - 0.02, "high": difference + 0.02, "seeds": 3, "p": 0.04}}

    settings = [{"name": f"mask_ratio {ratio}", "values": {"objective.mask_ratio": ratio}, "baseline": ratio == 0,
                 "seeds": 3, "train_seconds": 61.0, "tokens": 1000000,
                 "metrics": {"validation_loss": metric(1.5 + ratio, None if ratio == 0 else ratio),
                             "retrieval.acc": metric(0.5 + ratio)}} for ratio in (0, 0.05, 0.15)]
    return {"format": "meap-experiment-1", "about": "Mask ratios, small", "metrics": ["validation_loss", "retrieval.acc"],
            "settings": settings, "cells": []}


def write_everything(folder):
    """Fills a folder; returns it."""
    for objective in ("ntp", "meap"):
        write_run(folder / objective, objective)
    (folder / "results.json").write_text(json.dumps(
        {"format": "meap-results-1", "runs": [evaluation("ntp", 0.0), evaluation("meap", 0.12)]}))
    for name, document in attention(["ntp", "meap"]).items():
        (folder / f"{name}.json").write_text(json.dumps(document))
    (folder / "experiment.json").write_text(json.dumps(experiment()))
    return folder


TITLE = "NTP & MEAP <side by side>"


def make_page(folder):
    """The report of everything in a new folder."""
    write_everything(folder)
    run_meap("report", folder, "-o", folder / "report.html", "--title", TITLE)
    return folder / "report.html"


def figures_of(path):
    text = path.read_text()
    found = re.search(r'<script type="application/json" id=figures>(.*?)</script>', text, re.DOTALL)
    return {figure["id"]: figure for figure in json.loads(found.group(1))}
