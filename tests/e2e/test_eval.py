"""`meap eval` end to end: stops and goes on, several models, bad input."""
import json
import signal
import subprocess

import pytest

from conftest import MEAP, ROOT, needs_slow, read_jsonl, run_meap, wait_for


@pytest.fixture(scope="module")
def model(tiny_model):
    return tiny_model


def write_data(root, choices):
    """Multiple choice (so many items) and questions of our own making, laid out as --data."""
    (root / "commonsense").mkdir()
    (root / "commonsense" / "piqa.validation.jsonl").write_text("".join(
        json.dumps({"goal": f"Reach goal {n}", "sol1": f"go left {n} times", "sol2": "stay", "label": n % 2}) + "\n"
        for n in range(choices)))
    (root / "quiz.jsonl").write_text("".join(
        json.dumps({"question": f"What is {n}?", "answers": [str(n)], "part": n % 3}) + "\n" for n in range(12)))
    (root / "quiz.yaml").write_text(
        'name: quiz\nkind: generation\ndata: quiz\nprompt: "{question} It is"\nanswers: answers\n'
        'max_new_tokens: 5\nmetrics: [exact_match, contains]\nbreakdown: [part]\n')
    (root / "text.jsonl").write_text('{"text": "The cat sat on the mat. It was warm there."}\n' * 3)
    return root


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"), 40)


@pytest.fixture(scope="module")
def long_data(tmp_path_factory):
    """Many batches more than the first: whoever is stopped after that one is stopped half-way."""
    return write_data(tmp_path_factory.mktemp("long-data"), 4000)


def command(model, data, folder, *words, tasks="piqa,quiz,perplexity", max_length=32):
    return ["eval", "--model", model, "--tasks", tasks, "--data", data, "--task-file", data / "quiz.yaml", "--text",
            data / "text.jsonl", "--max-length", max_length, "--output", folder / "results.json", "--samples",
            folder / "samples.jsonl", *words]


def evaluate(*arguments, code=0, **options):
    return run_meap(*command(*arguments, **options), code=code)


def start(words):
    """Starts the binary and returns when it has finished some requests."""
    process = subprocess.Popen([str(MEAP), *map(str, words)], cwd=ROOT, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    cache = words[words.index("--output") + 1].with_suffix(".json.cache.jsonl")
    wait_for(lambda: cache.exists() and cache.stat().st_size > 0, process)
    return process, cache


def test_results_and_samples(model, data, tmp_path):
    out, _ = evaluate(model, data, tmp_path)
    results = json.loads((tmp_path / "results.json").read_text())
    samples = read_jsonl(tmp_path / "samples.jsonl")
    assert set(results["results"]) == {"piqa", "quiz", "perplexity"}
    piqa = [sample for sample in samples if sample["task"] == "piqa"]
    assert results["n"]["piqa"] == len(piqa) == 40
    assert results["results"]["piqa"]["acc"] == sum(s["metrics"]["acc"] for s in piqa) / 40
    assert results["results"]["piqa"]["acc_stderr"] > 0
    for sample in piqa:
        assert sample["prediction"] == sample["loglikelihoods"].index(max(sample["loglikelihoods"]))
    assert len(results["breakdowns"]["quiz"][0]["cells"]) == 3
    assert results["results"]["perplexity"]["perplexity"] > 1
    settings = results["settings"]
    assert settings["dtype"] == "f32" and settings["max_length"] == 32 and settings["bos"] in ("added", "not added")
    assert results["prompt_hashes"]["piqa"]
    assert "piqa" in out and "acc_norm" in out and "quiz" in out
    versions = settings["versions"]
    said, _ = run_meap("--version")
    assert said == f"meap {versions['meap']} (revision {versions['revision'] or 'none'}), torch {versions['torch']}\n"


def test_killed_and_run_again_gives_the_same(model, long_data, tmp_path):
    whole, again = tmp_path / "whole", tmp_path / "again"
    for folder in (whole, again):
        folder.mkdir()
    evaluate(model, long_data, whole)
    words = command(model, long_data, again)
    process, cache = start(words)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    finished = len(cache.read_text().splitlines())
    _, notes = run_meap(*words)
    total = len((whole / "results.json.cache.jsonl").read_text().splitlines())
    assert 0 < finished < total
    assert f"requests: {total - finished} computed, {finished} from the cache" in notes
    for name in ("results.json", "samples.jsonl"):
        assert (again / name).read_bytes() == (whole / name).read_bytes()
    assert len(cache.read_text().splitlines()) == total


def test_a_stop_leaves_what_is_finished_and_says_so(model, long_data, tmp_path):
    process, _ = start(command(model, long_data, tmp_path))
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert "goes on where it stopped" in errors
    assert not (tmp_path / "results.json").exists()


def test_several_models_stand_side_by_side(model, data, tmp_path, tiny):
    run_meap("pretrain", tiny / "recipe.yaml", f"output={tmp_path / 'other'}", "train.seed=4", "--quiet")
    out, _ = evaluate(model, data, tmp_path, "--model", tmp_path / "other" / "hf", tasks="piqa")
    document = json.loads((tmp_path / "results.json").read_text())
    runs = document["runs"]
    assert {key: value for key, value in document.items() if key != "runs"} == runs[0]
    assert document["results"]["piqa"] and document["n"]["piqa"] and document["settings"]
    assert [run["name"] for run in runs] == ["run", "other"]
    assert "run" in out and "other" in out
    names = {sample["model"] for sample in read_jsonl(tmp_path / "samples.jsonl")}
    assert names == {"run", "other"}
    compared = json.loads(run_meap("compare", tmp_path / "results.json", "--format", "json")[0])
    assert [run["name"] for run in compared["runs"]] == ["run", "other"]
    run_meap("report", tmp_path / "results.json", "-o", tmp_path / "report.html")
    assert (tmp_path / "report.html").exists()


def test_list_names_tasks_with_their_data():
    out, _ = run_meap("eval", "--list")
    for text in ("arc_easy", "commonsense/piqa.validation", "mdqa20", "perplexity", "long_context", "choices_field"):
        assert text in out


@pytest.mark.parametrize("options, words, expected", [
    ({"tasks": "hellaswog"}, [], "did you mean hellaswag"),
    ({"tasks": "boolq"}, [], "boolq.validation.jsonl"),
    ({"max_length": 100000}, [], "--max-length"),
    ({}, ["--num-fewshot", 2], "--fewshot piqa="),
    ({}, ["--fewshot", "piqa"], "TASK=FILE"),
    ({}, ["--fewshot", "piga=x.jsonl"], "did you mean piqa?"),
    ({}, ["--fewshot", "quiz=x.jsonl"], "quiz, which is no multiple choice"),
])
def test_wrong_use_is_named(model, data, tmp_path, options, words, expected):
    _, errors = evaluate(model, data, tmp_path, *words, code=2, **options)
    assert expected in errors
    assert not (tmp_path / "results.json").exists()


def test_data_of_another_format_names_line_and_field(model, data, tmp_path):
    (tmp_path / "commonsense").mkdir()
    lines = (data / "commonsense" / "piqa.validation.jsonl").read_text().splitlines()
    lines[2] = lines[2].replace("sol2", "solution2")
    (tmp_path / "commonsense" / "piqa.validation.jsonl").write_text("\n".join(lines))
    _, errors = run_meap("eval", "--model", model, "--tasks", "piqa", "--data", tmp_path, code=2)
    assert 'piqa.validation.jsonl:3, field "sol2"' in errors


def test_what_does_not_fit_is_counted(model, data, tmp_path):
    evaluate(model, data, tmp_path, tasks="piqa,quiz", max_length=8)
    counts = json.loads((tmp_path / "results.json").read_text())["counts"]
    assert counts["piqa"]["truncated"] > 0
    assert counts["quiz"]["skipped"] > 0


def test_the_number_of_examples_is_the_one_in_use(model, data, tmp_path):
    lines = (data / "commonsense" / "piqa.validation.jsonl").read_text().splitlines()
    (tmp_path / "shots.jsonl").write_text("\n".join(lines[:3]) + "\n")
    shots = ["--fewshot", f"piqa={tmp_path / 'shots.jsonl'}"]

    def run(words, tasks="piqa"):
        evaluate(model, data, tmp_path, *words, tasks=tasks)
        results = json.loads((tmp_path / "results.json").read_text())
        return results["settings"], results["prompt_hashes"]["piqa"]

    bare, bare_hash = run([])
    none, none_hash = run([*shots, "--num-fewshot", 0])
    assert bare["num_fewshot"] == none["num_fewshot"] == 0 and none_hash == bare_hash
    assert run([*shots, "--num-fewshot", 2])[0]["num_fewshot"] == 2
    every, every_hash = run(shots)
    assert every["num_fewshot"] == 3 and every_hash != bare_hash
    mixed, _ = run(shots, tasks="piqa,quiz")
    assert mixed["num_fewshot"] is None and mixed["task_settings"]["piqa"]["num_fewshot"] == 3


def test_tasks_that_the_context_is_too_short_for_are_named(stories, shared, data, tmp_path):
    words = ["eval", "--model", stories, "--limit", 1, "--data", shared / "data" / "eval", "--output",
             tmp_path / "results.json"]
    skipped = "mdqa20: 0 of 5 scored, 5 skipped: the prompt is longer than the model's context"
    _, errors = run_meap(*words, "--tasks", "mdqa20")
    assert skipped in errors
    out, errors = run_meap(*words, "--tasks", "mdqa20,piqa")
    assert skipped in errors and "piqa:" not in errors
    assert "acc_norm" in out and "mdqa20" in out.split("note: ")[1]
    compared, _ = run_meap("compare", tmp_path / "results.json")
    assert "piqa" in compared


def test_a_long_chat_answer_gets_what_the_context_leaves(stories, shared, tmp_path):
    run_meap("eval", "--model", stories, "--tasks", "needle", "--limit", 8, "--data", shared / "data" / "eval",
             "--template", "alpaca", "--output", tmp_path / "results.json")
    results = json.loads((tmp_path / "results.json").read_text())
    counts = results["counts"]["needle"]
    assert counts["skipped"] == 0 and counts["scored"] == counts["items"] and counts["answer_capped"] > 0
    assert max(cell["length"] for cell in results["breakdowns"]["needle"][0]["cells"]) == 512


def test_empty_essays_are_an_error(stories, tmp_path):
    (tmp_path / "niah" / "essays").mkdir(parents=True)
    (tmp_path / "niah" / "essays" / "a.txt").write_text("")
    for task in ("needle", "needle_completion"):
        _, errors = run_meap("eval", "--model", stories, "--tasks", task, "--data", tmp_path, code=2, timeout=60)
        assert "niah/essays" in errors


@needs_slow()
def test_every_long_task_runs_on_smollm2(smollm2, shared, tmp_path):
    """The paper's long contexts and one-sentence summaries in bf16, from prompts to tables; two minutes on two cores."""
    tasks = {"needle": "hit", "mdqa20": "best_subspan_em", "kv75": "contains", "mrs": "mrs", "xsum": "clean"}
    out, _ = run_meap("eval", "--model", smollm2, "--tasks", ",".join(tasks), "--data", shared / "data" / "eval", "--limit", 2,
                      "--dtype", "bf16", "--output", tmp_path / "results.json", "--samples", tmp_path / "samples.jsonl")
    results = json.loads((tmp_path / "results.json").read_text())
    samples = read_jsonl(tmp_path / "samples.jsonl")
    for task, metric in tasks.items():
        answered = [sample for sample in samples if sample["task"] == task and "skipped" not in sample]
        assert results["n"][task] == len(answered) >= 2, task
        assert results["counts"][task]["skipped"] == 0, task
        assert results["results"][task][metric] == pytest.approx(
            sum(sample["metrics"][metric] for sample in answered) / len(answered))
        assert any(sample["response"] for sample in answered), task
        assert task in out
    assert results["settings"]["dtype"] == "bf16"
