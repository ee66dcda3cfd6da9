#!/bin/bash
# Services of other kinds: weights, weight 0, UDP with thousands of client ports.
. "$(dirname "$0")/../lib.sh"
raise lvs-services

expect "wrr 3:1 over 400 connections" "300 100 0" \
    "$(client curl -sS -m 600 -H 'Connection: close' "http://$vip:8080/?[1-400]" 2>&1 | body_counts)"
refute "a service whose servers all have weight 0 accepts nothing" \
    client curl -sS -m 2 -o /dev/null "http://$vip:8081/"
check "and that is counted under its reason" is_value drops \
    'next(r["packets"] for r in d["reasons"] if r["name"] == "no_server_available") > 0'

for web in web1 web2; do
    scripts/lab start $web udp-echo /usr/bin/python3 "$helpers/udp_echo.py" 53 $web
    until_true 60 ip netns exec dir-$web sh -c 'ss -Hlun sport = :53 | grep -q .' ||
        not_ok "UDP echo server of $web started"
done
for address in 102 103 105; do
    ip -n dir-client address add 170.210.122.$address/25 dev c0
    # The director knows the client's MAC address before the crowd comes.
    client ping -c 1 -W 20 -I 170.210.122.$address "$vip" >/dev/null
done
expect "UDP: 4,000 client ports at four addresses, two datagrams each, all answered by their server" \
    "8000 of 8000 answered, 0 wrong, web1 2000 web2 2000" \
    "$(client /usr/bin/python3 "$helpers/udp_clients.py" "$vip" 53 1000 2 \
        170.210.122.101 170.210.122.102 170.210.122.103 170.210.122.105)"
check "each client port is a connection" is_value status 'd["connections"] >= 4000'
expect "ipvsadm -L -n -c shows them as UDP" 4000 "$(ctl ipvsadm -L -n -c | grep -c '^UDP ')"
check "every answer of the control socket is as docs/control-socket.json says" \
    /usr/bin/python3 "$helpers/check_answers.py" "$lab_state/director/directord.sock" \
    docs/control-socket.json "$vip:8080"
check_balance
check_kernel_saw_nothing
