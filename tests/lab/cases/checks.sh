#!/bin/bash
# Health checks as in keepalived's maquette: servers leave the table and come back, the sorry server
# stands in, and no connection of a client notices any of it.
. "$(dirname "$0")/../lib.sh"
raise lvs-checks

# The real servers that `ipvsadm -L -n` shows for port $1, as "ADDRESS/WEIGHT ...".
shown() {
    ctl ipvsadm -L -n | awk -v port=":$1\$" '
        $1 == "TCP" { is_it = $2 ~ port }
        is_it && $1 == "->" && $2 ~ /^192/ { sub(/:.*/, "", $2); print $2 "/" $4 }' | sort | xargs
}
shows() { [ "$(shown "$1")" = "$2" ]; }
stop_web() { scripts/lab stop "$1" nginx; }
start_web() {
    scripts/lab start "$1" nginx nginx -e "$lab_state/$1/nginx.log" -c "$lab_state/$1/nginx.conf"
}
now_ms() { date +%s%3N; }
# takes_at_most SECONDS WHAT COMMAND...: counted from $began. A second and a half is the machine's.
takes_at_most() {
    local seconds=$1 what=$2 took
    shift 2
    until_true 60 "$@" || not_ok "$what" "not within 60 s; at last: $(shown 80)"
    took=$(($(now_ms) - began))
    check "$what: after $took ms, the settings say $seconds s at most" \
        [ "$took" -le $((seconds * 1000 + 1500)) ]
}

await 60 "every check has a result" is_value checks \
    'all(c["state"] == "up" for s in d["services"] for r in s["servers"] for c in r["checks"])'
expect "both servers are in the table" "192.168.0.107/1 192.168.0.108/1" "$(shown 80)"
check "both services' checks are known by type" is_value checks \
    'sorted(p["type"] for p in d["probes"]) == ["http", "tcp"] and all(p["checks"] == 2 for p in d["probes"])'
load 20 2

scripts/lab file 16M >/dev/null
for number in 1 2; do
    hold_download $number
    await 60 "download $number is under way, one at each server" download_has_begun $number
done

# Silence: the interval, the delay before the retry and two timeouts.
began=$(now_ms)
ip -n dir-web1 link set w0 down
takes_at_most 5 "web1 cannot be reached: out of the table" shows 80 "192.168.0.108/1"
expect "all clients go to web2" "0 20 0" \
    "$(client curl -sS -m 60 -H 'Connection: close' "http://$vip/?[1-20]" 2>&1 | body_counts)"
ip -n dir-web1 link set w0 up
ip -n dir-web1 route replace default via 192.168.0.104
began=$(now_ms)
takes_at_most 4 "web1 is reached again: back in the table" shows 80 "192.168.0.107/1 192.168.0.108/1"
release_downloads

began=$(now_ms)
stop_web web1
takes_at_most 3 "web1 stopped: out of the table" shows 80 "192.168.0.108/1"
check "directorctl checks says why" grep -q 'refused' <<<"$(ctl checks)"
began=$(now_ms)
stop_web web2
takes_at_most 3 "web2 stopped: the sorry server is in the table alone" shows 80 "192.168.0.109/1"
expect "clients get the sorry page" "sorry 192.168.0.109" \
    "$(client curl -sS -m 60 "http://$vip/" 2>&1)"
check "the quorum is lost, and one service is left without servers" is_value checks \
    '[s["has_quorum"] for s in d["services"]] == [False, False]'
expect "with inhibit_on_failure a server stays, with weight 0" "192.168.0.108/0" "$(shown 8080)"

# A reload that changes something else keeps what is known: nobody believes in web1 again.
sed -i 's/retries = 0;/retries = 0; rise = 1;/' "$lab_state/director/directord.conf"
sed -i 's/8080"; scheduler = "rr"/8080"; scheduler = "wrr"/' "$lab_state/director/directord.conf"
expect "reload" 0 "$(ctl reload >/dev/null; echo $?)"
expect "after a reload the sorry server still stands in" "192.168.0.109/1" "$(shown 80)"

began=$(now_ms)
start_web web1
start_web web2
takes_at_most 3 "both started: back in the table, without the sorry server" \
    shows 80 "192.168.0.107/1 192.168.0.108/1"
await 60 "and in the other service" shows 8080 "192.168.0.107/1 192.168.0.108/1"
spread "clients are spread again" 20 1 -H 'Connection: close'
expect "quorum_down and quorum_up ran, each once, in order" "down up" \
    "$(xargs <"$lab_state/quorum")"

# A page that is not the right one: TCP is content, HTTP is not.
sed -i 's|location = /who.*|location = /who { return 200 "wrong\\n"; }|' "$lab_state/web1/nginx.conf"
stop_web web1
start_web web1
await 60 "a wrong page: out of the service with the digest" shows 8080 "192.168.0.108/1"
await 60 "and not out of the other one" shows 80 "192.168.0.107/1 192.168.0.108/1"
# Its first failure may be that nginx was starting anew.
await 60 "directorctl checks says so" is_value checks \
    'any("digest" in c["last_failure"].lower() or "md5" in c["last_failure"].lower() for s in d["services"] for r in s["servers"] for c in r["checks"])'

check_balance
