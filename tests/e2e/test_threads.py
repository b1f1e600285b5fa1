"""Threads that wait for each other give their core away, so that a busy machine does not cost a factor of twenty."""
import os

import pytest

from conftest import run_meap


def wait_settings(tmp_path, **environment):
    """What OpenMP says of its settings when a command that runs a model starts, each time it is loaded."""
    names = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    environment = {**{k: v for k, v in os.environ.items() if k not in names}, "OMP_DISPLAY_ENV": "verbose", **environment}
    _, stderr = run_meap("score", "--model", tmp_path / "none", "--input", tmp_path / "none.jsonl", code=2, env=environment)
    return [line.split("=")[1].strip(" '") for line in stderr.splitlines() if "GOMP_SPINCOUNT" in line]


def test_waits_without_spinning(tmp_path):
    assert wait_settings(tmp_path)[-1] == "1000"


@pytest.mark.parametrize("environment", [{"GOMP_SPINCOUNT": "77"}, {"OMP_WAIT_POLICY": "PASSIVE"}])
def test_the_users_own_setting_stays(tmp_path, environment):
    settings = wait_settings(tmp_path, **environment)
    assert settings == [environment.get("GOMP_SPINCOUNT", "0")]
