"""What every Python test may use: the binary, the shared test data, and a runner that shows stderr on failure."""
import json
import os
import pathlib
import subprocess

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

ROOT = pathlib.Path(__file__).resolve().parent.parent
MEAP = pathlib.Path(os.environ.get("MEAP_BUILD", ROOT / "build")) / "meap"


def run_meap(*words, code=0, cwd=ROOT, **options):
    """Runs the binary; checks its exit code; returns (stdout, stderr)."""
    done = subprocess.run([str(MEAP), *map(str, words)], capture_output=True, text=True, cwd=cwd, **options)
    assert done.returncode == code, f"exit {done.returncode}, expected {code}\n{done.stderr}\n{done.stdout}"
    return done.stdout, done.stderr


def read_jsonl(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="session")
def shared():
    path = pathlib.Path(os.environ.get("MEAP_SHARED", ROOT.parent / "shared"))
    if not (path / "data").exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"no shared data at {path}")
        pytest.skip(f"no shared data at {path}; set MEAP_SHARED")
    return path


@pytest.fixture(scope="session")
def stories(shared):
    return shared / "data" / "models" / "stories260k"


def needs_slow():
    return pytest.mark.skipif(os.environ.get("MEAP_SLOW") != "1", reason="slow; make check-slow runs it")
