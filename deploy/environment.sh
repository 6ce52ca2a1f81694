#!/bin/sh
# Makes `.venv` with the locked requirements and the project itself, when it is missing or a lock has changed.
#
#   deploy/environment.sh demo      what the demo needs
#   deploy/environment.sh develop   the same and the tools for tests, checks and benchmarks
#
# PYTHON names the interpreter (default: the newest python3.x >= 3.11 found). Safe to run from several shells at once.
set -eu
cd "$(dirname "$0")/.."
level=${1:-develop}
venv=.venv

say() { printf '%s\n' "environment: $*" >&2; }
refuse() { say "$*"; exit 1; }

digest() { sha256sum <"requirements/$1.txt" | cut -d" " -f1; }
current() { # level: is the environment there and made from the files as they are now?
    [ -f "$venv/.lock-$1" ] && [ "$(cat "$venv/.lock-$1")" = "$(digest "$1")" ] && "$venv/bin/python" -c '' 2>/dev/null
}

mkdir -p var
exec 9>var/.environment.lock
if command -v flock >/dev/null; then flock 9; fi
if current "$level"; then exit 0; fi

suitable() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null; }
find_python() {
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14}; do
        if suitable "$name"; then command -v "$name"; return; fi
    done
    refuse "no Python between 3.11 and 3.14 was found; install one, or name it: make PYTHON=/path/to/python3 ..."
}
python=$(find_python)

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "installing python$version-venv"
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y "python$version-venv" >/dev/null
    else
        refuse "Python's venv module is missing; as root: apt-get install python$version-venv"
    fi
fi

# `develop` holds everything of `demo` at the same versions, so it may be laid over it; any other change starts afresh.
if [ "$level" = demo ] || ! current demo; then
    say "making $venv with $python"
    "$python" -m venv --clear "$venv"
fi
say "installing requirements/$level.txt (once; a minute or two)"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
    --require-hashes --requirement "requirements/$level.txt"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
    --no-build-isolation --no-deps --editable .
digest "$level" >"$venv/.lock-$level"
say "ready"
