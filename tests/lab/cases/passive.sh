#!/bin/bash
# A passive check, which sends no probe: a real server that refuses its clients, and one that
# swallows what they say, are taken out by what the workers see, and are tried again later.
. "$(dirname "$0")/../lib.sh"
raise lvs-passive

served() {
    value 'ipvsadm -L -n' "' '.join(sorted(r['address'][-3:] for s in d['services']
        for r in s['servers'] if r['weight'] > 0))"
}
serves() { [ "$(served)" = "$1" ]; }
# Clients that go on trying, whatever they meet.
clients_meet() { # WANTED
    local clients=()
    for _ in {1..16}; do
        client curl -s -m 2 -o /dev/null "http://$vip/" &
        clients+=($!)
    done
    wait "${clients[@]}"
    serves "$1"
}
says() { grep -q "$1" <<<"$(ctl checks)"; }
rule() { # NODE VERDICT
    ip netns exec "dir-$1" nft -f - <<RULES
table inet clients
delete table inet clients
table inet clients {
    chain in {
        type filter hook input priority 0
        tcp dport 80 $2
    }
}
RULES
}

events=$lab_state/events
sed -i "s|^control = {|& lvs_notify_fifo = { path = \"$events\"; };|" "$lab_state/director/directord.conf"
expect "reload, for a notify FIFO" 0 "$(ctl reload >/dev/null; echo $?)"
check "the notify FIFO is there" [ -p "$events" ]
cat "$events" >"$scratch/events" &
reader=$!
spread "both servers serve" 20 1 -H 'Connection: close'
rule web1 "reject with tcp reset"
await 120 "web1 refuses clients: out of the table" clients_meet 108
check "directorctl checks says why" says 'were reset by the server'
expect "all clients are served by web2" "0 20 0" \
    "$(client curl -sS -m 60 -H 'Connection: close' "http://$vip/?[1-20]" 2>&1 | body_counts)"
rule web1 accept
await 120 "after its time it is tried again" clients_meet "107 108"
spread "and serves" 20 1 -H 'Connection: close'

rule web2 drop
await 120 "web2 swallows what clients say: out of the table" clients_meet 107
check "directorctl checks says why" says 'got no answer to their SYN'
expect "all clients are served by web1" "20 0 0" \
    "$(client curl -sS -m 60 -H 'Connection: close' "http://$vip/?[1-20]" 2>&1 | body_counts)"
await 120 "it is tried again" clients_meet "107 108"
await 120 "and is out again" clients_meet 107
rule web2 accept
await 120 "once it answers it stays" clients_meet "107 108"
spread "and serves" 20 1 -H 'Connection: close'
kill "$reader"
expect "the notify FIFO told all of it, in order" \
    "107 DOWN, 107 UP, 108 DOWN, 108 UP, 108 DOWN, 108 UP" \
    "$(sed -n 's/^RS \[192.168.0.\(...\)\]:tcp:80 \[170.210.122.104\]:tcp:80 \(.*\)$/\1 \2/p' "$scratch/events" |
        paste -sd , | sed 's/,/, /g')"
check_balance
