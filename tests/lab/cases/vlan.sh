#!/bin/bash
# VLANs and QinQ on one port, with AF_XDP and with packet sockets: TCP between all of them by NAT, ARP
# and neighbour discovery within tags, the kernel's own traffic by an interface for each, VRRP with
# keepalived, and frames of a VLAN that nobody has configured.
. "$(dirname "$0")/../lib.sh"

# tags NODE: which tags the frames have that came to it, such as "8100:10,88a8:100 8100:11".
tags() {
    kill -USR1 "$(cat "$lab_state/$1/vlans.pid")"
    until_true 20 grep -q '^{' "$lab_state/$1/vlans.log"
    /usr/bin/python3 -c '
import ast, sys
print(*ast.literal_eval(sys.argv[1]), sep=",")' "$(grep '^{' "$lab_state/$1/vlans.log" | tail -n 1)"
}
are_ready() {
    local node
    for node in client web1 web2; do grep -q ready "$lab_state/$node/vlans.log" || return; done
}

for driver in af_xdp af_packet; do
    prefix=$driver
    LAB_DRIVER=$driver raise lvs-vlan
    await 60 "the other machines' VLANs are there" are_ready
    await 60 "the first answer" client curl -sf -m 2 -o "$scratch/page" http://170.210.122.104/
    for vip in 170.210.122.104 170.210.122.104:81 10.11.0.104 10.11.0.104:81 '[2001:db8:122::104]'; do
        case $vip in
        170*:81) prefix="$driver, VLAN to QinQ" ;;
        10*:81) prefix="$driver, QinQ to VLAN" ;;
        10*) prefix="$driver, QinQ to QinQ" ;;
        *) prefix="$driver, VLAN to VLAN, $vip" ;;
        esac
        spread "a connection each" 100 1 -H 'Connection: close'
        download 4M
    done
    prefix=$driver
    expect "the server of a VLAN sees the client's address" 170.210.122.101 \
        "$(client curl -sS -m 20 http://170.210.122.104/who)"
    expect "the server of QinQ sees the client's address" 10.11.0.101 \
        "$(client curl -sS -m 20 http://10.11.0.104/who)"

    # The kernel's part: an interface each, with frames that have no tags.
    check "the kernel answers pings in a VLAN" client ping -c 2 -i 0.2 -W 20 170.210.122.104
    check "the kernel answers pings in QinQ" client ping -c 2 -i 0.2 -W 20 10.11.0.104
    check "as long as they may be" client ping -c 2 -i 0.2 -W 20 -M 'do' -s 1472 10.11.0.104
    check "the director itself reaches a server of a VLAN" director curl -sf -m 20 -o /dev/null http://192.168.0.107/
    check "the director itself reaches a server of QinQ" director curl -sf -m 20 -o /dev/null http://10.21.0.107/

    refute "nobody answers in a VLAN that is not configured" client ping -c 1 -W 1 10.30.0.104
    await 20 "its frames are dropped and counted" is_value drops \
        'any(r["name"] == "unknown_vlan" and r["packets"] > 0 for r in d["reasons"])'
    # Of both types, the outer one outside. (The switch floods: there are others.)
    seen=$(tags client)
    check "the client's frames have right tags ($seen)" [ -z "${seen/*8100:10,*88a8:100 8100:11*/}" ]
    seen=$(tags web1)
    check "a server's frames have right tags ($seen)" [ -z "${seen/*8100:20,*88a8:100 8100:21*/}" ]
    check_balance
    lower
done

# VRRP: Director is MASTER until keepalived, whose priority is higher, speaks in both networks.
prefix='VRRP'
raise lvs-vlan
await 60 "the other machines' VLANs are there" are_ready
is_at() { ip -n "dir-$1" address show "$2" | grep -q " $3/"; }
answer() { client curl -sf -m 2 "http://170.210.122.100/" && client curl -sf -m 2 "http://10.11.0.100/"; }
await 60 "the VLAN's address is Director's" is_at director trunk.10 170.210.122.100
await 60 "the address of QinQ is Director's" is_at director trunk.100.11 10.11.0.100
await 60 "services at both answer" answer
check "pings, too" client ping -c 1 -W 20 170.210.122.100
check "and to a virtual MAC address in QinQ" client ping -c 1 -W 20 10.11.0.100
expect "which is the one of router 11" 00:00:5e:00:01:0b \
    "$(ip -n dir-client neighbour show 10.11.0.100 | sed -n 's/.*lladdr \([^ ]*\).*/\1/p')"
scripts/lab start client keepalived keepalived --vrrp -n -D -l -G -f tests/lab/keepalived/vlan.conf \
    -p "$lab_state/client/keepalived.own.pid" -r "$lab_state/client/vrrp.own.pid" >/dev/null
await 60 "keepalived takes the VLAN's" is_at client blue 170.210.122.100
await 60 "keepalived takes the one of QinQ" is_at client red 10.11.0.100
gone() { ! is_at director trunk.10 170.210.122.100 && ! is_at director trunk.100.11 10.11.0.100; }
await 60 "Director gives both up" gone
scripts/lab stop client keepalived >/dev/null
await 60 "and takes the VLAN's back" is_at director trunk.10 170.210.122.100
await 60 "and that of QinQ" is_at director trunk.100.11 10.11.0.100
await 60 "services at both answer again" answer
check_balance
