#!/bin/bash
# No entry of the connection table outlives its timeout: with short ones, it is empty soon.
. "$(dirname "$0")/../lib.sh"
LAB_WORKERS=2 LAB_EXTRA_CONFIG='timeouts = { tcp_established = 3; tcp_syn_sent = 2; tcp_syn_recv = 2;
  tcp_fin_wait = 2; tcp_time_wait = 2; tcp_close = 2; tcp_close_wait = 2; tcp_last_ack = 2; udp = 2; };' \
    raise lvs-nat

spread "a connection each" 4000 2 -H 'Connection: close'
load 200 2
load 200 2 -H 'Connection: close'
check "connections were in the table" is_value workers \
    'sum(w["connections_created"] for w in d["workers"]) > 4000'
await 60 "the table is empty once timeouts have passed" is_value status 'd["connections"] == 0'
check "and so is every worker's part of it" is_value workers \
    'all(w["connections"] == 0 and w["connections_expired"] > 0 for w in d["workers"])'
expect "ipvsadm -L -n -c lists nothing" "" "$(ctl ipvsadm -L -n -c | sed '1,2d')"
check "and the service goes on" client curl -sS -m 600 -o /dev/null "http://$vip/"
check_balance
