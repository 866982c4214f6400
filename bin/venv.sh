# Read by bin/run and bin/test: the project's own Python environment, in .venv.

say() {
    printf '%s\n' "$*" >&2
}

stop_with() {
    printf '\n' >&2
    printf '%s\n' "$@" >&2
    exit 1
}

# Prints the Python to build .venv with: 3.11 or newer, able to make one.
find_python() {
    unable=
    for python in python3 python3.14 python3.13 python3.12 python3.11; do
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
        if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
            command -v "$python"
            return
        fi
        unable=$python
    done
    [ -z "$unable" ] || stop_with \
        "$unable is here, but a part of Python that makes an environment (venv) is not." \
        "On Debian or Ubuntu, install it and start again:" "    sudo apt install python3-venv"
    stop_with "Python 3.11 or newer was not found. Install it and start again:" \
        "    Debian, Ubuntu:  sudo apt install python3 python3-venv" \
        "    Fedora:          sudo dnf install python3" \
        "    macOS:           brew install python" \
        "    elsewhere:       see python.org"
}

# Makes or brings up to date .venv with what the named requirements files pin.
# Does nothing, and is quick about it, while neither the files nor Python changed.
# Use: prepare_venv "what for" FILE...
prepare_venv() {
    purpose=$1
    shift
    # Names and contents: bin/run needs fewer packages than bin/test, and finds its own in either.
    wanted=$(cat "$@" | cksum)
    stamp=.venv/installed-$(basename "$1" .txt)
    [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || .venv/bin/python -c '' 2>/dev/null || rm -f "$stamp"
    [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || return 0

    # An environment that is half made, or whose Python has gone, is made anew.
    if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
        python=$(find_python)
        say "Making an environment for Python in .venv …"
        "$python" -m venv --clear .venv
    fi
    say "Installing $purpose (once; about half a minute) …"
    .venv/bin/python -m pip install --disable-pip-version-check --no-input -r "$1" >&2 ||
        stop_with "The packages in $1 could not be installed; what pip said is above." \
            "Start again when the cause is mended: what is done already is kept."
    printf '%s\n' "$wanted" >"$stamp"
}
