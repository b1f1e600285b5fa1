"""Makes docs/report.png, the picture of a report: its first screen as a headless browser shows it.
usage: report_screenshot.py REPORT.html OUTPUT.png"""
import pathlib
import sys
import time

from browser import Browser, missing

LARGEST = 300_000  # bytes


def main():
    page, output = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    if missing():
        sys.exit(missing())
    with Browser(width=1180, height=1320) as browser:
        browser.open(page.as_uri())
        while browser.run("return document.documentElement.dataset.drawn") is None:
            time.sleep(0.1)
        browser.screenshot(output)
    size = output.stat().st_size
    if size > LARGEST:
        sys.exit(f"{output} has {size} bytes, more than {LARGEST}")
    print(f"{output}: {size} bytes")


if __name__ == "__main__":
    main()
