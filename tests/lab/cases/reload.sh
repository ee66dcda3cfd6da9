#!/bin/bash
# SIGHUP under traffic: the difference is applied, no connection notices; a wrong file changes nothing.
. "$(dirname "$0")/../lib.sh"
raise lvs-nat
conf=$lab_state/director/directord.conf

weight_of_web2() {
    ctl ipvsadm -L -n | awk '$2 == "192.168.0.108:80" { print $4 }'
}
has_weight() { [ "$(weight_of_web2)" = "$1" ]; }
set_weight() {
    sed -i "/192.168.0.108:80/s/weight = [0-9]*/weight = $1/" "$conf"
    scripts/lab reload director
    await 60 "web2 has weight $1 after SIGHUP" has_weight "$1"
}

scripts/lab file 16M >/dev/null
for number in 1 2; do
    hold_download $number
    await 60 "download $number is under way, one at each server" download_has_begun $number
done

set_weight 0
expect "weight 0: no new connection goes to web2" "50 0 0" \
    "$(client curl -sS -m 600 -H 'Connection: close' "http://$vip/?[1-50]" 2>&1 | body_counts)"
check "web2 keeps the connection that it has" is_value 'ipvsadm -L -n' \
    'any(s["address"] == "192.168.0.108" and s["active"] >= 1 for s in d["services"][0]["servers"])'

cp "$conf" "$scratch/good.conf"
printf 'virtual_services = ( { address = "nonsense"; } );\nno_such_setting = 1;\n' >"$conf"
before=$(value status 'd["last_reload"]')
scripts/lab reload director
last_reload_changed() { [ "$(value status 'd["last_reload"]')" != "$before" ]; }
await 60 "status tells of the refused file" last_reload_changed
expect "a wrong file changes nothing" "50 0 0" \
    "$(client curl -sS -m 600 -H 'Connection: close' "http://$vip/?[1-50]" 2>&1 | body_counts)"

cp "$scratch/good.conf" "$conf"
set_weight 1
sed -i '/192.168.0.108:80/d; s/\(192.168.0.107:80"; weight = 1; }\),/\1/' "$conf"
scripts/lab reload director
# It stays listed, with weight 0, for as long as it has connections.
web2_is_removed() { [[ $(weight_of_web2) =~ ^0?$ ]] && [ "$(value status 'd["real_servers"]')" = 1 ]; }
await 60 "web2 is removed" web2_is_removed
expect "a removed server gets nothing" "50 0 0" \
    "$(client curl -sS -m 600 -H 'Connection: close' "http://$vip/?[1-50]" 2>&1 | body_counts)"
cp "$scratch/good.conf" "$conf"
set_weight 1
spread "web2 is back" 100 1 -H 'Connection: close'

release_downloads

# Reloads under load, 50 of them, or as many as RELOADS says: each another weight, each tenth one
# takes web2 out of the file or back into it.
: "${RELOADS:=50}"
cp "$conf" "$scratch/good.conf"
ip netns exec dir-client wrk -t1 -c50 -d3600s --timeout 60s "http://$vip/" >"$scratch/wrk" 2>&1 &
wrk=$!
refused=0
for ((round = 1; round <= RELOADS; ++round)); do
    sed "/192.168.0.108:80/s/weight = [0-9]*/weight = $((round % 3))/" "$scratch/good.conf" >"$conf"
    [ $((round / 10 % 2)) -eq 0 ] ||
        sed -i '/192.168.0.108:80/d; s/\(192.168.0.107:80"; weight = 1; }\),/\1/' "$conf"
    ctl reload >>"$scratch/reloads" 2>&1 || refused=$((refused + 1))
done
kill -INT "$wrk"
wait "$wrk"
expect "$RELOADS reloads under load: none is refused" 0 "$refused"
refute "$RELOADS reloads under load: no error" grep 'Socket errors\|Non-2xx' "$scratch/wrk"
check "the clients went on: $(grep -o '[0-9]* requests in [^,]*' "$scratch/wrk")" \
    awk '/requests in/ { n = $1 } END { exit n < 10 * '"$RELOADS"' }' "$scratch/wrk"
cp "$scratch/good.conf" "$conf"
ctl reload >/dev/null
check_balance
