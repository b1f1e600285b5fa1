"""`meap pretrain` from end to end: what it writes, exact resume, exact equality where it is promised."""
import json
import os
import shutil
import signal

import pytest

from conftest import metrics_without_timings, read_jsonl, run_meap
from training_runs import losses, stop_at, weights


def pretrain(tiny, output, *overrides, **options):
    return run_meap("pretrain", tiny / "recipe.yaml", f"output={output}", *overrides, **options)


@pytest.fixture(scope="session")
def finished(tiny, tmp_path_factory):
    run = tmp_path_factory.mktemp("finished") / "run"
    out, _ = pretrain(tiny, run, "--threads", 1)
    return run, json.loads(out)


def test_writes_all_that_the_interface_names(finished):
    run, summary = finished
    assert summary["steps"] == 12 and summary["tokens"] == 12 * 256
    assert {f.name for f in (run / "hf").iterdir()} >= {
        "config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    lines = read_jsonl(run / "metrics.jsonl")
    steps = [m for m in lines if "loss" in m]
    assert [m["step"] for m in steps] == list(range(1, 13))
    assert {"step", "loss", "lr", "grad_norm", "tokens", "tokens_per_second"} <= set(steps[0])
    assert [m["step"] for m in lines if "validation_loss" in m] == [4, 8, 12]
    assert steps[-1]["loss"] < steps[0]["loss"]
    assert (run / "recipe.yaml").exists() and any((run / "tensorboard").iterdir())


def test_the_same_command_gives_the_same_bits(tiny, finished, tmp_path):
    pretrain(tiny, tmp_path / "run", "--threads", 1)
    assert metrics_without_timings(tmp_path / "run") == metrics_without_timings(finished[0])
    assert weights(tmp_path / "run") == weights(finished[0])


@pytest.mark.parametrize("level", ["mlp", "block"])
def test_recomputed_activations_change_no_bit(tiny, finished, tmp_path, level):
    pretrain(tiny, tmp_path / "run", "--threads", 1, f"train.recompute={level}")
    assert metrics_without_timings(tmp_path / "run") == metrics_without_timings(finished[0])
    assert weights(tmp_path / "run") == weights(finished[0])


def test_meap_with_ratio_zero_is_ntp(tiny, tmp_path):
    pretrain(tiny, tmp_path / "ntp", "objective.name=ntp")
    pretrain(tiny, tmp_path / "zero", "objective.name=meap", "objective.mask_ratio=0")
    assert metrics_without_timings(tmp_path / "ntp") == metrics_without_timings(tmp_path / "zero")
    assert weights(tmp_path / "ntp") == weights(tmp_path / "zero")


def test_micro_batches_do_not_change_the_loss(tiny, finished, tmp_path):
    reference = losses(finished[0])
    for micro in (1, 2, 4, 8):
        pretrain(tiny, tmp_path / f"m{micro}", f"train.micro_batch={micro}", "validation.every=12")
        assert losses(tmp_path / f"m{micro}") == pytest.approx(reference, abs=1e-5)


def test_kill_9_at_many_moments_and_resume_is_exact(tiny, finished, tmp_path):
    run = tmp_path / "run"
    for after in (1, 3, 5, 8, 11):
        stop_at("pretrain", tiny, run, signal.SIGKILL, after)
    if (run / "metrics.jsonl").exists():  # a torn last line is cut
        with open(run / "metrics.jsonl", "a") as lines:
            lines.write('{"step": 12, "lo')
    pretrain(tiny, run, "--threads", 1, "--resume")
    assert metrics_without_timings(run) == metrics_without_timings(finished[0])
    assert weights(run) == weights(finished[0])


def test_a_damaged_checkpoint_is_named_and_the_one_before_used(tiny, finished, tmp_path):
    run = tmp_path / "run"
    stop_at("pretrain", tiny, run, signal.SIGTERM, 7)
    newest = sorted((run / "checkpoints").iterdir())[-1]
    blob = bytearray((newest / "weights.safetensors").read_bytes())
    blob[len(blob) // 2] ^= 1
    (newest / "weights.safetensors").write_bytes(blob)
    _, errors = pretrain(tiny, run, "--threads", 1, "--resume")
    assert newest.name in errors
    assert metrics_without_timings(run) == metrics_without_timings(finished[0])


def test_resume_of_a_finished_run_says_so(tiny, finished):
    before = weights(finished[0])
    out, errors = pretrain(tiny, finished[0], "--threads", 1, "--resume")
    assert "finished" in errors and json.loads(out)["steps"] == 12
    assert weights(finished[0]) == before


def test_a_finished_run_is_reported_whatever_the_recipe_says(tiny, finished):
    run, summary = finished
    before = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    for words in (["--threads", 2], ["optimizer.lr=0.5", "data.train=gone.jsonl"]):
        out, errors = pretrain(tiny, run, "--resume", *words)
        assert "finished" in errors
        timeless = {k: v for k, v in summary.items() if k not in ("forecast_bytes", "peak_bytes")}
        assert json.loads(out) == timeless
    assert {file: file.read_bytes() for file in run.rglob("*") if file.is_file()} == before
    assert "train.steps" in pretrain(tiny, run, "--resume", "train.steps=24", code=2)[1]


def test_threads_on_resume(tiny, tmp_path):
    run = tmp_path / "run"
    code, errors = stop_at("pretrain", tiny, run, signal.SIGTERM, 3, "train.steps=200")
    assert code == 143, errors
    half = tmp_path / "half"
    shutil.copytree(run, half)
    _, errors = pretrain(tiny, run, "--resume", "train.steps=200", env={**os.environ, "OMP_NUM_THREADS": "2"})
    assert "warning" not in errors and weights(run)
    _, errors = pretrain(tiny, half, "--resume", "train.steps=200", "--threads", 2)
    assert "threads: 1 before, 2 now" in errors


def test_another_machine_on_resume_is_told(tiny, tmp_path):
    run = tmp_path / "run"
    code, errors = stop_at("pretrain", tiny, run, signal.SIGTERM, 3, "train.steps=200")
    assert code == 143, errors
    _, errors = pretrain(tiny, run, "--threads", 1, "--resume", "train.steps=200",
                         env={**os.environ, "MEAP_CPU": "baseline"})
    told = [line for line in errors.splitlines() if "baseline now" in line]
    assert len(told) == 1 and "kernels: " in told[0] and "last bits" in told[0]


def test_a_longer_run_exports_what_it_ends_with(tiny, finished, tmp_path):
    constant = ["--threads", 1, "schedule.name=constant", "schedule.warmup=0"]
    straight, grown = tmp_path / "straight", tmp_path / "grown"
    pretrain(tiny, straight, *constant, "train.steps=24")
    pretrain(tiny, grown, *constant)
    half = weights(grown)
    pretrain(tiny, grown, *constant, "--resume", "--allow-changes", "train.steps=24")
    assert weights(grown) == weights(straight) != half
    assert (grown / "hf-step-00000012" / "model.safetensors").read_bytes() == half


def test_bf16_trains_close_to_f32(tiny, finished, tmp_path):
    pretrain(tiny, tmp_path / "run", "train.precision=bf16")
    assert losses(tmp_path / "run") == pytest.approx(losses(finished[0]), abs=0.05)


def test_isolated_documents_train(tiny, tmp_path):
    # Windows long enough that each holds the border of two stories.
    words = ["data.isolate_documents=true", "data.sequence_length=512", "train.batch_tokens=2048"]
    pretrain(tiny, tmp_path / "run", "train.steps=2", *words)
    batch = json.loads(run_meap("inspect", tiny / "recipe.yaml", *words, "--json")[0])
    assert max(max(row) for row in batch["segment_ids"]) > 0
    assert all(position[0] == 0 for position in batch["position_ids"])


def test_the_export_loads_in_transformers_and_gives_the_logits_of_meap_score(finished):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    hf = finished[0] / "hf"
    model = transformers.AutoModelForCausalLM.from_pretrained(hf, dtype=torch.float32)
    tokenizer = transformers.AutoTokenizer.from_pretrained(hf)
    assert tokenizer.mask_token == "[MASK]" and tokenizer.mask_token_id < model.config.vocab_size
    context, continuation = "Remember that the key of Adam lies", " in the office."
    ids = tokenizer(context + continuation, return_tensors="pt").input_ids
    skip = tokenizer(context, return_tensors="pt").input_ids.shape[1]
    with torch.no_grad():
        logprobs = model(ids).logits[0].log_softmax(-1)
    expected = sum(float(logprobs[t, ids[0, t + 1]]) for t in range(skip - 1, ids.shape[1] - 1))
    requests = finished[0] / "requests.jsonl"
    requests.write_text(json.dumps({"context": context, "continuation": continuation}) + "\n")
    out, _ = run_meap("score", "--model", hf, "--input", requests)
    assert json.loads(out)["logprob"] == pytest.approx(expected, rel=1e-4)


def test_a_finished_run_without_checkpoints_is_kept(tiny, finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished[0], run)
    shutil.rmtree(run / "checkpoints")
    before = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    out, errors = pretrain(tiny, run, "--resume")
    summary = json.loads(out)
    assert "finished" in errors and summary["steps"] == 12 and summary["model"] == str(run / "hf")
    for key in ("tokens", "loss", "validation_loss"):
        assert summary[key] == finished[1][key]
    _, errors = pretrain(tiny, run, "--resume", "train.steps=24", code=2)
    assert "checkpoints" in errors and "12 steps" in errors and "another output" in errors
    assert {file: file.read_bytes() for file in run.rglob("*") if file.is_file()} == before
    (run / "metrics.jsonl").unlink()
    assert "checkpoints" in pretrain(tiny, run, "--resume", code=2)[1]
    assert weights(run) == weights(finished[0])
