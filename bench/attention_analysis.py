"""Attention measures of `meap attention decay` against transformers with output_attentions=True, on one model:
seconds a window (original and masked input, both measures) and peak memory.
usage: attention_analysis.py MEAP MODEL_FOLDER CORPUS [LENGTH] [THREADS] [ROUNDS]

Rounds are interleaved; a process's start and the loading of the model are taken out of the times: ours is the
difference of a run over three windows and one over one, halved; theirs is timed inside after a window to warm up.
Both run in f32. Theirs is reduced layer by layer, and its output freed before the next input.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import floors

FLOORS = {"time_ratio": 0.5, "memory_ratio": 0.1}  # of transformers', at most
REFERENCE = """
import json, sys, time, torch
from transformers import AutoModelForCausalLM
folder, ids_file, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
torch.set_num_threads(threads)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
weight = model.get_input_embeddings().weight.detach()
def measures(embedded, masked):
    out = model.model(inputs_embeds=embedded[None], output_attentions=True)
    others = ~masked
    seen = torch.cumsum(others, 0)
    received, variance = [], []
    for layer in out.attentions:
        a = layer[0]
        pairs = (torch.cumsum(masked, 0) * (seen > 0)).sum()
        received.append((a[:, :, masked].sum(-1) * (seen > 0)).sum(-1) / pairs)
        mean = a[:, :, others].sum(-1) / seen.clamp_min(1)
        squares = ((a - mean[..., None]) ** 2).tril()[:, :, others].sum(-1) / seen.clamp_min(1)
        variance.append((squares * (seen > 1)).sum(-1))
    return torch.stack(received), torch.stack(variance)
windows, times, decay = json.load(open(ids_file)), [], []
with torch.no_grad():
    for ids, positions in windows:
        start = time.perf_counter()
        embedded = weight[torch.tensor(ids)]
        masked = torch.zeros(len(ids), dtype=torch.bool)
        masked[positions] = True
        before = measures(embedded, masked)[0].mean()
        embedded[masked] = weight.mean(0)
        after = measures(embedded, masked)[0].mean()
        times.append(time.perf_counter() - start)
        decay.append([float(before), float(after)])
total = [sum(part) for part in zip(*decay)]
print(json.dumps({"times": times[1:], "decay": 1 - total[1] / total[0]}))
"""


def run(words, environment=None):
    """(stdout, seconds, peak bytes) of a child process."""
    start = time.perf_counter()
    with tempfile.TemporaryFile() as errors:  # a pipe that nobody reads would fill and stop the process
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=errors, env=environment)
        out = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        if status != 0:
            errors.seek(0)
            sys.exit(errors.read().decode())
    return out, time.perf_counter() - start, usage.ru_maxrss * 1024


def ours(meap, model, corpus, length, threads, windows, output):
    return run([meap, "attention", "decay", "--model", model, "--input", corpus, "--length", str(length), "--ratio",
                "0.15", "--windows", str(windows), "--threads", str(threads), "--dtype", "f32", "--output", output,
                "--quiet"])


def main():
    meap, model, corpus = sys.argv[1:4]
    length, threads, rounds = (int(word) for word in (sys.argv[4:] + ["2048", "2", "3"][len(sys.argv) - 4:]))
    folder = os.environ.get("TMPDIR", "/tmp")
    report, ids_file = os.path.join(folder, "meap-attention.json"), os.path.join(folder, "meap-attention-ids.json")
    ours(meap, model, corpus, length, threads, 3, report)
    result = json.load(open(report))["runs"][0]["results"][0]
    # The same tokens and masks for the reference: the corpus's document stream.
    from transformers import AutoTokenizer
    tokenizer = AutoTokenizer.from_pretrained(model)
    texts = [json.loads(line)["text"] for line in open(corpus, encoding="utf-8")]
    stream = []
    for text in texts:
        stream += tokenizer(text).input_ids + [tokenizer.eos_token_id]
    json.dump([[stream[w * length:(w + 1) * length], window["masked"]]
               for w, window in enumerate(result["by_window"])], open(ids_file, "w"))
    mine, theirs, memory = [], [], {"meap": [], "transformers": [], "model": []}
    for _ in range(rounds):
        _, three, peak = ours(meap, model, corpus, length, threads, 3, report)
        _, one, _ = ours(meap, model, corpus, length, threads, 1, report)
        mine.append((three - one) / 2)
        memory["meap"].append(peak)
        # What the process takes for the same model and next to no attention.
        memory["model"].append(ours(meap, model, corpus, 16, threads, 1, report)[2])
        out, _, peak = run([sys.executable, "-c", REFERENCE, model, ids_file, str(threads)],
                           {**os.environ, "OMP_NUM_THREADS": str(threads)})
        reference = json.loads(out)
        theirs.append(statistics.median(reference["times"]))
        memory["transformers"].append(peak)
    peak = {name: statistics.median(values) for name, values in memory.items()}
    figures = {
        "length": length, "threads": threads, "rounds": rounds,
        "seconds_a_window": {"meap": statistics.median(mine), "transformers": statistics.median(theirs)},
        "time_ratio": statistics.median(mine) / statistics.median(theirs),
        "peak_bytes": peak,
        "memory_ratio": peak["meap"] / peak["transformers"],
        "bytes_beyond_the_model": {"meap": peak["meap"] - peak["model"],
                                   "transformers": peak["transformers"] - peak["model"]},
        "decay": {"meap": result["decay"]["value"], "transformers": reference["decay"]}}
    print(json.dumps(figures, indent=1), flush=True)
    floors.finish(floors.at_most(name, figures[name], limit) for name, limit in FLOORS.items())


if __name__ == "__main__":
    main()
