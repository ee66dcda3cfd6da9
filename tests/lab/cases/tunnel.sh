#!/bin/bash
# Every kind of tunnel, over and of both families, to real servers behind a router; and what becomes
# of packets that are too long for the way: path MTU discovery through tunnels, direct routing, NAT and
# full NAT.
. "$(dirname "$0")/../lib.sh"
raise lvs-tun

for vip in 170.210.122.{104,105,106,107,108,109,110,121} '[2001:db8:122::'{104,105,106,107,121}']'; do
    spread "$vip" 20 1 -H 'Connection: close' -m 60
done
for vip in 170.210.122.104 '[2001:db8:122::105]'; do
    prefix=$vip
    load 20 1
    download 16M
done
prefix=
check "answers pass the director by full NAT alone" is_value 'ipvsadm -L -n --stats' \
    'all((s["stats"]["packets_out"] > 0) == s["address"].endswith("121") for s in d["services"]
         if s["stats"]["packets_in"] > 0)'
kinds='GRE 4in4,GRE 6in6,GRE with checksum,GUE 4in4,GUE 6in6,IPIP 4in4,IPIP 4in6,IPIP 6in4,IPIP 6in6'
for web in web1 web2; do
    kill -USR1 "$(cat "$lab_state/$web/decapsulate.pid")"
    await 20 "$web has unwrapped packets of all kinds" grep -q '^{' "$lab_state/$web/decapsulate.log"
    expect "and refused none" "$kinds" "$(/usr/bin/python3 -c '
import ast, sys
print(*ast.literal_eval(sys.argv[1]), sep=",")' "$(grep '^{' "$lab_state/$web/decapsulate.log" | tail -n 1)")"
done

for web in web1 web2 web3; do
    scripts/lab start $web echo /usr/bin/python3 "$helpers/tcp_echo.py" 7
    until_true 60 ip netns exec dir-$web sh -c 'ss -Hltn sport = :7 | grep -q .' ||
        not_ok "echo server of $web started"
done
openssl enc -aes-128-ctr -nosalt -K 00 -iv 00 -in /dev/zero 2>/dev/null | head -c 300000 | base64 -w 0 >"$scratch/large"
# Both ways, 400 kB through tunnel and path.
echoes() { # VIP [PORT]
    client timeout 20 /usr/bin/python3 "$helpers/tcp_say.py" "$1" "${2:-7}" - <"$scratch/large" | tr -d '\n' |
        cmp - "$scratch/large"
}
# narrow NODE PREFIX INTERFACE BYTES
narrow() {
    local family=-4 kernels=()
    [[ $2 != *:* ]] || family=-6 kernels=(proto kernel metric 256)
    ip -n "dir-$1" "$family" route replace "$2" dev "$3" mtu "$4" "${kernels[@]}"
}
narrow near 170.210.121.0/24 n0 1280
narrow near 2001:db8:121::/64 n0 1300
for vip in 170.210.122.{104,105,106,107,110} 2001:db8:122::{104,105,106,107}; do
    check "$vip: a narrow way to the client, 400 kB there and back" echoes "$vip"
done
for vip in 170.210.122.111 2001:db8:122::111; do
    check "$vip: direct routing, a narrow way to the client" echoes "$vip"
    # Who was too long is told at the virtual address, which to the router is the director's.
    check "$vip: whose server has heard of it by way of the director" sh -c \
        "ip -n dir-web3 route get \"\$(case $vip in *:*) echo 2001:db8:121::101 ;; *) echo 170.210.121.101 ;; esac)\" from $vip | grep -q 'mtu 1[23]'"
done
check "IPv6 to IPv4, a narrow way to the client" echoes 2001:db8:122::121 8
# Either server may have had it. 1300 bytes in IPv6 are 1280 in IPv4.
check "whose server has heard of it, in its own family's bytes" sh -c \
    'for web in web1 web2; do ip -n dir-$web route get 170.210.122.122; done | grep -q "mtu 1280"'
# All clients share the local address, and a server tells further ones the shorter way from the start
# (the kernel derives the MSS from what it remembers): then nothing below would be too long.
for web in web1 web2; do ip -n "dir-$web" route flush cache; done
narrow far 192.168.0.0/24 f1 1280
narrow far 2001:db8:192::/64 f1 1400  # in a tunnel, IPv6 needs 1280 bytes and the wrapping
for vip in 170.210.122.{104,105,106,107,110} 2001:db8:122::{105,106,107}; do
    # A connection each to both servers.
    check "$vip: a narrow way to the real server, 400 kB there and back" echoes "$vip"
done
narrow far 192.168.0.0/24 f1 1280
narrow far 2001:db8:192::/64 f1 1300
for vip in 170.210.122.121 2001:db8:122::121; do
    check "$vip: full NAT, narrow on both sides" echoes "$vip"
done
ip -n dir-far route change default via 170.210.122.103
ip -n dir-far -6 route replace ::/0 via 2001:db8:122::103
for vip in 170.210.122.120 2001:db8:122::120; do
    check "$vip: NAT, narrow on both sides" echoes "$vip"
done
check "the client has heard of it" \
    sh -c "ip -n dir-client route get 170.210.122.121 | grep -q 'mtu 1280'"
check_balance
