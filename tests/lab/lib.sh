# For the laboratory cases in tests/lab/cases: raising, waiting for events, assertions, and taking
# down whatever happens. A case is a script that prints "ok - WHAT" and "not ok - WHAT" lines; it
# runs alone too: tests/lab/cases/http.sh
#
#   . "$(dirname "$0")/../lib.sh"
#   raise lvs-nat                                    # LAB_WORKERS, LAB_DRIVER ... as for scripts/lab
#   check "WHAT" COMMAND...                          # ok if it succeeds
#   expect "WHAT" WANTED GOT
#   await SECONDS "WHAT" COMMAND...                  # ok as soon as it succeeds; deadlines are
#                                                    # generous: a busy machine must keep them
#   client COMMAND...  director COMMAND...  web1 COMMAND...
#   hold_download N; ...; release_downloads N        # one that is under way for as long as wanted
#   value REQUEST 'PYTHON EXPRESSION OVER d'         # of directorctl --json
#
# The laboratory is taken down at exit, also after Ctrl-C. After a failure the daemon's log, its
# counters and its drops come first.
# shellcheck shell=bash
set -uo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"
cd "$repository" || exit 1
become_root "$@"

vip=170.210.122.104
lab_state=  # /run/director-lab/NAME of the one that is up
failures=0
failures_before=0  # when the laboratory was raised
helpers=$repository/tests/lab
scratch=$(mktemp -d "${TMPDIR:-/tmp}/director-case-XXXXXX")
: "${DIRECTORD:=$repository/build/directord}" "${DIRECTORCTL:=$repository/build/directorctl}"
export DIRECTORD DIRECTORCTL

client() { ip netns exec dir-client "$@"; }
director() { ip netns exec dir-director "$@"; }
web1() { ip netns exec dir-web1 "$@"; }
web2() { ip netns exec dir-web2 "$@"; }
ctl() { "$DIRECTORCTL" --socket "$lab_state/director/directord.sock" "$@"; }

ok() { printf 'ok - %s%s\n' "${prefix:+$prefix: }" "$1"; }
not_ok() {
    printf 'not ok - %s%s\n' "${prefix:+$prefix: }" "$1"
    [ $# -lt 2 ] || printf '%s\n' "$2" | sed 's/^/#   /'
    failures=$((failures + 1))
}

check() {
    local what=$1 output
    shift
    if output=$("$@" 2>&1); then ok "$what"; else not_ok "$what" "$* failed: $output"; fi
}

refute() {
    local what=$1 output
    shift
    if output=$("$@" 2>&1); then not_ok "$what" "$* succeeded: $output"; else ok "$what"; fi
}

expect() { # WHAT WANTED GOT
    if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "wanted '$2', got '$3'"; fi
}

until_true() { # SECONDS COMMAND...
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.05
    done
}

await() {
    local seconds=$1 what=$2
    shift 2
    if until_true "$seconds" "$@"; then
        ok "$what"
    else
        not_ok "$what" "not within $seconds s: $*; at last: $("$@" 2>&1)"
    fi
}

value() { # REQUEST may be several words
    # shellcheck disable=SC2086  # a request may have arguments: "ipvsadm -L -n"
    ctl --json $1 | /usr/bin/python3 -c "import json, sys
d = json.load(sys.stdin)
print($2)"
}

is_value() { # REQUEST EXPRESSION: true or false
    [ "$(value "$1" "$2")" = True ]
}

raise() {
    lab_state=/run/director-lab/$1
    local output
    if ! output=$(scripts/lab up "$1" 2>&1); then
        not_ok "raise $1" "$output"
        lab_state=
        exit 1
    fi
}

# What the directors say when something has failed since the laboratory was raised.
lower() {
    [ "$failures" -eq "$failures_before" ] || tell_of_directors | sed 's/^/# /'
    [ -z "$lab_state" ] || scripts/lab down >/dev/null
    lab_state=
    failures_before=$failures
}

# Every packet met exactly one end. Retried for as long as some may still be on their way.
check_balance() {
    await 60 "received + handed in + answered + resumed + cut = forwarded + punted + dropped + handed out + held" is_value drops \
        'd["received"] + d["handed_in"] + d["answered"] + d["resumed"] + d["cut"] == d["forwarded"] + d["punted"] + d["dropped"] + d["handed_out"] + d["held"]'
}

kernel_counter() { # NAME as in nstat: TcpOutRsts
    director nstat -asz "$1" | awk -v name="$1" '$1 == name { print $2 }'
}

# The director's kernel has seen nothing of the traffic: what it did see came through the taps.
check_kernel_saw_nothing() {
    local seen allowed=$((${1:-0} + 20))
    seen=$(kernel_counter IpInReceives)
    check "the director's kernel saw none of the traffic ($seen packets)" [ "$seen" -le "$allowed" ]
    expect "the director's kernel reset no connection" 0 "$(kernel_counter TcpOutRsts)"
    expect "the director's kernel forwarded nothing" 0 "$(kernel_counter IpForwDatagrams)"
}

sha256() { sha256sum | cut -d ' ' -f 1; }

# body_counts: of lines like "web1 192.168.0.107" on standard input, "WEB1 WEB2 OTHERS".
body_counts() {
    awk '$0 == "web1 192.168.0.107" { a++; next } $0 == "web2 192.168.0.108" { b++; next } { o++ }
         END { print a + 0, b + 0, o + 0 }'
}

# spread WHAT REQUESTS TOLERANCE CURL-ARGUMENTS...: every request is answered, and the two servers'
# shares differ by no more than TOLERANCE.
spread() {
    local what=$1 requests=$2 tolerance=$3 a b others
    shift 3
    read -r a b others < <(client curl -sS -m 600 "$@" "http://$vip/?[1-$requests]" 2>&1 | body_counts)
    expect "$what: $requests of $requests requests answered" "$requests 0" "$((a + b)) $others"
    check "$what: shares $a and $b differ by at most $tolerance" \
        [ $((a > b ? a - b : b - a)) -le "$tolerance" ]
}

# load CONNECTIONS SECONDS [WRK-ARGUMENTS...]: no error of any kind.
load() {
    local connections=$1 seconds=$2 output
    shift 2
    output=$(client wrk -t1 -c"$connections" -d"${seconds}s" --timeout 60s "$@" "http://$vip/" 2>&1)
    if grep -q '^Requests/sec' <<<"$output" && ! grep -q 'Socket errors\|Non-2xx' <<<"$output"; then
        ok "wrk, $connections connections${*:+, $*}: no error ($(sed -n 's/^Requests.sec: *//p' <<<"$output") requests/s)"
    else
        not_ok "wrk, $connections connections${*:+, $*}: no error" "$output"
    fi
}

# download SIZE: through the service, twice, so that each server serves it once.
download() {
    local file wanted
    file=$(scripts/lab file "$1")
    wanted=$(sha256 <"$file")
    for _ in 1 2; do
        expect "download of $1: not a byte wrong" "$wanted" \
            "$(client curl -sS -m 600 "http://$vip/download/$1" | sha256)"
    done
}

# hold_download NUMBER: in the background, a download through the service that stops after its first
# megabyte until release_downloads; its connection stays all that time, however busy the machine is.
declare -A downloads=()
hold_download() {
    {
        client curl -sSN -m 600 "http://$vip/slow/16M" | {
            head -c 1000000
            until [ -e "$scratch/released" ]; do sleep 0.1; done
            cat
        }
    } >"$scratch/download.$1" &
    downloads[$1]=$!
}

download_has_begun() { [ "$(stat -c %s "$scratch/download.$1")" -ge 1000000 ]; }

# release_downloads: each must now arrive complete.
release_downloads() {
    local number wanted
    wanted=$(sha256 <"$(scripts/lab file 16M)")
    : >"$scratch/released"
    for number in "${!downloads[@]}"; do
        wait "${downloads[$number]}"
        expect "download $number goes on: not a byte wrong" "0 $wanted" \
            "$? $(sha256 <"$scratch/download.$number")"
    done
}

tell_of_directors() {
    local log node request
    [ -n "$lab_state" ] || return 0
    for log in "$lab_state"/*/directord.log; do
        node=$(basename "$(dirname "$log")")
        for request in status drops workers vrrp; do
            echo "--- $node: $request"
            timeout 10 "$DIRECTORCTL" --socket "$lab_state/$node/directord.sock" "$request" 2>&1
        done
        echo "--- $node: the end of directord's log"
        tail -n 30 "$log"
        ip -n "dir-$node" -6 neighbour | sed 's/^/neighbour /'
    done
}

finish() {
    local code=$?
    trap - EXIT
    : >"$scratch/released"
    [ "$code" -eq 0 ] || failures_before=-1
    [ "$failures" -eq 0 ] || code=1
    lower
    rm -rf "$scratch"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM PIPE
