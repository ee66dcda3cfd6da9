#!/bin/bash
# Packets on both sides of the director, as they pass: a capture that tshark reads, with the right
# addresses on each side, comments, and drops with their reason; flow records, live the same as
# those of the capture; the health of services, with what is wrong in a sentence.
. "$(dirname "$0")/../lib.sh"
raise lvs-nat

both=$scratch/both.pcapng
command -v tshark >/dev/null || { echo "ok - no tshark here: not shown"; exit 0; }
# The columns of all packets that fit a display filter.
shown() { # FILE FILTER FIELD...
    local file=$1 filter=$2
    shift 2
    tshark -r "$file" -Y "$filter" -T fields "${@/#/-e}" 2>/dev/null
}
has_begun() { [ -s "$1" ]; }
# In the background, with the number of the program itself.
start() { exec "$DIRECTORCTL" --socket "$lab_state/director/directord.sock" "$@"; }

start capture -w "$both" --headers --filter "vip $vip:80" 2>"$scratch/capture.txt" &
capture=$!
start flows live --filter "vip $vip:80" >"$scratch/live.tsv" 2>"$scratch/live.txt" &
live=$!
await 30 "a capture begins" has_begun "$both"
await 30 "flow records begin" has_begun "$scratch/live.tsv"
ctl status >/dev/null # every worker has done what it was asked before
scripts/lab file 1M >/dev/null
for _ in 1 2 3 4 5 6; do
    client curl -sS -m 600 -o /dev/null "http://$vip/"
done
client curl -sS -m 600 -o /dev/null "http://$vip/1M" || client curl -sS -o /dev/null "http://$vip/"
ctl status >/dev/null
kill -INT "$live" "$capture"
wait "$live"
expect "flow records end well" 0 $?
wait "$capture"
expect "the capture ends well" 0 $?
check "it says what was missed" grep -q "0 packets did not fit" "$scratch/capture.txt"
check "the statistics say so" bash -c "tshark -r '$both' -c 1 >/dev/null"

expect "an interface for each port and side" "inside server side outside client side" \
    "$(shown "$both" frame frame.interface_name | sort -u | xargs)"
expect "clients' side shows clients and the service" "" \
    "$(shown "$both" "frame.interface_name contains \"client side\" && !(ip.addr == $vip)" frame.number)"
expect "servers' side shows the real servers, never the service" "" \
    "$(shown "$both" "frame.interface_name contains \"server side\" && (ip.addr == $vip || !(ip.addr == 192.168.0.107 || ip.addr == 192.168.0.108))" frame.number)"
for way in "tcp.dstport == 80" "tcp.srcport == 80"; do
    outside=$(shown "$both" "frame.interface_name contains \"client side\" && $way" tcp.seq_raw tcp.ack_raw tcp.len | sort)
    inside=$(shown "$both" "frame.interface_name contains \"server side\" && $way" tcp.seq_raw tcp.ack_raw tcp.len | sort)
    check "there are packets with $way" test -n "$outside"
    check "each packet is on both sides: $way" test "$outside" = "$inside"
done
expect "no packet's time goes back" "" "$(shown "$both" "frame.time_delta < 0" frame.number)"
expect "each packet's comment names its connection, direction, service and server" "" \
    "$(shown "$both" frame frame.comment |
        grep -vE '^connection 0/[0-9]+, (client to server|server to client), service tcp 170.210.122.104:80, server 192.168.0.10[78]:80' | head -3)"
expect "packets are marked as they came and as they left" "0x00000001 0x00000002" \
    "$(shown "$both" frame frame.packet_flags | sort -u | xargs)"

check "the capture is analysed" ctl flows -r "$both" --filter "host $vip" -w "$scratch/file"
offline=$(find "$scratch" -name 'file_flows*' | head -1)
# All columns but the last, a packet's number, which counts both sides in the file.
columns() { sed 's/\t[^\t]*$//' "$1" | sort; }
check "live, flows are those of the capture" \
    diff <(columns "$scratch/live.tsv") <(columns "$offline")
check "and there are some" test "$(wc -l <"$offline")" -gt 12

start capture -w "$scratch/drops.pcapng" --drops --seconds 60 --count 50 2>"$scratch/drops.txt" &
capture=$!
await 30 "a capture of drops begins" has_begun "$scratch/drops.pcapng"
ctl status >/dev/null
client ping -c 1 -W 20 "$vip" >/dev/null
mac=$(ip -n dir-client neighbour show "$vip" | sed -n 's/.*lladdr \([^ ]*\).*/\1/p')
client /usr/bin/python3 "$helpers/hostile_frames.py" c0 "$mac" "$vip" mutated 2000
wait "$capture"
expect "it ends with what was asked for" 50 "$(shown "$scratch/drops.pcapng" frame frame.number | wc -l)"
expect "each dropped packet's comment has its reason" "" \
    "$(shown "$scratch/drops.pcapng" frame frame.comment | grep -v 'dropped.*: [a-z0-9_]* (' | head -3)"
check "bad checksums among them" bash -c \
    "tshark -r '$scratch/drops.pcapng' -Y 'frame.comment contains \"bad_ip_checksum\"' | grep -q ."

scripts/lab file 16M >/dev/null
ctl --json health "$vip" --seconds 5 >"$scratch/health.json" &
health=$!
hold_download 1
await 60 "a download is under way" download_has_begun 1
client curl -sS -m 600 -o /dev/null "http://$vip/"
wait "$health"
expect "health is told" 0 $?
health_of() { /usr/bin/python3 -c "import json; d = json.load(open('$scratch/health.json')); print($1)"; }
expect "of each real server" "192.168.0.107:80 192.168.0.108:80" \
    "$(health_of '" ".join(sorted(s["server"] for s in d["servers"]))')"
expect "with round trips of both sides" True \
    "$(health_of 'any(s["clients"]["round_trips"] and s["itself"]["round_trips"] for s in d["servers"])')"
expect "a client that does not read is named" True \
    "$(health_of 'any("advertised a zero window" in v["text"] for v in d["verdicts"]) or sum(s["clients"]["zero_windows"] for s in d["servers"]) < 3')"
release_downloads
check_balance
