"""Bad input: one clear error, the documented exit code, nothing half-written."""
import json
import resource
import shutil
import subprocess

import pytest

from safetensors.numpy import load_file, save_file

from conftest import metrics_without_timings, read_jsonl, run_meap


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


def test_data_that_is_not_there(tiny, stories, tmp_path):
    for name in ("nope", "nope.jsonl"):
        errors = fails(tiny, f"data.train={name}")
        assert "no such file" in errors and name in errors
    assert "lacks data.train" in fails(tiny, "data.train=")
    _, errors = run_meap("tokenizer", "train", "--output", tmp_path / "t", "--vocab-size", 300, "nofile.jsonl", code=2)
    assert "no such file" in errors and "nofile.jsonl" in errors
    _, errors = run_meap("eval", "--model", stories, "--tasks", "perplexity", "--data", tmp_path, code=2)
    assert "--text" in errors and "perplexity" in errors


def test_base_is_one_file(tiny, tmp_path):
    (tmp_path / "r.yaml").write_text("train.steps: 1\nbase: [a.yaml, b.yaml]\n")
    _, errors = run_meap("pretrain", tmp_path / "r.yaml", code=2)
    assert "r.yaml:2:7" in errors and "base" in errors
    (tmp_path / "r.yaml").write_text("? [a, b]\n: 1\n")
    assert "r.yaml:1:3" in run_meap("pretrain", tmp_path / "r.yaml", code=2)[1]


def test_output_without_a_name_or_with_bytes_that_are_no_text(tiny, tmp_path):
    _, errors = run_meap("pretrain", tiny / "recipe.yaml", "output=", code=2)
    assert "lacks output" in errors
    out, _ = run_meap("pretrain", tiny / "recipe.yaml", b"output=" + bytes(tmp_path) + b"/r\xff", "train.steps=1")
    assert json.loads(out)["steps"] == 1 and out.isascii()


def test_an_output_that_is_a_folder_is_refused_before_the_work(tiny, stories, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    words = ["eval", "--model", stories, "--tasks", "perplexity", "--text", tiny / "validation.jsonl"]
    for more in (["--output", folder], ["--output", tmp_path / "r.json", "--samples", folder],
                 ["--output", tmp_path / "r.json", "--cache", folder]):
        _, errors = run_meap(*words, *more, code=2)
        assert more[-2] in errors and str(folder) in errors
    assert "--output" in run_meap("data", "synth", "--output", "/dev/null/s.jsonl", code=2)[1]
    assert list(tmp_path.iterdir()) == [folder] and not list(folder.iterdir())


def test_outputs_in_new_folders(tiny, tmp_path):
    run_meap("data", "synth", "--output", tmp_path / "a/b/s.jsonl", "--probe", tmp_path / "c/p.jsonl", "--documents", 2,
             "--probes", 2)
    run_meap("pretrain", tiny / "recipe.yaml", f"output={tmp_path / 'run'}", "train.steps=1")
    run_meap("report", tmp_path / "run", "-o", tmp_path / "d/e/r.html")
    assert (tmp_path / "a/b/s.jsonl").exists() and (tmp_path / "c/p.jsonl").exists() and (tmp_path / "d/e/r.html").exists()


def test_stories_and_probes_are_two_files(tmp_path):
    words = ["data", "synth", "--output", tmp_path / "s.jsonl", "--probe", tmp_path / "x" / ".." / "s.jsonl"]
    assert "--probe" in run_meap(*words, code=2)[1]
    assert not list(tmp_path.iterdir())


def test_epochs_are_more_than_none(tiny):
    assert "train.epochs" in fails(tiny, "train.steps=0", "train.epochs=0")


@pytest.mark.parametrize("words", [["compare", "{file}", "--output", "{file}"], ["report", "{file}", "-o", "{file}"]])
def test_an_input_is_not_overwritten(tmp_path, words):
    file = tmp_path / "results.json"
    file.write_text('{"results": {}}')
    _, errors = run_meap(*(word.format(file=file) for word in words), code=2)
    assert "one file would overwrite another" in errors and file.read_text() == '{"results": {}}'


def test_a_model_with_broken_weights_is_told(tiny_model, tmp_path):
    model = tmp_path / "broken"
    shutil.copytree(tiny_model, model)
    tensors = load_file(model / "model.safetensors")
    tensors["model.norm.weight"][0] = float("nan")
    save_file(tensors, model / "model.safetensors", metadata={"format": "pt"})
    for words in (["--temperature", 1, "--top-p", 0.9], ["--temperature", 1, "--top-k", 3], []):
        _, errors = run_meap("generate", "--model", model, "--prompt", "Once", "--max-new-tokens", 3, *words, code=1)
        assert "logits are not finite" in errors
    requests = tmp_path / "requests.jsonl"
    requests.write_text('{"context": "Once", "continuation": " upon"}\n')
    out, errors = run_meap("score", "--model", model, "--input", requests, code=1)
    assert "logits are not finite" in errors and out == ""


def test_attention_needs_no_end_of_text(tiny_model, tiny, tmp_path):
    model = tmp_path / "endless"
    shutil.copytree(tiny_model, model)
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        if (model / name).exists():
            config = json.loads((model / name).read_text())
            config.pop("eos_token", None)
            (model / name).write_text(json.dumps(config))
    run_meap("attention", "decay", "--model", model, "--input", tiny / "validation.jsonl", "--length", 16, "--windows", 4)


def test_steps_without_a_label_do_not_end_a_run(tiny, tmp_path):
    run, data = tmp_path / "run", tmp_path / "short.jsonl"
    data.write_text('{"text": "a"}\n' * 50)
    run_meap("pretrain", tiny / "recipe.yaml", f"output={run}", f"data.train={data}", "data.sequence_length=1", "train.batch_tokens=1",
             "train.micro_batch=1", "data.isolate_documents=true", "train.steps=40", "data.validation=[]")
    losses = [line["loss"] for line in read_jsonl(run / "metrics.jsonl") if "loss" in line]
    assert len(losses) == 40 and 0 in losses and max(losses) > 0


def test_sizes_beside_a_model_folder(tiny, tmp_path):
    run = tmp_path / "run"
    run_meap("pretrain", tiny / "recipe.yaml", f"output={run}", "train.steps=1")
    words = [f"model.path={run / 'hf'}", "model.preset="]
    for size in ("model.hidden_size=64", "model.vocab_size=100", "model.rope_theta=5000", "model.max_position_embeddings=99"):
        assert size.split("=")[0] in fails(tiny, *words, size)
    out, _ = run_meap("pretrain", tiny / "recipe.yaml", *words, f"output={tmp_path / 'same'}", "train.steps=1")
    again, _ = run_meap("pretrain", tmp_path / "same" / "recipe.yaml", f"output={tmp_path / 'again'}")
    assert json.loads(again)["loss"] == json.loads(out)["loss"]


def test_a_tokenizer_without_an_end(tiny, tmp_path):
    tok = tmp_path / "tok"
    shutil.copytree(tiny / "tok", tok)
    config = json.loads((tok / "tokenizer_config.json").read_text())
    del config["eos_token"]
    (tok / "tokenizer_config.json").write_text(json.dumps(config))
    (tok / "special_tokens_map.json").unlink(missing_ok=True)
    errors = fails(tiny, f"tokenizer={tok}")
    assert "meap data prepare --eos" in errors and "eos_token" in errors


def test_a_key_of_the_other_task_is_not_unknown(tiny, tmp_path):
    assert "objective.layout belongs to fine-tuning recipes" in fails(tiny, "objective.layout=concat")
    _, errors = run_meap("inspect", tiny / "recipe.yaml", "objective.layout=concat", code=2)
    assert "objective.layout belongs to fine-tuning recipes" in errors
    _, errors = run_meap("finetune", tiny / "recipe.yaml", code=2)
    assert "belongs to pre-training recipes" in errors


def test_a_micro_batch_of_more_than_a_step_is_cut_and_said(tiny, tmp_path):
    _, errors = run_meap("pretrain", tiny / "recipe.yaml", f"output={tmp_path / 'run'}", "train.steps=1",
                         "train.micro_batch=100")
    assert "train.micro_batch 100" in errors and "8 sequences" in errors


def test_blanks_and_byte_order_marks_mean_nothing(tiny, stories, tmp_path):
    (tmp_path / "t.jsonl").write_text('\ufeff{"text": "Adam"}\n', encoding="utf-8")
    out, _ = run_meap("tokenizer", "encode", "--tokenizer", tiny / "tok", "--jsonl", tmp_path / "t.jsonl")
    assert out == run_meap("tokenizer", "encode", "--tokenizer", tiny / "tok", input="Adam")[0]
    _, errors = run_meap("eval", "--model", stories, "--tasks", " perplexity , nonsense", code=2)
    assert '"nonsense"' in errors


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
    assert json.loads(out)["dropped"] == 1
    assert json.loads(out)["dropped_by_reason"] == {"invalid_utf8": 1}


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


LONG = "n" * 300


@pytest.mark.parametrize("words", [
    ["score", "--model", LONG, "--input", "x"], ["score", "--model", "loop", "--input", "x"],
    ["tokenizer", "encode", "--tokenizer", LONG], ["tokenizer", "encode", "--tokenizer", "loop"],
    ["tokenizer", "encode", "--tokenizer", "tok", "--jsonl", LONG], ["tokenizer", "encode", "--tokenizer", "tok", "--jsonl", "loop"],
    ["pretrain", LONG], ["pretrain", "loop"], ["inspect", "loop"],
    *(["pretrain", "recipe.yaml", key + name] for key in ("data.train=", "data.validation=", "output=", "tokenizer=", "model.path=")
      for name in (LONG, "loop", "loop/x")),
    ["data", "prepare", "--tokenizer", "tok", "--output", "out", LONG], ["data", "prepare", "--tokenizer", "tok", "--output", LONG, "t.txt"],
    ["tokenizer", "train", "--output", LONG, "--vocab-size", "300", "t.txt"], ["report", LONG, "-o", "r.html"],
    ["compare", "loop"]], ids=lambda words: " ".join(words).replace(LONG, "LONG"))
def test_paths_that_cannot_be_followed(tiny, tmp_path, words):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "t.txt").write_text("some text\n" * 50)
    recipe = (tiny / "recipe.yaml").read_text()
    (tmp_path / "recipe.yaml").write_text(recipe.replace("\nmodel:", "\n# ") if "model.path=" in words[-1] else recipe)
    (tmp_path / "tok").symlink_to(tiny / "tok")
    _, errors = run_meap(*words, code=2, cwd=tmp_path, stdin=subprocess.DEVNULL)
    assert errors.count("error: ") == 1 and "filesystem error" not in errors, errors
    assert (LONG if LONG in " ".join(words) else "loop") in errors and "where:" in errors, errors
