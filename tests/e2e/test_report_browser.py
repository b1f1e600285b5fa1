"""`meap report` in headless Chromium: what is drawn, read, typed and printed."""
import csv
import io
import sys

import pytest

from conftest import ROOT, wait_for
from report_inputs import figures_of, make_page, write_run
from report_watch import Training, Watch

sys.path.insert(0, str(ROOT / "tools"))
import browser  # noqa: E402

pytestmark = pytest.mark.skipif(browser.missing() is not None, reason=str(browser.missing()))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return make_page(tmp_path_factory.mktemp("runs") / "demo")


CONTRAST = """
const channel = (c) => { c /= 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const rgb = (text) => { const m = text.match(/[\\d.]+/g).map(Number); return m.length > 3 && m[3] === 0 ? null : m; };
// The number in a heat map's cell stands on a picture: what is drawn there.
async function cellColors() {
  const colors = new Map();
  for (const image of document.querySelectorAll(".hm image")) {
    const picture = new Image();
    picture.src = image.href.baseVal;
    await picture.decode();
    const canvas = Object.assign(document.createElement("canvas"), {width: picture.width, height: picture.height});
    const context = canvas.getContext("2d", {willReadFrequently: true});
    context.drawImage(picture, 0, 0);
    const place = image.getBoundingClientRect();
    for (const label of image.closest(".hm").querySelectorAll(".heatmap-label text")) {
      const box = label.getBoundingClientRect();
      const x = (box.x + box.width / 2 - place.x) * picture.width / place.width;
      const y = (box.y + box.height / 2 - place.y) * picture.height / place.height;
      colors.set(label, [...context.getImageData(x, y, 1, 1).data.slice(0, 3)]);
    }
  }
  return colors;
}
return cellColors().then((cells) => {
  const backgroundOf = (element) => {
    if (cells.has(element)) return cells.get(element);
    for (let e = element; e; e = e.parentElement) {
      const color = rgb(getComputedStyle(e).backgroundColor);
      if (color) return color;
    }
    return [255, 255, 255];
  };
  const low = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || element.closest("script, style, noscript, .modebar") || !element.getClientRects().length) continue;
    const svg = element instanceof SVGElement;
    const style = getComputedStyle(element);
    const ink = rgb(svg ? style.fill : style.color);
    if (!ink || style.visibility === "hidden" || Number(style.opacity) === 0) continue;
    const [a, b] = [luminance(ink), luminance(backgroundOf(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) low.push(`${contrast.toFixed(2)} ${element.tagName} ${element.textContent.slice(0, 40)}`);
  }
  return {low, cells: cells.size};
});
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
    wait_for(lambda: window.run("return document.documentElement.dataset.drawn") is not None)


@pytest.mark.parametrize("dark", [False, True])
def test_in_a_browser(page, dark):
    with browser.Browser(dark=dark) as window:
        window.open(page.as_uri())
        wait_until_drawn(window)
        for figure in window.run(DRAWN):
            assert figure["marks"] == figure["wanted"] and figure["fits"], figure
        contrast = window.run(CONTRAST)
        assert contrast["low"] == [] and contrast["cells"] >= 2 * 20 + 12 * 24  # needle, heads of two measures
        assert window.run("return getComputedStyle(document.body).backgroundColor") == (
            "rgb(20, 24, 29)" if dark else "rgb(255, 255, 255)")
        assert window.run(SHIFTS) < 0.01
        assert window.run("return document.documentElement.scrollWidth <= innerWidth")
        assert window.console() == []
        assert {url.split(":")[0] for url in window.requests()} <= {"file", "data", "blob"}


def test_csv_is_one_click_away(page):
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
        assert window.console() == []


RIGHT, LEFT, UP, DOWN, HOME, END, ESCAPE, SHIFT, ENTER, TAB = (
    "\ue014", "\ue012", "\ue013", "\ue015", "\ue011", "\ue010", "\ue00c", "\ue008", "\ue007", "\ue004")


def test_keys_read_the_values(page):
    figures = figures_of(page)
    with browser.Browser() as window:
        window.open(page.as_uri())
        wait_until_drawn(window)

        def reading(figure):
            return window.run(f"return document.querySelector('#{figure} .reading').textContent")

        def hovered():
            return window.run("return document.querySelectorAll('#loss-curves .hoverlayer *').length")

        window.run("document.querySelector('#loss-curves .plot').focus()")
        steps = [row[0] for row in figures["loss-curves"]["rows"]]
        jump = round(len(steps) / 20)
        for keys, row in [((RIGHT, RIGHT), 1), ((LEFT,), 0), ((END,), -1), ((LEFT,), -2), ((HOME,), 0),
                          (((SHIFT, RIGHT),), jump), ((RIGHT,), jump + 1), (((SHIFT, LEFT),), 1),
                          (((SHIFT, LEFT),), 0), ((LEFT,), 0)]:
            window.press(*keys)
            assert reading("loss-curves").startswith(f"step {steps[row]}: meap, training "), (keys, row)
        assert hovered() > 0
        window.press(ESCAPE)
        assert reading("loss-curves") == "" and hovered() == 0
        window.press(RIGHT)  # from the start again
        assert reading("loss-curves").startswith(f"step {steps[0]}: ")
        window.run("document.querySelector('#heat-needle-0 .plot').focus()")
        window.press(DOWN, DOWN, RIGHT)
        assert reading("heat-needle-0") == f"depth, per cent 25, length, tokens 1000: {figures['heat-needle-0']['rows'][1][2]:.5g}"
        window.press(END, LEFT)
        assert reading("heat-needle-0") == f"depth, per cent 100, length, tokens 500: {figures['heat-needle-0']['rows'][4][1]:.5g}"
        window.press(HOME)
        assert reading("heat-needle-0").startswith("depth, per cent 0, length, tokens 500: ")
        assert window.console() == []


def axis_range(window, figure, axis="xaxis"):
    return window.run(f"return document.querySelector('#{figure} .plot').layout.{axis}.range")


def go_to(window, figure, button):
    """Tab from a figure to one of its buttons; the name of the one that has the focus then."""
    window.run(f"document.querySelector('#{figure} .plot').focus()")
    names = []
    while len(names) < 10 and button not in names:
        window.press(TAB)
        names.append(window.run("return document.activeElement.ariaLabel ?? document.activeElement.textContent"))
    assert names[-1] == button, names


def test_keys_zoom_save_and_unfold(page):
    with browser.Browser() as window:
        window.open(page.as_uri())
        wait_until_drawn(window)
        for figure in ("loss-curves", "heat-needle-0"):
            whole = [axis_range(window, figure, axis) for axis in ("xaxis", "yaxis")]
            go_to(window, figure, "Zoom in")
            assert window.run("return getComputedStyle(document.activeElement.parentElement).opacity") != "0"
            window.press(ENTER)
            for (low, high), axis in zip(whole, ("xaxis", "yaxis")):
                begin, end = axis_range(window, figure, axis)
                assert end - begin == pytest.approx((high - low) / 2)
            go_to(window, figure, "Reset axes")
            window.press(ENTER)
            assert [axis_range(window, figure, axis) for axis in ("xaxis", "yaxis")] == [
                pytest.approx(ends) for ends in whole]
        window.run("window.saved = []; HTMLAnchorElement.prototype.click = function () { saved.push(this.download); };")
        for button, file in (("Download plot as a PNG", "heat-needle-0.png"), ("CSV", "heat-needle-0.csv")):
            go_to(window, "heat-needle-0", button)
            window.press(ENTER)
            wait_for(lambda: window.run("return saved").count(file) == 1)
        window.run("document.querySelector('details summary').focus()")
        window.press(ENTER)
        assert window.run("return document.querySelector('details').open")
        window.press(TAB)
        assert window.run("return document.activeElement === document.querySelector('details pre')")
        window.press((SHIFT, TAB), ENTER)
        assert not window.run("return document.querySelector('details').open")
        assert window.console() == []


def test_zoom_and_unfolded_parts_outlive_a_reload(tmp_path):
    write_run(tmp_path / "run", "ntp", steps=50)
    with Watch(tmp_path, "--every", "2") as watch, Training(tmp_path / "run"), browser.Browser() as window:
        watch.until_the_page_has('data-reload="2"')
        window.open(watch.page.as_uri())
        wait_until_drawn(window)
        whole = axis_range(window, "loss-curves")
        go_to(window, "loss-curves", "Zoom in")  # in a figure, which holds the reload off
        window.press(ENTER)
        window.run("document.querySelector('details').open = true")
        zoomed = axis_range(window, "loss-curves")
        loaded = window.run("return performance.timeOrigin")
        window.run("document.activeElement.blur()")
        wait_for(lambda: window.run("return performance.timeOrigin") != loaded)
        wait_until_drawn(window)
        window.run("document.querySelector('#loss-curves .plot').focus()")
        wait_until_drawn(window)
        assert axis_range(window, "loss-curves") == pytest.approx(zoomed)
        assert window.run("return document.querySelector('details').open")
        assert axis_range(window, "learning-rate") != pytest.approx(zoomed)
        go_to(window, "loss-curves", "Reset axes")
        window.press(ENTER)
        assert axis_range(window, "loss-curves") == pytest.approx(whole)


# What stands further right than the paper's edge, and what is folded away.
CROPPED = """
return {
  wide: [...document.querySelectorAll("body *:not(script, style, noscript)")].filter((element) => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && box.right > innerWidth + 1 && !element.closest("svg, .skip");
  }).map((element) => `${element.tagName} ${element.className} ${element.textContent.slice(0, 40)}`),
  plots: [...document.querySelectorAll(".plot .main-svg")].map((plot) => plot.getBoundingClientRect().right)
    .filter((right) => right > innerWidth),
  folded: document.querySelectorAll("details:not([open])").length,
};
"""
PLOT_WIDTHS = "return [...document.querySelectorAll('.plot')].map((plot) => plot._fullLayout.width)"


def test_on_paper_nothing_is_cropped_or_folded_away(page):
    with browser.Browser() as window:
        window.open(page.as_uri())
        wait_until_drawn(window)
        on_screen = window.run(PLOT_WIDTHS)
        screen = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        window.command("Emulation.setEmulatedMedia", {"media": "print"})
        window.command("Emulation.setDeviceMetricsOverride", {**screen, "width": 680})  # A4 between margins of 15 mm
        window.run("dispatchEvent(new Event('beforeprint'))")
        assert window.run(CROPPED) == {"wide": [], "plots": [], "folded": 0}
        assert "seed" in window.run("return document.querySelector('details pre').innerText")
        window.command("Emulation.setEmulatedMedia", {"media": ""})
        window.command("Emulation.setDeviceMetricsOverride", screen)
        window.run("dispatchEvent(new Event('afterprint'))")
        wait_for(lambda: window.run(PLOT_WIDTHS) == on_screen)
        assert window.run("return document.querySelectorAll('details[open]').length") == 0
        # What is really printed is drawn for paper as well.
        window.run("window.printed = []; addEventListener('beforeprint', () => printed.push("
                   "document.querySelector('#loss-curves .main-svg').getBoundingClientRect().width, document.querySelector('details').open));")
        window.command("Page.printToPDF", {"paperWidth": 8.27, "paperHeight": 11.69})
        assert window.run("return printed") == [680, True]
        wait_for(lambda: window.run(PLOT_WIDTHS) == on_screen)
        assert window.console() == []


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
