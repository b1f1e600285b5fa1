"""`meap attention` against transformers' output_attentions=True, on real models."""
import json

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from conftest import needs_slow, run_meap

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


def attentions(model, ids):
    """[layers, heads, T, T] in f64."""
    with torch.no_grad():
        out = model(torch.tensor([ids]), output_attentions=True)
    return torch.cat(out.attentions).double().numpy()


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
    last = attentions(model, encoded.input_ids)[:, :, -1].mean((0, 1))
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


def check_decay(folder, reference, texts, length, tmp_path):
    """Every figure of a report: by head, by layer, in all, over all windows."""
    model, tokenizer = reference
    corpus, output = tmp_path / "corpus.jsonl", tmp_path / "decay.json"
    corpus.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    run_meap("attention", "decay", "--model", folder, "--input", corpus, "--length", length, "--ratio", 0.15,
             "--windows", len(texts), "--output", output, "--dtype", "f32")
    result = json.loads(output.read_text())["runs"][0]["results"][0]
    stream = []
    for text in texts:
        stream += tokenizer(text).input_ids + [tokenizer.eos_token_id]
    # [MASK] is a new token: its row is the mean of the others.
    weight = model.get_input_embeddings().weight.detach()
    sums = {"original": [], "masked": []}
    for w, window in enumerate(result["by_window"]):
        ids = stream[w * length:(w + 1) * length]
        masked = np.array(window["masked"])
        assert len(masked) == int(0.15 * length)
        embedded = weight[torch.tensor(ids)]
        sums["original"].append(mask_effect(embedded_attention(model, embedded), masked))
        embedded = embedded.clone()
        embedded[masked] = weight.mean(0)
        sums["masked"].append(mask_effect(embedded_attention(model, embedded), masked))
    means = {kind: np.mean(values, 0) for kind, values in sums.items()}  # [received/variance, layers, heads]
    for m, name in enumerate(["received", "variance"]):
        for kind in means:
            for layer in result["layers"]:
                for head in layer["heads"]:
                    expected = means[kind][m][layer["layer"]][head["head"]]
                    assert head[name][kind] == pytest.approx(expected, abs=1e-5)
                assert layer[name][kind] == pytest.approx(means[kind][m][layer["layer"]].mean(), abs=1e-5)
            assert result[name][kind] == pytest.approx(means[kind][m].mean(), abs=1e-5)
    decay = 1 - means["masked"][0].mean() / means["original"][0].mean()
    assert result["decay"]["value"] == pytest.approx(decay, abs=2e-5)
    assert result["decay"]["low"] <= result["decay"]["value"] <= result["decay"]["high"]


def embedded_attention(model, embedded):
    with torch.no_grad():
        out = model(inputs_embeds=embedded[None], output_attentions=True)
    return torch.cat(out.attentions).double().numpy()


def check_profile(folder, reference, texts, length, tmp_path):
    model, tokenizer = reference
    corpus, output = tmp_path / "corpus.jsonl", tmp_path / "profile.json"
    corpus.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    run_meap("attention", "profile", "--model", folder, "--input", corpus, "--length", length, "--windows", 8,
             "--output", output, "--dtype", "f32")
    result = json.loads(output.read_text())["runs"][0]["results"][0]
    stream = []
    for text in texts:
        stream += tokenizer(text).input_ids + [tokenizer.eos_token_id]
    weights = np.stack([attentions(model, stream[w * length:(w + 1) * length])[:, :, 1:]
                        for w in range(result["windows"])])
    entropy = -(weights * np.log(np.maximum(weights, 1e-300))).sum(-1).mean((0, 3))
    first = weights[..., 0].mean((0, 3))
    distance = np.arange(1, length)[:, None] - np.arange(length)
    ends = result["distances"][1:] + [length]
    for layer in result["layers"]:
        for head in layer["heads"]:
            place = layer["layer"], head["head"]
            assert head["entropy"] == pytest.approx(entropy[place], abs=1e-4)
            assert head["first_token"] == pytest.approx(first[place], abs=1e-5)
            for begin, end, share in zip(result["distances"], ends, head["distance_share"]):
                inside = (distance >= begin) & (distance < end)
                expected = (weights[:, place[0], place[1]] * inside).sum(-1).mean()
                assert share == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("parts", SEGMENTS)
def test_segments_equal_transformers(stories, reference, parts, tmp_path):
    check_segments(stories, reference, parts, tmp_path)


def test_decay_equals_transformers(stories, reference, tmp_path):
    check_decay(stories, reference, TEXTS, 64, tmp_path)


def test_profile_equals_transformers(stories, reference, tmp_path):
    check_profile(stories, reference, TEXTS[:8], 64, tmp_path)


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
    check_decay(smollm2, reference, TEXTS, 64, tmp_path)
    check_profile(smollm2, reference, TEXTS, 64, tmp_path)
    for n in range(0, 50, 5):
        check_segments(smollm2, reference, [("one", TEXTS[n]), ("two", TEXTS[n + 1]), ("three", TEXTS[n + 2][:-1])],
                       tmp_path)
