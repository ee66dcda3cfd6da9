#!/bin/bash
# keepalived as VRRP's twin: Director as BACKUP beside it and as MASTER beside it, with every way of
# speaking VRRP at once; takeover and return both ways, every order of starting, what both say on the
# wire, and what happens where their configurations differ.
. "$(dirname "$0")/../lib.sh"

all=(192.168.10.51 192.168.10.151 192.168.10.52 192.168.10.53 192.168.10.153 192.168.10.54
    192.168.10.55 fe80::56 2001:db8:10::56 2001:db8:10::57)

how_many() { # NODE: of all the addresses
    local have address count=0
    have=$(ip -n "dir-$1" -o address show)
    for address in "${all[@]}"; do
        [[ $have != *" $address/"* ]] || count=$((count + 1))
    done
    printf '%s' "$count"
}
are_at() { [ "$(how_many "$1")" -eq "${#all[@]}" ] && [ "$(how_many "$2")" -eq 0 ]; }
has() { ip -n "dir-$1" -o address show | grep -qF " $2/"; }
mac_of() { ip -n "dir-$1" -o link show "$2" | sed -n 's/.*ether \([^ ]*\).*/\1/p'; }
all_answer() {
    local address zone
    for address in "${all[@]}"; do
        zone=
        [[ $address != fe80:* ]] || zone=%c0
        client ping -c 1 -W 2 "$address$zone" || return
    done
}
neighbours_are() { # MAC
    local address
    for address in "${all[@]}"; do
        ip -n dir-client neighbour show "$address" dev c0 | grep "lladdr $1 " || return
    done
}
# Everything moves, the client is told without asking, and every address answers.
now_at() { # NODE OTHER WHEN
    local mac=$director1_mac
    [ "$1" = director1 ] || mac=$keepalived_mac
    await 60 "$3: $1 has all addresses, $2 none" are_at "$1" "$2"
    if [ -n "$is_known" ]; then
        await 30 "$3: the client was told the MAC address of $1" neighbours_are "$mac"
    fi
    await 30 "$3: all addresses answer" all_answer
    is_known=yes
}
is_known=  # the client has spoken to the addresses

start_keepalived() { # low|high
    scripts/lab start director2 keepalived keepalived --vrrp -n -D -l -G -i "$1" \
        -f tests/lab/keepalived/twin.conf -p "$lab_state/director2/keepalived.own.pid" \
        -r "$lab_state/director2/vrrp.own.pid" >/dev/null
}
stop_keepalived() { scripts/lab stop director2 keepalived >/dev/null; }
# As its machine would die: nothing is said, and the addresses are gone, which keepalived alone would
# leave in the kernel. Its parent process would start another one.
kill_keepalived() {
    local parent address
    parent=$(cat "$lab_state/director2/keepalived.pid")
    kill -STOP "$parent"
    kill -9 "$(cat "$lab_state/director2/vrrp.own.pid")" "$parent"
    ip -n dir-director2 link set e0 down
    for address in $(ip -n dir-director2 -o address show dev e0 | awk '{ print $4 }'); do
        [[ $address == 192.168.10.2/* ]] || ip -n dir-director2 address delete "$address" dev e0
    done
    rm -f "$lab_state/director2/"*.pid
    ip -n dir-director2 link set e0 up
    ip -n dir-director2 address replace 2001:db8:10::2/64 dev e0 nodad  # gone with the link
}
start_director() { scripts/lab start director1 directord >/dev/null; }
stop_director() { scripts/lab stop director1 directord >/dev/null; }

# How often Director's log says it, since it was started for the last time.
times_told() { # INSTANCE TEXT
    awk -v name="name=$1 " -v text="$2" '/event=[12] / && /"started"/ { count = 0 }
        index($0, name) && index($0, text) { ++count } END { print count + 0 }' \
        "$lab_state/director1/directord.log"
}
# As master of virtual router 51: so many of its adverts pass.
hear_adverts() { # COUNT
    ip netns exec dir-r1 timeout 60 tcpdump -nn -c "$1" -i director2-e0 'ip proto 112 and ip[21] = 51'
}

# fields FILTER MAC FIELD...: of the capture, each frame's in one line; who sent it is called SELF.
fields() {
    local filter=$1 self=$2 option=() field
    shift 2
    for field in "$@"; do option+=(-e "$field"); done
    tshark -r "$scratch/wire.pcap" -Y "eth.src == $self && ($filter)" -T fields "${option[@]}" 2>/dev/null |
        sed "s/$self/SELF/g" | sort -u
}
# both_say WHAT FILTER FIELD...: the same set of frames from both, and not none.
both_say() {
    local what=$1 filter=$2 ours theirs
    shift 2
    theirs=$(fields "$filter" "$keepalived_mac" "$@")
    ours=$(fields "$filter" "$director1_mac" "$@")
    check "$what: keepalived said it" [ -n "$theirs" ]
    check "$what: the same as keepalived's" diff <(cat <<<"$theirs") <(cat <<<"$ours")
}

raise twin
keepalived_mac=$(mac_of director2 e0)
director1_mac=$(mac_of director1 outside)
ip netns exec dir-r1 tcpdump -U -w "$scratch/wire.pcap" -i director2-e0 2>/dev/null &
watchers=($!)
for node in director1 director2; do
    ip -n "dir-$node" -ts monitor address >"$scratch/$node.addresses" &
    watchers+=($!)
done

# --- Beside a keepalived that is better -----------------------------------------------------------
now_at director1 director2 "Director is alone"
start_keepalived high
now_at director2 director1 "keepalived comes after it"
stop_keepalived
now_at director1 director2 "keepalived stops"
stop_director
start_keepalived high
now_at director2 director1 "keepalived is alone"
start_director
check "Director comes after it: BACKUP while four adverts are heard" hear_adverts 4
now_at director2 director1 "Director came after it"

# Configurations that differ, keepalived's priority being the higher one.
await 30 "another password: MASTER beside keepalived" has director1 192.168.10.61
expect "another password: told once" 1 "$(times_told PASSWORD 'reason=password')"
expect "other addresses, strict: told once" 1 "$(times_told STRICT 'reason=addresses')"
check "other addresses, strict: MASTER beside keepalived" has director1 192.168.10.63
expect "other addresses: told once" 1 "$(times_told LIST 'has other virtual addresses: 2 in its advert, 1 here')"
refute "other addresses: BACKUP all the same" has director1 192.168.10.62
expect "whatever is the same: nothing is refused" 0 \
    "$(grep -v -e name=PASSWORD -e name=STRICT "$lab_state/director1/directord.log" | grep -c reason=)"

kill_keepalived
now_at director1 director2 "keepalived is killed"

# --- Beside a keepalived that is worse ------------------------------------------------------------
start_keepalived low
check "keepalived comes after it: BACKUP while four adverts are heard" hear_adverts 4
now_at director1 director2 "keepalived came after it"
stop_director
now_at director2 director1 "Director stops"
start_director
now_at director1 director2 "Director comes back"
kill -9 "$(cat "$lab_state/director1/directord.pid")"
now_at director2 director1 "Director is killed"

# --- Both start at the same moment ----------------------------------------------------------------
stop_keepalived
start_keepalived low
start_director
now_at director1 director2 "both start at once"

kill "${watchers[@]}"
wait "${watchers[@]}" 2>/dev/null
# The winner of an election tells before it takes; the loser hears that at once.
check "never had both an address for longer than an advert's interval" \
    /usr/bin/python3 "$helpers/holders.py" 1 "$scratch"/director[12].addresses "${all[@]}"

lower

# --- On the wire ----------------------------------------------------------------------------------
agreed='!(vrrp.virt_rtr_id in {61, 62, 63})'
both_say "adverts over IPv4" "vrrp && ip && !icmp && $agreed && vrrp.prio > 0" eth.dst.ig ip.ttl \
    ip.dsfield ip.flags ip.proto vrrp.typever vrrp.virt_rtr_id vrrp.addr_count vrrp.auth_type \
    vrrp.adver_int vrrp.short_adver_int vrrp.checksum.status vrrp.ip_addr vrrp.auth_string
both_say "adverts over IPv6" "vrrp && ipv6 && !icmpv6 && $agreed && vrrp.prio > 0" eth.dst.ig \
    ipv6.tclass vrrp.typever vrrp.virt_rtr_id vrrp.addr_count vrrp.short_adver_int \
    vrrp.checksum.status vrrp.ipv6_addr
both_say "goodbyes" "vrrp && !icmp && !icmpv6 && $agreed && vrrp.prio == 0" vrrp.typever \
    vrrp.virt_rtr_id vrrp.addr_count vrrp.checksum.status vrrp.ip_addr vrrp.ipv6_addr
both_say "gratuitous ARP" 'arp.isgratuitous && arp.opcode == 1 && !(arp.src.proto_ipv4 in {192.168.10.61..192.168.10.63, 192.168.10.162..192.168.10.163})' \
    eth.dst arp.src.hw_mac arp.dst.hw_mac arp.src.proto_ipv4 arp.dst.proto_ipv4
both_say "unsolicited neighbour advertisements" 'icmpv6.type == 136 && ipv6.dst == ff02::1' eth.dst \
    ipv6.src ipv6.hlim icmpv6.nd.na.flag.r icmpv6.nd.na.flag.s icmpv6.nd.na.flag.o \
    icmpv6.nd.na.target_address icmpv6.opt.linkaddr icmpv6.checksum.status
