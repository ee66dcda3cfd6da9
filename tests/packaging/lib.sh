# Assertions for the scripts beside it; sets `repository`, makes `scratch`.
# shellcheck shell=bash
set -uo pipefail
# shellcheck disable=SC2034  # for who sources this
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/director-packaging-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
failures=0

# check WHAT COMMAND...: it succeeds.
check() {
    local what=$1 output
    shift
    if output=$("$@" 2>&1); then
        printf 'ok - %s\n' "$what"
    else
        printf 'not ok - %s\n%s\n' "$what" "$output"
        failures=$((failures + 1))
    fi
}
refute() {
    local what=$1
    shift
    if "$@" >/dev/null 2>&1; then
        printf 'not ok - %s\n' "$what"
        failures=$((failures + 1))
    else
        printf 'ok - %s\n' "$what"
    fi
}
# expect WHAT WANTED GOT
expect() {
    if [ "$2" = "$3" ]; then
        printf 'ok - %s\n' "$1"
    else
        printf 'not ok - %s: expected "%s", found "%s"\n' "$1" "$2" "$3"
        failures=$((failures + 1))
    fi
}
finish() { exit $((failures > 0)); }
