"""Training on prepared folders: their order, and the tokenizer that they were made with."""
import json
import shutil

import pytest

from conftest import run_meap


@pytest.fixture(scope="module")
def prepared(tiny, tmp_path_factory):
    """A folder that `data prepare` made of the validation file."""
    folder = tmp_path_factory.mktemp("prepared") / "data"
    run_meap("data", "prepare", "--tokenizer", tiny / "tok", "--output", folder, tiny / "validation.jsonl")
    return folder


def beginning(tiny, *sources):
    """The first tokens of the stream of training data."""
    batch = json.loads(run_meap("inspect", tiny / "recipe.yaml", "--json", "objective.name=ntp", "train.batch_tokens=262144",
                                f"data.train=[{', '.join(map(str, sources))}]")[0])
    return next(row for row, samples in zip(batch["input_ids"], batch["sample_ids"]) if samples[0] == 0)


def test_data_keeps_the_order_given(tiny, prepared):
    raw = tiny / "train.jsonl"
    first = {source: beginning(tiny, source) for source in (raw, prepared)}
    assert first[raw] != first[prepared]
    assert beginning(tiny, raw, prepared) == first[raw]
    assert beginning(tiny, prepared, raw) == first[prepared]


def test_a_glob_without_files_is_named(tiny, prepared):
    _, errors = run_meap("inspect", tiny / "recipe.yaml", f"data.train=[*.nothing, {prepared}]", code=2)
    assert "*.nothing" in errors


def test_an_end_of_text_that_only_the_data_knows_goes_into_the_model(tiny, tmp_path):
    tokenizer, data, run = tmp_path / "tok", tmp_path / "data", tmp_path / "run"
    shutil.copytree(tiny / "tok", tokenizer)
    config = json.loads((tokenizer / "tokenizer_config.json").read_text())
    content = config.pop("eos_token")
    (tokenizer / "tokenizer_config.json").write_text(json.dumps(config))
    run_meap("data", "prepare", "--tokenizer", tokenizer, "--output", data, "--eos", content, tiny / "train.jsonl")
    # The raw validation file needs the end too.
    run_meap("pretrain", tiny / "recipe.yaml", f"tokenizer={tokenizer}", f"data.train={data}", f"output={run}", "train.steps=1")
    eos = json.loads((data / "manifest.json").read_text())["settings"]["eos"]
    assert json.loads((run / "hf/config.json").read_text())["eos_token_id"] == eos
    assert json.loads((run / "hf/generation_config.json").read_text())["eos_token_id"] == eos
    assert json.loads((run / "hf/tokenizer_config.json").read_text())["eos_token"] == content


@pytest.fixture(scope="module")
def maskless(tiny, tmp_path_factory):
    """The tiny tokenizer without a [MASK]."""
    folder = tmp_path_factory.mktemp("maskless") / "tok"
    shutil.copytree(tiny / "tok", folder)
    text = (folder / "tokenizer.json").read_text()
    (folder / "tokenizer.json").write_text(text.replace('"[MASK]"', '"<|x|>"'))
    config = json.loads((folder / "tokenizer_config.json").read_text())
    del config["mask_token"]
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


def test_data_of_a_tokenizer_fits_the_model_that_got_a_mask(tiny, maskless, prepared, tmp_path):
    data = tmp_path / "data"
    run_meap("data", "prepare", "--tokenizer", maskless, "--output", data, tiny / "validation.jsonl")
    words = ["pretrain", tiny / "recipe.yaml", "train.steps=1", "data.validation="]
    run_meap(*words, f"tokenizer={maskless}", f"data.train={data}", f"output={tmp_path / 'a'}")
    hf = tmp_path / "a" / "hf"
    assert json.loads((hf / "tokenizer_config.json").read_text())["mask_token"] == "[MASK]"
    words += ["tokenizer=", "model={preset: ~, num_hidden_layers: ~, hidden_size: ~, intermediate_size: ~}", f"model.path={hf}"]
    run_meap(*words, f"data.train={data}", f"output={tmp_path / 'b'}")
    run_meap(*words, f"data.train=[{tiny / 'train.jsonl'}, {data}]", f"output={tmp_path / 'c'}")
    run_meap("data", "inspect", data, "--tokenizer", hf)
    _, errors = run_meap(*words, f"data.train={prepared}", f"output={tmp_path / 'd'}", code=2)
    assert "prepared with another tokenizer" in errors


def test_the_last_of_equal_keys_counts(tiny, tmp_path):
    twice = '{"text": "dup", "text": "the second"}\n'
    once = '{"text": "the second"}\n'
    ids = [run_meap("tokenizer", "encode", "--tokenizer", tiny / "tok", "--jsonl", "/dev/stdin", input=text)[0]
           for text in (twice, once)]
    assert ids[0] == ids[1]
    sums = []
    for name, text in (("twice", twice), ("once", once)):
        (tmp_path / f"{name}.jsonl").write_text(text)
        out, _ = run_meap("data", "prepare", "--tokenizer", tiny / "tok", "--output", tmp_path / name, tmp_path / f"{name}.jsonl")
        sums.append(json.loads(out)["tokens"])
    assert sums[0] == sums[1]
