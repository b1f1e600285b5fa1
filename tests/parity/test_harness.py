"""`meap eval` against lm-evaluation-harness: per-choice log-likelihoods, predictions, scores."""
import importlib.util
import json
import shutil
import sys

import pytest

from conftest import ROOT, needs_slow, read_jsonl, run_meap

sys.path.insert(0, str(ROOT / "tools"))
import harness  # noqa: E402

# Of a choice's log-likelihood; model and logits in f32 on both sides. The harness is told to take its softmax in f64 (an
# option of its own): in f32, libtorch's sum over 49,152 logits is off by 8e-6 a token, always to one side, which makes
# 1.3e-3 of an answer of 150 tokens.
TOLERANCE = 5e-4
SOFTMAX_DTYPE = "float64"


@pytest.fixture(scope="session")
def data(shared):
    if importlib.util.find_spec("lm_eval") is None:
        pytest.skip("pip install lm-eval==0.4.13")
    return shared / "data" / "eval"


def evaluate(folder, data, tmp_path, *words, tasks="commonsense"):
    output, samples = tmp_path / "results.json", tmp_path / "samples.jsonl"
    run_meap("eval", "--model", folder, "--tasks", tasks, "--data", data, "--output", output, "--samples",
             samples, "--dtype", "f32", "--quiet", *words)
    return json.loads(output.read_text()), read_jsonl(samples)


def check_parity(folder, data, tmp_path, limit=None):
    results, samples = evaluate(folder, data, tmp_path, *(["--limit", limit] if limit else []))
    reference = harness.evaluate(harness.load_model(folder, 16, SOFTMAX_DTYPE), data, limit=limit)
    assert set(reference) == set(results["results"])
    for task, expected in reference.items():
        mine = [sample for sample in samples if sample["task"] == task]
        assert len(mine) == len(expected["samples"])
        near_ties = 0
        for got, want in zip(mine, expected["samples"]):
            assert got["loglikelihoods"] == pytest.approx(want["loglikelihoods"], abs=TOLERANCE, rel=0), (task, got)
            best, second = sorted(want["loglikelihoods"], reverse=True)[:2]
            near_ties += best - second < 1e-4
            if best - second >= 1e-4:  # below it, rounding decides
                assert got["prediction"] == want["prediction"], (task, got["id"])
                assert got["metrics"]["acc"] == want["acc"]
        for metric in ("acc", "acc_stderr", "acc_norm", "acc_norm_stderr"):
            if metric in expected["results"] and near_ties == 0:
                assert results["results"][task][metric] == pytest.approx(expected["results"][metric], abs=5e-5), task


def test_stories_equals_the_harness(stories, data, tmp_path):
    check_parity(stories, data, tmp_path, limit=40)


def without_refused(folder, data, copy):
    """The data without the PIQA items that the harness stops at: an answer longer than the model's whole context."""
    from transformers import AutoTokenizer

    tokenizer, context = AutoTokenizer.from_pretrained(folder), model_context(folder)
    (copy / "commonsense").mkdir(parents=True)
    for file in (data / "commonsense").iterdir():
        if not file.name.startswith("piqa"):
            (copy / "commonsense" / file.name).symlink_to(file)
            continue
        lines = file.read_text().splitlines(keepends=True)
        kept = [line for line in lines
                if all(len(tokenizer(json.loads(line)[name]).input_ids) < context for name in ("sol1", "sol2"))]
        assert len(lines) - len(kept) < 5
        (copy / "commonsense" / file.name).write_text("".join(kept))
    return copy


def model_context(folder):
    return json.loads((folder / "config.json").read_text())["max_position_embeddings"]


@needs_slow()
def test_stories_equals_the_harness_on_every_item(stories, data, tmp_path):
    check_parity(stories, without_refused(stories, data, tmp_path / "data"), tmp_path)


@needs_slow()
def test_smollm2_equals_the_harness(smollm2, data, tmp_path):
    check_parity(smollm2, data, tmp_path, limit=200)


def small_model(tokenizer, folder):
    """A random model of some 100,000 weights for a tokenizer, with the spread of a trained one."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    shutil.copytree(tokenizer, folder)
    vocabulary = len(AutoTokenizer.from_pretrained(folder))
    config = LlamaConfig(vocab_size=vocabulary, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
                         num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256,
                         initializer_range=0.3, bos_token_id=None, eos_token_id=None)
    torch.manual_seed(1)
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def without_eos(folder):
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        if (folder / name).exists():
            config = json.loads((folder / name).read_text())
            config.pop("eos_token", None)
            (folder / name).write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize("name, eos", [("gpt2", True), ("sp-bpe-4k", True), ("sp-bpe-4k", False)],
                         ids=["adds no BOS", "adds BOS", "no EOS"])
def test_tokenizers_equal_the_harness(name, eos, shared, data, tmp_path):
    folder = small_model(shared / "data" / "tokenizers" / name, tmp_path / "model")
    check_parity(folder if eos else without_eos(folder), data, tmp_path, limit=8)


def test_few_shot_examples_stand_before_every_item(stories, data, tmp_path):
    shots = data / "commonsense" / "openbookqa.validation.jsonl"
    results, samples = evaluate(stories, data, tmp_path, "--limit", 5, "--fewshot", f"openbookqa={shots}",
                                "--num-fewshot", 2, tasks="openbookqa")
    assert results["settings"]["task_settings"]["openbookqa"]["num_fewshot"] == 2
    items = read_jsonl(data / "commonsense" / "openbookqa.test.jsonl")
    prefix = ""
    for shot in read_jsonl(shots)[:2]:
        gold = shot["choices"]["text"][shot["choices"]["label"].index(shot["answerKey"].lstrip())]
        prefix += shot["question_stem"] + " " + gold + "\n\n"
    requests = tmp_path / "requests.jsonl"
    requests.write_text("".join(
        json.dumps({"context": prefix + item["question_stem"], "continuation": " " + choice}) + "\n"
        for item in items[:5] for choice in item["choices"]["text"]))
    out, _ = run_meap("score", "--model", stories, "--input", requests, "--dtype", "f32")
    expected = [json.loads(line)["logprob"] for line in out.splitlines()]
    got = [score for sample in samples for score in sample["loglikelihoods"]]
    assert got == pytest.approx(expected, abs=TOLERANCE)
