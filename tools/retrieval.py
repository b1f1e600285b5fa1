"""Retrieval of facts stated earlier: which of a probe's choices a model finds likeliest, by `meap score`.

usage: retrieval.py MEAP MODEL PROBES.jsonl [THREADS]
Prints one JSON object: accuracy, its standard error, the accuracy of a blind guess, and accuracy by depth.
"""
import json
import math
import subprocess
import sys
import tempfile


def score_choices(meap, model, probes, threads):
    """The log-probability of every choice of every probe, in order."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as requests:
        for probe in probes:
            for choice in probe["choices"]:
                requests.write(json.dumps({"context": probe["context"] + probe["question"],
                                           "continuation": " " + choice}) + "\n")
        requests.flush()
        words = [meap, "score", "--model", model, "--input", requests.name, "--quiet"]
        out = subprocess.run(words + (["--threads", threads] if threads else []), check=True,
                             capture_output=True, text=True).stdout
    scores = iter(json.loads(line)["logprob"] for line in out.splitlines())
    return [[next(scores) for _ in probe["choices"]] for probe in probes]


def retrieval(meap, model, probes, threads=None):
    hits, thirds = [], {"early": [], "middle": [], "late": []}
    for probe, scores in zip(probes, score_choices(meap, model, probes, threads)):
        hit = probe["choices"][max(range(len(scores)), key=scores.__getitem__)] == probe["answer"]
        hits.append(hit)
        thirds["early" if probe["depth"] < 1 / 3 else "middle" if probe["depth"] < 2 / 3 else "late"].append(hit)
    accuracy = sum(hits) / len(hits)
    return {"accuracy": accuracy,
            "stderr": math.sqrt(accuracy * (1 - accuracy) / (len(hits) - 1)),
            "chance": sum(1 / len(probe["choices"]) for probe in probes) / len(probes),
            "by_depth": {name: sum(part) / len(part) if part else None for name, part in thirds.items()},
            "probes": len(hits)}


if __name__ == "__main__":
    with open(sys.argv[3], encoding="utf-8") as lines:
        print(json.dumps(retrieval(sys.argv[1], sys.argv[2], [json.loads(line) for line in lines],
                                   sys.argv[4] if len(sys.argv) > 4 else None)))
