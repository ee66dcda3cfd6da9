#!/bin/bash
# Checks through the forwarding method: a real server that works, but would not take what clients
# send it (no virtual address on lo, no tunnel), is out; a plain check does not notice.
. "$(dirname "$0")/../lib.sh"

# The servers' last numbers that are in the table of the service $1: "107 108".
served() {
    value 'ipvsadm -L -n' "' '.join(sorted(r['address'][-3:] for s in d['services']
        if s['address'] == '$1' for r in s['servers'] if r['weight'] > 0))"
}
serves() { [ "$(served "$1")" = "$2" ]; }
all_serve() { # WANTED VIP...
    local wanted=$1 address
    shift
    for address; do serves "$address" "$wanted" || return 1; done
}
all_checked() {
    is_value checks \
        'all(c["state"] == "up" for s in d["services"] for r in s["servers"] for c in r["checks"])'
}
lo_of() { ip -n "dir-$1" address "$2" "$3" dev lo ${4:+"$4"}; }

raise lvs-dr-checks
ipv4=170.210.122.104 ipv6=2001:db8:122::104 plain=170.210.122.105
await 60 "direct routing: every check has passed" all_checked
expect "both servers serve all" "107 108, 107 108, 107 108" \
    "$(served $ipv4), $(served $ipv6), $(served $plain)"
lo_of web1 del $ipv4/32
lo_of web1 del $plain/32
await 30 "web1 without the virtual address: out of the table" serves $ipv4 108
expect "the IPv6 service is another matter" "107 108" "$(served $ipv6)"
expect "a plain check does not notice" "107 108" "$(served $plain)"
check "directorctl checks says why" grep -q 'no answer within 1000 ms' <<<"$(ctl checks)"
vip=$ipv4
expect "all clients are served by web2" "0 20 0" \
    "$(client curl -sS -m 60 -H 'Connection: close' "http://$vip/?[1-20]" 2>&1 | body_counts)"
lo_of web1 del $ipv6/128
await 30 "the same of IPv6" serves $ipv6 108
lo_of web1 add $ipv4/32
lo_of web1 add $plain/32
lo_of web1 add $ipv6/128 nodad
await 30 "with the addresses back, web1 is" all_serve "107 108" $ipv4 $ipv6
spread "clients are spread again" 20 1 -H 'Connection: close'
check_balance
lower

raise lvs-tun-checks
through=(170.210.122.{104,105,106,107,108,109} 2001:db8:122::{104,105,106,107})
plain=170.210.122.110
await 60 "tunnels: every check has passed" all_checked
check "both servers serve all" all_serve "107 108" "${through[@]}" $plain
scripts/lab stop web1 decapsulate
await 30 "web1 unwraps no more: out of all ten services" all_serve 108 "${through[@]}"
expect "a plain check does not notice" "107 108" "$(served $plain)"
vip=170.210.122.105
expect "all clients are served by web2" "0 20 0" \
    "$(client curl -sS -m 60 -H 'Connection: close' "http://$vip/?[1-20]" 2>&1 | body_counts)"
scripts/lab start web1 decapsulate /usr/bin/python3 "$helpers/decapsulate.py" 6080
await 30 "it unwraps again: back in all of them" all_serve "107 108" "${through[@]}"
lo_of web2 del 170.210.122.106/32
await 30 "web2 without one virtual address: out of that service" serves 170.210.122.106 107
expect "and of no other" "107 108" "$(served 170.210.122.105)"
lo_of web2 add 170.210.122.106/32
await 30 "and back" serves 170.210.122.106 "107 108"
check_balance
