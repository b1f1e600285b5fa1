"""Adapters that `meap finetune` exports: PEFT loads them and gives the logits of the merged model."""
import json
import shutil

import pytest

from conftest import run_meap


def write_items(path):
    with open(path, "w") as file:
        for i in range(24):
            file.write(json.dumps({"prompt": f"Story {i}?", "completion": "Once upon a time " * (1 + i % 9)}) + "\n")


def finetune(root, name, *overrides, **options):
    _, errors = run_meap("finetune", root / "recipe.yaml", f"output={root / name}", *overrides, **options)
    return errors if options else root / name / "hf"


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def base(stories, tmp_path_factory, request):
    """stories260k, tied or with a head of its own; a recipe that trains it."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("peft")
    root = tmp_path_factory.mktemp("peft")
    model = transformers.AutoModelForCausalLM.from_pretrained(stories, dtype=torch.float32)
    if request.param is False:
        model.config.tie_word_embeddings = False
        model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone() * 1.1)
    model.config.tie_word_embeddings = request.param
    model.save_pretrained(root / "base")
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(stories / file, root / "base" / file)
    write_items(root / "train.jsonl")
    (root / "recipe.yaml").write_text(
        f"model: {{path: {root}/base}}\ndata: {{train: {root}/train.jsonl, sequence_length: 256}}\n"
        "template: alpaca\nobjective: {min_answer_tokens: 5}\noptimizer: {lr: 0.01}\n"
        "train: {steps: 6, batch_tokens: 512, precision: f32}\nlora: {rank: 4, rslora: true}\n")
    return root, request.param


def logits(model, tokenizer):
    import torch
    ids = tokenizer("Once upon a time there was", return_tensors="pt").input_ids
    ids = torch.cat([ids, torch.tensor([[tokenizer.mask_token_id]]), ids], 1)
    with torch.no_grad():
        return model(ids).logits


def test_peft_gives_the_logits_of_the_merged_model(base):
    import peft
    import torch
    import transformers
    root, tied = base
    merged = finetune(root, "merged")
    adapter = finetune(root, "adapter", "lora.export=adapter")
    tokenizer = transformers.AutoTokenizer.from_pretrained(merged)
    expected = logits(transformers.AutoModelForCausalLM.from_pretrained(merged, dtype=torch.float32), tokenizer)
    automatic = peft.AutoPeftModelForCausalLM.from_pretrained(adapter, dtype=torch.float32)
    torch.testing.assert_close(logits(automatic, tokenizer), expected, atol=2e-4, rtol=1e-4)
    plain = transformers.AutoModelForCausalLM.from_pretrained(root / "base", dtype=torch.float32)
    plain.resize_token_embeddings(len(tokenizer))
    by_hand = peft.PeftModel.from_pretrained(plain, adapter)
    torch.testing.assert_close(logits(by_hand, tokenizer), expected, atol=2e-4, rtol=1e-4)
    config = json.loads((adapter / "adapter_config.json").read_text())
    assert set(config["trainable_token_indices"]) == ({"embed_tokens"} if tied else {"embed_tokens", "lm_head"})


def test_an_ntp_adapter_needs_no_row_of_its_own(base):
    import peft
    root, _ = base
    adapter = finetune(root, "ntp", "lora.export=adapter", "objective.name=ntp")
    assert "trainable_token_indices" not in json.loads((adapter / "adapter_config.json").read_text())
    peft.AutoPeftModelForCausalLM.from_pretrained(adapter)


def test_an_adapter_that_cannot_carry_the_row_of_mask_is_refused(base, tmp_path):
    import transformers
    root, _ = base
    tokenizer = json.loads((root / "base" / "tokenizer.json").read_text())
    rows = 4 + max(token["id"] for token in [*tokenizer["added_tokens"], {"id": len(tokenizer["model"]["vocab"]) - 1}])
    tokenizer["model"]["vocab"]["<|far|>"] = rows - 1
    model = transformers.AutoModelForCausalLM.from_pretrained(root / "base")
    model.resize_token_embeddings(rows)
    model.save_pretrained(tmp_path / "gap")
    shutil.copy(root / "base" / "tokenizer_config.json", tmp_path / "gap")
    (tmp_path / "gap" / "tokenizer.json").write_text(json.dumps(tokenizer))
    words = [f"model.path={tmp_path}/gap", "lora.export=adapter", "train.steps=1"]
    errors = finetune(root, "gap", *words, code=2)
    assert "no mask token can be added" in errors and "holes" in errors
