#!/bin/bash
# Start, SIGTERM, start again, kill -9, start again, refuse a wrong configuration.
. "$(dirname "$0")/../lib.sh"
raise lvs-nat
conf=$lab_state/director/directord.conf socket=$lab_state/director/directord.sock
scripts/lab stop director directord

answers() { ctl status --json; }
answers_http() { client curl -sS -m 10 -o /dev/null "http://$vip/"; }
start() { # sets pid
    # Not through director(): a function in the background is a shell with a pid of its own.
    ip netns exec dir-director "$DIRECTORD" --config "$conf" >"$scratch/log" 2>&1 &
    pid=$!
    until_true 60 answers || not_ok "$1: directord answers" "$(tail -n 20 "$scratch/log")"
}
expect_end() { # WHAT SECONDS CODE: of process $pid
    local deadline=$((SECONDS + $2)) code=0
    while [ -e "/proc/$pid" ] && kill -0 "$pid" 2>/dev/null; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            not_ok "$1" "not ended within $2 s"
            kill -KILL "$pid"
            break
        fi
        sleep 0.05
    done
    wait "$pid" || code=$?
    [ "$code" -ne 137 ] && expect "$1" "$3" "$code"
}
interfaces() { ip -n dir-director -br link show | awk '{ sub("@.*", "", $1); print $1 }' | sort | xargs; }

for round in first second; do
    start "$round start"
    await 60 "$round start: the service works" answers_http
    expect "$round start: interfaces beside the ports" "d0 d1 inside lo outside" "$(interfaces)"
    kill -TERM "$pid"
    expect_end "$round start: SIGTERM ends it with exit code 0" 60 0
    expect "$round start: interfaces are gone afterwards" "d0 d1 lo" "$(interfaces)"
    check "$round start: so is the socket" test ! -e "$socket"
done

start "start for load"
ip netns exec dir-client wrk -t1 -c50 -d20s "http://$vip/" >/dev/null 2>&1 &
wrk=$!
until_true 60 is_value status 'd["connections"] >= 50' || not_ok "load has begun"
kill -TERM "$pid"
expect_end "SIGTERM under load ends it with exit code 0" 60 0
kill "$wrk"
wait "$wrk" 2>/dev/null

# As a service of systemd's, which hears when it serves, reloads, is alive, and stops.
heard() { grep -q -- "$1" "$scratch/notified"; }
"$helpers/notified.py" "$scratch/notify" >"$scratch/notified" &
listener=$!
await 60 "a socket as systemd's" test -S "$scratch/notify"
export NOTIFY_SOCKET=$scratch/notify WATCHDOG_USEC=20000000
start "start as a service"
unset NOTIFY_SOCKET WATCHDOG_USEC
await 60 "systemd hears that it serves" heard '^READY=1 STATUS=serving 1 virtual services'
await 60 "that its workers answer" heard '^WATCHDOG=1'
check "a reload" ctl reload
check "that it reloads" heard '^RELOADING=1 MONOTONIC_USEC=[0-9]'
expect "and then serves again" 2 "$(grep -c '^READY=1' "$scratch/notified")"
kill -TERM "$pid"
expect_end "SIGTERM to the service" 60 0
check "that it stops" heard '^STOPPING=1'
kill "$listener"
wait "$listener" 2>/dev/null

start "start before kill -9"
kill -KILL "$pid"
wait "$pid" 2>/dev/null
start "start after kill -9"
await 60 "start after kill -9: the service works" answers_http

director "$DIRECTORD" --config "$conf" >"$scratch/second" 2>&1
check "a second directord on the same socket refuses (exit code $?)" test $? -ne 0
await 60 "and the first one does not mind" answers_http
kill -TERM "$pid"
expect_end "SIGTERM" 60 0

sed 's/worker_cpus/workers_cpu/; s/"rr"/"rrr"/' "$conf" >"$scratch/wrong.conf"
timeout 20 ip netns exec dir-director "$DIRECTORD" --config "$scratch/wrong.conf" >"$scratch/wrong" 2>&1
expect "a wrong configuration: exit code 2" 2 $?
check "the message names file and line of the first mistake" grep -q 'wrong\.conf:[0-9].*workers_cpu' "$scratch/wrong"
check "and of the second" grep -q 'wrong\.conf:[0-9].*rrr' "$scratch/wrong"
expect "nothing was started" "d0 d1 lo" "$(interfaces)"
check "no socket either" test ! -e "$socket"
"$DIRECTORCTL" check "$scratch/wrong.conf" >"$scratch/check" 2>&1
expect "directorctl check: exit code 2" 2 $?
check "directorctl check says the same" grep -q 'wrong\.conf:[0-9].*rrr' "$scratch/check"
check "directorctl check accepts the right one" "$DIRECTORCTL" check "$conf"
