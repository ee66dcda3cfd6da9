#!/bin/bash
# A master that can reach none of its real servers leaves the addresses to the other director, and
# takes them again when it can; its notify FIFO tells of all of it in keepalived's lines.
. "$(dirname "$0")/../lib.sh"
raise ha-yield
address=192.168.10.100

ctl1() { "$DIRECTORCTL" --socket "$lab_state/director1/directord.sock" "$@"; }
has_addresses() { # NODE COUNT
    [ "$(ip -n "dir-$1" -4 address show | grep -c -e 192.168.10.100/ -e 192.168.2.100/)" -eq "$2" ]
}
are_at() { has_addresses "$1" 2 && has_addresses "$2" 0; }
served_by() { [[ $(client curl -sf -m 1 http://$address/) == "$1 "* ]]; }
events_are() { [ "$(sed -n 's/^INSTANCE "VI_1" \(.*\)$/\1/p' "$scratch/events" | tail -n "$1" | xargs)" = "$2" ]; }

await 60 "both addresses are director1's, none is director2's" are_at director1 director2
await 60 "its web server answers" served_by web1
sed -i "s|^control = {|& notify_fifo = { path = \"$lab_state/events\"; };|" "$lab_state/director1/directord.conf"
expect "reload, for a notify FIFO" 0 "$(ctl1 reload >/dev/null; echo $?)"
cat "$lab_state/events" >"$scratch/events" &

scripts/lab stop web1 nginx
await 60 "director1's real server is gone: both addresses are director2's" are_at director2 director1
await 60 "whose web server answers" served_by web2
check "director1 says why" grep -q 'quorum of tcp 192.168.10.100:80 is down' <<<"$(ctl1 vrrp)"
scripts/lab start web1 nginx nginx -e "$lab_state/web1/nginx.log" -c "$lab_state/web1/nginx.conf"
await 60 "it is back: so are the addresses" are_at director1 director2
await 60 "its web server answers" served_by web1
await 10 "the notify FIFO told it in keepalived's words" events_are 3 'FAULT 150 BACKUP 150 MASTER 150'
check "of the group too" grep -qx 'GROUP "VG_1" FAULT 0' "$scratch/events"
check "and of the service" grep -qx 'VS \[192.168.10.100\]:tcp:80 DOWN' "$scratch/events"
check "the service was down before the instance" \
    sh -c "grep -m 1 -e '^VS' -e FAULT '$scratch/events' | grep -q '^VS'"
scripts/lab stop director1 directord >/dev/null
await 10 "and of its end" events_are 1 'STOP 150'
refute "which the FIFO does not outlive" [ -e "$lab_state/events" ]
await 60 "director2 takes over" has_addresses director2 2
