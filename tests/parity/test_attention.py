"""`meap attention` against transformers' output_attentions=True, on real models."""
import json
import os
import shutil
import subprocess

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from conftest import MEAP, needs_slow, run_meap

SEGMENTS = [
    [("before", "Once upon a time there was a girl."), ("key", " Her name was Lily"), ("after", ". She was happy.")],
    [("one", "Tom and "), ("two", "Sam "), ("three", "went to the "), ("two", "park. "), ("four", "\u00e9t\u00e9 \U0001f600!")],
    [("a", "On"), ("b", "ce up"), ("c", "on a ti"), ("d", "me")],
]
WORDS = "sun moon tree bird dog cat house river stone book cake ball car boat hill road".split()
TEXTS = [f"The {WORDS[n % 16]} saw {n} {WORDS[(n * 7 + 3) % 16]}s near the {WORDS[(n * 5 + 1) % 16]}. " * 6
         for n in range(50)]


def load(folder):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    return model.eval(), AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="session")
def reference(stories):
    return load(stories)


def attentions(model, embedded):
    """[layers, heads, T, T] in f64."""
    with torch.no_grad():
        out = model(inputs_embeds=embedded[None], output_attentions=True)
    return torch.cat(out.attentions).double().numpy()


def embed(model, ids):
    return model.get_input_embeddings()(torch.tensor(ids)).detach()


def windows_of(tokenizer, texts, length):
    """The texts as pre-training cuts them, as many windows as there are texts."""
    stream = []
    for text in texts:
        stream += tokenizer(text).input_ids + [tokenizer.eos_token_id]
    assert len(stream) >= len(texts) * length
    return [stream[w * length:(w + 1) * length] for w in range(len(texts))]


def measure(command, folders, texts, length, tmp_path, *options):
    """What `meap attention` says of models over the texts, a window a text."""
    corpus, output = tmp_path / "corpus.jsonl", tmp_path / f"{command}.json"
    corpus.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    models = [word for folder in folders for word in ("--model", folder)]
    run_meap("attention", command, *models, "--input", corpus, "--length", length, "--windows", len(texts), *options,
             "--output", output, "--dtype", "f32")
    return json.loads(output.read_text())


def check_segments(folder, reference, parts, tmp_path):
    model, tokenizer = reference
    file, output = tmp_path / "in.json", tmp_path / "out.json"
    file.write_text(json.dumps({"segments": [{"name": name, "text": text} for name, text in parts]}))
    run_meap("attention", "segments", "--model", folder, "--input", file, "--output", output, "--dtype", "f32")
    encoded = tokenizer("".join(text for _, text in parts), return_offsets_mapping=True)
    ends = np.cumsum([len(text) for _, text in parts])
    names = ["special" if begin == end == 0 and token in tokenizer.all_special_ids
             else parts[int(np.searchsorted(ends, begin, side="right"))][0]
             for token, (begin, end) in zip(encoded.input_ids, encoded.offset_mapping)]
    last = attentions(model, embed(model, encoded.input_ids))[:, :, -1].mean((0, 1))
    got = json.loads(output.read_text())["segments"]
    assert [s["name"] for s in got] == list(dict.fromkeys(
        (["special"] if "special" in names else []) + [name for name, _ in parts]))
    for segment in got:
        inside = [name == segment["name"] for name in names]
        assert segment["tokens"] == sum(inside)
        assert segment["share"] == pytest.approx(last[inside].sum(), abs=1e-5)
    assert sum(s["share"] for s in got) == pytest.approx(1, abs=1e-6)


def mask_effect(weights, masked):
    """received and variance of every layer and head, by the definition in src/analysis/mask_effect.h."""
    length = weights.shape[-1]
    others = np.setdiff1d(np.arange(length), masked)
    received, pairs, variances = 0, 0, []
    for i in range(others[0], length):
        seen = masked[masked <= i]
        received = received + weights[:, :, i, seen].sum(-1)
        pairs += len(seen)
        if (others <= i).sum() > 1:
            variances.append(weights[:, :, i, others[others <= i]].var(-1))
    return received / pairs, np.mean(variances, 0)


def statistics(reference, windows, masks):
    """[windows, received and variance, layers, heads] of the windows as they are and with [MASK] at `masks`."""
    model, _ = reference
    # [MASK] is a new token: its row is the mean of the others.
    mask_row = model.get_input_embeddings().weight.detach().mean(0)
    original, with_masks = [], []
    for ids, masked in zip(windows, masks):
        embedded = embed(model, ids)
        original.append(mask_effect(attentions(model, embedded), masked))
        embedded[masked] = mask_row
        with_masks.append(mask_effect(attentions(model, embedded), masked))
    return np.array(original), np.array(with_masks)


def check_change(result, before, after):
    """Every figure of one result: in all, by layer and by head."""
    def check(part, place):
        change = []
        for m, name in enumerate(["received", "variance"]):
            means = [float(values[(slice(None), m, *place)].mean()) for values in (before, after)]
            for kind, mean in zip(("original", "masked"), means):
                assert part[name][kind] == pytest.approx(mean, abs=1e-5)
            change.append(means[1] / means[0])
        for name, expected in (("decay", 1 - change[0]), ("variance_increase", change[1] - 1)):
            assert part[name]["value"] == pytest.approx(expected, abs=1e-5), (name, place)

    check(result, ())
    for name in ("decay", "variance_increase"):
        assert result[name]["low"] <= result[name]["value"] <= result[name]["high"]
    assert len(result["layers"]) == before.shape[2]
    for layer in result["layers"]:
        check(layer, (layer["layer"],))
        assert len(layer["heads"]) == before.shape[3]
        for head in layer["heads"]:
            check(head, (layer["layer"], head["head"]))


def check_decay(folders, references, texts, length, tmp_path):
    """Two models: each within itself, and the second with masks against the first without."""
    report = measure("decay", folders, texts, length, tmp_path, "--ratio", 0.15)
    first, second = (run["results"][0] for run in report["runs"])
    masks = [np.array(window["masked"]) for window in first["by_window"]]
    assert [len(masked) for masked in masks] == [int(0.15 * length)] * len(texts)
    assert [window["masked"] for window in second["by_window"]] == [window["masked"] for window in first["by_window"]]
    windows = windows_of(references[0][1], texts, length)
    (before, after), (other_before, other_after) = (statistics(reference, windows, masks) for reference in references)
    check_change(first, before, after)
    check_change(second, other_before, other_after)
    check_change(report["between"][0]["results"][0], before, other_after)


def check_profile(folder, reference, texts, length, tmp_path):
    model, tokenizer = reference
    result = measure("profile", [folder], texts, length, tmp_path)["runs"][0]["results"][0]
    assert result["windows"] == len(texts)
    weights = np.stack([attentions(model, embed(model, ids))[:, :, 1:]
                        for ids in windows_of(tokenizer, texts, length)])
    entropy = -(weights * np.log(np.maximum(weights, 1e-300))).sum(-1).mean((0, 3))
    first = weights[..., 0].mean((0, 3))
    distance = np.arange(1, length)[:, None] - np.arange(length)
    ends = result["distances"][1:] + [length]
    shares = np.array([(weights * ((distance >= begin) & (distance < end))).sum(-1).mean((0, 3))
                       for begin, end in zip(result["distances"], ends)])

    def check(part, place):
        assert part["entropy"] == pytest.approx(entropy[place].mean(), abs=1e-5)
        assert part["first_token"] == pytest.approx(first[place].mean(), abs=1e-5)
        expected = [share[place].mean() for share in shares]
        assert part["distance_share"] == pytest.approx(expected, abs=1e-5)

    check({**result, "entropy": result["entropy"]["value"], "first_token": result["first_token"]["value"]}, ())
    for layer in result["layers"]:
        check(layer, (layer["layer"],))
        for head in layer["heads"]:
            check(head, (layer["layer"], head["head"]))


@pytest.fixture(scope="session")
def sharper(stories, tmp_path_factory):
    """The model with queries half as long again: another one of the same shape and tokenizer."""
    return sharpened(stories, tmp_path_factory.mktemp("sharper"))


def sharpened(folder, output):
    model, _ = load(folder)
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.q_proj.weight *= 1.5
    shutil.copytree(folder, output, dirs_exist_ok=True,
                    ignore=lambda _, names: [name for name in names if "safetensors" in name or name.endswith(".bin")])
    model.save_pretrained(output)
    return output


def in_three(n):
    return [("one", TEXTS[n]), ("two", TEXTS[(n + 1) % 50]), ("three", TEXTS[(n + 2) % 50][:-1])]


@pytest.mark.parametrize("parts", SEGMENTS)
def test_segments_equal_transformers(stories, reference, parts, tmp_path):
    check_segments(stories, reference, parts, tmp_path)


@pytest.mark.parametrize("n", range(50))
def test_segments_of_many_texts_equal_transformers(stories, reference, n, tmp_path):
    check_segments(stories, reference, in_three(n), tmp_path)


def test_decay_equals_transformers(stories, sharper, reference, tmp_path):
    check_decay([stories, sharper], [reference, load(sharper)], TEXTS, 64, tmp_path)


def test_profile_equals_transformers(stories, reference, tmp_path):
    check_profile(stories, reference, TEXTS, 64, tmp_path)


def test_two_models_stand_side_by_side(stories, tmp_path):
    output = tmp_path / "out.json"
    out, _ = run_meap("attention", "segments", "--model", stories, "--model", stories, "--output", output,
                      "--answer-tokens", 8)
    runs = json.loads(output.read_text())["runs"]
    assert [run["name"] for run in runs] == ["stories260k", "stories260k-2"]
    assert runs[0]["segments"] == runs[1]["segments"]
    names = [segment["name"] for segment in runs[0]["segments"]]
    assert names == ["special", "context-before", "answer", "context-after", "query"]
    assert sum(s["share"] for s in runs[0]["generated"]["segments"]) == pytest.approx(1, abs=1e-6)
    assert "context-before" in out and "generated" in out


@needs_slow()
def test_smollm2_attention_equals_transformers(smollm2, tmp_path):
    reference = load(smollm2)
    other = sharpened(smollm2, tmp_path / "sharper")
    check_decay([smollm2, other], [reference, load(other)], TEXTS, 64, tmp_path)
    check_profile(smollm2, reference, TEXTS, 64, tmp_path)
    for n in range(50):
        check_segments(smollm2, reference, in_three(n), tmp_path)


def peak_memory(words):
    """Bytes that a process held at most."""
    with open(os.devnull, "wb") as nothing:
        process = subprocess.Popen([str(word) for word in words], stdout=nothing, stderr=nothing)
        _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return usage.ru_maxrss * 1024


@needs_slow()
def test_memory_does_not_grow_with_whole_attention(stories, tmp_path):
    layers, heads, short, long = 16, 8, 256, 2048
    model = tmp_path / "model"
    shutil.copytree(stories, model, ignore=shutil.ignore_patterns("*.safetensors", "*.bin", "config.json"))
    tokenizer = AutoTokenizer.from_pretrained(stories)
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128,
                                 num_hidden_layers=layers, num_attention_heads=heads, num_key_value_heads=heads,
                                 max_position_embeddings=long)).save_pretrained(model)
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    short_peak, long_peak = (
        peak_memory([MEAP, "attention", "decay", "--model", model, "--input", corpus, "--length", length, "--windows", 1,
                     "--dtype", "f32", "--output", tmp_path / "decay.json"]) for length in (short, long))
    whole = 4 * layers * heads * (long**2 - short**2)  # bytes of the attention of all layers and heads
    assert long_peak - short_peak < whole / 20
