"""`meap report`: what is in the page, and the page that follows a run."""
import json
import re
import signal
import time

import pytest

from conftest import run_meap
from report_inputs import TITLE, evaluation, figures_of, make_page, write_run
from report_watch import Training, Watch, set_steps


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return make_page(tmp_path_factory.mktemp("runs") / "demo")


def test_the_page_holds_the_numbers_of_its_inputs(page):
    text = page.read_text()
    assert "<title>NTP &amp; MEAP &lt;side by side&gt;</title>" in text
    figures = figures_of(page)
    assert {"loss-curves", "loss-by-mask", "tokens-a-second", "position-mdqa20-best-subspan-em",
            "change-mdqa20-best-subspan-em", "heat-needle-0", "heat-needle-1", "segments-2",
            "experiment-0-validation-loss"} <= set(figures)
    loss = figures["loss-curves"]
    assert loss["columns"] == ["step", "meap, training", "meap, validation", "meap, validation with masks",
                               "ntp, training", "ntp, validation"]
    masked = loss["series"][2]
    assert masked["name"] == "meap, validation with masks" and masked["column"] == 3 and masked["dash"] == "dot"
    validated = [row for row in loss["rows"] if row[3] is not None]
    assert [row[0] for row in validated] == list(range(100, 1201, 100))
    assert all(row[3] == pytest.approx(row[2] + 0.3) for row in validated)
    assert max(row[0] for row in loss["rows"]) == 1200 and len(loss["rows"]) <= 2 * 800 + 12
    heat = figures["heat-needle-0"]
    assert heat["columns"] == ["depth", "500", "1000", "2000", "4000"] and heat["range"] == [0, 1]
    assert heat["rows"][0][1] == 1.0
    change = figures["change-mdqa20-best-subspan-em"]
    assert change["rows"][2][1] == pytest.approx(100 * 0.12 / 0.35)
    assert figures["experiment-0-validation-loss"]["rows"][1] == ["mask_ratio 0.05", *(pytest.approx(v) for v in (1.55, 1.52, 1.58))]
    assert "+0.0500 [+0.0300, +0.0700]" in text
    assert "objective.name" in text and "train.seed" in text  # the difference, and the whole recipe
    assert "0.710" in text and "34.1" not in text.split("Judges beside people")[1][:200]


def test_attention_by_layer_and_head_has_both_measures_at_every_setting(page):
    figures = figures_of(page)
    for s in (0, 1):
        for measure, last_layer in (("decay", 0.5), ("variance", 1.0)):
            layers = figures[f"{measure}-0-layers-{s}"]
            assert layers["columns"] == ["layer", "ntp", "meap", "meap(X') against ntp(X)"]
            assert layers["rows"][5] == [5, *(pytest.approx(100 * (last_layer + gain)) for gain in (0, 0.1, 0.05))]
            assert [series["color"] for series in layers["series"]] == [1, 0, 0]  # meap's and ntp's, as of their runs
            assert [series["dash"] for series in layers["series"]] == ["solid", "solid", "dash"]
            factor = 1 if measure == "decay" else 2
            for part, gain in enumerate((0, 0.1, 0.05)):
                heads = figures[f"{measure}-0-heads-{part}-{s}"]
                assert heads["columns"] == ["layer", "0", "1", "2", "3"]
                assert heads["rows"][5][4] == pytest.approx(100 * (factor * 0.65 + gain))
    assert "Length 256, mask ratio 0.3." in page.read_text()
    assert "bootstrap over windows and heads" in page.read_text()


def header_of(text, table):
    markup = text.split(f'id="{table}"')[1]
    return re.findall("<th scope=col[^>]*>(.*?)</th>", markup.split("</thead>")[0])


def test_a_model_has_one_name_and_one_colour_over_several_files(tmp_path):
    for objective in ("ntp", "meap"):
        write_run(tmp_path / objective, objective, steps=20)

    def write(name, models, tasks, **more):
        runs = [evaluation(model, gain) for model, gain in models.items()]
        for run in runs:
            for key in ("results", "n", "breakdowns"):
                run[key] = {task: value for task, value in run[key].items() if task in tasks}
            run |= {"verdicts": {}, "model_hash": run["name"], **more}
        (tmp_path / name).write_text(json.dumps({"format": "meap-results-1", "runs": runs}))
        return tmp_path / name

    needle = write("needle.json", {"ntp": 0, "meap": 0.1}, ["needle"])
    mdqa = write("mdqa.json", {"ntp": 0, "meap": 0.1}, ["mdqa20"])
    page = tmp_path / "r.html"
    run_meap("report", tmp_path / "ntp", tmp_path / "meap", needle, mdqa, "-o", page)
    assert header_of(page.read_text(), "scores") == ["task", "metric", "n", "ntp", "meap", "difference", "p", "only"]
    assert re.findall("<th scope=row class=left>(needle|mdqa20)<", page.read_text()) == ["needle", "mdqa20"]
    bars = figures_of(page)["position-mdqa20-best-subspan-em"]
    lines = {series["name"]: series["color"] for series in figures_of(page)["tokens-a-second"]["series"]}
    assert {series["name"]: series["color"] for series in bars["series"]} == lines == {"ntp": 0, "meap": 1}
    # The same task again, by one of them: that is another column.
    again = write("again.json", {"meap": 0.2}, ["mdqa20"])
    run_meap("report", needle, mdqa, again, "-o", page)
    assert header_of(page.read_text(), "scores") == ["task", "metric", "n", "ntp", "meap", "difference", "p", "only",
                                                     "meap-2", "difference", "p", "only"]
    # Another model of that name is another one wherever it stands.
    other = write("other.json", {"meap": 0.2}, ["xsum"], model_hash="other")
    run_meap("report", needle, other, "-o", page)
    assert header_of(page.read_text(), "scores-2") == ["task", "metric", "n", "meap-2"]


def test_a_models_name_is_that_of_the_run_that_exported_it(tmp_path):
    for place in ("a", "b"):
        write_run(tmp_path / place / "ntp", "ntp", steps=20)
    result = evaluation("ntp", 0) | {"model": str(tmp_path / "b" / "ntp" / "hf")}
    (tmp_path / "results.json").write_text(json.dumps(result))
    segments = {"name": "ntp", "model": result["model"], "segments": [{"name": "all", "tokens": 3, "share": 1.0}]}
    (tmp_path / "segments.json").write_text(json.dumps(segments))
    run_meap("report", tmp_path / "a" / "ntp", tmp_path / "b" / "ntp", tmp_path / "results.json",
             tmp_path / "segments.json", "-o", tmp_path / "r.html")
    figures = figures_of(tmp_path / "r.html")
    for name in ("position-mdqa20-best-subspan-em", "segments-0"):
        assert [(series["name"], series["color"]) for series in figures[name]["series"]] == [("ntp-2", 1)]


def test_nothing_in_the_page_is_loaded_from_elsewhere(page):
    markup = re.sub(r"<script.*?</script>", "", page.read_text(), flags=re.DOTALL)
    assert not re.search(r'(src|href)="?(https?:)?//', markup)
    assert "default-src 'none'" in markup
    ids = re.findall(r' id="?([^\s">]+)', markup)
    assert len(ids) == len(set(ids)), "an id names one thing"


def test_the_same_inputs_make_the_same_page(page):
    again = page.parent / "again.html"
    run_meap("report", page.parent, "-o", again, "--title", TITLE)
    assert again.read_bytes() == page.read_bytes()


def test_bad_input(page, tmp_path):
    _, err = run_meap("report", tmp_path, code=2)
    assert "nothing to report on" in err and "metrics.jsonl" in err
    (tmp_path / "plotly.js").write_text("")
    _, err = run_meap("report", page.parent, "--plotly", tmp_path / "plotly.js", "-o", tmp_path / "r.html", code=2)
    assert "not plotly.js" in err and not (tmp_path / "r.html").exists()
    (tmp_path / "bad.json").write_text('{"format": "meap-attention-decay-1", "runs": []}')
    _, err = run_meap("report", tmp_path / "bad.json", "-o", tmp_path / "r.html", code=2)
    assert "meap attention" in err


def test_a_real_run(tiny, tmp_path):
    run_meap("pretrain", tiny / "recipe.yaml", f"output={tmp_path}/run")
    run_meap("report", tmp_path / "run", "-o", tmp_path / "report.html")
    loss = figures_of(tmp_path / "report.html")["loss-curves"]
    steps = [row for row in loss["rows"] if row[1] is not None]
    assert len(steps) == 12 and [row[0] for row in loss["rows"] if row[2] is not None] == [4, 8, 12]


def test_watch_follows_until_the_run_has_ended(tmp_path):
    write_run(tmp_path / "run", "ntp", steps=50)
    (tmp_path / "run" / "hf").rmdir()
    set_steps(tmp_path / "run", 51)
    with Watch(tmp_path, "--every", "0.2") as watch:
        with Training(tmp_path / "run") as training:
            watch.until_the_page_has('data-reload="0.2"')
            assert "<td class=left>training</td>" in watch.text()
            time.sleep(1)
            assert watch.process.poll() is None
            training.step(51)
            (tmp_path / "run" / "hf").mkdir()
        watch.ends()
    assert figures_of(watch.page)["loss-curves"]["rows"][-1][0] == 51
    assert "<td class=left>finished</td>" in watch.text()


def test_watch_follows_a_run_that_goes_on_with_more_steps(tmp_path):
    write_run(tmp_path / "run", "ntp", steps=50)  # hf/ is that of the 50 steps
    set_steps(tmp_path / "run", 60)
    with Watch(tmp_path, "--every", "0.2") as watch:
        with Training(tmp_path / "run") as training:
            watch.until_the_page_has("training</td>")
            time.sleep(1)
            assert watch.process.poll() is None
            training.step(60)
        watch.ends()
    assert figures_of(watch.page)["loss-curves"]["rows"][-1][0] == 60


def test_watch_ends_when_a_run_has_failed(tmp_path):
    write_run(tmp_path / "run", "ntp", steps=50)
    (tmp_path / "run" / "hf").rmdir()
    with Watch(tmp_path, "--every", "0.2") as watch:
        watch.ends()
    assert "<td class=left>stopped</td>" in watch.text()


@pytest.mark.parametrize("there", [False, True])
def test_watch_waits_for_a_run_that_has_not_begun(tmp_path, there):
    if there:
        (tmp_path / "run").mkdir()
    with Watch(tmp_path, "--every", "0.2") as watch:
        watch.until_the_page_has("Nothing to show yet")
        time.sleep(1)
        assert watch.process.poll() is None
        write_run(tmp_path / "begun", "ntp", steps=50)
        if there:
            (tmp_path / "run").rmdir()
        (tmp_path / "begun").rename(tmp_path / "run")
        watch.ends()
    assert figures_of(watch.page)["loss-curves"]["rows"][-1][0] == 50
    assert "Nothing to show yet" not in watch.text()


def test_watch_sees_a_real_run_begin_and_end(tiny, tmp_path):
    with Watch(tmp_path, "--every", "0.2") as watch:
        run_meap("pretrain", tiny / "recipe.yaml", f"output={tmp_path}/run")
        watch.ends()
    assert "<td class=left>finished</td>" in watch.text()


def test_watch_ends_with_a_last_page_on_a_signal(tmp_path):
    write_run(tmp_path / "run", "ntp", steps=50)
    with Watch(tmp_path) as watch, Training(tmp_path / "run"):
        watch.until_the_page_has('data-reload="10"')
        watch.process.send_signal(signal.SIGINT)
        watch.ends()
