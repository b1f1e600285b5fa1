"""The mask policies as `meap inspect --json` shows them, and the losses that a masked run reports."""
import functools
import json
import math
import random
import runpy

import pytest

from conftest import ROOT, read_jsonl, run_meap

LENGTH = 32
SPAN = ["objective.mask.unit=span"]
WORD = ["objective.mask.unit=word"]


@pytest.fixture(scope="module")
def inspect(tiny):
    @functools.cache
    def batch(step, *words):
        return json.loads(run_meap("inspect", tiny / "recipe.yaml", *words, "--step", step, "--json")[0])

    def run(*overrides, step=1):
        """The chosen positions of every row, with the batch: what differs from the same rows under NTP."""
        masked, plain = batch(step, *overrides), batch(step, "objective.name=ntp")
        assert masked["labels"] == plain["labels"] and masked["sample_ids"] == plain["sample_ids"]
        rows = [[t for t in range(LENGTH) if row[t] != old[t]]
                for row, old in zip(masked["input_ids"], plain["input_ids"])]
        return rows, masked["input_ids"], plain["input_ids"]
    return run


def mask_id(tiny):
    tokens = json.loads((tiny / "tok" / "tokenizer.json").read_text())
    known = {token["content"]: token["id"] for token in tokens["added_tokens"]}
    return known.get("[MASK]", max([*tokens["model"]["vocab"].values(), *known.values()]) + 1)


@pytest.mark.parametrize("step", [1, 2, 3])
def test_reference_is_cpython_random(inspect, tiny, step):
    rows, inputs, _ = inspect("objective.mask.policy=reference", step=step)
    random.seed(50 + (step - 1) % 51)
    expected = sorted(random.sample(range(0, LENGTH - 1), max(1, int(LENGTH * 0.15))))
    assert rows == [expected] * len(rows) and len(rows) == 8
    assert {inputs[0][t] for t in expected} == {mask_id(tiny)}


def test_the_fixture_is_what_cpython_draws_today():
    made = runpy.run_path(str(ROOT / "tools" / "make_mask_fixtures.py"))["fixture"]()
    assert made == (ROOT / "tests" / "fixtures" / "masks" / "reference.tsv").read_text()


@pytest.mark.parametrize("overrides", [[], SPAN, WORD, ["objective.mask.scope=step"], [*SPAN, "objective.mask.scope=step"]])
def test_fixed_counts_are_exact(inspect, overrides):
    rows, _, _ = inspect(*overrides, "objective.mask_ratio=0.3")
    assert [len(row) for row in rows] == [math.floor(0.3 * LENGTH)] * 8
    assert len({tuple(row) for row in rows}) == (1 if "objective.mask.scope=step" in overrides else 8)


def test_bernoulli_counts_vary(inspect):
    counts = {len(row) for row in inspect("objective.mask.count=bernoulli", "objective.mask_ratio=0.5")[0]}
    assert len(counts) > 1


def test_words_are_whole(inspect, tiny):
    tokenizer = json.loads((tiny / "tok" / "tokenizer.json").read_text())
    starts = {i for token, i in tokenizer["model"]["vocab"].items() if token[0] in "\u0120\u010a\u0109 \u2581"}
    special = {token["id"] for token in tokenizer["added_tokens"] if token["special"]}
    rows, _, plain = inspect(*WORD, "objective.mask_ratio=0.4")
    longest = 0
    for chosen, ids in zip(rows, plain):
        inner = [t for t in range(1, LENGTH) if ids[t] in starts | special or ids[t - 1] in special]
        words = [range(begin, end) for begin, end in zip([0, *inner], [*inner, LENGTH])]
        longest = max(longest, *map(len, words))
        assert sum(0 < len(set(chosen) & set(word)) < len(word) for word in words) <= 1
    assert longest > 1


def test_replacements(inspect, tiny):
    rows, inputs, plain = inspect("objective.mask.replace_mask=0", "objective.mask.replace_random=1")
    assert all(mask_id(tiny) not in row for row in inputs) and sum(map(len, rows)) > 20
    rows, inputs, plain = inspect("objective.mask.replace_mask=0", "objective.mask.replace_keep=1")
    assert inputs == plain
    shares = ["objective.mask.replace_mask=0.4", "objective.mask.replace_random=0.3", "objective.mask.replace_keep=0.3"]
    text, _ = run_meap("inspect", tiny / "recipe.yaml", "objective.mask_ratio=0.5", *shares)
    assert all(sign in text for sign in ("[MASK:", "[RANDOM:", "[KEEP:"))


def test_ratio_schedule(inspect):
    shape = ["objective.mask_ratio=0.5", "objective.mask.schedule=linear", "objective.mask.ratio_end=0.25"]
    counts = {step: {len(row) for row in inspect(*shape, step=step)[0]} for step in (1, 12)}
    assert counts == {1: {16}, 12: {8}}


def test_losses_by_region(tiny, tmp_path):
    run = tmp_path / "run"
    run_meap("pretrain", tiny / "recipe.yaml", f"output={run}", "objective.mask_ratio=0.07",
             "objective.mask.policy=reference", "schedule.name=wsd")
    steps = [m for m in read_jsonl(run / "metrics.jsonl") if "loss" in m]
    assert len(steps) == 12
    for m in steps:
        assert {"loss_masked", "loss_unmasked", "loss_after_masked", "loss_elsewhere"} <= set(m)
        masked = math.floor(0.07 * LENGTH) / LENGTH
        assert m["loss"] == pytest.approx(masked * m["loss_masked"] + (1 - masked) * m["loss_unmasked"], rel=1e-6)
        low, high = sorted((m["loss_after_masked"], m["loss_elsewhere"]))
        assert low - 1e-9 <= m["loss_unmasked"] <= high + 1e-9


def test_shares_that_do_not_sum_to_one(tiny):
    _, errors = run_meap("inspect", tiny / "recipe.yaml", "objective.mask.replace_mask=0.5", code=2)
    assert "sum to 1" in errors and "replace_keep" in errors
