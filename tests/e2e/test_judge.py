"""`meap judge` against a real HTTP server with the OpenAI chat API that is slow, busy, broken or dies half-way."""
import json
import os
import re
import signal
import subprocess
import time

import pytest

from conftest import MEAP, ROOT, read_jsonl, run_meap
from openai_server import Answer, OpenAiServer, prompt_of

SUMMARIES = 24


def honest(request, _=1):
    """Says YES of every third summary, with a list of statements before the verdict."""
    number = int(prompt_of(request).split("Summary to check: <<< Summary ")[1].split(" ")[0])
    return Answer(f"- one statement: supported\n\nVERDICT: {'YES' if number % 3 == 0 else 'NO'}\n")


def harsh(request, _=1):
    number = int(prompt_of(request).split("Summary to check: <<< Summary ")[1].split(" ")[0])
    return Answer(f"VERDICT: {'YES' if number % 2 == 0 else 'NO'}")


@pytest.fixture
def evaluation(tmp_path):
    """results.json and samples.jsonl of two models; the second one's summary 0 is empty."""
    runs, lines = [], []
    for model in ("ntp", "meap"):
        for i in range(SUMMARIES):
            empty = model == "meap" and i == 0
            lines.append({"model": model, "task": "xsum", "id": str(i), "item": str(i),
                          "metrics": {"unsupported": 0.5, "clean": 0.0}, "prompt_hash": f"{i:016x}",
                          "source": f"Document {i}: Köln lies on the Rhine.", "reference": "A city.",
                          "response": "" if empty else f"Summary {i} of {model}"})
        runs.append({"model": f"runs/{model}/hf", "name": model, "n": {"xsum": SUMMARIES},
                     "results": {"xsum": {"unsupported": 0.5, "clean": 0.0}}, "settings": {"dtype": "f32"},
                     "samples": "samples.jsonl"})
    (tmp_path / "samples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "results.json").write_text(json.dumps({"format": "meap-results-1", "runs": runs}))
    return tmp_path


def write_judges(folder, **judges):
    """A judges file; every judge is patient only as long as a test is."""
    text = "judges:\n"
    for name, options in judges.items():
        text += f"  {name}:\n"
        for key, value in {"model": name, "backoff": 0.01, "attempts": 5, "timeout": 5, **options}.items():
            text += f"    {key}: {value}\n"
    (folder / "judges.yaml").write_text(text)


def judge(folder, *words, code=0, output="judged.json", **options):
    return run_meap("judge", folder / "results.json", "--judges", folder / "judges.yaml", "--cache",
                    folder / "cache.jsonl", "--output", folder / output, *words, code=code, **options)


def judged(folder):
    return {run["name"]: run for run in json.loads((folder / "judged.json").read_text())["runs"]}


def test_two_judges_their_majority_and_agreement(evaluation):
    with OpenAiServer(honest) as first, OpenAiServer(harsh) as second:
        write_judges(evaluation, honest={"url": first.url, "concurrency": 3},
                     harsh={"url": second.url + "/", "api_key_env": "MEAP_TEST_KEY"})
        out, _ = judge(evaluation, env={**os.environ, "MEAP_TEST_KEY": "secret"})
        assert first.most_at_once <= 3
        assert set(first.keys) == {None} and set(second.keys) == {"Bearer secret"}
        assert len(first.requests) == len(second.requests) == 2 * SUMMARIES - 1
        assert first.requests[0]["temperature"] == 0 and first.requests[0]["model"] == "honest"
    runs = judged(evaluation)
    assert runs["ntp"]["results"]["xsum"]["clean_honest"] == pytest.approx(2 / 3)
    assert runs["ntp"]["results"]["xsum"]["clean_harsh"] == pytest.approx(1 / 2)
    # Both say YES to 4 of 24, both NO to 8; the others are split, so there is no majority.
    verdicts = runs["ntp"]["verdicts"]["xsum"]
    assert verdicts["counts"]["majority"] == {"clean": 8, "hallucination": 4, "undecided": 12}
    assert runs["ntp"]["results"]["xsum"]["clean_majority"] == pytest.approx(8 / 12)
    assert verdicts["agreement"] == [
        {"judges": ["harsh", "honest"], "n": 24, "share": 0.5, "kappa": pytest.approx(0, abs=1e-12)}]
    # An empty summary is shown to nobody and is counted apart.
    assert runs["meap"]["verdicts"]["xsum"]["empty"] == 1
    assert runs["meap"]["results"]["xsum"]["clean_honest"] == pytest.approx(16 / 23)
    assert runs["meap"]["results"]["xsum"]["unsupported"] == 0.5
    samples = {(line["model"], line["id"]): line for line in read_jsonl(evaluation / "judged.samples.jsonl")}
    assert samples["ntp", "1"]["metrics"] == {"unsupported": 0.5, "clean": 0.0, "clean_harsh": 1, "clean_honest": 1,
                                              "clean_majority": 1}
    assert samples["ntp", "2"]["verdicts"] == {"harsh": "hallucination", "honest": "clean", "majority": "undecided"}
    assert samples["meap", "0"]["verdicts"]["honest"] == "empty"
    assert samples["meap", "0"]["metrics"] == {"unsupported": 0.5, "clean": 0.0}
    assert "honest" in out and "0.6667" in out
    for path in evaluation.iterdir():
        assert "secret" not in path.read_text()


def test_compare_reads_the_judged_results(evaluation):
    with OpenAiServer(honest) as server:
        write_judges(evaluation, honest={"url": server.url})
        judge(evaluation)
    out, _ = run_meap("compare", evaluation / "judged.json", "--format", "json")
    metrics = {row["metric"]: row for row in json.loads(out)["metrics"]}
    assert metrics["clean_honest"]["differences"]["meap"]["pairs"] == SUMMARIES - 1
    assert metrics["clean_honest"]["differences"]["meap"]["difference"] == pytest.approx(0)


def test_again_asks_nothing_and_says_the_same(evaluation):
    with OpenAiServer(honest) as server:
        write_judges(evaluation, honest={"url": server.url})
        first, _ = judge(evaluation)
        before = (evaluation / "judged.json").read_bytes()
        second, _ = judge(evaluation)
        assert len(server.requests) == 2 * SUMMARIES - 1
        assert first == second and (evaluation / "judged.json").read_bytes() == before
        # In place, and over an earlier judging: the same metrics again, none twice.
        judge(evaluation, "--samples", evaluation / "samples.jsonl", output="results.json")
        judge(evaluation, "--samples", evaluation / "samples.jsonl", output="results.json")
        assert len(server.requests) == 2 * SUMMARIES - 1
    assert json.loads((evaluation / "results.json").read_text())["runs"] == [
        {**run, "samples": "samples.jsonl"} for run in judged(evaluation).values()]


def test_a_bad_server_costs_time_and_nothing_else(evaluation):
    """Every kind of failure on the way; the verdicts are those of the good server."""
    def bad(request, number):
        kind = int(prompt_of(request).split("Summary to check: <<< Summary ")[1].split(" ")[0]) % 8
        if number == 1:
            if kind == 1:
                return Answer(status=429, headers={"Retry-After": "0.05"}, body=b'{"error": {"message": "slow down"}}')
            if kind == 2:
                return Answer(status=500, body=b"<html>oops</html>")
            if kind == 3:
                return Answer(body=b'{"choices": [{"mess')
            if kind == 4:
                return Answer(hang_up=True)
            if kind == 5:
                return Answer("VERDICT: NO", wait=1.0)  # longer than the time-out
            if kind == 6:
                return Answer(body=b'{"error": {"message": "overloaded"}}')
        return honest(request)

    with OpenAiServer(bad) as server:
        write_judges(evaluation, honest={"url": server.url, "timeout": 0.4, "concurrency": 8})
        _, err = judge(evaluation)
    # Six of eight kinds of summaries fail once; a busy machine may add a time-out of its own.
    assert int(re.search(r"(\d+) tries repeated", err)[1]) >= 36
    runs = judged(evaluation)
    assert runs["ntp"]["verdicts"]["xsum"]["counts"]["honest"] == {"clean": 16, "hallucination": 8, "undecided": 0}
    assert len(read_jsonl(evaluation / "cache.jsonl")) == 2 * SUMMARIES - 1


def test_a_reply_without_a_verdict_is_repaired_once(evaluation):
    def vague(request, _):
        number = int(prompt_of(request).split("Summary to check: <<< Summary ")[1].split(" ")[0])
        if number % 4 != 0:
            return honest(request)
        if len(request["messages"]) == 1:
            return Answer("The verdict: it depends. VERDICT: YES or VERDICT: NO")
        assert [message["role"] for message in request["messages"]] == ["user", "assistant", "user"]
        return Answer("VERDICT: NO" if number % 8 == 0 else "I would rather not say.")

    with OpenAiServer(vague) as server:
        write_judges(evaluation, vague={"url": server.url})
        out, _ = judge(evaluation)
        assert not server.repeated()
        asked = len(server.requests)
        assert asked == 47 + 6 + 5  # a second round for 6 summaries of ntp and 5 of meap
        judge(evaluation)
        assert len(server.requests) == asked
    runs = judged(evaluation)
    assert runs["ntp"]["verdicts"]["xsum"]["counts"]["vague"]["undecided"] == 3
    assert runs["ntp"]["results"]["xsum"]["clean_vague"] == pytest.approx(15 / 21)
    samples = {(line["model"], line["id"]): line for line in read_jsonl(evaluation / "judged.samples.jsonl")}
    assert samples["ntp", "4"]["verdicts"] == {"vague": "undecided", "majority": "undecided"}
    assert "clean_vague" not in samples["ntp", "4"]["metrics"]
    # What came only of the second round is told apart.
    assert runs["ntp"]["verdicts"]["xsum"]["repaired"] == {"vague": {"clean": 3, "hallucination": 0}}
    assert runs["meap"]["verdicts"]["xsum"]["repaired"] == {"vague": {"clean": 2, "hallucination": 0}}
    assert samples["ntp", "8"]["repaired"] == ["vague"]
    assert "repaired" not in samples["ntp", "4"] and "repaired" not in samples["ntp", "1"]
    assert "repaired" in out


def test_killed_and_run_again_asks_nothing_twice(evaluation):
    with OpenAiServer(lambda request, _: Answer(body=honest(request).body, wait=0.05)) as server:
        write_judges(evaluation, honest={"url": server.url, "concurrency": 2})
        command = [str(MEAP), "judge", str(evaluation / "results.json"), "--judges", str(evaluation / "judges.yaml"),
                   "--cache", str(evaluation / "cache.jsonl"), "--output", str(evaluation / "judged.json")]
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
        while len(server.requests) < 12:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        cache = (evaluation / "cache.jsonl").read_bytes()
        kept = cache.count(b"\n")
        assert 0 < kept < 2 * SUMMARIES - 1 and not (evaluation / "judged.json").exists()
        (evaluation / "cache.jsonl").write_bytes(cache + b'{"key": "torn')
        judge(evaluation)
        # Only what was under way, at most two requests, came twice.
        assert len(server.requests) <= 2 * SUMMARIES - 1 + 2
        assert len(read_jsonl(evaluation / "cache.jsonl")) == 2 * SUMMARIES - 1
    assert judged(evaluation)["ntp"]["verdicts"]["xsum"]["counts"]["honest"]["clean"] == 16


def test_stopped_by_a_signal_it_waits_for_the_requests_under_way(evaluation):
    with OpenAiServer(lambda request, _: Answer(body=honest(request).body, wait=0.1)) as server:
        write_judges(evaluation, honest={"url": server.url, "concurrency": 2})
        command = [str(MEAP), "judge", str(evaluation / "results.json"), "--judges", str(evaluation / "judges.yaml"),
                   "--cache", str(evaluation / "cache.jsonl"), "--output", str(evaluation / "judged.json")]
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
        while len(server.requests) < 6:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 143
        assert len(read_jsonl(evaluation / "cache.jsonl")) == len(server.requests) < 2 * SUMMARIES - 1


def test_a_server_that_dies_half_way(evaluation):
    died = []

    def dying(request, _):
        if len(server.requests) > 15:
            died.append(1)
            return Answer(hang_up=True)
        return honest(request)

    with OpenAiServer(dying) as server:
        write_judges(evaluation, honest={"url": server.url, "concurrency": 1, "attempts": 2})
        port = int(server.url.split(":")[2].split("/")[0])
        _, err = judge(evaluation, code=1)
    assert died and "32 of 47 verdicts of the judge honest are missing" in err and "run the same command again" in err
    assert not (evaluation / "judged.json").exists()
    assert len(died) == 3 * 2  # three dialogues in a row, two tries each, and then no more
    with OpenAiServer(honest, port=port) as server:
        judge(evaluation)
        assert len(server.requests) == 32
    assert judged(evaluation)["ntp"]["verdicts"]["xsum"]["counts"]["honest"]["clean"] == 16


def test_failures_can_be_accepted(evaluation):
    def moderated(request, _):
        if "Summary 7 " in prompt_of(request):
            return Answer(status=400, body=b'{"error": {"message": "content filter"}}')
        return honest(request)

    with OpenAiServer(moderated) as server:
        write_judges(evaluation, honest={"url": server.url})
        _, err = judge(evaluation, code=1)
        assert "2 of 47 verdicts" in err and "HTTP 400: content filter" in err
        assert not server.repeated()
        _, err = judge(evaluation, "--accept-failures")
        assert "count as undecided" in err
    assert judged(evaluation)["ntp"]["verdicts"]["xsum"]["counts"]["honest"]["undecided"] == 1


def test_refusals_in_a_row_do_not_give_the_judge_up(evaluation):
    """The first prompts of all are refused, one after the other; every other one is asked and answered."""
    def moderated(request, _):
        number = int(prompt_of(request).split("Summary to check: <<< Summary ")[1].split(" ")[0])
        if number < 5:
            return Answer(status=400, body=b'{"error": {"message": "content filter"}}')
        return honest(request)

    with OpenAiServer(moderated) as server:
        write_judges(evaluation, honest={"url": server.url, "concurrency": 1})
        _, err = judge(evaluation, code=1)
        assert "9 of 47 verdicts" in err and "9 of them refused" in err
        assert len(server.requests) == 2 * SUMMARIES - 1
        judge(evaluation, "--accept-failures")
    runs = judged(evaluation)
    assert runs["ntp"]["verdicts"]["xsum"]["counts"]["honest"]["undecided"] == 5
    assert runs["meap"]["verdicts"]["xsum"]["counts"]["honest"]["undecided"] == 4


def test_what_was_never_answered_cannot_be_accepted(evaluation):
    def dying(request, _):
        return Answer(hang_up=True) if len(server.requests) > 15 else honest(request)

    with OpenAiServer(dying) as server:
        write_judges(evaluation, honest={"url": server.url, "concurrency": 1, "attempts": 2})
        _, err = judge(evaluation, "--accept-failures", code=1)
    assert "32 of 47 verdicts" in err and "run the same command again" in err
    assert not (evaluation / "judged.json").exists()


def test_judging_one_task_leaves_the_others_verdicts(evaluation):
    """Two tasks are judged, then one of them again by another judge."""
    results = json.loads((evaluation / "results.json").read_text())
    lines = read_jsonl(evaluation / "samples.jsonl")
    lines += [{**line, "task": "multi_news", "response": line["response"] and line["response"] + " more"} for line in lines]
    for run in results["runs"]:
        run["n"]["multi_news"] = SUMMARIES
        run["results"]["multi_news"] = dict(run["results"]["xsum"])
    (evaluation / "samples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (evaluation / "results.json").write_text(json.dumps(results))
    in_place = ["--samples", evaluation / "samples.jsonl"]
    with OpenAiServer(honest) as first, OpenAiServer(harsh) as second:
        write_judges(evaluation, honest={"url": first.url})
        judge(evaluation, *in_place, output="results.json")
        before = {run["name"]: run for run in json.loads((evaluation / "results.json").read_text())["runs"]}
        write_judges(evaluation, harsh={"url": second.url})
        judge(evaluation, "--tasks", "xsum", *in_place, output="results.json")
        write_judges(evaluation, honest={"url": second.url})
        _, err = judge(evaluation, "--tasks", "xsum", *in_place, output="results.json", code=2)
        assert "the judge honest was another one before" in err and first.url in err
    after = {run["name"]: run for run in json.loads((evaluation / "results.json").read_text())["runs"]}
    for name in ("ntp", "meap"):
        assert after[name]["results"]["multi_news"] == before[name]["results"]["multi_news"]
        assert after[name]["verdicts"]["multi_news"] == before[name]["verdicts"]["multi_news"]
        assert "clean_honest" not in after[name]["results"]["xsum"] and "clean_harsh" in after[name]["results"]["xsum"]
        assert set(after[name]["settings"]["judges"]) == {"honest", "harsh"}
    samples = read_jsonl(evaluation / "samples.jsonl")
    assert all("clean_honest" in line["metrics"] for line in samples if line["task"] == "multi_news" and line["response"])
    assert all(set(line["verdicts"]) == {"harsh", "majority"} for line in samples if line["task"] == "xsum")


@pytest.mark.parametrize("status, message", [(401, "bad key"), (404, "no such model")])
def test_a_service_that_will_never_answer_is_asked_once(evaluation, status, message):
    body = json.dumps({"error": {"message": message}}).encode()
    with OpenAiServer(lambda *_: Answer(status=status, body=body)) as server:
        write_judges(evaluation, honest={"url": server.url, "concurrency": 1})
        _, err = judge(evaluation, code=1)
        assert len(server.requests) == 1 and f"HTTP {status}: {message}" in err


def test_retry_after_holds_for_all_requests_and_the_rate_is_kept(evaluation):
    times = []

    def busy(request, number):
        times.append(time.monotonic())
        if len(times) == 1:
            return Answer(status=429, headers={"Retry-After": "0.5"}, body=b"{}")
        return honest(request)

    with OpenAiServer(busy) as server:
        write_judges(evaluation, honest={"url": server.url, "concurrency": 1})
        judge(evaluation, "--limit", 3)
    assert times[1] - times[0] >= 0.5
    with OpenAiServer(lambda request, _: (times.append(time.monotonic()), honest(request))[1]) as server:
        write_judges(evaluation, honest={"url": server.url, "concurrency": 4, "requests_per_minute": 600})
        times.clear()
        judge(evaluation, "--limit", 5)
    assert len(times) == 9 and times[-1] - times[0] > 0.75  # 8 pauses of a tenth of a second


def test_batch_files_instead_of_a_connection(evaluation):
    write_judges(evaluation, honest={"url": "http://127.0.0.1:9/v1"})
    batch = evaluation / "batch"
    out, _ = judge(evaluation, "--batch-write", batch)
    assert json.loads(out) == {"judge": "honest", "requests": 47, "file": str(batch / "honest.jsonl")}
    requests = read_jsonl(batch / "honest.jsonl")
    assert len({line["custom_id"] for line in requests}) == 47
    assert requests[0]["method"] == "POST" and requests[0]["url"] == "/v1/chat/completions"

    def reply(line, text):
        body = {"choices": [{"message": {"role": "assistant", "content": text}}]}
        return {"id": "batch_1", "custom_id": line["custom_id"], "error": None,
                "response": {"status_code": 200, "request_id": "r", "body": body}}

    def texts(line):
        return json.loads(honest(line["body"]).body)["choices"][0]["message"]["content"]

    replies = [reply(line, texts(line)) for line in requests]
    replies[3] = reply(requests[3], "no verdict in here")
    replies[5]["response"] = {"status_code": 500, "body": {"error": {"message": "oops"}}}
    replies.append(reply({"custom_id": "of-another-run"}, "VERDICT: NO"))
    (batch / "out.jsonl").write_text("".join(json.dumps(line) + "\n" for line in replies))
    _, err = judge(evaluation, "--batch-read", batch / "out.jsonl", code=1)
    assert "46 replies read; 1 belong to no open request" in err and "oops" in err
    assert "2 of 47 verdicts of the judge honest are missing" in err and "--batch-write" in err
    judge(evaluation, "--batch-write", batch)
    rest = read_jsonl(batch / "honest.jsonl")
    assert sorted(len(line["body"]["messages"]) for line in rest) == [1, 3]  # one anew, one repair
    (batch / "out2.jsonl").write_text("".join(
        json.dumps(reply(line, texts(line))) + "\n" for line in rest))
    judge(evaluation, "--batch-read", batch / "out2.jsonl")
    assert judged(evaluation)["ntp"]["verdicts"]["xsum"]["counts"]["honest"] == {
        "clean": 16, "hallucination": 8, "undecided": 0}
    out, _ = judge(evaluation, "--batch-write", batch)
    assert json.loads(out)["requests"] == 0 and not (batch / "honest.jsonl").exists()


def test_calibration_on_verdicts_of_people(tmp_path):
    labels = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    said = "NO NO NO YES YES YES YES YES NO ?".split()
    with open(tmp_path / "labelled.jsonl", "w") as lines:
        for i, label in enumerate(labels):
            lines.write(json.dumps({"document": "Anna met Bob in Rome.", "consistent": label, "index": i,
                                    "sentences": [{"sentence": f"Summary {i} x.", "yes": 3, "no": 0}]}) + "\n")

    def answer(request, _):
        number = int(prompt_of(request).split("<<< Summary ")[1].split(" ")[0])
        return Answer("VERDICT: " + said[number])

    with OpenAiServer(answer) as server:
        write_judges(tmp_path, some={"url": server.url})
        out, _ = run_meap("judge", "--judges", tmp_path / "judges.yaml", "--calibration", tmp_path / "labelled.jsonl",
                          "--cache", tmp_path / "cache.jsonl", "--output", tmp_path / "calibration.json")
    some = json.loads((tmp_path / "calibration.json").read_text())["calibration"]["judges"]["some"]
    assert some["n"] == 9 and some["undecided"] == 1
    assert some["recall_hallucination"] == pytest.approx(4 / 5) and some["recall_clean"] == pytest.approx(3 / 4)
    assert some["balanced_accuracy"] == pytest.approx(0.775)
    assert some["agreement"] == pytest.approx(7 / 9) and some["kappa"] == pytest.approx(0.55)
    assert "0.775" in out and "0.550" in out


def test_calibration_on_the_shared_labels(shared, tmp_path):
    """The stand-in's own calibration needs no judge's word: the judge here only says NO."""
    with OpenAiServer(lambda *_: Answer("VERDICT: NO")) as server:
        write_judges(tmp_path, naive={"url": server.url, "concurrency": 8})
        run_meap("judge", "--judges", tmp_path / "judges.yaml", "--calibration",
                 shared / "data/eval/hallucination_calibration", "--cache", tmp_path / "c", "--output", tmp_path / "o")
    judges = json.loads((tmp_path / "o").read_text())["calibration"]["judges"]
    assert judges["naive"]["balanced_accuracy"] == 0.5 and judges["naive"]["kappa"] == pytest.approx(0)
    assert judges["naive"]["n"] == 191


BAD_JUDGES = [
    ("", "no judge is configured"),
    ("judges: {}", "no judge is configured"),
    ("judges:\n  a: {url: http://127.0.0.1:1/v1}", "the judge a has no model"),
    ("judges:\n  a: {model: m}", "the judge a has no url"),
    ("judges:\n  a: {url: ftp://x, model: m}", "the judge a has no url"),
    ("judges:\n  gpt-4.1: {url: http://127.0.0.1:1, model: m}", "a judge cannot have this name"),
    ("judges:\n  majority: {url: http://127.0.0.1:1, model: m}", "a judge cannot have this name"),
    ("judges:\n  a: {url: http://127.0.0.1:1, model: m, concurency: 3}", "did you mean judges.a.concurrency?"),
    ("judges:\n  a: {url: http://127.0.0.1:1, model: m, attempts: 0}", "bad value for judges.a.attempts"),
    ("judges:\n  a: {url: http://127.0.0.1:1, model: m, api_key_env: MEAP_NO_SUCH_KEY}",
     "environment variable MEAP_NO_SUCH_KEY"),
]


@pytest.mark.parametrize("text, message", BAD_JUDGES)
def test_bad_judges_files(evaluation, text, message):
    (evaluation / "judges.yaml").write_text(text)
    _, err = judge(evaluation, code=2)
    assert message in err


def test_no_judge_is_a_message_not_a_score(evaluation):
    out, err = run_meap("judge", evaluation / "results.json", "--output", evaluation / "judged.json", code=2)
    assert "no judge is configured" in err and "judges:" in err and out == ""
    assert not (evaluation / "judged.json").exists()


def test_results_without_summaries(evaluation):
    write_judges(evaluation, honest={"url": "http://127.0.0.1:9/v1"})
    _, err = judge(evaluation, "--tasks", "wikisum", code=2)
    assert "no summaries of the task wikisum" in err
    (evaluation / "results.json").write_text(json.dumps({"results": {"arc_easy": {"acc": 0.5}}}))
    _, err = judge(evaluation, code=2)
    assert "there is no summary to judge" in err and "meap eval" in err
