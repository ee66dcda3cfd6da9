#!/bin/bash
# HTTP through the service as the LVS report has it: alternation, keep-alive and not, a large
# download, 200 connections at once; the director's kernel stays out of it.
. "$(dirname "$0")/../lib.sh"
raise lvs-nat

expect "six requests alternate between the servers" "web1 web2 web1 web2 web1 web2" \
    "$(for _ in 1 2 3 4 5 6; do client curl -sS -m 600 "http://$vip/"; done | cut -d ' ' -f 1 | xargs |
        sed 's/^web2 \(.*\)/\1 web2/')"
spread "a connection each" 10000 1 -H 'Connection: close'
spread "keep-alive" 10000 10000
load 200 3
load 200 3 -H 'Connection: close'
download 1G
check_balance
check_kernel_saw_nothing
expect "no real server's state is unknown to status" 2 "$(value status 'd["real_servers"]')"
