"""Instruction files as Python writes them, Parquet's nested columns among them, and the shared Alpaca sets."""
import gzip
import json
import subprocess

import pytest

from conftest import MEAP

pyarrow = pytest.importorskip("pyarrow")
pytest.importorskip("pyarrow.parquet")
needs_plugin = pytest.mark.skipif(not (MEAP.parent / "libmeap_parquet.so").exists(), reason="built without pyarrow")

CHATS = [[("system", "Be brief."), ("user", "Hi\n\"you\""), ("assistant", "Hello \\ 你好")],
         [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")]] * 700


def read(path, code=0):
    done = subprocess.run([MEAP.parent / "encode_chat", "--read", path], capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    if code != 0:
        return done.stderr
    *conversations, counts = [json.loads(line) for line in done.stdout.split("\n")[:-1]]
    return conversations, counts


def records(form):
    if form == "messages":
        return [{"id": i, "messages": [{"role": r, "content": c} for r, c in chat]} for i, chat in enumerate(CHATS)]
    if form == "parts":
        return [{"messages": [{"role": r, "content": [{"type": "text", "text": c}]} for r, c in chat]} for chat in CHATS]
    name = {"system": "system", "user": "human", "assistant": "gpt"}
    return [{"conversations": [{"from": name[r], "value": c} for r, c in chat]} for chat in CHATS]


@pytest.mark.parametrize("form", ["messages", "parts", "sharegpt"])
@pytest.mark.parametrize("suffix", ["json", "jsonl", "json.gz", pytest.param("parquet", marks=needs_plugin)])
def test_every_form_in_every_packing(tmp_path, form, suffix):
    path = tmp_path / f"train.{suffix}"
    rows = records(form)
    if suffix == "parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path, row_group_size=300)
    elif suffix == "json.gz":
        path.write_bytes(gzip.compress(json.dumps(rows, indent=1).encode()))
    else:
        path.write_text(json.dumps(rows) if suffix == "json" else "".join(json.dumps(row) + "\n" for row in rows))
    conversations, counts = read(path)
    assert counts == {"dropped": 0, "records": len(CHATS)}
    assert [[tuple(m[:2]) for m in c["messages"]] for c in conversations] == CHATS
    if suffix in ("jsonl", "parquet"):
        assert conversations[699]["place"] == f"{path}:700"


@needs_plugin
def test_flat_parquet_with_missing_values(tmp_path):
    path = tmp_path / "train.parquet"
    table = {"instruction": ["Add.", "Greet.", None, "x"], "input": ["1, 2", None, "a", ""], "output": ["3", "Hi", "b", " "]}
    pyarrow.parquet.write_table(pyarrow.table(table), path)
    conversations, counts = read(path)
    assert [c["messages"] for c in conversations] == [[["user", "Add.", "1, 2"], ["assistant", "3", ""]],
                                                      [["user", "Greet.", ""], ["assistant", "Hi", ""]]]
    assert counts == {"dropped": 2, "records": 4}


@needs_plugin
def test_broken_and_foreign_parquet(tmp_path):
    path = tmp_path / "train.parquet"
    path.write_bytes(b"PAR1 this is no parquet file")
    assert "broken Parquet" in read(path, code=1)
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a"]}), path)
    assert f"{path}:1" in read(path, code=1)


@pytest.mark.parametrize("name", ["alpaca_random9k", "alpaca_extra"])
def test_shared_alpaca(shared, name):
    path = shared / "data/sft/alpaca" / f"{name}.jsonl.gz"
    conversations, counts = read(path)
    expected = [json.loads(line) for line in gzip.open(path, "rt", encoding="utf-8")]
    usable = [e for e in expected if e["output"].strip()]
    assert counts == {"dropped": len(expected) - len(usable), "records": len(expected)}
    for got, record in zip(conversations, usable, strict=True):
        assert got["messages"] == [["user", record["instruction"], record["input"]], ["assistant", record["output"], ""]]
