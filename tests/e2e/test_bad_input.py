"""Bad input: one clear error, the documented exit code, nothing half-written."""
import json
import resource
import shutil

import pytest

from conftest import metrics_without_timings, run_meap


def fails(tiny, *words, code=2, output=None):
    """Runs a recipe that must fail; returns the message; nothing may have been written."""
    target = output or tiny / "never"
    _, errors = run_meap("pretrain", tiny / "recipe.yaml", f"output={target}", *words, code=code)
    assert errors.count("error: ") == 1, errors
    assert not (tiny / "never").exists()
    return errors


def test_unknown_key(tiny, tmp_path):
    recipe = tmp_path / "r.yaml"
    recipe.write_text((tiny / "recipe.yaml").read_text() + "objective:\n  mask_ratoi: 0.1\n")
    _, errors = run_meap("pretrain", recipe, f"output={tmp_path / 'never'}", code=2)
    assert "r.yaml:" in errors and "objective.mask_ratio?" in errors
    assert not (tmp_path / "never").exists()


def test_missing_files(tiny):
    assert "nothing.jsonl" in fails(tiny, "data.train=nothing.jsonl")
    assert "no-tokenizer" in fails(tiny, "tokenizer=no-tokenizer")
    assert "no-model" in fails(tiny, "model.path=no-model", "model.preset=")
    run_meap("pretrain", tiny / "absent.yaml", code=2)


def test_ratio_outside_its_range(tiny):
    for ratio in ("1", "-0.1", "nan"):
        assert "objective.mask_ratio" in fails(tiny, f"objective.mask_ratio={ratio}")


def test_vocabulary_mismatch(tiny, tmp_path):
    assert "model.vocab_size" in fails(tiny, "model.vocab_size=100")
    run_meap("pretrain", tiny / "recipe.yaml", f"output={tmp_path / 'run'}", "train.steps=1")
    run_meap("tokenizer", "train", "--output", tmp_path / "big", "--vocab-size", 600, tiny / "train.jsonl")
    errors = fails(tiny, f"model.path={tmp_path / 'run' / 'hf'}", "model.preset=", "model.hidden_size=0",
                   "model.intermediate_size=0", "model.num_hidden_layers=0", f"tokenizer={tmp_path / 'big'}")
    assert "does not fit" in errors


def test_truncated_safetensors(tiny, tmp_path):
    run_meap("pretrain", tiny / "recipe.yaml", f"output={tmp_path / 'run'}", "train.steps=1")
    broken = tmp_path / "broken"
    shutil.copytree(tmp_path / "run" / "hf", broken)
    blob = (broken / "model.safetensors").read_bytes()
    (broken / "model.safetensors").write_bytes(blob[: len(blob) - 100])
    requests = tmp_path / "q.jsonl"
    requests.write_text(json.dumps({"context": "a", "continuation": " b"}) + "\n")
    _, errors = run_meap("score", "--model", broken, "--input", requests, code=2)
    assert "model.safetensors" in errors


def test_empty_corpus(tiny, tmp_path):
    (tmp_path / "empty.jsonl").write_text("")
    assert "empty.jsonl" in fails(tiny, f"data.train={tmp_path / 'empty.jsonl'}")


def test_corpus_shorter_than_a_window(tiny, tmp_path):
    (tmp_path / "short.jsonl").write_text('{"text": "Too short."}\n')
    fails(tiny, f"data.train={tmp_path / 'short.jsonl'}")


def test_unwritable_output(tiny):
    assert "output" in fails(tiny, output="/dev/null/run")


def test_output_that_holds_a_run_is_not_overwritten(tiny, tmp_path):
    run_meap("pretrain", tiny / "recipe.yaml", f"output={tmp_path / 'run'}", "train.steps=1")
    before = metrics_without_timings(tmp_path / "run")
    assert "--resume" in fails(tiny, output=tmp_path / "run")
    assert metrics_without_timings(tmp_path / "run") == before


def test_invalid_utf8_is_counted_and_skipped(tiny, tmp_path):
    lines = (tiny / "train.jsonl").read_bytes()
    (tmp_path / "mixed.jsonl").write_bytes(b'{"text": "bad \xff\xfe"}\n' + lines)
    out, errors = run_meap("data", "prepare", "--tokenizer", tiny / "tok", "--output", tmp_path / "data",
                           tmp_path / "mixed.jsonl")
    assert "mixed.jsonl:1" in errors
    assert json.loads(out)["documents"] == 300
    assert "utf" in json.dumps(json.loads(out)["dropped"]).lower()


def test_full_disk_ends_with_1_and_the_last_checkpoint_is_whole(tiny, tmp_path):
    """A limit on file size stands for a full disk: the metrics fit, the second model's larger files do not."""
    run = tmp_path / "run"
    run_meap("pretrain", tiny / "recipe.yaml", f"output={run}", "train.steps=6", "--threads", 1)
    limit = (run / "hf" / "model.safetensors").stat().st_size // 2
    bigger = tmp_path / "bigger"
    _, errors = run_meap("pretrain", tiny / "recipe.yaml", f"output={bigger}", code=1,
                         preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    assert "cannot write" in errors and errors.count("error: ") == 1
    left = list((bigger / "checkpoints").iterdir()) if (bigger / "checkpoints").exists() else []
    assert all(".tmp" not in folder.name for folder in left) and not (bigger / "hf").exists()
    run_meap("pretrain", tiny / "recipe.yaml", f"output={bigger}", "--resume")


@pytest.mark.parametrize("words", [[], ["nonsense"], ["pretrain"], ["score", "--model", "x"], ["generate", "--top-k", "-1"]])
def test_wrong_usage(words):
    run_meap(*words, code=2)


def test_help_everywhere():
    for words in ([], ["pretrain"], ["inspect"], ["score"], ["generate"], ["options"], ["tokenizer"], ["data"],
                  ["tokenizer", "train"], ["tokenizer", "encode"], ["tokenizer", "decode"], ["data", "prepare"],
                  ["data", "synth"]):
        out, _ = run_meap(*words, "--help")
        assert "Usage" in out
