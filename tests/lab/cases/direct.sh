#!/bin/bash
# Direct routing: real servers that hold the virtual address answer clients themselves; the director
# carries one direction alone. IPv4, IPv6, and beside full NAT in one service.
. "$(dirname "$0")/../lib.sh"
raise lvs-dr
ipv4=$vip ipv6='[2001:db8:122::104]'

# of_services EXPRESSION: over s, for every service by direct routing alone.
of_services() {
    is_value 'ipvsadm -L -n --stats' \
        "all($1 for s in d['services'] if s['address'] in ('170.210.122.104', '2001:db8:122::104'))"
}

for vip in "$ipv4" "$ipv6"; do
    prefix=$vip
    expect "six requests alternate between the servers" "web1 web2 web1 web2 web1 web2" \
        "$(for _ in 1 2 3 4 5 6; do client curl -sS -m 60 "http://$vip/"; done | cut -d ' ' -f 1 | xargs |
            sed 's/^web2 \(.*\)/\1 web2/')"
    spread "a connection each" 1000 2 -H 'Connection: close'
    load 100 1
    download 16M
done
prefix=
check "requests passed the director" of_services 's["stats"]["packets_in"] > 5000'
check "no answer did" of_services 's["stats"]["packets_out"] == 0 and s["stats"]["bytes_out"] == 0'
expect "a real server keeps quiet about the virtual address" "" \
    "$(for web in web1 web2; do
        mac=$(ip -n dir-$web link show w0 | sed -n 's/.*ether \([^ ]*\).*/\1/p')
        ip -n dir-client neighbour show | grep -e "$ipv4 .*$mac" -e "2001:db8:122::104 .*$mac"
    done)"
vip=170.210.122.105
spread "direct routing and full NAT in one service" 100 2 -H 'Connection: close'
check "whose answers pass the director by full NAT alone" is_value 'ipvsadm -L -n --stats' \
    'sorted((r["address"], r["stats"]["packets_out"] > 100) for s in d["services"]
            if s["address"] == "170.210.122.105" for r in s["servers"]) ==
        [("170.210.122.107", False), ("170.210.122.108", True)]'
check_balance
check_kernel_saw_nothing 10
