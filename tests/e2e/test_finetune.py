"""`meap finetune` from end to end: what it writes, exact resume, packing, LoRA, bad input."""
import json
import shutil
import signal

import numpy
import pytest
from safetensors.numpy import load_file, save_file

from conftest import metrics_without_timings, read_jsonl, run_meap, wait_for
from training_runs import losses, start, steps_in, stop_at, weights

RECIPE = """
model: {{path: {model}}}
data: {{train: {root}/train.jsonl, validation: {root}/validation.jsonl, sequence_length: 320}}
template: alpaca
objective: {{min_answer_tokens: 10}}
optimizer: {{lr: 1.0e-3}}
train: {{epochs: 2, batch_tokens: 1280, micro_batch: 2, seed: 3, precision: f32}}
validation: {{every: 4}}
checkpoint: {{every: 3}}
"""


def write_items(path, count, seed):
    with open(path, "w") as file:
        for i in range(count):
            words = [f"word{(i * 7 + k * seed) % 23}" for k in range(3 + (i * 5) % 30)]
            file.write(json.dumps({"instruction": f"List item {i % 9}", "input": "" if i % 2 else "a few",
                                   "output": " ".join(words)}) + "\n")


@pytest.fixture(scope="session")
def finetuning(tiny, tmp_path_factory):
    """A tiny pre-trained model, instruction files and a recipe: the folder with them."""
    root = tmp_path_factory.mktemp("finetuning")
    run_meap("pretrain", tiny / "recipe.yaml", f"output={root}/base", "train.steps=2", "data.sequence_length=512",
             "train.batch_tokens=512")
    write_items(root / "train.jsonl", 60, 1)
    write_items(root / "validation.jsonl", 10, 2)
    (root / "recipe.yaml").write_text(RECIPE.format(root=root, model=root / "base" / "hf"))
    return root


def finetune(root, output, *overrides, **options):
    return run_meap("finetune", root / "recipe.yaml", f"output={output}", *overrides, **options)


@pytest.fixture(scope="session")
def finished(finetuning, tmp_path_factory):
    run = tmp_path_factory.mktemp("finished") / "run"
    out, _ = finetune(finetuning, run, "--threads", 1)
    return run, json.loads(out)


def test_writes_what_a_run_writes_with_both_losses_and_the_counts(finished):
    run, summary = finished
    lines = [m for m in read_jsonl(run / "metrics.jsonl") if "loss" in m]
    assert {"loss_answer", "loss_masked", "samples_per_second", "tokens"} <= set(lines[0])
    assert any("validation_loss" in m for m in read_jsonl(run / "metrics.jsonl"))
    assert lines[-1]["loss"] < lines[0]["loss"]
    assert summary["samples"] == 60 and summary["doubled"] > 0 and summary["dropped_too_long"] == 0
    assert summary["steps"] == len(lines) and (run / "hf" / "model.safetensors").exists()


def test_the_export_is_talked_to_in_the_template_of_the_recipe(finished, tmp_path):
    config = json.loads((finished[0] / "hf" / "tokenizer_config.json").read_text())
    assert "### Instruction:" in config["chat_template"]
    (tmp_path / "quiz.jsonl").write_text('{"question": "What is 1?", "answers": ["1"]}\n')
    (tmp_path / "quiz.yaml").write_text(
        'name: quiz\nkind: generation\ndata: quiz\nprompt: "{question}"\nanswers: answers\nmax_new_tokens: 2\n')
    hashes = []
    for words, prompt in (([], "chat template"), (["--template", "alpaca"], "chat template"),
                          (["--template", "none"], "base")):
        run_meap("eval", "--model", finished[0] / "hf", "--tasks", "quiz", "--task-file", tmp_path / "quiz.yaml",
                 "--data", tmp_path, "--output", tmp_path / "results.json", *words)
        results = json.loads((tmp_path / "results.json").read_text())
        assert results["settings"]["task_settings"]["quiz"]["prompt"] == prompt
        hashes.append(results["prompt_hashes"]["quiz"])
    assert hashes[2] not in hashes[:2]  # the same question, asked otherwise


def test_ntp_and_meap_differ_in_one_key(finetuning, finished, tmp_path):
    out, _ = finetune(finetuning, tmp_path / "ntp", "objective.name=ntp")
    summary = json.loads(out)
    assert summary["doubled"] == 0 and summary["tokens"] < finished[1]["tokens"]
    batch = json.loads(run_meap("inspect", finetuning / "recipe.yaml", "objective.name=ntp", "--json")[0])
    assert all(sample < 60 for row in batch["sample_ids"] for sample in row)


def test_micro_batches_do_not_change_the_loss(finetuning, finished, tmp_path):
    for micro in (1, 4):
        finetune(finetuning, tmp_path / f"m{micro}", f"train.micro_batch={micro}", "validation.every=100")
        assert losses(tmp_path / f"m{micro}") == pytest.approx(losses(finished[0]), abs=2e-5)


@pytest.mark.parametrize("layout", ["separate", "isolated"])
def test_other_layouts_train_and_grouping_by_length_sees_the_same_tokens(finetuning, tmp_path, layout):
    packed = json.loads(finetune(finetuning, tmp_path / "packed", f"objective.layout={layout}")[0])
    grouped = json.loads(finetune(finetuning, tmp_path / "grouped", f"objective.layout={layout}",
                                  "data.packing=false")[0])
    assert packed["tokens"] == grouped["tokens"] and packed["doubled"] == grouped["doubled"]
    assert losses(tmp_path / "packed")[-1] < losses(tmp_path / "packed")[0]


def test_kill_9_and_sigterm_and_resume_is_exact(finetuning, finished, tmp_path):
    run = tmp_path / "run"
    for number, after in ((signal.SIGKILL, 2), (signal.SIGTERM, 5), (signal.SIGKILL, 9)):
        stop_at("finetune", finetuning, run, number, after)
    finetune(finetuning, run, "--threads", 1, "--resume")
    assert metrics_without_timings(run) == metrics_without_timings(finished[0])
    assert weights(run) == weights(finished[0])


def test_lora_with_dropout_resumes_exactly_and_merges(finetuning, tmp_path):
    words = ["lora.rank=4", "lora.dropout=0.1", "optimizer.lr=0.01"]
    finetune(finetuning, tmp_path / "whole", *words, "--threads", 1)
    stop_at("finetune", finetuning, tmp_path / "run", signal.SIGKILL, 4, *words)
    finetune(finetuning, tmp_path / "run", *words, "--threads", 1, "--resume")
    assert metrics_without_timings(tmp_path / "run") == metrics_without_timings(tmp_path / "whole")
    assert weights(tmp_path / "run") == weights(tmp_path / "whole")
    whole = losses(tmp_path / "whole")
    assert whole[-1] < whole[0]
    # The exported model is the trained one: its validation loss is that of the run's end.
    out, _ = run_meap("finetune", finetuning / "recipe.yaml", f"output={tmp_path}/again", "train.steps=1",
                      "optimizer.lr=0", f"model.path={tmp_path}/whole/hf", "schedule.min_lr=0")
    last = [m["validation_loss"] for m in read_jsonl(tmp_path / "whole" / "metrics.jsonl") if "validation_loss" in m][-1]
    assert json.loads(out)["validation_loss"] == pytest.approx(last, abs=1e-5)


def test_a_finished_run_is_exported_anew_as_an_adapter(finetuning, tmp_path):
    words = ["lora.rank=4", "train.steps=2"]
    finetune(finetuning, tmp_path / "run", *words)
    assert not (tmp_path / "run/hf/adapter_config.json").exists()
    finetune(finetuning, tmp_path / "run", *words, "--resume", "lora.export=adapter")
    assert (tmp_path / "run/hf/adapter_config.json").exists()


def test_a_base_model_that_goes_while_it_trains_does_not_end_the_run(finetuning, tmp_path):
    shutil.copytree(finetuning / "base" / "hf", tmp_path / "model")
    run = tmp_path / "run"
    words = [f"model.path={tmp_path}/model", "train.steps=60"]
    process = start("finetune", finetuning / "recipe.yaml", run, *words)
    wait_for(lambda: steps_in(run) >= 1, process)
    shutil.rmtree(tmp_path / "model")
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert steps_in(run) == 60 and weights(run)


def test_changed_samples_and_base_model_are_named_on_resume(finetuning, tmp_path):
    shutil.copytree(finetuning / "base" / "hf", tmp_path / "model")
    shutil.copy(finetuning / "train.jsonl", tmp_path / "items.jsonl")
    words = [f"model.path={tmp_path}/model", f"data.train={tmp_path}/items.jsonl", "train.steps=40"]
    code, errors = stop_at("finetune", finetuning, tmp_path / "run", signal.SIGTERM, 4, *words)
    assert code == 143, errors
    lines = (tmp_path / "items.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "items.jsonl").write_text("".join(lines[1:]))
    tensors = load_file(tmp_path / "model" / "model.safetensors")
    tensors["model.norm.weight"] = tensors["model.norm.weight"] * 2
    save_file(tensors, tmp_path / "model" / "model.safetensors", metadata={"format": "pt"})
    _, errors = finetune(finetuning, tmp_path / "run", *words, "--resume", code=2)
    assert f"- data.train {tmp_path}/items.jsonl: " in errors and f"- model.path {tmp_path}/model: " in errors
    assert "tokenizer" not in errors
    finetune(finetuning, tmp_path / "run", *words, "--resume", "--allow-changes")


@pytest.mark.parametrize("words", [[], ["lora.rank=4", "optimizer.lr=0.01"]], ids=["full", "lora"])
def test_bf16_trains_close_to_f32(finetuning, tmp_path, words):
    for precision in ("f32", "bf16"):
        finetune(finetuning, tmp_path / precision, f"train.precision={precision}", *words)
    # One step alone may stray further: what rounding changes in a weight comes back in later steps.
    differences = [abs(a - b) for a, b in zip(losses(tmp_path / "bf16"), losses(tmp_path / "f32"), strict=True)]
    assert sum(differences) / len(differences) < 0.025 and max(differences) < 0.1


# The layouts themselves are tested token by token in tests/objective; here, what inspect shows of them.
def inspected(finetuning, *overrides):
    return json.loads(run_meap("inspect", finetuning / "recipe.yaml", *overrides, "--json")[0])


def test_inspect_tells_a_finetune_recipe_by_its_data_too(finetuning, tmp_path):
    (tmp_path / "plain.yaml").write_text(
        f"model: {{path: {finetuning}/base/hf}}\ndata: {{train: {finetuning}/train.jsonl, sequence_length: 320}}\n")
    batch = json.loads(run_meap("inspect", tmp_path / "plain.yaml", "--json")[0])
    assert any(label == -100 for row in batch["labels"] for label in row)
    assert max(max(row) for row in batch["segment_ids"]) > 0


def test_inspect_shows_rows_whose_labels_are_their_tokens_or_what_a_mask_hides(finetuning):
    for layout in ("concat", "separate", "isolated"):
        batch = inspected(finetuning, f"objective.layout={layout}")
        mask = json.loads((finetuning / "base/hf/tokenizer.json").read_text())["added_tokens"]
        mask_id = next(token["id"] for token in mask if token["content"] == "[MASK]")
        hidden = 0
        for row in range(len(batch["input_ids"])):
            ids, labels = batch["input_ids"][row], batch["labels"][row]
            for t, label in enumerate(labels):
                if label == -100:
                    continue
                assert batch["segment_ids"][row][t] == batch["segment_ids"][row][t - 1]
                assert ids[t] in (label, mask_id)
                hidden += ids[t] == mask_id
        assert hidden == sum(row.count(mask_id) for row in batch["input_ids"]) > 0


def test_inspect_in_words_marks_masks_and_answers(finetuning):
    out, _ = run_meap("inspect", finetuning / "recipe.yaml")
    assert "[MASK:" in out and "«" in out and "### Instruction" in out


def test_broken_samples_are_counted_and_named(finetuning, tmp_path):
    lines = (finetuning / "train.jsonl").read_text().splitlines()[:8]
    lines[2] = json.dumps({"instruction": "Say", "input": "", "output": ""})
    lines[5] = "{"
    (tmp_path / "broken.jsonl").write_text("\n".join(lines) + "\n")
    out, errors = finetune(finetuning, tmp_path / "run", f"data.train={tmp_path}/broken.jsonl")
    summary = json.loads(out)
    assert summary["samples"] == 6 and summary["dropped_broken"] == 2
    assert "broken.jsonl:3" in errors and "empty_answer" in errors and "broken.jsonl:6" in errors


def test_the_export_ends_where_the_model_and_the_template_do(finetuning, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(finetuning / "base" / "hf", model)
    config = json.loads((model / "config.json").read_text())
    eos, ids = config["eos_token_id"], [config["vocab_size"], config["vocab_size"] + 1]
    text = json.loads((model / "tokenizer.json").read_text())
    text["added_tokens"] += [{"id": i, "content": name, "single_word": False, "lstrip": False, "rstrip": False,
                              "normalized": False, "special": True} for i, name in zip(ids, ["<|im_start|>", "<|im_end|>"])]
    (model / "tokenizer.json").write_text(json.dumps(text))
    weights = load_file(model / "model.safetensors")
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        if name in weights:
            weights[name] = numpy.concatenate([weights[name], weights[name][:2]])
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    config["vocab_size"] += len(ids)
    (model / "config.json").write_text(json.dumps(config))
    (model / "generation_config.json").write_text(json.dumps({"eos_token_id": [eos, 7]}))
    finetune(finetuning, tmp_path / "run", f"model.path={model}", "template=chatml", "train.steps=1")
    for name in ("config.json", "generation_config.json"):
        assert json.loads((tmp_path / "run" / "hf" / name).read_text())["eos_token_id"] == [eos, 7, ids[1]]


def test_what_our_jinja_lacks_for_some_samples_alone_stops_the_run(finetuning, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(finetuning / "base" / "hf", model)
    config = json.loads((model / "tokenizer_config.json").read_text())
    config["chat_template"] = ("{% for m in messages %}{% if m.role == 'system' %}{{ '%s!' % m.content }}"
                               "{% else %}{{ m.content }}{% endif %}{{ eos_token }}{% endfor %}")
    (model / "tokenizer_config.json").write_text(json.dumps(config))
    turns = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Good day"}]
    samples = [{"messages": turns}, {"messages": [{"role": "system", "content": "Be kind"}, *turns]}]
    (tmp_path / "chats.jsonl").write_text("".join(json.dumps(s) + "\n" for s in samples))
    words = [f"model.path={model}", f"data.train={tmp_path}/chats.jsonl", "data.validation=[]", "template=model"]
    _, errors = finetune(finetuning, tmp_path / "run", *words, code=2)
    assert "subset of Jinja has no '%'" in errors and "chats.jsonl:2" in errors and "line 1" in errors
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("words, said", [
    (["data.train=/nowhere.jsonl"], ["/nowhere.jsonl"]),
    (["data.sequence_length=8"], ["no sample is left", "data.sequence_length"]),
    (["objective.layout=joined"], ["objective.layout", "concat"]),
    (["objective.layout=isolated", "objective.positions=restart"], ["objective.positions"]),
    (["lora.export=adapter"], ["lora.rank"]),
    (["lora.rank=4", "lora.target_modules=[c_attn]"], ["c_attn", "q_proj"]),
    (["template=nosuch"], ["nosuch", "alpaca"]),
    (["model.path="], ["model.path"]),
    (["objective.mask.unit=word"], ["objective.mask.unit"]),
    (["train.batch_tokens=64"], ["train.batch_tokens", "data.sequence_length"]),
])
def test_bad_keys_are_named(finetuning, tmp_path, words, said):
    _, errors = finetune(finetuning, tmp_path / "run", *words, code=2)
    assert all(word in errors for word in said), errors
    assert not (tmp_path / "run").exists()


def test_a_file_of_another_format_is_named_with_its_line(finetuning, tmp_path):
    (tmp_path / "text.jsonl").write_text('{"text": "no instruction"}\n')
    _, errors = finetune(finetuning, tmp_path / "run", f"data.train={tmp_path}/text.jsonl", code=2)
    assert "text.jsonl:1" in errors and "text" in errors


def test_options_of_both_tasks_are_listed(finetuning):
    listed, _ = run_meap("options", "--task", "finetune")
    assert "`objective.layout`" in listed and "`lora.rank`" in listed and "`model.preset`" not in listed
    assert "`model.preset`" in run_meap("options")[0]
