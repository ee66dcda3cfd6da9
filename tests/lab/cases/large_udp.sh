#!/bin/bash
# Datagrams that no packet holds, by every method and in both families: fragments are balanced whole,
# those that do not fit within a tunnel or the other IP version are cut further, and so is what is
# too long for a narrow network behind the director.
. "$(dirname "$0")/../lib.sh"
raise lvs-udp

for web in web1 web2; do
    scripts/lab start $web udp-echo /usr/bin/python3 "$helpers/udp_echo.py" 7 $web
    until_true 60 ip netns exec dir-$web sh -c 'ss -Hlun sport = :7 | grep -q .' ||
        not_ok "UDP echo server of $web started"
done
# NAT's answers have to come back by way of the director.
through_the_director() { # GATEWAY4 GATEWAY6
    ip -n dir-far route replace default via "$1"
    ip -n dir-far -6 route replace ::/0 via "$2"
}
udp() { client /usr/bin/python3 "$helpers/udp_say.py" "$@"; }
# echoes WHAT VIP [PORT]: DNS-like, NFS-like; the first ones may only teach the client the path's MTU.
echoes() {
    local size
    udp "$2" "${3:-7}" 32768 2 >/dev/null
    for size in 4096 32768; do
        expect "$1: five datagrams of $size bytes there and back" "1 5" \
            "$(udp "$2" "${3:-7}" $size 5 | tr ' ' '\n' | sort | uniq -c |
                awk '$2 ~ /^web[12](@|$)/ { n += $1; k++ } END { print k + 0, n + 0 }')"
    done
}
echoes "IPIP 4in4" 170.210.122.104
echoes "GUE with checksum" 170.210.122.105
echoes "GRE" 170.210.122.106
echoes "IPIP 4in6" 170.210.122.107
echoes "IPIP 6in4" 2001:db8:122::104
echoes "IPIP 6in6" 2001:db8:122::105
check "outer packets were cut" is_value drops 'd["cut"] > 0'
echoes "full NAT" 170.210.122.121
echoes "full NAT, IPv6" 2001:db8:122::121
echoes "full NAT, IPv6 to IPv4" 2001:db8:122::121 8
through_the_director 170.210.122.103 2001:db8:122::103
echoes "NAT" 170.210.122.120
echoes "NAT, IPv6" 2001:db8:122::120
check "nothing failed to be cut" is_value drops \
    'next(r["packets"] for r in d["reasons"] if r["name"] == "not_cut") == 0'
check_balance
