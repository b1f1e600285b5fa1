"""What happens when training goes wrong: broken weights, spikes, runs too large for the machine."""
import json
import shutil
import signal

import numpy
import pytest
from safetensors.numpy import load_file, save_file

from conftest import metrics_without_timings, read_jsonl, run_meap
from training_runs import lines_in, start_and_stop, weights

STEPS = 12


@pytest.fixture(scope="module")
def broken(tiny, tmp_path_factory):
    """A model whose embedding of one token is not a number, the step that meets it first, and the samples in it."""
    root = tmp_path_factory.mktemp("broken")
    run_meap("pretrain", tiny / "recipe.yaml", f"output={root / 'run'}", "train.steps=1")
    batches = {step: json.loads(run_meap("inspect", tiny / "recipe.yaml", "--step", step, "--json")[0])
               for step in range(1, STEPS + 1)}
    seen = {step: {token for row in batch["input_ids"] for token in row} for step, batch in batches.items()}
    once = {token: step for step in seen for token in seen[step] if sum(token in s for s in seen.values()) == 1}
    token, step = next((t, s) for t, s in sorted(once.items()) if 5 <= s <= 9)
    model = root / "model"
    shutil.copytree(root / "run" / "hf", model)
    tensors = load_file(model / "model.safetensors")
    tensors["model.embed_tokens.weight"][token] = numpy.nan
    save_file(tensors, model / "model.safetensors", metadata={"format": "pt"})
    # The model's sizes come from its folder; validation would meet the token.
    recipe = root / "recipe.yaml"
    recipe.write_text("\n".join(line for line in (tiny / "recipe.yaml").read_text().splitlines()
                                if not line.startswith(("model:", "validation:"))) + f"\nmodel.path: {model}\n")
    samples = {ids[0] for row, ids in zip(batches[step]["input_ids"], batches[step]["sample_ids"]) if token in row}
    return recipe, step, samples


def words(broken, run, *more):
    return [broken[0], f"output={run}", "data.validation=[]", *more]


def test_a_loss_that_is_not_finite_stops_with_step_tensor_and_samples(broken, tmp_path):
    _, step, samples = broken
    _, errors = run_meap("pretrain", *words(broken, tmp_path / "run"), code=1)
    assert "the loss is not finite" in errors and f"step {step}," in errors and "weight embedding" in errors
    named = errors.split("samples with such a loss ")[1].splitlines()[0]
    assert {int(s) for s in named.split(", ") if s != "..."} <= samples
    assert [m["step"] for m in read_jsonl(tmp_path / "run" / "metrics.jsonl")] == list(range(1, step))


def test_skip_leaves_the_update_out_and_goes_on(broken, tmp_path):
    _, step, _ = broken
    run = tmp_path / "run"
    _, errors = run_meap("pretrain", *words(broken, run, "guard.on_nonfinite=skip"))
    assert f"step {step}," in errors and "skip" in errors
    metrics = {m["step"]: m for m in read_jsonl(run / "metrics.jsonl")}
    assert sorted(metrics) == list(range(1, STEPS + 1))
    assert [s for s, m in metrics.items() if m.get("skipped")] == [step]
    assert metrics[step]["loss"] is None and all(metrics[s]["loss"] for s in metrics if s != step)


def test_rollback_goes_back_to_the_last_checkpoint_and_on_with_the_next_data(broken, tmp_path):
    _, step, _ = broken
    run = tmp_path / "run"
    options = ["guard.on_nonfinite=rollback", "checkpoint.every=3"]
    _, errors = run_meap("pretrain", *words(broken, run, *options), "--threads", 1)
    saved = (step - 1) // 3 * 3
    assert f"the weights are those of step {saved} again" in errors
    interrupted = tmp_path / "interrupted"
    for after in (saved + 1, step, step + 1):
        start_and_stop("pretrain", broken[0], interrupted, signal.SIGTERM, lambda: lines_in(interrupted) >= after,
                       "data.validation=[]", *options)
    run_meap("pretrain", *words(broken, interrupted, *options), "--threads", 1, "--resume")
    assert metrics_without_timings(interrupted) == metrics_without_timings(run)
    assert weights(interrupted) == weights(run)


def test_rollback_without_a_checkpoint_says_so(broken, tmp_path):
    _, errors = run_meap("pretrain", code=1, *words(broken, tmp_path / "run", "guard.on_nonfinite=rollback", "checkpoint.every=12"))
    assert "no checkpoint to roll back to" in errors and "checkpoint.every" in errors


def test_a_spike_stops_or_is_told(tiny, tmp_path):
    run = tmp_path / "run"
    calm = ["train.steps=200", "guard.spike_window=16", "validation.every=200"]
    start_and_stop("pretrain", tiny / "recipe.yaml", run, signal.SIGTERM, lambda: lines_in(run) > 40, *calm)
    wild = ["pretrain", tiny / "recipe.yaml", f"output={run}", "--resume", "--allow-changes", *calm, "optimizer.lr=20"]
    _, errors = run_meap(*wild, "guard.on_spike=stop", code=1)
    assert "the loss spikes" in errors and "samples" in errors and "guard.on_spike" in errors
    _, errors = run_meap(*wild, "guard.on_spike=skip", "guard.limit=2", code=1)
    assert errors.count("skip") >= 2 and "3 steps in a row" in errors
    _, errors = run_meap(*wild)
    assert "warning: the loss spikes" in errors


def test_what_does_not_fit_is_refused_with_the_key_that_helps(tiny, tmp_path):
    huge = ["model.hidden_size=1024", "train.batch_tokens=8388608", "train.micro_batch=262144"]
    _, errors = run_meap("pretrain", tiny / "recipe.yaml", f"output={tmp_path / 'run'}", *huge, code=2)
    assert "does not fit into memory" in errors and "activations" in errors and "train.micro_batch=" in errors
    assert not (tmp_path / "run").exists()
    _, errors = run_meap("pretrain", tiny / "recipe.yaml", f"output={tmp_path / 'run'}", "model.hidden_size=65536",
                         "model.num_hidden_layers=200", code=2)
    assert "a smaller model" in errors and "guard.memory=false" in errors


def test_the_forecast_is_told_before_the_first_step(tiny, tmp_path):
    _, errors = run_meap("pretrain", tiny / "recipe.yaml", f"output={tmp_path / 'run'}")
    for word in ("weights", "gradients", "optimizer", "activations", "TFLOP a step", "tokens in all", "about"):
        assert word in errors
