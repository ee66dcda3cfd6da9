#!/bin/bash
# Full NAT: real servers that are the client's neighbours and have no route back; IPv4, IPv6, and
# IPv6 clients of IPv4 servers. A pool that is used up is seen in `directorctl drops`.
. "$(dirname "$0")/../lib.sh"

LAB_WORKERS=2 raise lvs-fullnat

for vip in 170.210.122.104 '[2001:db8:122::104]' '[2001:db8:122::104]:81'; do
    prefix=$vip
    spread "a connection each" 1000 2 -H 'Connection: close'
    load 100 1
    download 16M
done
check "frames were handed over" is_value drops 'd["handed_in"] > 0'
prefix=

expect "what a real server takes for the client: an address of the pool" 170.210.122.105 \
    "$(client curl -sS -m 60 http://170.210.122.104/who)"
expect "the same of IPv6" 2001:db8:122::105 "$(client curl -sS -m 60 'http://[2001:db8:122::104]/who')"
expect "of an IPv6 client, an IPv4 server sees the pool's IPv4 address" 170.210.122.105 \
    "$(client curl -sS -m 60 'http://[2001:db8:122::104]:81/who')"
for web in web1 web2; do
    expect "$web has no route but to its own subnet" "170.210.122.0/25" \
        "$(ip -n dir-$web route show | awk '{ print $1 }' | xargs)"
done
expect "director, from the pool's address: the kernel answers ARP for it" yes \
    "$(ip -n dir-web1 neighbour show 170.210.122.105 | grep -q lladdr && echo yes)"

for web in web1 web2; do
    scripts/lab start $web udp-echo /usr/bin/python3 "$helpers/udp_echo.py" 53 $web
    until_true 60 ip netns exec dir-$web sh -c 'ss -Hlun sport = :53 | grep -q .' ||
        not_ok "UDP echo server of $web started"
done
expect "UDP: 500 client ports, two datagrams each, all answered by their server" \
    "1000 of 1000 answered, 0 wrong" \
    "$(client /usr/bin/python3 "$helpers/udp_clients.py" 170.210.122.104 53 500 2 170.210.122.101 |
        cut -d, -f 1-2)"

# Four ports for one server are four connections; each worker has its own part of them.
vip=170.210.122.104:82
scripts/lab file 16M >/dev/null
for number in 1 2 3 4 5 6 7 8; do hold_download $number; done
no_local_port() {
    value drops 'next(r["packets"] for r in d["reasons"] if r["name"] == "no_local_port")'
}
used_up() { [ "$(no_local_port)" -gt 0 ]; }
await 60 "more connections than the pool has ports: drops tell" used_up
check "and name the service" is_value drops \
    'any("170.210.122.104:82" in s["service"] for r in d["reasons"] if r["name"] == "no_local_port"
         for s in r["services"])'
running=0
for number in 1 2 3 4 5 6 7 8; do
    if until_true 1 download_has_begun $number; then running=$((running + 1)); fi
done
check "as many as it has go on ($running)" test "$running" -ge 1 -a "$running" -le 4
await 60 "status says how many ports are in use" is_value status \
    'next(p["ports_held"] >= 1 and p["exhausted"] > 0 for p in d["pools"] if p["name"] == "tiny")'
vip=170.210.122.104
check "other services are none the worse" client curl -sS -m 60 -o /dev/null "http://$vip/"
check_balance
: >"$scratch/released"
{ lower; wait; } 2>/dev/null  # some downloads never began
