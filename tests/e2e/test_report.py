"""`meap report`: what is in the page, and the page in headless Chromium."""
import csv
import io
import json
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from conftest import MEAP, ROOT, run_meap
from report_inputs import write_everything, write_run

sys.path.insert(0, str(ROOT / "tools"))
import browser  # noqa: E402

needs_browser = pytest.mark.skipif(browser.missing() is not None, reason=str(browser.missing()))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = write_everything(tmp_path_factory.mktemp("runs") / "demo")
    run_meap("report", folder, "-o", folder / "report.html", "--title", "NTP & MEAP <side by side>")
    return folder / "report.html"


def figures_of(path):
    text = path.read_text()
    found = re.search(r'<script type="application/json" id=figures>(.*?)</script>', text, re.DOTALL)
    return {figure["id"]: figure for figure in json.loads(found.group(1))}


def test_the_page_holds_the_numbers_of_its_inputs(page):
    text = page.read_text()
    assert "<title>NTP &amp; MEAP &lt;side by side&gt;</title>" in text
    figures = figures_of(page)
    assert {"loss-curves", "loss-by-mask", "tokens-a-second", "position-mdqa20-best-subspan-em",
            "change-mdqa20-best-subspan-em", "heat-needle-0", "heat-needle-1", "segments-2",
            "experiment-0-validation-loss"} <= set(figures)
    loss = figures["loss-curves"]
    assert loss["columns"] == ["step", "meap, training", "meap, validation", "ntp, training", "ntp, validation"]
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


def test_nothing_in_the_page_is_loaded_from_elsewhere(page):
    markup = re.sub(r"<script.*?</script>", "", page.read_text(), flags=re.DOTALL)
    assert not re.search(r'(src|href)="?(https?:)?//', markup)
    assert "default-src 'none'" in markup
    ids = re.findall(r' id="?([^\s">]+)', markup)
    assert len(ids) == len(set(ids)), "an id names one thing"


def test_the_same_inputs_make_the_same_page(page):
    again = page.parent / "again.html"
    run_meap("report", page.parent, "-o", again, "--title", "NTP & MEAP <side by side>")
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
    process = subprocess.Popen([str(MEAP), "report", str(tmp_path / "run"), "--watch", "--every", "0.2", "-o",
                                str(tmp_path / "r.html")], cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while not (tmp_path / "r.html").exists():
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.05)
        assert 'data-reload="0.2"' in (tmp_path / "r.html").read_text()
        with open(tmp_path / "run" / "metrics.jsonl", "a") as lines:
            lines.write(json.dumps({"step": 51, "loss": 1.0}) + "\n")
        (tmp_path / "run" / "hf").mkdir()
        assert process.wait(30) == 0
    finally:
        process.kill()
    assert 'data-reload="0"' in (tmp_path / "r.html").read_text()
    assert figures_of(tmp_path / "r.html")["loss-curves"]["rows"][-1][0] == 51


def test_watch_ends_with_a_last_page_on_a_signal(tmp_path):
    write_run(tmp_path / "run", "ntp", steps=50)
    shutil.rmtree(tmp_path / "run" / "hf")
    process = subprocess.Popen([str(MEAP), "report", str(tmp_path / "run"), "--watch", "-o", str(tmp_path / "r.html")],
                               cwd=ROOT, stderr=subprocess.DEVNULL)
    while not (tmp_path / "r.html").exists():
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert 'data-reload="0"' in (tmp_path / "r.html").read_text()


CONTRAST = """
const channel = (c) => { c /= 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const rgb = (text) => { const m = text.match(/[\\d.]+/g).map(Number); return m.length > 3 && m[3] === 0 ? null : m; };
const backgroundOf = (element) => {
  for (let e = element; e; e = e.parentElement) {
    const color = rgb(getComputedStyle(e).backgroundColor);
    if (color) return color;
  }
  return [255, 255, 255];
};
const low = [];
for (const element of document.querySelectorAll("body *")) {
  const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  if (!own || element.closest("script, style, noscript, .heatmap-label, .modebar") || !element.getClientRects().length) continue;
  const svg = element instanceof SVGElement;
  const style = getComputedStyle(element);
  const ink = rgb(svg ? style.fill : style.color);
  if (!ink || style.visibility === "hidden" || Number(style.opacity) === 0) continue;
  const [a, b] = [luminance(ink), luminance(backgroundOf(element))];
  const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (contrast < 4.5) low.push(`${contrast.toFixed(2)} ${element.tagName} ${element.textContent.slice(0, 40)}`);
}
return low;
"""

# Every plot: drawn in a size that is its place's, with a trace for each series.
DRAWN = """
return figures.map((figure) => {
  const plot = document.querySelector(`#${figure.id} .plot`);
  const marks = plot.querySelectorAll(".scatterlayer .trace, .barlayer .trace, .heatmaplayer .hm").length;
  return {id: figure.id, marks, wanted: Math.max(1, figure.series.length),
          fits: plot.scrollWidth <= plot.clientWidth && plot.querySelector(".main-svg") !== null};
});
"""

SHIFTS = """
return new Promise((done) => {
  new PerformanceObserver((list) => done(list.getEntries().reduce((sum, entry) => sum + entry.value, 0)))
    .observe({type: "layout-shift", buffered: true});
  setTimeout(() => done(0), 300);
});
"""


def wait_until_drawn(window):
    for _ in range(200):
        if window.run("return document.documentElement.dataset.drawn") is not None:
            return
        time.sleep(0.05)
    pytest.fail(f"the page did not finish drawing: {window.console()}")


@needs_browser
@pytest.mark.parametrize("dark", [False, True])
def test_in_a_browser(page, dark):
    with browser.Browser(dark=dark) as window:
        window.open(page.as_uri())
        wait_until_drawn(window)
        for figure in window.run(DRAWN):
            assert figure["marks"] == figure["wanted"] and figure["fits"], figure
        assert window.run(CONTRAST) == []
        assert window.run("return getComputedStyle(document.body).backgroundColor") == (
            "rgb(20, 24, 29)" if dark else "rgb(255, 255, 255)")
        assert window.run(SHIFTS) < 0.01
        assert window.run("return document.documentElement.scrollWidth <= innerWidth")
        assert window.console() == []
        assert {url.split(":")[0] for url in window.requests()} <= {"file", "data", "blob"}


@needs_browser
def test_csv_is_one_click_away_and_keys_read_the_values(page):
    with browser.Browser() as window:
        window.open(page.as_uri())
        wait_until_drawn(window)
        window.run("window.saved = []; URL.createObjectURL = (blob) => { saved.push(blob); return 'blob:x'; };"
                   "HTMLAnchorElement.prototype.click = () => {};")
        texts = window.run("for (const button of document.querySelectorAll('.figure-csv, .table-csv')) button.click();"
                           "return Promise.all(saved.map((blob) => blob.text()));")
        figures = figures_of(page)
        tables = [list(csv.reader(io.StringIO(text))) for text in texts]
        assert len(tables) == len(figures) + window.run("return document.querySelectorAll('table').length")
        loss = next(rows for rows in tables if rows[0] == figures["loss-curves"]["columns"])
        assert float(loss[1][1]) == figures["loss-curves"]["rows"][0][1] and loss[1][2] == ""
        window.run("document.querySelector('#loss-curves .plot').focus()")
        window.press("\ue014", "\ue014")  # right, right
        reading = window.run("return document.querySelector('#loss-curves .reading').textContent")
        assert reading.startswith(f"step {figures['loss-curves']['rows'][1][0]}: meap, training ")
        window.run("document.querySelector('#heat-needle-0 .plot').focus()")
        window.press("\ue015", "\ue015", "\ue014")  # down, down, right
        reading = window.run("return document.querySelector('#heat-needle-0 .reading').textContent")
        assert reading == f"depth, per cent 25, length, tokens 1000: {figures['heat-needle-0']['rows'][1][2]:.5g}"
        assert window.console() == []


@needs_browser
def test_in_print_it_is_black_on_white(page, tmp_path):
    with browser.Browser(dark=True) as window:
        window.open(page.as_uri())
        wait_until_drawn(window)
        window.command("Emulation.setEmulatedMedia", {"media": "print"})
        window.run("dispatchEvent(new Event('beforeprint'))")
        assert window.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        fill = window.run("return getComputedStyle(document.querySelector('#loss-curves .xtick text')).fill")
        assert fill == "rgb(27, 33, 40)"
        assert window.run("return getComputedStyle(document.querySelector('.tools')).display") == "none"
