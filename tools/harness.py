"""Runs lm-evaluation-harness offline on the commonsense tasks, for tests and benchmarks."""
import os
import pathlib
import shutil
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

FILES = pathlib.Path(__file__).resolve().parent / "lm_eval_tasks"
TASKS = sorted(file.stem for file in FILES.glob("*.yaml"))


def load_model(folder, batch_size, softmax_dtype=None):
    """The harness's own wrapper of the model, in f32 on the CPU."""
    from lm_eval.models.huggingface import HFLM

    return HFLM(pretrained=str(folder), dtype="float32", device="cpu", batch_size=batch_size,
                softmax_dtype=softmax_dtype)


def evaluate(model, data, tasks=None, limit=None):
    """{task: {"results": {metric: value}, "samples": [{"loglikelihoods", "prediction", "acc", ...}]}}"""
    import lm_eval
    from lm_eval.tasks import TaskManager

    with tempfile.TemporaryDirectory() as folder:
        for file in FILES.iterdir():
            shutil.copy(file, folder)
        for file in pathlib.Path(folder).glob("*.yaml"):
            file.write_text(file.read_text().replace("DATA", str(data)))
        os.environ["HF_DATASETS_CACHE"] = folder
        out = lm_eval.simple_evaluate(
            model=model, tasks=list(tasks or TASKS), limit=limit, log_samples=True, verbosity="ERROR",
            task_manager=TaskManager(include_path=folder, include_defaults=False))
    found = {}
    for task, samples in out["samples"].items():
        lines = []
        for sample in sorted(samples, key=lambda s: s["doc_id"]):
            scores = [float(response[0][0]) for response in sample["resps"]]
            lines.append({"loglikelihoods": scores, "prediction": scores.index(max(scores)), "acc": sample["acc"],
                          "acc_norm": sample.get("acc_norm")})
        results = {name.replace(",none", ""): value for name, value in out["results"][task].items()}
        found[task] = {"results": results, "samples": lines}
    return found
