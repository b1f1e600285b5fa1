"""The documentation says what the program says."""
import importlib.util

from conftest import MEAP, ROOT


def test_options_page_is_current():
    spec = importlib.util.spec_from_file_location("options_page", ROOT / "tools/options_page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs/options.md").read_text() == module.page(MEAP), "run `make docs`"
