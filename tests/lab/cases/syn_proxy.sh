#!/bin/bash
# Handshakes that directord finishes for its servers: kernel TCP as client and as server, by NAT
# and full NAT, over IPv4, IPv6 and from one to the other, with and without PROXY protocol.
. "$(dirname "$0")/../lib.sh"
LAB_WORKERS=2 raise lvs-synproxy

cookies() { value drops 'next(r["packets"] for r in d["reasons"] if r["name"] == "syn_cookie_sent")'; }

for vip in 170.210.122.104:80 '[2001:db8:122::104]:80' 170.210.122.104:81 '[2001:db8:122::104]:81' \
    170.210.122.104:82 '[2001:db8:122::104]:82'; do
    prefix="SYN proxy, $vip"
    before=$(cookies)
    spread "a connection each" 200 2 -H 'Connection: close'
    check "a cookie for each" [ $(($(cookies) - before)) -ge 200 ]
    load 50 1
    download 16M
    expect "three requests, one connection" "1 0 0" \
        "$(client curl -sS -m 60 -w '%{num_connects} ' -o /dev/null "http://$vip/?[1-3]" | xargs)"
done
prefix=

# Such a server hears of its client's ACK by the frame that directord makes beside the one that it got;
# without, only by its own SYN-ACK sent again, after a second.
retransmitted() {
    local web sum=0
    for web in web1 web2; do
        sum=$((sum + $(ip netns exec dir-$web nstat -asz TcpRetransSegs | awk '/^Tcp/ { print $2 }')))
    done
    echo $sum
}
first_words() {
    # shellcheck disable=SC2016  # for the shell in there
    client bash -c 'for _ in {1..20}; do
        exec 3<>/dev/tcp/170.210.122.104/90 && read -r -t 60 line <&3 && echo "$line"; done'
}
before=$(retransmitted)
expect "servers that speak first are heard" "10 192.168.0.107 10 192.168.0.108" \
    "$(first_words | sort | uniq -c | xargs)"
after=$(retransmitted)
check "without their SYN-ACK sent again ($((after - before)) for 20)" [ $((after - before)) -le 5 ]

for vip in 170.210.122.104:82 170.210.122.104:83; do
    expect "nginx behind $vip hears the client's own address" 170.210.122.101 \
        "$(client curl -sS -m 60 "http://$vip/told" | cut -d ' ' -f 1)"
    expect "and port" "4545${vip##*:8}" \
        "$(client curl -sS -m 60 --local-port 4545${vip##*:8} "http://$vip/told" | cut -d ' ' -f 2)"
done
expect "nginx behind [2001:db8:122::104]:82 hears the client's own address" 2001:db8:122::101 \
    "$(client curl -sS -m 60 'http://[2001:db8:122::104]:82/told' | cut -d ' ' -f 1)"
check "frames were handed over" is_value drops 'd["handed_in"] > 0'
for web in web1 web2; do
    check "$web's kernel has no wrong checksum" test 0 = \
        "$(ip netns exec dir-$web nstat -asz TcpInCsumErrors | awk '/^Tcp/ { print $2 }')"
done
check_balance
check_kernel_saw_nothing
