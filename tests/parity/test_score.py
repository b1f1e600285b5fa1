"""`meap score` and `meap generate` against transformers on a real model."""
import json
import subprocess

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from conftest import MEAP, needs_slow, run_meap

TEXTS = [
    ("Once upon a time", ", there was a little girl named Lily."),
    ("Lily and Ben went to the park. They saw a big", " dog"),
    ("One day, a boy named Tim found a", " shiny red ball and he was very happy."),
    ("The cat", " sat on the mat.\nThe dog ran away.\n"),
    ("\u00e9t\u00e9 \u4f60\u597d", " \U0001f600!"),
    ("Tom said, \"I want to", " play with you.\" Sue smiled and said \"Yes\"."),
] + [(f"There were {n} birds in the tree. The birds", f" sang {n} songs all day long.") for n in range(20)]


def reference_score(model, tokenizer, context, continuation):
    whole = tokenizer(context + continuation).input_ids
    skip = len(tokenizer(context).input_ids)
    with torch.no_grad():
        logprobs = model(torch.tensor([whole])).logits[0].float().log_softmax(-1)
    rows = range(skip - 1, len(whole) - 1)
    picks = [logprobs[t, whole[t + 1]].double() for t in rows]
    greedy = all(int(logprobs[t].argmax()) == whole[t + 1] for t in rows)
    return float(sum(picks)), len(picks), greedy


def load(folder):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model.eval(), AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="session")
def reference(stories):
    return load(stories)


def check_scores(folder, reference, tmp_path):
    requests = tmp_path / "requests.jsonl"
    requests.write_text("".join(
        json.dumps({"context": c, "continuation": t}) + "\n" for c, t in TEXTS))
    out, _ = run_meap("score", "--model", folder, "--input", requests, "--dtype", "f32")
    results = [json.loads(line) for line in out.splitlines()]
    assert len(results) == len(TEXTS)
    for (context, continuation), got in zip(TEXTS, results):
        logprob, tokens, greedy = reference_score(*reference, context, continuation)
        assert got["tokens"] == tokens
        assert got["logprob"] == pytest.approx(logprob, rel=1e-4)
        assert got["greedy"] == greedy


def check_logits(folder, reference):
    model, tokenizer = reference
    ids = tokenizer("Once upon a time, there was a little girl who lived near the sea. " * 5).input_ids
    raw = subprocess.run([MEAP.parent / "dump_logits", folder, *map(str, ids)], check=True, capture_output=True)
    got = np.frombuffer(raw.stdout, dtype=np.float32).reshape(len(ids), -1)
    with torch.no_grad():
        expected = model(torch.tensor([ids])).logits[0].numpy()
    assert np.abs(got - expected).max() < 1e-3


def test_scores_equal_transformers(stories, reference, tmp_path):
    check_scores(stories, reference, tmp_path)


def test_logits_equal_transformers(stories, reference):
    check_logits(stories, reference)


@needs_slow()
def test_smollm2_scores_and_logits_equal_transformers(smollm2, tmp_path):
    reference = load(smollm2)
    check_scores(smollm2, reference, tmp_path)
    check_logits(smollm2, reference)


def test_greedy_text_equals_transformers(stories, reference):
    model, tokenizer = reference
    for prompt in ["Once upon a time", "Tom and his dog", "The sun was"]:
        ids = tokenizer(prompt, return_tensors="pt").input_ids
        new = model.generate(ids, max_new_tokens=60, do_sample=False)[0, ids.shape[1]:]
        # The reference strips the blank that a lone first piece begins with; the stream does not differ else.
        expected = tokenizer.decode(new, skip_special_tokens=True)
        out, _ = run_meap("generate", "--model", stories, "--prompt", prompt, "--max-new-tokens", 60,
                          "--temperature", 0, "--dtype", "f32")
        assert out.rstrip("\n").strip() == expected.rstrip("\n").strip()
