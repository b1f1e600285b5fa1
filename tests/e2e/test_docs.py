"""The documentation says what the program says."""
import functools
import importlib.util
import pathlib
import re
import shlex

import pytest

from conftest import MEAP, ROOT, run_meap

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
GROUPS = ("tokenizer", "data", "attention")  # whose commands have two words
TASKS = {"pretrain": ["pretrain"], "finetune": ["finetune"], "inspect": ["pretrain", "finetune"]}


def test_options_page_is_current():
    spec = importlib.util.spec_from_file_location("options_page", ROOT / "tools/options_page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs/options.md").read_text() == module.page(MEAP), "run `make docs`"


def test_scripts_that_are_named_exist():
    results = [file for file in (ROOT / "bench/results").iterdir() if file.suffix in (".md", ".json")]
    for page in [*PAGES, ROOT / "CONTRIBUTING.md", *results]:
        for name in re.findall(r"\b(?:bench|tests|tools)/[\w/]+\.(?:py|sh|cpp)\b", page.read_text()):
            assert (ROOT / name).exists(), f"{page.name} names {name}"


@functools.cache
def flags_of(command):
    """The flags that the command's --help lists."""
    words, _ = run_meap(*command, "--help")
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", "\n".join(re.findall(r"^ {1,6}-.*", words, re.MULTILINE))))


@functools.cache
def keys_of(task):
    return set(re.findall(r"^\| `(.*?)`", run_meap("options", "--task", task)[0], re.MULTILINE))


def code(text):
    """The lines of a page's code, fenced and indented, with lines that go on joined."""
    fenced = re.findall(r"^```.*?\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    indented = re.findall(r"^ {4}\S.*", prose.replace("\\\n", " "), re.MULTILINE)
    return "\n".join(fenced).replace("\\\n", " ").splitlines() + indented


def commands(text):
    """Every call of `meap` in a page: its words, without redirections and what is piped."""
    for line in code(text):
        if not re.search(r"(^|\| |/)meap ", line.strip()):
            continue
        try:
            lexer = shlex.shlex(line, posix=True, punctuation_chars="|><;&")
            lexer.whitespace_split = True
            words = list(lexer)
        except ValueError:
            continue  # a quote that ends on a later line: no call of ours
        call = []
        for word in [*words, "|"]:
            if word[0] not in "|><;&":
                call.append(word)
                continue
            if call and pathlib.PurePath(call[0]).name == "meap":
                yield call[1:]
            call = []


def problems(call):
    """What of a call does not exist."""
    size = 2 if call[0] in GROUPS else 1
    command, words = tuple(call[:size]), call[size:]
    if len(call) == 1 and call[0].startswith("-"):
        command, words = (), call
    for word in words:
        flag, _, _ = word.partition("=")
        if re.fullmatch(r"--?[a-zA-Z][\w-]*", flag) and flag not in flags_of(command):
            yield f"no flag {flag}"
        key = re.match(r"([a-z_]+(\.[a-z_]+)*)=", word)
        if key and command[0] in TASKS and not any(key[1] in keys_of(task) for task in TASKS[command[0]]):
            yield f"no key {key[1]}"
        if word.startswith("recipes/") and not list(ROOT.glob(word)):
            yield f"no file {word}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_have_only_options_that_exist(page):
    found = [f"meap {' '.join(call)}: {problem}" for call in commands(page.read_text()) for problem in problems(call)]
    assert not found, "\n".join(found)


def test_a_wrong_command_in_a_page_is_found():
    page = ("Text with meap eval --none in it.\n```sh\necho a | build/meap eval --modell DIR \\\n  --samples s > --none\n"
            "meap pretrain recipes/none.yaml train.step=1 'data.weights=[1, 2]' --resume   # --none\n```\n"
            "\n    meap data synth --documnts 3\n    meap attention decay --ratio 0.1 -o x\n")
    assert [list(problems(call)) for call in commands(page)] == [
        ["no flag --modell"], ["no file recipes/none.yaml", "no key train.step"], ["no flag --documnts"], ["no flag -o"]]
    assert sum(len(list(commands(page.read_text()))) for page in PAGES) > 100, "the pages' calls are not found"


def test_links_lead_to_files():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
