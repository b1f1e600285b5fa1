"""One step and fifty steps of `meap pretrain` against a plain PyTorch/transformers loop."""
import json
import math

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from conftest import read_jsonl, run_meap

STEPS = 50
RECIPE = """
model.path: {model}
data.train: {corpus}
data.sequence_length: 64
data.cache: {cache}
objective.name: meap
objective.mask_ratio: 0.15
optimizer.lr: 1.0e-3
schedule.warmup: 5
train: {{steps: {steps}, batch_tokens: 512, micro_batch: 3, precision: f32, seed: 7}}
checkpoint.every: {steps}
output: {output}
"""


def write_recipe(tmp_path, stories, steps=STEPS):
    corpus = tmp_path / "corpus.jsonl"
    words = "the cat saw a dog and Lily went to play in the park with her big red ball every day".split()
    with corpus.open("w") as lines:
        for n in range(300):
            text = " ".join(words[(n * 7 + i * i) % len(words)] for i in range(40 + n % 17))
            lines.write(json.dumps({"text": text + "."}) + "\n")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE.format(model=stories, corpus=corpus, cache=tmp_path / "cache",
                                    output=tmp_path / "run", steps=steps))
    return recipe


def batch_of(recipe, step):
    out, _ = run_meap("inspect", recipe, "--step", step, "--json")
    batch = json.loads(out)
    return torch.tensor(batch["input_ids"]), torch.tensor(batch["labels"])


def grown_model(stories):
    """The model with [MASK]'s row, the mean of the others, as the new last row."""
    model = AutoModelForCausalLM.from_pretrained(stories, dtype=torch.float32)
    rows = model.get_input_embeddings().weight.data.clone()
    model.resize_token_embeddings(rows.shape[0] + 1, mean_resizing=False)
    model.get_input_embeddings().weight.data.copy_(torch.cat([rows, rows.mean(0, keepdim=True)]))
    return model


def loss_of(model, inputs, labels):
    return torch.nn.functional.cross_entropy(model(inputs).logits.flatten(0, 1), labels.flatten())


def learning_rate(step):
    peak, low, warmup = 1e-3, 1e-4, 5
    if step <= warmup:
        return peak * step / warmup
    return low + (peak - low) * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (STEPS - warmup)))


def test_gradients_of_one_step(stories, tmp_path):
    """After one AdamW step from zero moments, m = (1 - beta1) * clipped gradient: the checkpoint's moments tell
    every gradient."""
    recipe = write_recipe(tmp_path, stories, steps=1)
    inputs, labels = batch_of(recipe, 1)
    assert (inputs == 512).sum(1).tolist() == [math.floor(0.15 * 64)] * 8  # [MASK] is the new id 512
    run_meap("pretrain", recipe, "optimizer.grad_clip=0")
    model = grown_model(stories)
    loss = loss_of(model, inputs, labels)
    loss.backward()
    metrics = read_jsonl(tmp_path / "run" / "metrics.jsonl")
    assert metrics[0]["loss"] == pytest.approx(loss.item(), rel=1e-5)
    moments = load_file(tmp_path / "run" / "checkpoints" / "step-00000001" / "adam_m.safetensors")
    grads = {name: p.grad for name, p in model.named_parameters()}
    norm = math.sqrt(sum(float(g.double().pow(2).sum()) for g in grads.values()))
    assert metrics[0]["grad_norm"] == pytest.approx(norm, rel=1e-4)
    for layer in range(5):
        prefix = f"model.layers.{layer}."
        grads[f"block.{layer}.qkv"] = torch.cat(
            [grads.pop(f"{prefix}self_attn.{p}_proj.weight") for p in "qkv"])
        grads[f"block.{layer}.gate_up"] = torch.cat(
            [grads.pop(f"{prefix}mlp.{p}_proj.weight") for p in ("gate", "up")])
        grads[f"block.{layer}.out"] = grads.pop(f"{prefix}self_attn.o_proj.weight")
        grads[f"block.{layer}.down"] = grads.pop(f"{prefix}mlp.down_proj.weight")
        grads[f"block.{layer}.attention_norm"] = grads.pop(f"{prefix}input_layernorm.weight")
        grads[f"block.{layer}.mlp_norm"] = grads.pop(f"{prefix}post_attention_layernorm.weight")
    grads["final_norm"] = grads.pop("model.norm.weight")
    grads["embedding"] = grads.pop("model.embed_tokens.weight")
    assert set(grads) == set(moments)
    for name, grad in grads.items():
        got = moments[name] / (1 - 0.9)
        assert float((got - grad).norm() / grad.norm()) < 1e-4, name


def test_fifty_steps_give_the_same_loss_curve(stories, tmp_path):
    recipe = write_recipe(tmp_path, stories)
    run_meap("pretrain", recipe)
    losses = [m["loss"] for m in read_jsonl(tmp_path / "run" / "metrics.jsonl") if "loss" in m]
    assert len(losses) == STEPS
    model = grown_model(stories)
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.05},
                                   {"params": vectors, "weight_decay": 0.0}], lr=1.0, betas=(0.9, 0.95))
    for step in range(1, STEPS + 1):
        inputs, labels = batch_of(recipe, step)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step)
        loss = loss_of(model, inputs, labels)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        assert losses[step - 1] == pytest.approx(loss.item(), abs=1e-3), step
    exported = load_file(tmp_path / "run" / "hf" / "model.safetensors")
    for name, parameter in model.named_parameters():
        assert float((exported[name] - parameter).abs().max()) < 2e-3, name
