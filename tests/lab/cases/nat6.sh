#!/bin/bash
# The service of the LVS report in IPv6 alone: NAT, neighbour discovery, echo requests, routing.
. "$(dirname "$0")/../lib.sh"
LAB_WORKERS=2 raise lvs-nat6
vip='[2001:db8:122::104]' address=2001:db8:122::104

spread "a connection each" 2000 2 -H 'Connection: close'
load 100 1
load 100 1 -H 'Connection: close'
download 64M

check "the client pings the virtual address" client ping -c 2 -i 0.2 -W 20 $address
check "large echo requests" client ping -c 2 -i 0.2 -s 1400 -W 20 $address
check "a web server pings the director" web1 ping -c 2 -i 0.2 -W 20 2001:db8:192::104
check "the director pings a web server" director ping -c 1 -W 20 2001:db8:192::108
expect "a routed packet's hop limit goes down by one" 63 \
    "$(client ping -c 1 -W 20 2001:db8:192::107 | sed -n 's/.*ttl=\([0-9]*\).*/\1/p')"
check "the client has the director's MAC address by neighbour discovery" \
    sh -c "ip -n dir-client neighbour show $address | grep -q lladdr"
for host in 107 108; do
    check "the director has the real server's" \
        sh -c "ip -n dir-director neighbour show 2001:db8:192::$host dev inside | grep -q lladdr"
done

# A neighbour that has moved is found again.
old=$(ip -n dir-web1 link show w0 | sed -n 's/.*ether \([^ ]*\).*/\1/p')
ip -n dir-web1 link set w0 address 02:00:00:00:01:07
await 60 "a real server's new MAC address" sh -c \
    "ip netns exec dir-web1 ping -c 1 -W 1 2001:db8:192::104 &&
     ip -n dir-director neighbour show 2001:db8:192::107 | grep -q 02:00:00:00:01:07"
spread "service after it changed from $old" 20 2 -H 'Connection: close' -m 20

for web in web1 web2; do
    scripts/lab start $web udp-echo /usr/bin/python3 "$helpers/udp_echo.py" 53 $web
    until_true 60 ip netns exec dir-$web sh -c 'ss -Hlun sport = :53 | grep -q .' ||
        not_ok "UDP echo server of $web started"
done
expect "UDP: 1,000 client ports, two datagrams each, all answered by their server" \
    "2000 of 2000 answered, 0 wrong" \
    "$(client /usr/bin/python3 "$helpers/udp_clients.py" $address 53 1000 2 2001:db8:122::101 |
        cut -d, -f 1-2)"
check_balance
check_kernel_saw_nothing 10
