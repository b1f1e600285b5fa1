"""Training runs that a test starts, watches and stops."""
import subprocess

from conftest import MEAP, read_jsonl, wait_for


def start(command, recipe, run, *words):
    """`meap pretrain` or `meap finetune` on one thread, in the background."""
    return subprocess.Popen([MEAP, command, recipe, f"output={run}", "--threads", "1", "--quiet", *map(str, words)],
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def start_and_stop(command, recipe, run, number, happened, *words):
    """Starts a run, or goes on with it, and sends it the signal once `happened()`: its exit code and stderr."""
    process = start(command, recipe, run, "--resume", *words)
    wait_for(happened, process)
    process.send_signal(number)
    _, errors = process.communicate()
    return process.returncode, errors


def stop_at(command, folder, run, number, step, *words):
    """start_and_stop of the folder's recipe, once that step is in the run's metrics."""
    return start_and_stop(command, folder / "recipe.yaml", run, number, lambda: steps_in(run) >= step, *words)


def lines_in(run):
    metrics = run / "metrics.jsonl"
    return metrics.read_text().count("\n") if metrics.exists() else 0


def steps_in(run):
    metrics = run / "metrics.jsonl"
    return metrics.read_text().count('"loss"') if metrics.exists() else 0


def weights(run):
    return (run / "hf" / "model.safetensors").read_bytes()


def losses(run):
    return [line["loss"] for line in read_jsonl(run / "metrics.jsonl") if "loss" in line]
