"""Flags: the common ones everywhere, numbers in their range, results that cannot be written."""
import json
import subprocess

import pytest

from conftest import MEAP, run_meap

COMMON = ["--device", "cpu", "--dtype", "f32", "--threads", "1", "--quiet", "--seed", "3"]
LEAVES = ["tokenizer train", "tokenizer encode", "tokenizer decode", "tokenizer inspect", "data prepare", "data inspect",
          "data verify", "data synth", "pretrain", "finetune", "inspect", "score", "generate", "chat", "eval", "compare",
          "attention decay", "attention segments", "attention profile", "experiment", "judge", "report", "options"]


@pytest.mark.parametrize("command", LEAVES)
def test_common_flags_everywhere(command):
    run_meap(*command.split(), *COMMON, "--help")
    done = subprocess.run([MEAP, *command.split(), *COMMON], capture_output=True, text=True)
    assert "has no flag" not in done.stderr and "not expected" not in done.stderr, done.stderr


def test_a_flag_without_effect_says_so(tiny):
    words = ["tokenizer", "encode", "--tokenizer", tiny / "tok", "--seed", 3, "--device", "cpu"]
    out, errors = run_meap(*words, input="Adam")
    assert "--seed has no effect" in errors and "--device has no effect" in errors
    assert run_meap(*words, "--quiet", input="Adam") == (out, "")


def test_inspect_takes_flags_as_recipe_keys(tiny):
    def batch(*words):
        return run_meap("inspect", tiny / "recipe.yaml", "--json", *words)[0]
    assert batch("--seed", 9) == batch("train.seed=9") != batch()
    assert batch("--device", "cpu", "--dtype", "bf16", "--threads", 1) == batch()


def test_training_in_f16_is_refused_in_the_users_words(tiny, tmp_path):
    for command in ("pretrain", "inspect"):
        _, errors = run_meap(command, tiny / "recipe.yaml", "--dtype", "f16", f"output={tmp_path}/run", code=2)
        assert "--dtype f16" in errors and "bf16" in errors and "train.precision" not in errors
    assert "f16 " not in run_meap("pretrain", "--help")[0].replace("bf16 ", "")


@pytest.mark.parametrize("words, expected", [
    (["data", "synth", "--output", "never.jsonl", "--documents", "-1"], "1 or more"),
    (["data", "synth", "--output", "never.jsonl", "--documents", "1", "--seed", "-3"], "0 or more"),
    (["data", "synth", "--probe", "never.jsonl", "--probes", "-1"], "1 or more"),
    (["judge", "r.json", "--limit", "-1"], "0 or more"),
    (["score", "--model", "m", "--input", "i", "--seed", "-3"], "0 or more"),
    (["compare", "a.json", "--seed", "-3"], "0 or more"),
    (["data", "inspect", "folder", "--windows", "-1"], "0 or more"),
    (["eval", "--limit", "0"], "1 or more"),
    (["eval", "--max-length", "0"], "1 or more"),
    (["eval", "--num-fewshot", "-1"], "0 or more"),
    (["inspect", "r.yaml", "--step", "0"], "1 or more"),
    (["generate", "--model", "m", "--prompt", "p", "--batch", "0"], "1 or more"),
    (["generate", "--model", "m", "--prompt", "p", "--repetition-penalty", "0"], "above 0"),
    (["chat", "--model", "m", "--max-new-tokens", "many"], "1 or more"),
    (["chat", "--model", "m", "--temperature", "nan"], "0 or more"),
])
def test_numbers_outside_their_range(tmp_path, words, expected):
    _, errors = run_meap(*words, code=2, cwd=tmp_path, timeout=20)
    flag = [word for word in words if word.startswith("--")][-1]
    assert flag in errors and f"expected: {expected}" in errors and len(errors) < 300, errors
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words, nearest", [
    (["pretrian"], "pretrain"), (["tokenizer", "encod"], "encode"), (["data", "foo"], "prepare"), (["foo"], "pretrain")])
def test_an_unknown_command_is_named(words, nearest):
    _, errors = run_meap(*words, code=2)
    assert " ".join(["meap", *words]) in errors and nearest in errors


@pytest.fixture
def writing_commands(tiny, stories, tmp_path):
    (tmp_path / "q.jsonl").write_text(json.dumps({"context": "a", "continuation": " b"}) + "\n")
    prepare = ["data", "prepare", "--tokenizer", tiny / "tok", "--output", tmp_path / "data", tiny / "train.jsonl"]
    return [["score", "--model", stories, "--input", tmp_path / "q.jsonl"],
            ["inspect", tiny / "recipe.yaml"], ["options"], ["--help"], prepare,
            ["data", "synth", "--output", tmp_path / "s.jsonl", "--documents", 2],
            ["data", "inspect", tmp_path / "data"], ["data", "verify", tmp_path / "data"],
            ["pretrain", tiny / "recipe.yaml", f"output={tmp_path}/run", "train.steps=1"]]


def test_results_that_cannot_be_written_are_a_failure(writing_commands):
    for words in writing_commands:
        with open("/dev/full", "w") as full:
            done = subprocess.run([MEAP, *map(str, words)], stdout=full, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 1 and "stdout" in done.stderr, (words, done.returncode, done.stderr)


def test_an_empty_value_is_a_value(tiny):
    _, errors = run_meap("inspect", tiny / "recipe.yaml", "--dtype=", "train.steps=1", code=2)
    assert "train.precision" in errors and 'got:      ""' in errors
    for words in (["--tokenizer=", "--jsonl", "x"], ["--tokenizer", "", "--jsonl", "x"]):
        _, errors = run_meap("tokenizer", "encode", *words, code=2)
        assert "no such tokenizer folder" in errors and "--jsonl" not in errors
    assert "--seed" in run_meap("inspect", tiny / "recipe.yaml", "--seed=", "--json", code=2)[1]


def test_what_looks_like_a_flag_may_be_a_value(stories):
    for words in (["--prompt", "--no-flag"], ["--prompt", "--model="]):
        run_meap("generate", *words, "--model", stories, "--max-new-tokens", 1)


@pytest.mark.parametrize("words, flag, most", [
    (["inspect", "r.yaml", "--seed", "99999999999999999999"], "--seed", 2**64 - 1),
    (["data", "synth", "--output", "never.jsonl", "--seed", "18446744073709551616"], "--seed", 2**64 - 1),
    (["compare", "a.json", "--seed", "18446744073709551616"], "--seed", 2**64 - 1),
    (["inspect", "r.yaml", "--step", "18446744073709551616"], "--step", 2**63 - 1),
    (["inspect", "r.yaml", "--step", "9223372036854775808"], "--step", 2**63 - 1),
    (["generate", "--model", "m", "--prompt", "p", "--max-new-tokens", "99999999999999999999"], "--max-new-tokens", 2**63 - 1),
])
def test_numbers_that_do_not_fit_are_refused(tmp_path, words, flag, most):
    _, errors = run_meap(*words, code=2, cwd=tmp_path)
    assert flag in errors and f"at most {most}" in errors, errors


def test_the_largest_seed_is_one(tiny, tmp_path):
    run_meap("data", "synth", "--output", tmp_path / "s.jsonl", "--documents", 1, "--seed", 2**64 - 1)


@pytest.mark.parametrize("words, flag, nearest", [
    (["score", "--modl", "x"], "--modl", "--model"),
    (["generate", "--model", "m", "--promt=p"], "--promt", "--prompt"),
    (["eval", "--task", "piqa"], "--task", "--tasks"),
    (["tokenizer", "encode", "--tokeniser", "t"], "--tokeniser", "--tokenizer"),
    (["pretrain", "--resum"], "--resum", "--resume"),
    (["--versoin"], "--versoin", "--version"),
    (["attention", "decay", "--wibble"], "--wibble", "--help")])
def test_a_misspelt_flag_is_named_before_what_is_missing(words, flag, nearest):
    _, errors = run_meap(*words, code=2)
    assert errors.startswith("error: ") and f"no flag {flag}\n" in errors and nearest in errors and "required" not in errors
