#!/bin/sh
# Writes the lock files anew: every version with its hashes, for every supported Python, without a registry's address.
#   requirements/lock.sh [--upgrade]
set -eu
cd "$(dirname "$0")"
compile() {
    target=$1
    shift
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
        --output-file "$target" "$@"
}
compile run.txt run.in tracing.in build.in "$@"
compile demo.txt run.in tracing.in build.in demo.in --constraint run.txt "$@"
compile develop.txt run.in tracing.in build.in demo.in develop.in --constraint demo.txt "$@"
compile ../pipeline/amqtt.txt broker.in "$@"
