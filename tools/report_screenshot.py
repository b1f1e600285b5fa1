"""Makes docs/report.png, the picture of a report: some of its figures and tables as a headless browser shows them.
usage: report_screenshot.py REPORT.html OUTPUT.png"""
import pathlib
import sys
import time

from browser import Browser, missing

LARGEST = 300_000  # bytes
SHOWN = ["runs", "loss-curves", "scores", "heat-retrieval-0", "heat-retrieval-1", "decay-0"]
# Takes away what is not shown, and says how high the rest is.
KEEP = """
const shown = arguments[0].map((id) => document.getElementById(id)).filter((element) => element !== null);
const kept = (element) => shown.some((one) => one.contains(element) || element.contains(one));
for (const element of document.querySelectorAll("nav, main h2, .tools, main section > *, main section, .pair > *")) {
  if (!kept(element)) element.remove();
}
for (const section of document.querySelectorAll("section")) section.style.border = "none";
return document.body.scrollHeight;
"""


def main():
    page, output = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    if missing():
        sys.exit(missing())
    with Browser(width=1180, height=1320) as browser:
        browser.open(page.as_uri())
        while browser.run("return document.documentElement.dataset.drawn") is None:
            time.sleep(0.1)
        height = browser.run(KEEP, SHOWN)
        browser.command("Emulation.setDeviceMetricsOverride",
                        {"width": 1180, "height": height, "deviceScaleFactor": 1, "mobile": False})
        browser.screenshot(output)
    size = output.stat().st_size
    if size > LARGEST:
        sys.exit(f"{output} has {size} bytes, more than {LARGEST}")
    print(f"{output}: {size} bytes")


if __name__ == "__main__":
    main()
