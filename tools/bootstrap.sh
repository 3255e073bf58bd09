#!/bin/sh
# Makes .venvs/bootstrap: a Python of at least 3.11 with uv, the one package that pip installs. Everything else is uv's work.
# Usage: tools/bootstrap.sh DIRECTORY. PYTHON names the interpreter to use; without it the first fit one is taken.
set -eu

directory=$1
lock=requirements/bootstrap.txt

fit() { command -v "$1" >/dev/null 2>&1 && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

interpreter=
for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.14 python3.11}; do
    if fit "$candidate"; then
        interpreter=$candidate
        break
    fi
done

if [ -z "$interpreter" ]; then
    echo "error: no Python 3.11 or later found (looked for: ${PYTHON:-python3 and python3.11 to python3.14})." >&2
    echo "  On Debian 12+ or Ubuntu 24.04+: sudo apt install python3 python3-venv" >&2
    echo "  One that lies elsewhere: make setup PYTHON=/path/to/python3" >&2
    exit 1
fi

if ! "$interpreter" -c 'import ensurepip, venv' 2>/dev/null; then
    version=$("$interpreter" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
    echo "error: $interpreter ($version) cannot make virtual environments: its venv and ensurepip modules are missing." >&2
    echo "  On Debian or Ubuntu: sudo apt install $version-venv" >&2
    exit 1
fi

rm -rf "$directory"
"$interpreter" -m venv "$directory"
# `sam build` looks for its runtime by this name.
ln -sf python "$directory/bin/$("$directory/bin/python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')"
"$directory/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
    --only-binary :all: --requirement "$lock"
