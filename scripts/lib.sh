# What the scripts share: messages, colours on a terminal only, long steps with progress, root.
# Sourced by scripts/*; sets `repository`.
# shellcheck shell=bash

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
    bold='' dim='' red='' green='' plain=''
fi

say() { printf '%s\n' "$*"; }
warn() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() {
    warn "$*"
    exit 1
}

# become_root ARGUMENTS...: goes on as root: by itself, through sudo, or not at all.
become_root() {
    [ "$(id -u)" -eq 0 ] && return
    command -v sudo >/dev/null ||
        die "needs root (packages, network namespaces) and there is no sudo here: run it as root"
    exec sudo --preserve-env=LAB_DRIVER,LAB_WORKERS,LAB_IDLE,LAB_EXTRA_CONFIG,DIRECTORD,DIRECTORCTL \
        -- "$0" "$@"
}

# step TITLE COMMAND...: runs a command that takes long. A terminal shows the time and the
# command's last line; anything else one line at the start and one at the end. The output goes to
# a file, of which a failure shows the end.
step() {
    local title=$1 log started=$SECONDS pid rc=0
    shift
    log=$(mktemp "${TMPDIR:-/tmp}/director-XXXXXX.log")
    [ -t 1 ] || printf '%s ...\n' "$title"
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    if [ -t 1 ]; then
        while kill -0 "$pid" 2>/dev/null; do
            printf '\r\e[K%s %s%d s  %.60s%s' "$title" "$dim" $((SECONDS - started)) \
                "$(tail -n 1 "$log" | tr -dc '[:print:]')" "$plain"
            sleep 0.3
        done
    fi
    wait "$pid" || rc=$?
    [ -t 1 ] && printf '\r\e[K'
    if [ "$rc" -ne 0 ]; then
        printf '%s%s: failed after %d s%s; the end of %s:\n' "$red" "$title" $((SECONDS - started)) \
            "$plain" "$log" >&2
        # A compiler's last lines are seldom the ones that matter.
        grep -n -E '(^|[^[:alnum:]])(error|FAILED): ' "$log" | head -n 15 | sed 's/^/    /' >&2
        tail -n 25 "$log" | sed 's/^/    /' >&2
        return "$rc"
    fi
    rm -f "$log"
    printf '%s: done (%d s)\n' "$title" $((SECONDS - started))
}

# build_director FOLDER TARGETS...: configures build/ for release if it is not there, and builds.
# Without a target: everything.
build_director() {
    local folder=$1
    shift
    [ -f "$folder/build.ninja" ] ||
        step "configure ${folder##*/}/" meson setup --buildtype=release "$folder" "$repository" || return
    step "build ${folder##*/}/${*:+ ($*)}" ninja -C "$folder" "$@"
}
