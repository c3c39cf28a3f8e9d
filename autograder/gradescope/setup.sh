#!/usr/bin/env bash
# Gradescope runs this once, when it builds the image: a Python of the grader's own, and pinned packages without CUDA.
set -euo pipefail
umask 022  # what is made here, student code's own user must read
cd "${AUTOGRADER:-/autograder}/source"

# uv in a folder of its own; the system's python3 stays as it is.
python3 -m venv uv || { apt-get update && apt-get install -y --no-install-recommends python3-venv && python3 -m venv --clear uv; }
uv/bin/python -m pip install --quiet uv==0.13.8

export UV_PYTHON_INSTALL_DIR="$PWD/python"
uv/bin/uv venv --managed-python --python 3.12 .venv
uv/bin/uv pip install --python .venv/bin/python --torch-backend cpu --no-deps -r staff/requirements.txt
.venv/bin/python -c "from autograder.assignment import read; read().adapter.try_out(); print('ready:', read().title)"

# Student code runs as a user of its own: it may run Python, and read none of the tests.
chmod 755 . python .venv
chmod -R go-rwx autograder staff tests
