"""Commands that write files end soon on SIGTERM and SIGINT, with the documented code and nothing half-written."""
import signal
import subprocess

import pytest

from conftest import MEAP, run_meap, wait_for

CODES = [(signal.SIGTERM, 143), (signal.SIGINT, 130)]


def stop(words, number, begun):
    process = subprocess.Popen([MEAP, *map(str, words), "--quiet"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(begun, process)
    process.send_signal(number)
    process.communicate(timeout=30)
    return process.returncode


@pytest.mark.parametrize("number, code", CODES)
def test_data_synth(tmp_path, number, code):
    words = ["data", "synth", "--output", tmp_path / "new" / "s.jsonl", "--documents", 10**9]
    folder = tmp_path / "new"
    assert stop(words, number, lambda: folder.exists() and any(folder.iterdir())) == code
    assert not list(folder.iterdir())


@pytest.mark.parametrize("number, code", CODES)
def test_data_prepare_goes_on_where_it_was_stopped(tiny, tmp_path, number, code):
    lines = (tiny / "train.jsonl").read_text() * 30
    for i in range(12):
        (tmp_path / f"{i:02}.jsonl").write_text(lines)
    files = sorted(tmp_path.glob("*.jsonl"))
    out = tmp_path / "data"
    words = ["data", "prepare", "--tokenizer", tiny / "tok", "--output", out, "--threads", 1, *files]
    journal = tmp_path / "data.partial" / "journal.jsonl"
    assert stop(words, number, lambda: journal.exists() and journal.read_text().count("\n") > 1) == code
    assert not out.exists() and not [f for f in tmp_path.rglob("*") if ".tmp-" in f.name]
    run_meap(*words)
    run_meap("data", "verify", out)
    assert not (tmp_path / "data.partial").exists()
