# The tour of a pair of directors, for scripts/demo: keepalived's maquette, and what it could not.
# shellcheck shell=bash disable=SC2154  # scripts/demo, which reads this, has the rest

vip=192.168.10.100
state=/run/director-lab/ha
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

is_master() { ip -n "dir-$1" -4 address show | grep -q "$vip/"; }
table_of() { scripts/lab exec "$1" directorctl ipvsadm -L -n; }
has_row() { table_of "$1" | grep -q "$2"; }
has_no_row() { ! has_row "$@"; }
knows() { [ "$(scripts/lab exec "$1" directorctl ipvsadm -L -n -c | grep -c ESTABLISHED)" -ge "$2" ]; }
show_table() { run "scripts/lab exec $1 directorctl ipvsadm -L -n"; }
# show_log NODE PATTERN COUNT
show_log() { run "grep -E '$2' $state/$1/directord.log | tail -n $3 | cut -d' ' -f2-"; }
ask() { run "for i in $(seq -s ' ' "$1"); do scripts/lab exec client curl -s -m 5 http://$vip/; done"; }
start_web() {
    run "scripts/lab start $1 nginx nginx -e $state/$1/nginx.log -c $state/$1/nginx.conf"
}

show_laboratory() {
    heading "The laboratory"
    cat <<'PICTURE'

                        R1 192.168.10.0/24            R2 192.168.2.0/24
                               |                             |
      client .3 ---------------+--- .1  director1  .1 -------+------ web1 .13 (nginx)
                               |                             +------ web2 .14 (nginx)
                               +--- .2  director2  .2 -------+------ sorry .15
                               |                             |
                       .100 the service              .100 the servers' gateway
PICTURE
    explain "Eight network namespaces of this machine. Both addresses .100 belong to whichever" \
        "director is MASTER by VRRP: instances VI_1 and VI_2, in one group, so that they move together." \
        "Each director's ports are driven by DPDK: its kernel sees none of the traffic."
    run scripts/lab status
}

show_addresses() {
    heading "Who has the addresses"
    explain "Priority 150 against 100: director1. Its kernel interfaces show both; director2's neither."
    await "director1 to be master" is_master director1
    run "for node in director1 director2; do echo \$node; scripts/lab exec \$node ip -br -4 address show up; done"
    show_log director1 ' vrrp name=' 6
}

show_alternation() {
    heading "Six requests to the virtual service"
    explain "The service $vip:80 spreads new connections in turn (rr) over web1 and web2, by NAT."
    await "the service to answer" in_client curl -sf -m 1 http://$vip/
    ask 6
    [ "$(grep -c web1 <<<"$last_output")" -eq 3 ] && [ "$(grep -c web2 <<<"$last_output")" -eq 3 ] ||
        stop_tour "the requests did not alternate between web1 and web2"
    show_table director1
}

show_checks() {
    heading "web1 stops"
    explain "A TCP check asks each server every 2 s, waits 1 s for an answer and asks once more after 1 s."
    run scripts/lab stop web1 nginx
    await "web1 to leave the table" has_no_row director1 192.168.2.13:80
    show_table director1
    show_log director1 ' (health|checks?|service) ' 3
    ask 2
    ! grep -q web1 <<<"$last_output" || stop_tour "web1 answered although it is stopped"

    heading "web2 stops too: the sorry server"
    run scripts/lab stop web2 nginx
    await "the sorry server to stand in" has_row director1 192.168.2.15:80
    show_table director1
    ask 2
    grep -q sorry <<<"$last_output" || stop_tour "the sorry server did not answer"

    heading "Both come back"
    start_web web1
    start_web web2
    await "web1 to be back in the table" has_row director1 192.168.2.13:80
    await "web2 to be back in the table" has_row director1 192.168.2.14:80
    await "the sorry server to leave" has_no_row director1 192.168.2.15:80
    show_table director1
    ask 4
}

begin_long_connections() {
    heading "A slow download and a session that stays"
    explain "Both go through director1. It tells director2 of them (connection sync), which remembers them."
    original=$(sha256sum <"$(scripts/lab file 16M)")
    : >"$folder/download"
    {
        in_client curl -sSN -m 600 "http://$vip/slow/16M" | {
            head -c 1000000
            until [ -e "$folder/go-on" ]; do sleep 0.1; done
            cat
        }
    } >"$folder/download" &
    download=$!
    in_client /usr/bin/python3 "$repository/tests/lab/keep_alive.py" $vip 80 "$folder/go-on" >"$folder/session" 2>&1 &
    session=$!
    await "the download to be under way" test -s "$folder/download"
    await "director2 to know both" knows director2 2
    run "scripts/lab exec director2 directorctl ipvsadm -L -n -c | grep -e ESTABLISHED -e State"
    run "scripts/lab exec director2 directorctl sync status"
}

kill_director1() {
    heading "director1 dies"
    explain "kill -9: no goodbye. director2 misses three adverts (3.6 s) and takes over both addresses."
    run "kill -9 \$(cat $state/director1/directord.pid)"
    await "director2 to take over" is_master director2
    run "scripts/lab exec director2 ip -br -4 address show up"
    show_log director2 ' vrrp name=' 3
    ask 4
    show_table director2
}

bring_director1_back() {
    heading "director1 returns"
    explain "It fetches the table of connections, and having the higher priority, takes the addresses back."
    run scripts/lab start director1 directord
    await "director1 to be master again" is_master director1
    await "director1 to know both connections" knows director1 2
    show_log director1 ' vrrp name=' 3
    ask 2
    explain "" "The download goes on to its end (8 s), the session stops asking ..."
    : >"$folder/go-on"
    wait "$download" || stop_tour "the download broke"
    [ "$(sha256sum <"$folder/download")" = "$original" ] || stop_tour "the download arrived with wrong bytes"
    explain "The download is complete and its hash right."
    wait "$session" || true
    explain "The session, one TCP connection: $(cat "$folder/session")."
    grep -q ' 0 failures' "$folder/session" || stop_tour "the session had to reconnect"
}

say_goodbye() {
    cat <<TEXT

${bold}That was the tour; the laboratory stays up.${plain} What to type next:

   scripts/lab exec client curl http://$vip/          a request
   scripts/lab exec director1 directorctl status               ports, tables, totals
   scripts/lab exec director1 directorctl checks               which servers are up, and why not
   scripts/lab exec director1 directorctl sync status          what the directors tell each other
   scripts/lab exec client tcpdump -ni c0 ip proto 112         adverts on the wire
   scripts/lab stop director1 directord                        a goodbye: director2 takes over at once
   scripts/lab start director1 directord
   scripts/demo lvs-nat                                        another tour: one director, load, draining
   scripts/test                                                all tests
   scripts/demo down                                           remove all of it

   The configuration is $state/director1/directord.conf; change it and
   'scripts/lab reload director1'.
TEXT
}

show_laboratory
show_addresses
show_alternation
show_checks
begin_long_connections
kill_director1
bring_director1_back
say_goodbye
