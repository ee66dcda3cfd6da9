#!/bin/bash
# Two directors and VRRP: who has the addresses, and that they move together, by a goodbye, by death
# and back again.
. "$(dirname "$0")/../lib.sh"
raise ha
address=192.168.10.100

director1() { ip netns exec dir-director1 "$@"; }
director2() { ip netns exec dir-director2 "$@"; }
has_addresses() { # NODE COUNT
    [ "$(ip -n "dir-$1" -4 address show | grep -c -e 192.168.10.100/ -e 192.168.2.100/)" -eq "$2" ]
}
are_at() { has_addresses "$1" 2 && has_addresses "$2" 0; }
answers() { client curl -sf -m 1 http://$address/; }
# The next hop that the client has for the virtual address.
mac_of() { ip -n "dir-$1" link show outside | sed -n 's/.*ether \([^ ]*\).*/\1/p'; }
neighbour() { ip -n dir-client neighbour show $address | sed -n 's/.*lladdr \([^ ]*\).*/\1/p'; }

await 60 "both addresses are director1's, none is director2's" are_at director1 director2
await 60 "the service answers" answers
expect "the client was told director1's MAC address" "$(mac_of director1)" "$(neighbour)"
check "the virtual address answers pings" client ping -c 2 -i 0.2 -W 20 $address
check "a web server reaches its gateway" web1 ping -c 2 -i 0.2 -W 20 192.168.2.100
expect "the backup answers nobody who asks for the address by ARP" 1 \
    "$(client /usr/bin/python3 "$helpers/who_has.py" c0 $address)"

# Adverts as keepalived sends them, on the wire.
adverts=$(ip netns exec dir-client timeout 60 tcpdump -lnn -c 2 -i c0 -v 'ip proto 112' 2>/dev/null)
check "adverts: VRRP version 2, virtual router 51, priority 150, simple authentication" \
    grep -qE 'VRRPv2, Advertisement, vrid 51, prio 150, authtype simple, intvl 1s' <<<"$adverts"
check "adverts: TTL 255, to 224.0.0.18" grep -q '192.168.10.1 > 224.0.0.18' <<<"$adverts"
check "nobody but the master speaks" sh -c "! grep -q '192.168.10.2 > 224.0.0.18'" <<<"$adverts"

# A goodbye: the other takes over before its timer runs out, which takes 3.6 s.
log_time() { # NODE TEXT: when its log said so last, in milliseconds
    date -d "$(grep -- "$2" "$lab_state/$1/directord.log" | tail -n 1 | cut -d ' ' -f 1)" +%s%3N
}
scripts/lab stop director1 directord >/dev/null
await 60 "after a goodbye both addresses are director2's" has_addresses director2 2
took=$(($(log_time director2 'name=VI_1 state=MASTER') - $(log_time director1 'stopping signal')))
check "within one advert's interval ($took ms)" [ "$took" -lt 1000 ]
check "the log says so in keepalived's words, too" \
    grep -q '(VI_1) Entering MASTER STATE' "$lab_state/director2/directord.log"
await 60 "the service answers through director2" answers
expect "the client was told director2's MAC address" "$(mac_of director2)" "$(neighbour)"
check "director1 said goodbye with priority 0" \
    grep -q 'VI_1.*"stopped' "$lab_state/director1/directord.log"

# Back again: it has the higher priority and preempts.
scripts/lab start director1 directord >/dev/null
await 60 "director1 is back and has its addresses" are_at director1 director2
await 60 "the service answers through director1" answers

# Sudden death.
kill -9 "$(cat "$lab_state/director1/directord.pid")"
await 60 "after director1's death both addresses are director2's" has_addresses director2 2
await 60 "the service answers through director2" answers
expect "the client was told director2's MAC address" "$(mac_of director2)" "$(neighbour)"

# One network fails: both addresses move, because the instances are a group.
scripts/lab start director1 directord >/dev/null
await 60 "director1 has its addresses once more" are_at director1 director2
ip -n dir-director1 link set d11 down
await 60 "a cable of director1 is cut: both addresses are director2's" are_at director2 director1
await 60 "the service answers through director2" answers
ip -n dir-director1 link set d11 up
await 60 "the cable is mended" are_at director1 director2

# A mistake in the configuration is told as its place and what was expected.
printf '%s\n' 'ports = ( { name = "p"; device = "net_null0"; addresses = ["192.0.2.1/24"]; } );' \
    'vrrp_instances = ( { name = "VI"; interface = "q"; router_id = 1; version = 2;' \
    '  advert_interval = "500ms"; addresses = ["192.0.2.9/24"]; } );' >"$scratch/wrong.conf"
told=$("$DIRECTORCTL" check "$scratch/wrong.conf" 2>&1)
check "a wrong interface is told" grep -q 'vrrp_instances\[0\].interface: expected one of p, found "q"' <<<"$told"
check "an interval that version 2 does not have is told" grep -q 'whole seconds (version 2), found 0.5 s' <<<"$told"
