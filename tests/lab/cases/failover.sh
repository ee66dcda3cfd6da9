#!/bin/bash
# What a pair of directors is for: one is killed while downloads and a session run, the other carries
# them on; then the first comes back, takes over again, and they still go on.
. "$(dirname "$0")/../lib.sh"
raise ha
vip=192.168.10.100

ctl_of() { "$DIRECTORCTL" --socket "$lab_state/$1/directord.sock" "${@:2}"; }
is_master() { ip -n "dir-$1" -4 address show | grep -q "$vip/"; }
knows() { # NODE COUNT: established connections
    [ "$(ctl_of "$1" ipvsadm -Lnc | grep -c ESTABLISHED)" -ge "$2" ]
}

await 60 "director1 is master" is_master director1
await 60 "the service answers" client curl -sf -m 1 http://$vip/
scripts/lab file 16M >/dev/null
for number in 1 2 3 4 5 6; do
    hold_download $number
done
client /usr/bin/python3 "$helpers/keep_alive.py" $vip 80 "$scratch/released" >"$scratch/session" 2>&1 &
session=$!
for number in 1 2 3 4 5 6; do
    await 60 "download $number is under way" download_has_begun $number
done
await 60 "director2 knows all seven connections" knows director2 7

kill -KILL "$(cat "$lab_state/director1/directord.pid")"
await 60 "director1 is dead, director2 is master" is_master director2
await 60 "new connections go through director2" client curl -sf -m 1 http://$vip/

scripts/lab start director1 directord >/dev/null
await 60 "director1 is back and takes over again" is_master director1
check "and knows all seven connections" knows director1 7
await 60 "new connections go through director1" client curl -sf -m 1 http://$vip/

# And by hand: a goodbye.
scripts/lab stop director1 directord >/dev/null
await 60 "director1 is stopped, director2 is master" is_master director2
release_downloads
wait $session
told=$(cat "$scratch/session")
check "the session never had to reconnect ($told)" grep -q ' 0 failures' <<<"$told"
