"""`meap experiment`: a grid, its tables, and what survives a kill."""
import json
import os
import pathlib
import signal
import subprocess

import pytest

from conftest import MEAP, ROOT, metrics_without_timings, run_meap, wait_for

EXPERIMENT = """
about: A grid for the tests
recipe: {recipe}
set: {{checkpoint.every: 2}}
grid: {{objective.mask_ratio: [0, 0.15], train.seed: [1, 2]}}
baseline: {{objective.mask_ratio: 0}}
prepare:
  - data synth --probe {{output}}/probes.jsonl --probes 20 --seed 1
evaluate:
  - attention decay --input {validation} --length 32 --windows 8
  - eval --tasks retrieval,perplexity --data {{output}} --text {validation}
output: {output}
"""


def write(tiny, tmp_path, extra=""):
    file = tmp_path / "experiment.yaml"
    file.write_text(EXPERIMENT.format(recipe=tiny / "recipe.yaml", validation=tiny / "validation.jsonl",
                                      output=tmp_path / "out") + extra)
    return file


def cells(folder):
    return {path.parent.name: path.stat().st_mtime_ns for path in folder.glob("cells/*/train.json")}


def test_a_grid_runs_once_and_gives_tables(tiny, tmp_path):
    file = write(tiny, tmp_path)
    out, _ = run_meap("experiment", file, "--dry-run")
    assert out.count("to do") == 4
    out, _ = run_meap("experiment", file, "--jobs", 2, "--quiet")
    assert "objective.mask_ratio 0 (baseline)" in out
    done = cells(tmp_path / "out")
    assert len(done) == 4
    result = json.loads((tmp_path / "out/experiment.json").read_text())
    assert [s["seeds"] for s in result["settings"]] == [2, 2]
    for cell in result["cells"]:
        assert cell["tokens"] == 12 * 256 and cell["train_seconds"] > 0
        assert {"validation_loss", "decay", "variance_increase", "retrieval.acc", "perplexity.nll"} <= cell["metrics"].keys()
        assert (tmp_path / "out" / cell["folder"] / "run/hf/config.json").exists()
    difference = result["settings"][1]["metrics"]["validation_loss"]["difference"]
    by_seed = {cell["values"]["train.seed"]: {} for cell in result["cells"]}
    for cell in result["cells"]:
        by_seed[cell["values"]["train.seed"]][cell["values"]["objective.mask_ratio"]] = cell["metrics"]["validation_loss"]
    expected = sum(pair["0.15"] - pair["0"] for pair in by_seed.values()) / 2
    assert difference["mean"] == pytest.approx(expected, abs=1e-9)
    over_items = result["settings"][1]["metrics"]["retrieval.acc"]["difference"]["over_items"]
    assert over_items["low"] <= over_items["high"] and 0 < over_items["p"] <= 1
    assert "over_items" not in result["settings"][1]["metrics"]["perplexity.nll"]["difference"], "no mean of documents"
    assert "| objective.mask_ratio 0.15 |" in (tmp_path / "out/experiment.md").read_text()
    # Again: nothing is run, the tables are the same.
    again, log = run_meap("experiment", file)
    assert cells(tmp_path / "out") == done and again == out
    assert "4 of 4 cells are finished already" in log
    assert run_meap("experiment", file, "--dry-run")[0].count("finished") == 4


def children(pid):
    """Ids of the processes that any thread of a process has started."""
    return [int(child) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()]


def test_a_killed_grid_goes_on_and_repeats_nothing(tiny, tmp_path):
    file = tmp_path / "experiment.yaml"
    file.write_text(f"recipe: {tiny}/recipe.yaml\nset: {{checkpoint.every: 2, train.steps: 40}}\n"
                    f"grid: {{train.seed: [1, 2, 3]}}\noutput: {tmp_path}/out\n")
    words = [MEAP, "experiment", file, "--quiet", "--threads", "1"]
    folder = tmp_path / "out"
    process = subprocess.Popen(words)
    wait_for(lambda: len(cells(folder)) >= 1 and len(list(folder.glob("cells/*/run/checkpoints/*"))) > 3)
    running = children(process.pid)
    for pid in [process.pid, *running]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it ended by itself meanwhile
    process.wait()
    done = cells(folder)
    assert 1 <= len(done) < 3
    run_meap(*words[1:])
    after = cells(folder)
    assert len(after) == 3 and {name: after[name] for name in done} == done
    # The cells are what they would have been without the kill.
    whole = tmp_path / "whole"
    run_meap(*words[1:], "--output", whole)
    for run in folder.glob("cells/*/run"):
        assert metrics_without_timings(run) == metrics_without_timings(whole / run.relative_to(folder))


def test_a_stopped_grid_saves_and_says_so(tiny, tmp_path):
    file = write(tiny, tmp_path)
    process = subprocess.Popen([MEAP, "experiment", file, "--threads", "1"], stderr=subprocess.PIPE, text=True)
    wait_for(lambda: list((tmp_path / "out").glob("cells/*/run/metrics.jsonl")))
    process.terminate()
    _, log = process.communicate(timeout=60)
    assert process.returncode == 143 and "goes on from here" in log


@pytest.mark.parametrize("file", sorted((ROOT / "recipes/experiments").glob("*.yaml")), ids=lambda file: file.stem)
def test_the_files_that_come_with_the_program_resolve(file):
    out, _ = run_meap("experiment", file, "--dry-run")
    assert "cells in runs/experiments/" + file.stem in out


def test_wrong_experiments_are_refused_before_anything_runs(tiny, tmp_path):
    file = write(tiny, tmp_path, extra="metrik: [x]\n")
    assert "did you mean metrics?" in run_meap("experiment", file, code=2)[1]
    text = write(tiny, tmp_path).read_text()
    for right, wrong, said in (("attention decay", "attention dekay", "did you mean decay?"),
                               ("--windows 8", "--window 8", "--window"),
                               ("--length 32", "--length one", "--length"),
                               ("--tasks retrieval,", "--tasks retrievel,", "did you mean retrieval?"),
                               ("eval --tasks retrieval,perplexity", "eval", "nothing to evaluate"),
                               ("data synth", "data sinth", "did you mean synth?"),
                               ("mask_ratio: 0}", "mask_ratio: 0.3}", "not in the grid"),
                               ("mask_ratio: 0}", "musk_ratio: 0}", "did you mean objective.mask_ratio?")):
        assert right in text
        file.write_text(text.replace(right, wrong))
        for mode in (["--dry-run"], ["--quiet"]):
            assert said in run_meap("experiment", file, *mode, code=2)[1]
    assert not (tmp_path / "out").exists()


def test_a_changed_prepare_command_runs_again_with_all_after_it(tiny, tmp_path):
    file, out = tmp_path / "experiment.yaml", tmp_path / "out"

    def tokenizer_made_of(documents):
        """Runs the experiment with so many stories; the tokenizer's content and when it was written."""
        file.write_text(f"""
recipe: {tiny}/recipe.yaml
set: {{train.steps: 1}}
grid: {{train.seed: 1}}
prepare:
  - data synth --output {{output}}/train.jsonl --documents {documents} --seed 1
  - tokenizer train --output {{output}}/tokenizer --vocab-size 700 {{output}}/train.jsonl
  - data synth --probe {{output}}/probes.jsonl --probes 5
output: {out}
""")
        run_meap("experiment", file, "--quiet")
        return [((out / name).read_bytes(), (out / name).stat().st_mtime_ns)
                for name in ("tokenizer/tokenizer.json", "probes.jsonl")]

    first = tokenizer_made_of(40)
    assert tokenizer_made_of(40) == first
    changed = tokenizer_made_of(90)
    assert changed[0][0] != first[0][0] and changed[1][1] != first[1][1]
    back = tokenizer_made_of(40)
    assert back[0][0] == first[0][0] and back[0][1] != first[0][1]
    # A command that is changed leaves those before it as they are.
    file.write_text(file.read_text().replace("--probes 5", "--probes 6"))
    run_meap("experiment", file, "--quiet")
    assert (out / "tokenizer/tokenizer.json").stat().st_mtime_ns == back[0][1]
    assert len((out / "probes.jsonl").read_text().splitlines()) == 6


def test_a_failing_cell_does_not_stop_the_others(tiny, tmp_path):
    file = tmp_path / "experiment.yaml"
    file.write_text(f"""
recipe: {tiny / "recipe.yaml"}
grid: {{optimizer.lr: [100, 1.0e-3]}}
baseline: {{optimizer.lr: 100}}
set: {{optimizer.grad_clip: 0, schedule.warmup: 0, optimizer.weight_decay: 10}}
metrics: [loss]
output: {tmp_path / "out"}
""")
    out, log = run_meap("experiment", file, "--quiet", code=1)
    assert "is not finite" in log and "1 of 2 cells" in out
    assert_no_difference(tmp_path / "out", "optimizer.lr 1.0e-3", "optimizer.lr 100")


def assert_no_difference(folder, setting, baseline):
    """The tables name the baseline, which has no results, and no difference from it."""
    assert f"| {setting} | {baseline} | - | - | - | - |" in (folder / "experiment.md").read_text()
    [entry] = json.loads((folder / "experiment.json").read_text())["settings"]
    assert entry["compared_with"] == baseline and "difference" not in entry["metrics"]["loss"]


def test_a_baseline_that_was_stopped_leaves_its_differences_open(tiny, tmp_path):
    file = tmp_path / "experiment.yaml"
    file.write_text(f"""
recipe: {tiny}/recipe.yaml
grid: {{train.steps: [4, 1000000]}}
baseline: {{train.steps: 1000000}}
metrics: [loss]
output: {tmp_path}/out
""")
    process = subprocess.Popen([MEAP, "experiment", file, "--threads", "1"], stderr=subprocess.PIPE,
                               stdout=subprocess.DEVNULL, text=True)
    wait_for(lambda: cells(tmp_path / "out") and len(list((tmp_path / "out").glob("cells/*/run/metrics.jsonl"))) == 2)
    process.terminate()
    _, log = process.communicate(timeout=60)
    assert process.returncode == 143, log
    assert_no_difference(tmp_path / "out", "train.steps 4", "train.steps 1000000")
