"""What the program says it was made from (cmake/Version.cmake)."""
import pathlib
import re
import shutil
import subprocess

import pytest

from conftest import MEAP, ROOT, run_meap

PROJECT = """
cmake_minimum_required(VERSION 3.22)
project(meap VERSION 7.8.9 LANGUAGES NONE)
set(MEAP_TORCH_VERSION 2.99.0+cpu)
add_custom_target(meap)
include(cmake/Version.cmake)
"""
AUTHOR = ["-c", "user.name=A", "-c", "user.email=a@b.c"]


pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="no git, and so no revisions")


def git(folder, *words):
    done = subprocess.run(["git", *AUTHOR, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def revision(project):
    """Configures; returns the revision in the source that is written, and when it was."""
    subprocess.run(["cmake", "-S", project, "-B", project / "build"], check=True, capture_output=True)
    source = project / "build/version.cpp"
    assert '"7.8.9"' in source.read_text() and '"2.99.0+cpu"' in source.read_text()
    return re.search(r'kRevision = "(.*)"', source.read_text()).group(1), source.stat().st_mtime_ns


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "outer/meap"
    (folder / "cmake").mkdir(parents=True)
    (folder / "CMakeLists.txt").write_text(PROJECT)
    (folder / ".gitignore").write_text("/build\n")
    for name in ("Version.cmake", "version.cpp.in"):
        shutil.copy(ROOT / "cmake" / name, folder / "cmake")
    return folder


def test_the_binary():
    said, _ = run_meap("--version")
    commit, torch = re.fullmatch(r"meap [0-9.]+ \(revision (\S+)\), torch (\S+)\n", said).groups()
    cache = (MEAP.parent / "CMakeCache.txt").read_text()
    linked = pathlib.Path(re.search(r"^MEAP_TORCH:\w+=(.*)$", cache, re.MULTILINE).group(1))
    assert f"__version__ = '{torch}'" in (linked / "version.py").read_text()
    if (ROOT / ".git").exists():
        git(ROOT, "cat-file", "-e", commit.removesuffix("-dirty") + "^{commit}")
    else:
        assert commit == "none"


def test_a_tarball_has_no_revision(project):
    """Not even that of a repository around it."""
    git(project.parent, "init", "-q")
    git(project.parent, "add", "-A")
    git(project.parent, "commit", "-q", "-m", "x")
    assert revision(project)[0] == ""


def test_a_commit_changes_the_one_source(project):
    git(project, "init", "-q")
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "first")
    first, written = revision(project)
    assert first == git(project, "rev-parse", "--short=12", "HEAD")
    assert revision(project) == (first, written), "nothing changed, nothing to compile"
    (project / "CMakeLists.txt").write_text(PROJECT + "# changed\n")
    assert revision(project)[0] == first + "-dirty"
    git(project, "commit", "-q", "-a", "-m", "second")
    assert revision(project)[0] == git(project, "rev-parse", "--short=12", "HEAD") != first
