#!/bin/bash
# Frames that no honest client sends: the service goes on, every one is counted, memory stays flat.
. "$(dirname "$0")/../lib.sh"
LAB_EXTRA_CONFIG='timeouts = { tcp_syn_sent = 2; tcp_syn_recv = 2; tcp_time_wait = 2; tcp_fin_wait = 2; };' \
    raise lvs-nat

memory_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$(value status 'd["pid"]')/status"; }
frames() { client /usr/bin/python3 "$helpers/hostile_frames.py" c0 "$mac" "$vip" "$@"; }

client ping -c 1 -W 20 "$vip" >/dev/null
mac=$(ip -n dir-client neighbour show "$vip" | sed -n 's/.*lladdr \([^ ]*\).*/\1/p')
check "the director's MAC address is known" test -n "$mac"
scripts/lab file 16M >/dev/null
hold_download 1
await 60 "a download is under way" download_has_begun 1
before=$(memory_kib)

received=$(value drops 'd["received"]')
frames truncated 0
frames mutated 20000
frames arp 20000
await 60 "the director received them" is_value drops "d[\"received\"] > $received + 20000"
check "truncated frames have their reason" is_value drops \
    'next(r["packets"] for r in d["reasons"] if r["name"] == "truncated") > 0'
check "bad checksums have theirs" is_value drops \
    'next(r["packets"] for r in d["reasons"] if r["name"] == "bad_ip_checksum") > 0'
check "the service works after them" client curl -sS -m 600 -o /dev/null "http://$vip/"

frames syn 200000
check "new connections while and after a SYN flood" client curl -sS -m 600 -o /dev/null "http://$vip/"
release_downloads
await 60 "half-open connections go" is_value status 'd["connections"] < 100'
after=$(memory_kib)
check "memory stays flat: $before KiB before, $after KiB after" test $((after - before)) -lt 16384
check_balance
