#!/bin/sh
# Installs what the tests and the demo use from the system, as far as it is missing and permitted (root and apt-get).
#
#   deploy/system-packages.sh mosquitto            the demo's broker; without it the demo has a fall-back and says so
#   deploy/system-packages.sh mosquitto chromium   what the tests drive
#
# Ends with 0 whenever the caller can go on: a missing package is said in one line. In CI a missing one is an error.
set -eu
missing=
for package in "$@"; do
    case $package in
        mosquitto) PATH=$PATH:/usr/sbin command -v mosquitto >/dev/null || missing="$missing mosquitto" ;;
        chromium) command -v chromium >/dev/null || command -v chromium-browser >/dev/null || missing="$missing chromium" ;;
        *) printf '%s\n' "system-packages: unknown package $package" >&2; exit 2 ;;
    esac
done
[ -n "$missing" ] || exit 0

say() { printf '%s\n' "system-packages: $*" >&2; }
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing$missing"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086  # a list of names on purpose
    if apt-get update -qq && apt-get install -qq -y --no-install-recommends $missing >/dev/null; then exit 0; fi
    say "apt-get could not install$missing"
else
    say "not installed:$missing; as root: apt-get install$missing"
fi
[ "${CI:-}" != true ]
