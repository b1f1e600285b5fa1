"""1,000 Alpaca samples in every layout against a reference of finetuning.md in Python: transformers renders and
encodes, and the rules are applied anew, token by token. Only the draw of the masks is taken from what meap shows."""
import gzip
import json
import math

import pytest
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from conftest import run_meap

SAMPLES, LENGTH, RATIO, LONG = 1000, 300, 0.1, 50
NONE = -100


@pytest.fixture(scope="module")
def model(shared, tmp_path_factory):
    """SmolLM2's tokenizer and template around a model of no size."""
    folder = tmp_path_factory.mktemp("finetune-layouts")
    config = LlamaConfig(vocab_size=49152, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=1,
                         max_position_embeddings=2048, tie_word_embeddings=True)
    LlamaForCausalLM(config).save_pretrained(folder)
    for file in ["tokenizer.json", "tokenizer_config.json"]:
        (folder / file).write_bytes((shared / "data/tokenizers/smollm2" / file).read_bytes())
    return folder


@pytest.fixture(scope="module")
def samples(shared, model):
    """The first samples that meap may use, as (ids, roles, special): p prompt, a answer, e end."""
    tokenizer = AutoTokenizer.from_pretrained(model)
    file = gzip.open(shared / "data/sft/alpaca/alpaca_random9k.jsonl.gz", "rt", encoding="utf-8")
    lines = [line for line, _ in zip(file, range(SAMPLES + 20))]
    (model / "train.jsonl").write_text("".join(lines), encoding="utf-8")
    made = []
    for record in map(json.loads, lines):
        if not record["output"].strip():
            continue
        question = record["instruction"] + ("\n" + record["input"] if record["input"] else "")
        messages = [{"role": "user", "content": question}, {"role": "assistant", "content": record["output"]}]
        text = tokenizer.apply_chat_template(messages, tokenize=False)
        end = text.rindex("<|im_end|>")
        begin = end - len(record["output"])
        assert text[begin:end] == record["output"]
        encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        roles = ["a" if begin <= b < end else "e" if b == end else "p" for b, _ in encoded.offset_mapping]
        size = roles.index("e") + 1  # the line break that the template writes behind it is no part of the sample
        special = [token in tokenizer.all_special_ids for token in encoded.input_ids]
        made.append((encoded.input_ids[:size], roles[:size], special[:size]))
    return made


def inspect(model, layout, *overrides):
    """What meap feeds the model in one step that holds everything: sample -> its stretches, each attending to itself
    alone, in order."""
    recipe = model / f"{layout}.yaml"
    recipe.write_text(json.dumps({
        "model": {"path": str(model)}, "data": {"train": str(model / "train.jsonl"), "sequence_length": LENGTH},
        "objective": {"name": "meap", "mask_ratio": RATIO, "min_answer_tokens": LONG, "layout": layout},
        "train": {"epochs": 1, "batch_tokens": 100 * SAMPLES * LENGTH}, "output": str(model / "run")}))
    out, _ = run_meap("inspect", recipe, "--json", *overrides)
    rows = json.loads(out)
    stretches = {}
    for r, ids in enumerate(rows["sample_ids"]):
        keys = list(zip(ids, rows["segment_ids"][r]))
        t = 0
        while t < len(ids):
            begin = t
            while t < len(ids) and keys[t] == keys[begin]:
                t += 1
            if ids[begin] >= 0:
                labels = rows["labels"][r][begin:t]  # each at the token that it names
                stretches.setdefault(ids[begin], []).append({
                    "ids": rows["input_ids"][r][begin:t], "labels": labels,
                    "positions": rows["position_ids"][r][begin:t]})
    return stretches


def check_masked(copy, mask, sample, skip, eligible):
    """A masked copy: right but for [MASK], as many of those as there must be, labels there alone."""
    ids, labels = copy
    expected = sample[0][skip:]
    masked = [i for i, token in enumerate(ids) if token == mask]
    assert len(masked) == max(1, math.floor(RATIO * len(eligible)))
    assert all(i + skip in eligible for i in masked)
    assert [expected[i] if i in masked else token for i, token in enumerate(ids)] == expected
    assert labels == [expected[i] if i in masked else NONE for i in range(len(ids))]


def answer_labels(sample):
    ids, roles, _ = sample
    return [token if role in "ae" else NONE for token, role in zip(ids, roles)]


@pytest.mark.parametrize("layout, span", [("concat", "sample"), ("concat", "answer"), ("separate", None),
                                          ("separate", "sample"), ("isolated", "sample")])
def test_layouts_of_a_thousand_alpaca_samples(model, samples, layout, span):
    stretches = inspect(model, layout, *([f"objective.mask_span={span}"] if span else []))
    mask = 49152  # [MASK] is new: the next id
    span = span or "answer"
    counts = dict.fromkeys(["plain", "doubled", "fell back", "dropped"], 0)
    for number, sample in enumerate(samples):
        ids, roles, special = sample
        got = stretches.pop(number, [])
        if len(ids) > LENGTH:
            assert got == []
            counts["dropped"] += 1
            continue
        doubled = roles.count("a") > LONG
        length = {"concat": 2 * len(ids) - 1, "separate": len(ids), "isolated": 2 * len(ids)}[layout]
        if not doubled or length > LENGTH:
            counts["fell back" if doubled else "plain"] += 1
            assert len(got) == 1
            assert got[0]["ids"] == ids and got[0]["labels"] == answer_labels(sample)
            assert got[0]["positions"] == list(range(len(ids)))
            continue
        counts["doubled"] += 1
        if span == "answer":
            eligible = {i for i, role in enumerate(roles) if role == "a" and not special[i]}
        else:
            eligible = {i for i, role in enumerate(roles) if role != "e" and not special[i]}
        if layout == "concat":
            assert len(got) == 1 and got[0]["positions"] == list(range(2 * len(ids) - 1))
            parts = [{key: got[0][key][:len(ids)] for key in got[0]}, {key: got[0][key][len(ids):] for key in got[0]}]
        else:
            parts = sorted(got, key=lambda part: mask in part["ids"])
            assert [part["positions"] for part in parts] == [list(range(len(ids)))] * 2
        assert parts[0]["ids"] == ids and parts[0]["labels"] == answer_labels(sample)
        check_masked((parts[1]["ids"], parts[1]["labels"]), mask, sample, int(layout == "concat"), eligible)
    assert not stretches
    assert counts["plain"] > 300 and counts["doubled"] > 100 and counts["dropped"] > 0, counts
    assert layout == "separate" or counts["fell back"] > 20


def test_restarted_positions(model, samples):
    for number, got in inspect(model, "concat", "objective.positions=restart").items():
        length = len(samples[number][0])
        expected = list(range(length))
        if len(got[0]["ids"]) > length:
            expected += range(1, length)
        assert got[0]["positions"] == expected
