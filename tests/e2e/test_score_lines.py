"""`meap score`: requests that have little or nothing to score, and what is said of them."""
import json

import pytest

from conftest import run_meap


@pytest.fixture
def score(stories, tmp_path):
    def run(*requests, code=0, head=""):
        file = tmp_path / "requests.jsonl"
        lines = [json.dumps({"context": c, "continuation": k}) for c, k in requests]
        file.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
        out, errors = run_meap("score", "--model", stories, "--input", file, "--quiet", code=code)
        return [json.loads(line) for line in out.splitlines()], errors
    return run


NOTHING = {"logprob": 0.0, "tokens": 0, "greedy": True}


def test_a_continuation_without_tokens_of_its_own_scores_zero(score):
    whole = ("Once upon a", " time")
    lines, errors = score(whole, ("Once upon a ", "time"), ("Once upon a", ""), whole)
    assert lines[1] == lines[2] == NOTHING
    assert lines[0] == lines[3] and lines[0]["tokens"] == 1 and lines[0]["logprob"] < 0
    assert errors.count("warning: ") == 1 and "2 of 4 requests" in errors and "requests.jsonl:2" in errors
    assert score(("", ""))[0] == [NOTHING]


def test_what_is_cut_is_said_once(score):
    long = "The cat sat on the mat. " * 200
    lines, errors = score(("Once upon a", " time"), (long, "The end."), (long, "The end."))
    assert len(lines) == 3 and lines[1] == lines[2]
    assert errors.count("warning: ") == 1 and "2 of 3 requests" in errors and "requests.jsonl:2" in errors
    lines, errors = score(("Once", " upon"), ("Once", " upon"), ("Once", long))
    assert lines[2]["tokens"] == 512
    assert "continuation" in errors and errors.count("requests.jsonl:3") == 2
    assert score(("Once", " upon"))[1] == ""


def test_a_byte_order_mark_is_no_text(score):
    assert score(("Once upon a", " time"), head="\ufeff")[0] == score(("Once upon a", " time"))[0]
