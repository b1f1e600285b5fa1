"""What `meap finetune` feeds the model, against an independent Python reading of the rules for fine-tuning samples, on
1,000 Alpaca items: tokens, labels, positions, attention and the number and place of the masks, for every layout."""
import gzip
import json
import math
import shutil

import pytest

from conftest import run_meap

HEAD = "Below is an instruction that describes a task{}. Write a response that appropriately completes the request."
CONFIG = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 64, "intermediate_size": 128,
          "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 1024,
          "rms_norm_eps": 1e-5, "hidden_act": "silu", "tie_word_embeddings": True, "bos_token_id": 0, "eos_token_id": 1}
MIN_ANSWER, RATIO = 50, 0.1


def render(item):
    prompt = HEAD.format(", paired with an input that provides further context" if item["input"] else "")
    prompt += f"\n\n### Instruction:\n{item['instruction']}"
    prompt += f"\n\n### Input:\n{item['input']}" if item["input"] else ""
    return prompt + "\n\n### Response:"


def sample_of(item, tokenizer, bos, eos):
    """ids with the roles p(rompt), a(nswer), e(nd); a token belongs where its first character does."""
    prompt = render(item)
    encoded = tokenizer.encode(prompt + item["output"], add_special_tokens=False)
    roles = ["a" if start >= len(prompt) else "p" for start, _ in encoded.offsets]
    return [bos, *encoded.ids, eos], ["p", *roles, "e"]


def plain(ids, roles):
    labels = [token if role in "ae" else -100 for token, role in zip(ids, roles)]
    return {"ids": ids, "labels": labels, "positions": list(range(len(ids))), "segments": [0] * len(ids),
            "maskable": [], "masks": 0}


def sequences(ids, roles, layout, length):
    """The sequences of one sample before masks are drawn: `maskable` places, of which `masks` are taken; or nothing."""
    if len(ids) > length:
        return []
    first = plain(ids, roles)
    if roles.count("a") <= MIN_ANSWER:
        return [first]
    n, answer = len(ids), [i for i, role in enumerate(roles) if role == "a"]
    if layout == "separate":
        second = {**plain(ids, roles), "labels": [-100] * n, "maskable": answer,
                  "masks": max(1, math.floor(RATIO * len(answer)))}
        return [first, second]
    copy = list(range(1, n)) if layout == "concat" else list(range(n))
    if n + len(copy) > length:
        return [first]
    text = [i for i in range(1, n - 1)]  # no BOS, no EOS
    return [{
        "ids": ids + [ids[i] for i in copy],
        "labels": first["labels"] + [-100] * len(copy),
        "positions": list(range(n + len(copy))) if layout == "concat" else 2 * list(range(n)),
        "segments": [0] * n + [0 if layout == "concat" else 1] * len(copy),
        "maskable": [n + copy.index(i) for i in text], "masks": max(1, math.floor(RATIO * len(text)))}]


def cut(batch, layout):
    """The sequences of a batch, those of one sample together."""
    found = {}
    for row in range(len(batch["input_ids"])):
        columns = [batch[key][row] for key in ("input_ids", "labels", "position_ids", "segment_ids", "sample_ids")]
        tokens = [t for t in zip(*columns) if t[4] >= 0]
        begin = 0
        for i in range(1, len(tokens) + 1):
            same_sample = i < len(tokens) and tokens[i][4] == tokens[begin][4]
            # Two rows of one sample may stand side by side: separate segments, separate sequences.
            if same_sample and (layout == "isolated" or tokens[i][3] == tokens[begin][3]):
                continue
            part = tokens[begin:i]
            labels = [label for _, label, *_ in part]
            found.setdefault(part[0][4], []).append({
                "ids": [t[0] for t in part], "labels": labels, "positions": [t[2] for t in part],
                "segments": [t[3] - part[0][3] for t in part]})
            begin = i
    return found


def check(got, expected, mask):
    masked = [i for i, token in enumerate(got["ids"]) if token == mask]
    assert len(masked) == expected["masks"] and set(masked) <= set(expected["maskable"])
    ids = [expected["ids"][i] if i in masked else token for i, token in enumerate(got["ids"])]
    labels = [expected["ids"][i] if i in masked else label for i, label in enumerate(expected["labels"])]
    assert ids == expected["ids"] and got["labels"] == labels
    assert got["positions"] == expected["positions"] and got["segments"] == expected["segments"]
    return masked


@pytest.fixture(scope="module")
def alpaca(shared, tmp_path_factory):
    """A model's folder as far as inspect reads it, 1,000 items, and the same as samples."""
    tokenizers = pytest.importorskip("tokenizers")
    root = tmp_path_factory.mktemp("alpaca")
    folder = shared / "data" / "tokenizers" / "byte-bpe-8k"
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    (root / "model").mkdir()
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(folder / file, root / "model" / file)
    (root / "model" / "config.json").write_text(json.dumps({**CONFIG, "vocab_size": tokenizer.get_vocab_size()}))
    with gzip.open(shared / "data/sft/alpaca/alpaca_random9k.jsonl.gz", "rt", encoding="utf-8") as lines:
        items = [item for item in map(json.loads, lines) if item["output"].strip()][:1000]
    (root / "train.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
    bos, eos, mask = (tokenizer.token_to_id(token) for token in ("<|bos|>", "<|eos|>", "[MASK]"))
    return root, [sample_of(item, tokenizer, bos, eos) for item in items], mask


@pytest.mark.parametrize("length", [1024, 320])
@pytest.mark.parametrize("layout", ["concat", "separate", "isolated"])
def test_a_whole_epoch_is_what_the_rules_say(alpaca, tmp_path, layout, length):
    root, samples, mask = alpaca
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        f"model: {{path: {root}/model}}\ntemplate: alpaca\nobjective: {{name: meap, layout: {layout}}}\n"
        f"data: {{train: {root}/train.jsonl, sequence_length: {length}}}\ntrain: {{batch_tokens: {1 << 22}}}\n")
    batches = [json.loads(run_meap("inspect", recipe, "--step", step, "--json")[0]) for step in (1, 2)]
    epochs = [cut(batch, layout) for batch in batches]
    differ = doubled = 0
    for index, (ids, roles) in enumerate(samples):
        expected = sequences(ids, roles, layout, length)
        drawn = []
        for epoch in epochs:
            got = sorted(epoch.get(index, []), key=lambda s: mask in s["ids"])
            assert len(got) == len(expected), index
            drawn.append([check(g, e, mask) for g, e in zip(got, expected)])
        doubled += any(e["masks"] for e in expected)
        differ += drawn[0] != drawn[1]
    assert doubled > 100 and differ > 0.9 * doubled  # masks are fresh in each epoch
