#!/bin/bash
# Floods of SYNs and of datagrams from thousands of spoofed senders, while wrk runs and curl opens
# connections: no request fails, the slowest ones take no more than twice their time without a flood,
# and memory stays as it is.
#
# The machine's cores are shared by the generator, wrk, nginx and directord, so the flood is one that
# leaves them some: what is compared is one second with and the next without it, several times, and
# the medians of those.
. "$(dirname "$0")/../lib.sh"
: "${FLOOD_RATE:=20000}" # frames a second

LAB_WORKERS=2 LAB_DATAPLANE='connections_max = 32768;' raise lvs-synproxy

director_mac=$(value status 'd["ports"][0]["mac"]')
flood_log=$scratch/flood
flood_pid=

# start_flood SYN_PORT UDP_PORT: at once, until stop_flood.
start_flood() {
    ip netns exec dir-client /usr/bin/python3 "$helpers/flood.py" c0 "$director_mac" \
        170.210.122.104 "$1" "$2" "$FLOOD_RATE" 120 >"$flood_log" &
    flood_pid=$!
    until_true 60 grep -q ready "$flood_log" || { not_ok "the generator started"; exit 1; }
}
stop_flood() {
    kill -CONT "$flood_pid"
    kill "$flood_pid"
    wait "$flood_pid"
    echo "# flood: $(sed -n 's/ sent.*/&/p' "$flood_log")"
}

# slice FILE: what the slowest of a hundred take, in microseconds: requests of wrk on eight connections
# go to FILE, of curl with a connection each to FILE.new; errors go to the file "errors".
slice() {
    local output
    output=$(client wrk -t1 -c8 -d1s --latency --timeout 10s "http://$vip/" 2>&1)
    grep 'Socket errors\|Non-2xx' <<<"$output" >>"$scratch/errors"
    awk '$1 == "99%" { n = $2 + 0
        if ($2 ~ /us$/) print n; else if ($2 ~ /ms$/) print n * 1000; else print n * 1000000 }' \
        <<<"$output" >>"$1"
    client curl -sSf -m 10 -H 'Connection: close' -o /dev/null -w '%{time_total}\n' \
        "http://$vip/?[1-100]" 2>>"$scratch/errors" | sort -n |
        awk 'NR == 99 { print $1 * 1000000 }' >>"$1.new"
}
median() { sort -n "$1" | awk '{ v[NR] = $1 } END { printf "%d\n", v[int((NR + 1) / 2)] }'; }

resident() { awk '$1 == "VmRSS:" { print $2 }' "/proc/$(cat "$lab_state/director/directord.pid")/status"; }
dropped() { value drops "next(r['packets'] for r in d['reasons'] if r['name'] == '$1')"; }

# compare WHAT: slices with the flood and without, in turn.
compare() {
    local kind calm flooded
    : >"$scratch/errors"
    for _ in 1 2 3 4 5; do
        kill -STOP "$flood_pid"
        slice "$scratch/calm"
        kill -CONT "$flood_pid"
        slice "$scratch/flooded"
    done
    expect "$1: no request failed" "" "$(cat "$scratch/errors")"
    for kind in '' .new; do
        calm=$(median "$scratch/calm$kind") flooded=$(median "$scratch/flooded$kind")
        check "$1, ${kind:+new connections, }p99: $flooded us, without flood $calm us" \
            [ "$flooded" -le $((2 * calm)) ]
        echo "# each second: $(xargs <"$scratch/flooded$kind"); without: $(xargs <"$scratch/calm$kind")"
    done
}

vip=170.210.122.104:84
start_flood 84 53
await 20 "the flood turns the SYN proxy on" is_value status 'd["under_attack"] == ["TCP 170.210.122.104:84"]'
sleep 1
before=$(resident)
compare "SYN proxy under attack"
after=$(resident)
check "memory stays as it is: $after kB resident, $before kB before" [ $((after - before)) -le 1024 ]
check "cookies were sent" [ "$(dropped syn_cookie_sent)" -gt 0 ]
check "the limit kept datagrams from filling the table" [ "$(dropped service_connections)" -gt 0 ]
check "a service without flood is none the worse" client curl -sS -m 60 -o /dev/null http://170.210.122.104:83/
stop_flood
await 30 "half-open connections end, and with them the alarm" is_value status 'd["under_attack"] == []'
log_has() { grep -q "$1" "$lab_state/director/directord.log"; }
await 10 "the log tells of its begin" log_has 'warning attack SYN flood service="TCP 170.210.122.104:84"'
await 10 "and of its end" log_has 'info attack SYN flood is over service="TCP 170.210.122.104:84"'

# Without a SYN proxy: the table is full, and half-open connections make room for new ones.
vip=170.210.122.104:86
scripts/lab file 16M >/dev/null
hold_download 1
await 60 "a connection to a service without SYN proxy" download_has_begun 1
start_flood 86 0
evicted() { value workers 'sum(w["connections_evicted"] for w in d["workers"])'; }
many_evicted() { [ "$(evicted)" -gt 50000 ]; }
await 60 "a flood fills the table, half-open connections are evicted" many_evicted
check "the table has its bound" is_value status 'd["connections"] <= d["connections_max"]'
after=$(resident)
check "memory stays as it is: $after kB resident, $before kB before" [ $((after - before)) -le 1024 ]
stop_flood
release_downloads
check_balance
