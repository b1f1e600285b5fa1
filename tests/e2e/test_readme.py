"""A new user's path: every command of the README's tour, in order, ends well."""
import os
import re
import subprocess

from conftest import MEAP, ROOT, needs_slow


def tour():
    text = (ROOT / "README.md").read_text()
    block = re.search(r"## Five minutes\n.*?```sh\n(.*?)```", text, re.DOTALL).group(1)
    block = re.sub(r"^#.*\n", "", block, flags=re.MULTILINE)
    return [command for command in re.split(r"\n(?=\S)", block.strip())]  # indented lines go on with the one before


def walk(folder):
    for command in tour():
        done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, f"{command}\n{done.stderr}\n{done.stdout}"
    for product in ("runs/meap/hf/config.json", "runs/tuned/hf/config.json", "runs/results.json", "runs/report.html"):
        assert (folder / product).exists(), product


def test_tour(tmp_path):
    """Beside the demo's data, made small."""
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
    walk(tmp_path)


@needs_slow()
def test_fresh_clone(tmp_path):
    """`make demo` first, in a fresh clone of what is committed."""
    clone = tmp_path / "meap"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MEAP_")}
    done = subprocess.run(["make", "demo"], cwd=clone, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "facts retrieved" in done.stdout
    walk(clone)
