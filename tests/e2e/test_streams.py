"""Input from pipes: /dev/stdin and named ones."""
import json
import os
import threading

import pytest

from conftest import run_meap

TEXTS = "".join(json.dumps({"text": text}) + "\n" for text in ("Adam", "the barn", ""))


@pytest.fixture
def fifo(tmp_path):
    """A named pipe that gives what it is given."""
    def make(text):
        path = tmp_path / "pipe"
        os.mkfifo(path)
        threading.Thread(target=path.write_text, args=[text], daemon=True).start()
        return path
    return make


def test_tokenizer_reads_pipes(tiny, fifo, tmp_path):
    (tmp_path / "texts.jsonl").write_text(TEXTS)
    words = ["--tokenizer", tiny / "tok", "--jsonl"]
    ids, _ = run_meap("tokenizer", "encode", *words, tmp_path / "texts.jsonl")
    assert len(ids.splitlines()) == 3
    assert run_meap("tokenizer", "encode", *words, "/dev/stdin", input=TEXTS)[0] == ids
    assert run_meap("tokenizer", "encode", *words, fifo(TEXTS))[0] == ids
    texts, _ = run_meap("tokenizer", "decode", *words, "/dev/stdin", "--skip-special", input=ids)
    assert [json.loads(line)["text"] for line in texts.splitlines()] == ["Adam", "the barn", ""]
    assert "/dev/stdin:2" in run_meap("tokenizer", "encode", *words, "/dev/stdin", input=TEXTS[:17] + "{\n", code=2)[1]


def test_generate_reads_pipes(stories):
    lines = json.dumps({"prompt": "Once"}) + "\n"
    out, _ = run_meap("generate", "--model", stories, "--input", "/dev/stdin", "--max-new-tokens", 2, input=lines)
    assert json.loads(out)["tokens"] == 2


def test_a_recipe_may_be_piped(tiny, tmp_path):
    recipe = (tiny / "recipe.yaml").read_text()
    batch, _ = run_meap("inspect", tiny / "recipe.yaml", "--json")
    assert run_meap("inspect", "/dev/stdin", "--json", input=recipe)[0] == batch
    (tmp_path / "base.yaml").write_text(recipe)
    assert run_meap("inspect", "/dev/stdin", "--json", input="base: base.yaml\n", cwd=tmp_path)[0] == batch
    with open(tmp_path / "base.yaml") as file:
        done = run_meap("inspect", "/dev/stdin", "--json", stdin=file, cwd=tmp_path)[0]
    assert done == batch
    out, _ = run_meap("pretrain", "/dev/stdin", "train.steps=1", f"output={tmp_path / 'run'}", input=recipe)
    assert json.loads(out)["steps"] == 1


def test_data_cannot_be_piped_unseen(tiny, tmp_path):
    words = ["data", "prepare", "--tokenizer", tiny / "tok", "--output", tmp_path / "out", "/dev/stdin"]
    done = run_meap(*words, input=TEXTS, code=2)
    assert "/dev/stdin" in done[1] and not (tmp_path / "out").exists()
