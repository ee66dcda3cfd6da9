#!/bin/bash
# What is no service: the director's own addresses, and routing between its ports.
. "$(dirname "$0")/../lib.sh"
raise lvs-nat

check "the outside address is on the kernel interface beside the port" \
    sh -c 'ip -n dir-director -4 -br address show outside | grep -q "170\.210\.122\.104/25"'
check "and so is the inside one" \
    sh -c 'ip -n dir-director -4 -br address show inside | grep -q "192\.168\.0\.104/25"'
expect "the veth ends have none" "" "$(ip -n dir-director -4 -br address show | grep '^d[01]@' | awk '{ print $3 }')"

check "the client pings the director" client ping -c 3 -i 0.2 -W 20 "$vip"
check "the client pings the director's inside address" client ping -c 1 -W 20 192.168.0.104
check "a web server pings the director" web1 ping -c 3 -i 0.2 -W 20 192.168.0.104
check "the director pings the client" director ping -c 1 -W 20 170.210.122.101
check "the director pings a web server" director ping -c 1 -W 20 192.168.0.108
check "large echo requests" client ping -c 2 -i 0.2 -s 1400 -W 20 "$vip"

expect "the client reaches a real server by its own address" "web1 192.168.0.107" \
    "$(client curl -sS -m 600 http://192.168.0.107/)"
check "and pings it" client ping -c 2 -i 0.2 -W 20 192.168.0.108
check "a web server pings the client" web2 ping -c 2 -i 0.2 -W 20 170.210.122.101
expect "a routed packet's TTL goes down by one" 63 \
    "$(client ping -c 1 -W 20 192.168.0.107 | sed -n 's/.*ttl=\([0-9]*\).*/\1/p')"
file=$(scripts/lab file 100M)
expect "a routed download of 100M: not a byte wrong" "$(sha256 <"$file")" \
    "$(client curl -sS -m 600 http://192.168.0.108/download/100M | sha256)"

scripts/lab start director listener /usr/bin/python3 "$helpers/tcp_echo.py" 2222
until_true 60 director sh -c 'ss -Hltn sport = :2222 | grep -q .' || not_ok "listener started"
expect "a TCP server on the director itself answers (as ssh would)" "hello" \
    "$(client /usr/bin/python3 "$helpers/tcp_say.py" "$vip" 2222 hello)"
expect "one to its inside address, from a web server" "hello" \
    "$(web1 /usr/bin/python3 "$helpers/tcp_say.py" 192.168.0.104 2222 hello)"
expect "and 1 MB through it, both ways" 1000000 \
    "$(head -c 1000000 /dev/zero | tr '\0' x | client /usr/bin/python3 "$helpers/tcp_say.py" "$vip" 2222 - | tr -d '\n' | wc -c)"

expect "the kernel knows the neighbours that were asked for" "yes" \
    "$(ip -n dir-director neighbour show 192.168.0.107 dev inside | grep -q lladdr && echo yes)"
check "the service works beside all that" client curl -sS -m 600 -o /dev/null "http://$vip/"
expect "the kernel forwarded nothing itself" 0 "$(kernel_counter IpForwDatagrams)"
check_balance
