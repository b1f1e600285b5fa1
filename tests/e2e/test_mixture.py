"""Weighted sources: `data.weights` gives each entry of `data.train` its share of the rows."""
import json

from conftest import run_meap


def words(tiny, tmp_path, *more):
    """A run over two sources, the second an eighth of the first."""
    run_meap("data", "synth", "--output", tmp_path / "small.jsonl", "--documents", 40, "--seed", 7)
    return (tiny / "recipe.yaml", f"data.train=[{tiny}/train.jsonl, {tmp_path}/small.jsonl]",
            f"output={tmp_path}/run", *more)


def test_shares_follow_the_weights(tiny, tmp_path):
    out, notes = run_meap("pretrain", *words(tiny, tmp_path, "data.weights=[1, 3]"))
    assert json.loads(out)["steps"] == 12
    shares = [line for line in notes.splitlines() if "% of the rows" in line]
    assert len(shares) == 2
    # 12 steps of 8 rows: 24 of the first source, 72 of the second.
    assert "25.0 % of the rows" in shares[0] and "train.jsonl" in shares[0]
    assert "75.0 % of the rows" in shares[1] and "small.jsonl" in shares[1]


def test_wrong_weights_are_errors(tiny, tmp_path):
    _, error = run_meap("pretrain", *words(tiny, tmp_path, "data.weights=[1]"), code=2)
    assert "data.weights" in error and "2 entries" in error
    _, error = run_meap("pretrain", *words(tiny, tmp_path, "data.weights=[1, 0]"), code=2)
    assert "weight" in error and "above 0" in error
    assert not (tmp_path / "run").exists()
