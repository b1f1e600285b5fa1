"""What the benchmarks do when a floor is missed, and where there is no GPU."""
import importlib
import subprocess
import sys

import pytest
import torch

from conftest import ROOT

BENCH = ROOT / "bench"
sys.path.insert(0, str(BENCH))


@pytest.fixture(scope="module")
def step():
    return importlib.import_module("step")


def result(eager, compiled, bound, memory):
    return {"meap": {"peak_bytes": memory * 100}, "eager": {"meap_speedup": eager, "peak_bytes": 100},
            "jemalloc": {"meap_speedup": 2.0}, "compile": {"meap_speedup": compiled},
            "bound": {"meap_speedup": bound}}


def test_missed_floors_are_named_and_end_with_1(step, capsys):
    good = {"s f32": result(1.3, 1.08, 0.95, 0.6), "l f32": result(1.15, 1.08, 1.0, 0.6)}
    step.floors.finish(step.missed_floors(good, "cpu"))
    bad = {"s f32": result(1.29, 1.08, 0.95, 0.6), "l f32": result(1.15, 1.07, 0.99, 0.61)}
    with pytest.raises(SystemExit) as end:
        step.floors.finish(step.missed_floors(bad, "cpu"))
    assert end.value.code == 1
    named = capsys.readouterr().err.splitlines()
    assert [line.split(" is ")[0] for line in named] == [
        "floor missed: s f32: against eager", "floor missed: l f32: against the bound",
        "floor missed: l f32: memory, of eager's", "floor missed: against the best tuned peer, median over the cases"]


def test_mfu_has_a_floor_on_a_gpu(step):
    assert not any(step.missed_floors({"x bf16": {"meap": {"mfu": 0.55}}}, "cuda"))
    assert any(step.missed_floors({"x bf16": {"meap": {"mfu": 0.54}}}, "cuda"))


def test_memory_has_floors_for_both_kinds_of_training():
    missed_floors = importlib.import_module("memory").missed_floors
    result = {"forecast_bytes": 100, "peak_bytes": 111}
    for case in ("meap-0.1b, T 1024", "fine-tuning meap-0.1b, T 1024, packed"):
        assert len([missed for missed in missed_floors({case: result}) if missed]) == 1
    assert not any(missed_floors({"small, T 256": result}))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_no_gpu_is_said_before_anything_runs():
    done = subprocess.run([sys.executable, BENCH / "step.py", "--device", "cuda"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "finds no GPU" in done.stderr
