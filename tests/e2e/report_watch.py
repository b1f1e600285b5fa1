"""`meap report --watch`, and what a training process does meanwhile."""
import fcntl
import json
import re
import subprocess
import time

from conftest import MEAP, ROOT


class Watch:
    """`meap report --watch` on a run folder."""

    def __init__(self, folder, *options):
        self.page = folder / "r.html"
        self.process = subprocess.Popen([str(MEAP), "report", str(folder / "run"), "--watch", *options, "-o", str(self.page)],
                                        cwd=ROOT, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def text(self):
        return self.page.read_text() if self.page.exists() else ""

    def until_the_page_has(self, words):
        deadline = time.monotonic() + 30
        while words not in self.text():
            assert time.monotonic() < deadline and self.process.poll() is None, f"no {words}"
            time.sleep(0.05)

    def ends(self):
        assert self.process.wait(30) == 0
        assert 'data-reload="0"' in self.text()


class Training:
    """What a training process does to its folder: it holds metrics.jsonl and adds to it."""

    def __init__(self, folder):
        self.lines = open(folder / "metrics.jsonl", "a")
        fcntl.flock(self.lines, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lines.close()

    def step(self, number):
        self.lines.write(json.dumps({"step": number, "loss": 1.0}) + "\n")
        self.lines.flush()


def set_steps(run, steps):
    recipe = (run / "recipe.yaml").read_text()
    (run / "recipe.yaml").write_text(re.sub("steps: [0-9]+", f"steps: {steps}", recipe))
