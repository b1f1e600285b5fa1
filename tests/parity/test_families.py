"""Models of the families beside Llama, as transformers saves them: scored, decoded, trained and exported as what they are."""
import json
import shutil

import pytest
import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from conftest import run_meap

SHAPE = dict(hidden_size=48, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, vocab_size=8256,
             max_position_embeddings=256, rope_parameters={"rope_type": "default", "rope_theta": 1e6}, bos_token_id=None, eos_token_id=0)
CONFIGS = {"mistral": ("MistralConfig", {"sliding_window": None}),
           "qwen2": ("Qwen2Config", {"tie_word_embeddings": True}),
           "qwen3": ("Qwen3Config", {"head_dim": 16}),
           "qwen3-biases": ("Qwen3Config", {"head_dim": 16, "attention_bias": True, "tie_word_embeddings": True})}
PROMPTS = ["Once upon a time", "The sun was", "In 1812 the", "\u00e9t\u00e9, said he"]


@pytest.fixture(scope="module", params=CONFIGS)
def folder(request, shared, tmp_path_factory):
    """A model whose every weight counts, norms and biases too, and more rows than its tokenizer has tokens."""
    path = tmp_path_factory.mktemp(request.param) / "model"
    name, fields = CONFIGS[request.param]
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_config(getattr(transformers, name)(**SHAPE, **fields))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * (0.3 if parameter.dim() == 1 else 0.15))
    model.save_pretrained(path)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(shared / "data/tokenizers/byte-bpe-8k" / file, path / file)
    return path


@pytest.fixture(scope="module")
def recipe(folder):
    """What fine-tunes it, on answers long enough to be doubled."""
    with open(folder.parent / "train.jsonl", "w") as lines:
        for i in range(24):
            lines.write(json.dumps({"prompt": f"Story {i}?", "completion": "Once upon a time " * (1 + i % 9)}) + "\n")
    path = folder.parent / "recipe.yaml"
    path.write_text(f"model: {{path: {folder}}}\ndata: {{train: {folder.parent}/train.jsonl, sequence_length: 128}}\n"
                    "template: plain\nobjective: {min_answer_tokens: 5}\noptimizer: {lr: 0.003}\n"
                    "train: {steps: 4, batch_tokens: 512, precision: f32}\n")
    return path


def load(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval(), AutoTokenizer.from_pretrained(folder)


def check_scores(folder, tmp_path):
    """`meap score` against transformers' logits."""
    model, tokenizer = load(folder)
    texts = [(prompt, " there was nobody in the house of the king.") for prompt in PROMPTS]
    (tmp_path / "requests.jsonl").write_text("".join(json.dumps({"context": c, "continuation": t}) + "\n" for c, t in texts))
    out, _ = run_meap("score", "--model", folder, "--input", tmp_path / "requests.jsonl", "--dtype", "f32")
    for (context, continuation), line in zip(texts, out.splitlines(), strict=True):
        got = json.loads(line)
        ids = tokenizer(context + continuation).input_ids
        first = len(ids) - got["tokens"]
        with torch.no_grad():
            logprobs = model(torch.tensor([ids])).logits[0].log_softmax(-1)
        expected = sum(logprobs[t - 1, ids[t]].double() for t in range(first, len(ids)))
        assert got["logprob"] == pytest.approx(float(expected), rel=1e-4)


def test_scores_equal_transformers(folder, tmp_path):
    check_scores(folder, tmp_path)


def test_greedy_answers_equal_transformers(folder, tmp_path):
    model, tokenizer = load(folder)
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps({"prompt": prompt}) + "\n" for prompt in PROMPTS))
    out, _ = run_meap("generate", "--model", folder, "--input", tmp_path / "prompts.jsonl", "--max-new-tokens", 24, "--dtype", "f32")
    for prompt, line in zip(PROMPTS, out.splitlines(), strict=True):
        ids = tokenizer(prompt, return_tensors="pt").input_ids
        new = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=24, do_sample=False, pad_token_id=0)
        assert json.loads(line)["text"] == tokenizer.decode(new[0, ids.shape[1]:], skip_special_tokens=True)


def loss_and_gradient(batch, folder):
    """Of transformers' model on a batch as `meap inspect` shows it, a sequence a row: the mean loss and its gradient's norm."""
    model, _ = load(folder)
    total = labels = 0
    for row, targets, samples in zip(batch["input_ids"], batch["labels"], batch["sample_ids"], strict=True):
        length = sum(sample >= 0 for sample in samples)
        logits = model(torch.tensor([row[:length]])).logits[0, :-1]
        targets = torch.tensor(targets[1:length])
        total = total + torch.nn.functional.cross_entropy(logits, targets, ignore_index=-100, reduction="sum")
        labels += int((targets >= 0).sum())
    loss = total / labels
    loss.backward()
    return loss.item(), float(torch.stack([p.grad.norm() for p in model.parameters()]).norm())


@pytest.mark.parametrize("objective", ["ntp", "meap"])
def test_a_step_has_the_loss_and_the_gradient_of_transformers(folder, recipe, tmp_path, objective):
    words = [recipe, "data.packing=false", f"objective.name={objective}", f"output={tmp_path / 'run'}", "train.steps=1"]
    run_meap("finetune", *words)
    metrics = json.loads((tmp_path / "run/metrics.jsonl").read_text().splitlines()[0])
    out, _ = run_meap("inspect", *words, "--json")
    loss, norm = loss_and_gradient(json.loads(out), folder)
    assert metrics["loss"] == pytest.approx(loss, rel=1e-4)
    assert metrics["grad_norm"] == pytest.approx(norm, rel=1e-3)


def test_what_is_tuned_is_exported_as_what_it_was(folder, recipe, tmp_path):
    run_meap("finetune", recipe, f"output={tmp_path / 'run'}")
    exported = tmp_path / "run/hf"
    before, after = load_file(folder / "model.safetensors"), load_file(exported / "model.safetensors")
    assert set(before) == set(after)
    moved = [name for name in before if not torch.equal(before[name], after[name].float())]
    assert set(moved) == set(before), "every weight is trained"
    model, info = AutoModelForCausalLM.from_pretrained(exported, output_loading_info=True)
    assert not any(info.values()), info
    family = json.loads((folder / "config.json").read_text())["model_type"]
    assert model.config.model_type == ("llama" if family == "mistral" else family)
    check_scores(exported, tmp_path)


def test_the_adapter_gives_the_logits_of_the_merged_model(folder, recipe, tmp_path):
    peft = pytest.importorskip("peft")
    for export in ("merged", "adapter"):
        run_meap("finetune", recipe, "lora.rank=4", "optimizer.lr=0.03", f"lora.export={export}", f"output={tmp_path / export}")
    ids = AutoTokenizer.from_pretrained(tmp_path / "merged/hf")("The king of the land [MASK] old", return_tensors="pt").input_ids
    with torch.no_grad():
        merged = load(tmp_path / "merged/hf")[0](ids).logits
        adapted = peft.AutoPeftModelForCausalLM.from_pretrained(tmp_path / "adapter/hf", dtype=torch.float32)(ids).logits
        plain = load(folder)[0](ids).logits
    torch.testing.assert_close(adapted, merged, atol=2e-4, rtol=1e-4)
    assert (plain - merged).abs().max() > 0.01


def test_attention_is_that_of_transformers(folder, tmp_path):
    """The measures read the model's own keys and queries, normed and turned."""
    (tmp_path / "text.json").write_text(json.dumps({"segments": [{"name": "a", "text": "The king of the land"}, {"name": "b", "text": " was old."}]}))
    run_meap("attention", "segments", "--model", folder, "--input", tmp_path / "text.json", "--output", tmp_path / "out.json")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    ids = AutoTokenizer.from_pretrained(folder)("The king of the land was old.", return_tensors="pt").input_ids
    with torch.no_grad():
        rows = torch.stack(model(ids, output_attentions=True).attentions)[:, 0, :, -1].mean((0, 1))
    shares = {segment["name"]: segment for segment in json.loads((tmp_path / "out.json").read_text())["segments"]}
    begin = shares["special"]["tokens"] if "special" in shares else 0
    end = begin + shares["a"]["tokens"]
    assert shares["a"]["share"] == pytest.approx(float(rows[begin:end].sum()), abs=1e-5)
    assert shares["b"]["share"] == pytest.approx(float(rows[end:].sum()), abs=1e-5)
