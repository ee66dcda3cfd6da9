#!/bin/bash
# Virtual MAC addresses (RFC 9568 section 7.3): whatever speaks for a virtual address shows its virtual
# MAC, the packet path, VRRP and the kernel alike; a BACKUP sends nothing from it; a client never has to
# learn another one.
. "$(dirname "$0")/../lib.sh"
raise ha
address=192.168.10.100
mac=00:00:5e:00:01:33

is_master() { ip -n "dir-$1" -4 address show | grep -q "$address/"; }
neighbour() { ip -n dir-client neighbour show $address | sed -n 's/.*lladdr \([^ ]*\).*/\1/p'; }
answers() { client curl -sf -m 1 http://$address/; }
# frames NODE FILTER: that came from the node, as tcpdump tells them.
frames() { tcpdump -tt -enn -r "$scratch/$1.pcap" "$2" 2>/dev/null; }
has_frame() { frames "$@" | grep -q .; }

for node in director1 director2; do
    scripts/lab stop $node directord >/dev/null
    sed -i -E 's/(router_id = 5[12];)/\1 virtual_mac = true;/' "$lab_state/$node/directord.conf"
done
watchers=()
for node in 1 2; do
    ip netns exec dir-r1 tcpdump -U -Q in -w "$scratch/director$node.pcap" -i director$node-d${node}0 \
        2>"$scratch/tcpdump$node" &
    watchers+=($!)
    await 30 "frames of director$node are watched" grep -q 'listening on' "$scratch/tcpdump$node"
done
for node in director1 director2; do
    scripts/lab start $node directord >/dev/null
done

await 60 "director1 is master" is_master director1
await 60 "the service answers" answers
expect "the client knows the virtual MAC address" $mac "$(neighbour)"
check "the virtual address answers pings" client ping -c 2 -i 0.2 -W 20 $address

# The kernel has to ask for the client before it can answer, and asks in the virtual address's name.
ip -n dir-director1 neighbour flush dev outside
ip -n dir-director1 neighbour delete 192.168.10.3 dev outside 2>/dev/null
check "it answers when its kernel has to ask first" client ping -c 1 -W 20 $address
asks="arp[6:2] = 1 and arp src host $address and arp dst host 192.168.10.3"
await 30 "its kernel asked in the virtual address's name" has_frame director1 "$asks"
says="(arp src host $address or (icmp and src host $address) or ip proto 112)"
expect "nothing speaks for the virtual address from another MAC address" "" \
    "$(frames director1 "$says and not ether src $mac")"
expect "what it says in ARP is the virtual MAC address" "" \
    "$(frames director1 "arp src host $address and not (arp[8:4] = 0x00005e00 and arp[12:2] = 0x0133)")"
await 30 "and it said something" has_frame director1 "$says and ether src $mac"
expect "a backup sends nothing from it" "" "$(frames director2 "ether src $mac")"
expect "nor in the virtual address's name" "" "$(frames director2 "$says")"
# Its own address keeps its own.
check "the director's own address answers from the interface's own MAC address" \
    client ping -c 1 -W 20 192.168.10.1
expect "with its own" "" "$(frames director1 "icmp and src host 192.168.10.1 and ether src $mac")"

# Another master, the same MAC address.
kill -9 "$(cat "$lab_state/director1/directord.pid")"
await 60 "director1 is dead, director2 is master" is_master director2
await 60 "the service answers through director2" answers
expect "the client has learned no other MAC address" $mac "$(neighbour)"
await 30 "director2 speaks from it" has_frame director2 "$says and ether src $mac"

# Back: the one that yields falls silent at once.
scripts/lab start director1 directord >/dev/null
await 60 "director1 takes over again" is_master director1
await 60 "the service answers through director1" answers
expect "the client has learned no other MAC address" $mac "$(neighbour)"
yielded=$(grep 'name=VI_1 state=BACKUP' "$lab_state/director2/directord.log" | tail -n 1 | cut -d ' ' -f 1)
yielded=$(date -d "$yielded" +%s.%N)
check "director2 yielded ($yielded)" [ -n "$yielded" ]
speaks_on() { # director1, a second after that
    frames director1 "ip proto 112" | awk -v end="$yielded" '$1 > end + 1 { found = 1 } END { exit !found }'
}
await 60 "director1 goes on for a second" speaks_on
late=$(frames director2 "ether src $mac" | awk -v end="$yielded" '$1 > end + 0.005')
expect "a backup again, it sends nothing from it" "" "$late"
kill "${watchers[@]}"
wait "${watchers[@]}" 2>/dev/null
