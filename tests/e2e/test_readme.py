"""A new user's path: the commands of the README's tour and of the user guide's pages, in order, end as the text says."""
import json
import os
import re
import subprocess
import sys
import time

import pytest

from conftest import MEAP, ROOT, needs_slow

README = (ROOT / "README.md").read_text()
TOUR = README[README.index("## Five minutes"):README.index("## User guide")]


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def bash(script, folder):
    done = subprocess.run(["bash", "-exo", "pipefail", "-c", script], cwd=folder, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, f"{done.stderr}\n{done.stdout}"
    return done.stdout


def walk(folder):
    """The tour beside the demo's data, and what the README says comes out of it."""
    for block in blocks(TOUR, "sh"):
        bash(block, folder)
    for product in ("runs/meap/hf/config.json", "runs/tuned/hf/config.json", "runs/results.json"):
        assert (folder / product).exists(), product
    page = (folder / "runs/report.html").read_text()
    for run in ("ntp", "meap"):
        assert re.search(rf"<th scope=row[^>]*>{run}</th>", page), f"the report names no run {run}"
    score, keys = re.search(r"^(build/meap score .*?) +# -> \{(.*)\}$", TOUR, re.MULTILINE).groups()
    assert set(json.loads(bash(score, folder))) == set(json.loads(f"[{keys}]"))
    (python,) = blocks(TOUR, "python")
    known = ("assert tokenizer.mask_token == '[MASK]', tokenizer.mask_token\n"
             "ids = tokenizer('The barn is [MASK].', return_tensors='pt').input_ids\n"
             "assert (ids == tokenizer.mask_token_id).sum() == 1, ids\n"
             "assert model(ids).logits.isfinite().all()\n")
    done = subprocess.run([sys.executable, "-c", python + known], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def small_demo(tmp_path):
    """A folder as `make demo` leaves it, with little data and without its models."""
    for name in ("recipes", "tools"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "build").symlink_to(MEAP.parent)
    demo = tmp_path / "runs/demo"
    demo.mkdir(parents=True)
    story = "--min-facts 1 --facts 3 --filler 0 --repeats 3 --words --quiet"
    for command in (f"data synth --output runs/demo/train.jsonl --documents 2000 --seed 1 {story} --probe runs/demo/probes.jsonl --probes 40",
                    f"data synth --output runs/demo/validation.jsonl --documents 200 --seed 2 {story}",
                    "tokenizer train --output runs/demo/tokenizer --vocab-size 600 runs/demo/train.jsonl --quiet"):
        subprocess.run([str(MEAP), *command.split()], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


def test_tour(small_demo):
    walk(small_demo)


@pytest.mark.parametrize("page", ["analysis", "data", "recipes"])
def test_page(page, small_demo):
    """Pages that say that their examples run one after another beside the demo's files."""
    if page == "analysis":  # which looks at the demo's models
        for objective in ("ntp", "meap"):
            bash(f"build/meap pretrain recipes/demo.yaml objective.name={objective} train.steps=5 output=runs/demo/{objective}", small_demo)
    for block in blocks((ROOT / f"docs/{page}.md").read_text(), "sh"):
        bash(block, small_demo)


@needs_slow()
def test_fresh_clone(tmp_path):
    """`make demo` in a fresh clone of what is committed, then the tour. `make test`, the README's other command, is
    what runs this test: here it would begin itself anew without end."""
    clone = tmp_path / "meap"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MEAP_")}

    def make(*target):
        done = subprocess.run(["make", *target], cwd=clone, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    make()
    begin = time.monotonic()
    said = make("demo")
    seconds = time.monotonic() - begin
    assert seconds < 12 * 60, f"once built, the demo takes {seconds:.0f} s"
    # What both retrieve, what masks do to their attention, a table, and report.html.
    for row in ("facts retrieved", "attention that masked positions lose"):
        assert re.search(rf"^\| {row}.*\|.*\|.*\|$", said, re.MULTILINE), said
    assert said.rstrip().endswith("Look at it all in a browser: runs/demo/report.html")
    assert (clone / "runs/demo/report.html").exists()
    walk(clone)
