#!/bin/bash
# Jumbo frames: packets of 9000 bytes through NAT, both families, in one piece from end to end; a UDP
# datagram of 8960 bytes that nobody fragments, and longer ones in jumbo fragments.
. "$(dirname "$0")/../lib.sh"
export LAB_DRIVER=af_packet LAB_DATAPLANE='pool_frames = 8192; '
raise lvs-jumbo

check "the ports have MTU 9000" is_value status 'all(port["mtu"] == 9000 for port in d["ports"])'
# longest FILE: the longest IP packet that a capture has.
longest() { tcpdump -nr "$1" -e 2>/dev/null | sed -n 's/[^(]*([^)]*), length \([0-9]*\): .*/\1/p' | sort -n | tail -n 1; }
for vip in 170.210.122.104 '[2001:db8:122::104]'; do
    prefix=$vip
    client tcpdump -i c0 -s 96 -w "$scratch/c0.pcap" -U tcp 2>"$scratch/tcpdump" &
    tcpdump=$!
    until_true 20 grep -q listening "$scratch/tcpdump" || not_ok "tcpdump listens"
    download 16M
    spread "a connection each" 200 1 -H 'Connection: close'
    kill "$tcpdump"
    wait "$tcpdump"
    # 14 of Ethernet. Longer ones would not have been on a wire.
    expect "the longest packet that the client met has 9000 bytes" 9014 "$(longest "$scratch/c0.pcap")"
done
prefix=
vip=170.210.122.104
load 50 3

for web in web1 web2; do
    scripts/lab start $web udp-echo /usr/bin/python3 "$helpers/udp_echo.py" 7 $web
    until_true 60 ip netns exec dir-$web sh -c 'ss -Hlun sport = :7 | grep -q .' ||
        not_ok "UDP echo server of $web started"
done
expect "ten datagrams of 8960 bytes there and back" "10" \
    "$(client /usr/bin/python3 "$helpers/udp_say.py" $vip 7 8960 10 | tr ' ' '\n' | grep -c '^web[12]$')"
fragments() { # NODE
    ip netns exec "dir-$1" nstat -asz | awk '/IpFragCreates|IpReasmReqds/ { n += $2 } END { print n + 0 }'
}
expect "nobody has fragmented anything" "0 0 0" "$(fragments client) $(fragments web1) $(fragments web2)"
check "nor the director" is_value drops 'd["cut"] == 0'
# In IPv6: of IPv4 the kernel joins fragments before a packet socket of DPDK's sees them.
expect "datagrams of 30000 bytes, in jumbo fragments" "4" \
    "$(client /usr/bin/python3 "$helpers/udp_say.py" 2001:db8:122::104 7 30000 4 | tr ' ' '\n' | grep -c '^web[12]$')"
check "the director answers a ping of 9000 bytes" client ping -c 2 -i 0.2 -W 20 -M 'do' -s 8972 $vip

scripts/lab start web2 echo /usr/bin/python3 "$helpers/tcp_echo.py" 7
until_true 60 ip netns exec dir-web2 sh -c 'ss -Hltn sport = :7 | grep -q .' || not_ok "echo server started"
head -c 300000 /dev/urandom | base64 -w 0 >"$scratch/large"
echoes() {
    client timeout 20 /usr/bin/python3 "$helpers/tcp_say.py" "$1" 7 - <"$scratch/large" | tr -d '\n' |
        cmp - "$scratch/large"
}
for vip in 170.210.122.104 2001:db8:122::104; do
    check "$vip: a way of 1400 bytes behind the director, 400 kB there and back" echoes "$vip"
    check "$vip: of which the client has heard" sh -c \
        "ip -n dir-client route get $vip | grep -q 'mtu 1400'"
done

check_balance

# What drivers cannot do is told at the start.
lower
prefix=refused
printf '%s\n' "ports = ( { name = \"p\"; device = \"net_af_packet0,iface=lo\"; mtu = 9000; } );" \
    "dataplane = { main_cpu = 0; worker_cpus = [ 0 ]; };" "control = { socket = \"$scratch/s\"; metrics_address = \"\"; };" \
    >"$scratch/short.conf"
told=$(unshare -n timeout 60 "$DIRECTORD" --config "$scratch/short.conf" 2>&1)
check "a ring whose frames are too short" grep -q 'MTU 9000 needs an argument framesz of at least 9128' <<<"$told"
