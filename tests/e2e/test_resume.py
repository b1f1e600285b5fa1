"""Checkpoints as a run makes them: kills at random moments, saving on request, retention, changed recipes."""
import random
import shutil
import signal
import subprocess
import time

import pytest

from conftest import metrics_without_timings, needs_slow, read_jsonl, run_meap, wait_for
from training_runs import lines_in, start, start_and_stop, weights

LONG = ["train.steps=200", "checkpoint.every=7", "validation.every=25"]


def steps_saved(run):
    return [int(f.name[5:]) for f in sorted((run / "checkpoints").iterdir()) if "." not in f.name]


@pytest.fixture(scope="module")
def long_run(tiny, tmp_path_factory):
    run = tmp_path_factory.mktemp("long") / "run"
    began = time.monotonic()
    run_meap("pretrain", tiny / "recipe.yaml", f"output={run}", "--threads", 1, *LONG)
    return run, time.monotonic() - began


def kill_and_resume(tiny, long_run, run, kills, seed):
    """Kills of two kinds: at a random moment, and while a checkpoint is being written."""
    reference, seconds = long_run
    rng = random.Random(seed)
    in_saves = 0
    for i in range(kills):
        process = start("pretrain", tiny / "recipe.yaml", run, "--resume", *LONG)
        checkpoints = run / "checkpoints"
        if i % 2 == 0:
            time.sleep(rng.uniform(0.1, 1.0) * seconds)
        else:
            after = lines_in(run) + rng.randrange(1, 20)
            wait_for(lambda: lines_in(run) >= after and any(".tmp-" in f.name for f in checkpoints.iterdir()), process)
            in_saves += process.poll() is None
        process.kill()
        process.communicate()
    run_meap("pretrain", tiny / "recipe.yaml", f"output={run}", "--threads", 1, "--resume", *LONG)
    assert metrics_without_timings(run) == metrics_without_timings(reference)
    assert weights(run) == weights(reference)
    return in_saves


def test_kills_at_random_moments_leave_no_trace(tiny, long_run, tmp_path):
    kill_and_resume(tiny, long_run, tmp_path / "run", kills=4, seed=1)


@needs_slow()
def test_twenty_kills_leave_no_trace(tiny, long_run, tmp_path):
    in_saves = sum(kill_and_resume(tiny, long_run, tmp_path / f"run{seed}", kills=20, seed=seed) for seed in (2, 3))
    assert in_saves > 0


@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_and_resume_is_exact(tiny, long_run, tmp_path, number, code):
    run = tmp_path / "run"
    returned, errors = start_and_stop("pretrain", tiny / "recipe.yaml", run, number, lambda: lines_in(run) > 20, *LONG)
    assert returned == code, errors
    assert steps_saved(run)[-1] == read_jsonl(run / "metrics.jsonl")[-1]["step"] < 200
    run_meap("pretrain", tiny / "recipe.yaml", f"output={run}", "--threads", 1, "--resume", *LONG)
    assert metrics_without_timings(run) == metrics_without_timings(long_run[0])
    assert weights(run) == weights(long_run[0])


def test_sigusr1_saves_and_training_goes_on(tiny, long_run, tmp_path):
    run = tmp_path / "run"
    process = start("pretrain", tiny / "recipe.yaml", run, "train.steps=200", "validation.every=25", "checkpoint.every=200", "checkpoint.keep=9")
    wait_for(lambda: lines_in(run) > 5, process)
    process.send_signal(signal.SIGUSR1)
    wait_for(lambda: (run / "checkpoints").exists() and steps_saved(run) != [], process)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    saved = steps_saved(run)
    assert len(saved) == 2 and saved[0] >= 5 and saved[1] == 200
    assert weights(run) == weights(long_run[0])


def test_retention_keeps_the_last_every_fifth_and_the_best(tiny, tmp_path):
    run = tmp_path / "run"
    run_meap("pretrain", tiny / "recipe.yaml", f"output={run}", "checkpoint.every=2", "checkpoint.keep=1",
             "checkpoint.keep_every=4", "checkpoint.keep_best=true", "validation.every=1", "optimizer.lr=0.3")
    losses = {m["step"]: m["validation_loss"] for m in read_jsonl(run / "metrics.jsonl") if "validation_loss" in m}
    best = min(losses, key=losses.get)
    assert set(steps_saved(run)) == {4, 8, 12, best}


def test_keep_best_needs_validation(tiny, tmp_path):
    _, errors = run_meap("pretrain", tiny / "recipe.yaml", f"output={tmp_path / 'run'}", "data.validation=[]",
                         "checkpoint.keep_best=true", code=2)
    assert "checkpoint.keep_best" in errors and not (tmp_path / "run").exists()


def stop_in(recipe, run, words, happened):
    """Starts a run, stops it once `happened`, and returns the steps in the lines of metrics.jsonl that it leaves."""
    code, errors = start_and_stop("pretrain", recipe, run, signal.SIGTERM, happened, *words)
    assert code == 143, errors
    return [m["step"] for m in read_jsonl(run / "metrics.jsonl")]


@pytest.fixture
def stopped(tiny, tmp_path):
    run = tmp_path / "stopped"
    stop_in(tiny / "recipe.yaml", run, LONG, lambda: lines_in(run) > 20)
    return run


def test_a_changed_recipe_is_shown_and_needs_leave(tiny, stopped):
    words = ["pretrain", tiny / "recipe.yaml", f"output={stopped}", "--resume", *LONG, "optimizer.lr=0.001"]
    _, errors = run_meap(*words, code=2)
    assert "- optimizer.lr" in errors and "+ optimizer.lr: 0.001" in errors and "--allow-changes" in errors
    _, errors = run_meap(*words, "--allow-changes")
    assert "+ optimizer.lr: 0.001" in errors
    assert read_jsonl(stopped / "metrics.jsonl")[-2]["step"] == 200


def test_harmless_changes_need_no_leave_and_change_nothing(tiny, long_run, stopped):
    _, errors = run_meap("pretrain", tiny / "recipe.yaml", f"output={stopped}", "--resume", "--threads", 1, *LONG,
                         "checkpoint.every=50", "guard.on_spike=off", "checkpoint.background=false")
    assert "+ checkpoint.every: 50" in errors
    assert weights(stopped) == weights(long_run[0])


def test_changed_inputs_are_named_and_need_leave(tiny, tmp_path):
    data, tokenizer, run = tmp_path / "stories.jsonl", tmp_path / "tok", tmp_path / "run"
    shutil.copy(tiny / "train.jsonl", data)
    shutil.copytree(tiny / "tok", tokenizer)
    words = [f"data.train={data}", f"data.cache={tmp_path}/cache", f"tokenizer={tokenizer}", *LONG]
    stop_in(tiny / "recipe.yaml", run, words, lambda: lines_in(run) > 20)
    resume = ["pretrain", tiny / "recipe.yaml", f"output={run}", "--resume", *words]
    lines = data.read_text().splitlines(keepends=True)
    data.write_text("".join(lines[1:]))
    _, errors = run_meap(*resume, code=2)
    assert "- data.train stories.jsonl: " in errors and "+ data.train stories.jsonl: " in errors
    assert "--allow-changes" in errors and "tokenizer" not in errors
    data.write_text("".join(lines))
    text = (tokenizer / "tokenizer.json").read_text()
    (tokenizer / "tokenizer.json").write_text(text.replace('"ignore_merges": false', '"ignore_merges": true'))
    _, errors = run_meap(*resume, code=2)
    assert f"- tokenizer {tokenizer}: " in errors
    (tokenizer / "tokenizer.json").write_text(text)
    data.write_text("".join(lines[1:]))
    _, errors = run_meap(*resume, "--allow-changes")
    assert "+ data.train stories.jsonl: " in errors and "goes on otherwise" in errors


def test_a_second_process_is_refused_while_the_first_trains(tiny, long_run, tmp_path):
    run = tmp_path / "run"
    process = start("pretrain", tiny / "recipe.yaml", run, *LONG)
    wait_for(lambda: lines_in(run) > 20, process)
    process.send_signal(signal.SIGSTOP)
    for more in ([], ["--resume"]):
        _, errors = run_meap("pretrain", tiny / "recipe.yaml", f"output={run}", *LONG, *more, code=1)
        assert "another process is training" in errors and str(run) in errors
    process.send_signal(signal.SIGCONT)
    assert process.wait() == 0
    assert metrics_without_timings(run) == metrics_without_timings(long_run[0])
    assert weights(run) == weights(long_run[0])


def test_sigterm_in_a_long_step_ends_it_between_two_micro_batches(tiny, tmp_path):
    words = ["train.steps=4", "train.batch_tokens=32768", "train.micro_batch=1", "data.validation=[]"]
    run_meap("pretrain", tiny / "recipe.yaml", f"output={tmp_path / 'whole'}", "--threads", 1, *words)
    run = tmp_path / "run"
    assert stop_in(tiny / "recipe.yaml", run, words, lambda: lines_in(run) >= 2) == [1, 2]
    assert steps_saved(run)[-1] == 2
    run_meap("pretrain", tiny / "recipe.yaml", f"output={run}", "--threads", 1, "--resume", *words)
    assert metrics_without_timings(run) == metrics_without_timings(tmp_path / "whole")
    assert weights(run) == weights(tmp_path / "whole")


@pytest.mark.parametrize("stop_at", [4, 8])
def test_sigterm_in_a_validation_puts_it_off(tiny, tmp_path, stop_at):
    data = tmp_path / "validation.jsonl"
    data.write_text((tiny / "validation.jsonl").read_text() * 15)
    words = ["train.steps=8", "train.micro_batch=1", f"data.validation={data}", "validation.every=4",
             "validation.tokens=1000000", "checkpoint.keep_best=true"]
    run_meap("pretrain", tiny / "recipe.yaml", f"output={tmp_path / 'whole'}", "--threads", 1, *words)
    run = tmp_path / "run"
    before = stop_at + stop_at // 4 - 1  # lines when the validation begins
    assert stop_in(tiny / "recipe.yaml", run, words, lambda: lines_in(run) >= before)[-1] == stop_at
    assert lines_in(run) == before and not (run / "hf").exists()
    run_meap("pretrain", tiny / "recipe.yaml", f"output={run}", "--threads", 1, "--resume", *words)
    assert metrics_without_timings(run) == metrics_without_timings(tmp_path / "whole")
    assert weights(run) == weights(tmp_path / "whole")


def test_sigusr1_while_data_is_prepared_does_no_harm(tiny, tmp_path):
    data, cache = tmp_path / "train.jsonl", tmp_path / "cache"
    data.write_text((tiny / "train.jsonl").read_text() * 60)
    process = start("pretrain", tiny / "recipe.yaml", tmp_path / "run", f"data.train={data}", f"data.cache={cache}")
    wait_for(lambda: cache.exists() and any(cache.iterdir()), process)
    process.send_signal(signal.SIGUSR1)
    _, errors = process.communicate()
    assert process.returncode == 0, errors


def test_what_a_kill_left_in_the_run_folder_goes(tiny, stopped):
    dead = subprocess.Popen(["true"])
    dead.wait()
    leftover = stopped / f"hf.tmp-{dead.pid}"
    leftover.mkdir()
    run_meap("pretrain", tiny / "recipe.yaml", f"output={stopped}", "--resume", *LONG)
    assert not leftover.exists() and (stopped / "hf").exists()


def test_allow_changes_goes_with_resume_only(tiny, tmp_path):
    _, errors = run_meap("pretrain", tiny / "recipe.yaml", f"output={tmp_path}", "--allow-changes", code=2)
    assert "--resume" in errors


def test_where_the_time_goes_is_in_the_metrics(long_run):
    steps = [m for m in read_jsonl(long_run[0] / "metrics.jsonl") if "loss" in m]
    parts = ["data_wait_seconds", "forward_backward_seconds", "optimizer_seconds"]
    for m in steps:
        assert 0 < sum(m[part] for part in parts) <= m["step_seconds"]
        assert m["tokens_per_second"] == pytest.approx(256 / m["step_seconds"], rel=1e-6)
        assert "mfu" not in m  # no maker names a peak for this CPU
    saving = [m["checkpoint_seconds"] for m in steps]
    assert saving[0] == 0 and sum(saving) > 0
