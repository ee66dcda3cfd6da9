#!/bin/bash
# Connection sync between two directords: connections of running downloads appear at the twin, one
# that joins late fetches the table, and when the first director is killed the downloads go on
# through the other, not a byte wrong.
. "$(dirname "$0")/../lib.sh"
raise lvs-sync

twin_ctl() { "$DIRECTORCTL" --socket "$lab_state/twin/directord.sock" "$@"; }
twin_value() { twin_ctl --json "$1" | /usr/bin/python3 -c "import json, sys
d = json.load(sys.stdin)
print($2)"; }
twin_has() { [ "$(twin_value "$1" "$2")" = True ]; }
established_at_twin() { # COUNT
    [ "$(twin_ctl ipvsadm -Lnc | grep -c ESTABLISHED)" -ge "$1" ]
}
mac_of() { # NODE INTERFACE
    ip netns exec "dir-$1" cat "/sys/class/net/$2/address"
}
# Clients' and servers' neighbours say that NODE has the director's addresses.
give_addresses_to() { # NODE
    client ip neigh replace 170.210.122.104 lladdr "$(mac_of "$1" outside)" dev c0 nud permanent
    for web in web1 web2; do
        ip netns exec "dir-$web" ip neigh replace 192.168.0.104 lladdr "$(mac_of "$1" inside)" \
            dev w0 nud permanent
    done
}

give_addresses_to director
scripts/lab file 16M >/dev/null
for number in 1 2 3 4; do
    hold_download $number
done
for number in 1 2 3 4; do
    await 60 "download $number is under way" download_has_begun $number
done
await 30 "the twin has their connections" established_at_twin 4
await 30 "each hears the other" twin_has sync \
    'len(d["peers"]) == 1 and d["peers"][0]["director_messages"] > 0'
# What both tell of one connection may cross on its way: the older word of two is no loss.
expect "nothing was lost, nothing refused" "0 []" \
    "$(twin_value sync 'sum(p["lost"] + p["ipvs_lost"] for p in d["peers"])') $(twin_value sync \
        '[r for r in d["refusals"] if r["count"] and r["name"] != "record_older"]')"
expect "both serve the same" "[]" "$(twin_value sync 'd["mismatches"]')"
client_ports() { "$1" ipvsadm -Lnc | awk '/ESTABLISHED/ { print $4, $5, $6 }' | sort; }
expect "clients, services and servers are the same at both" "$(client_ports ctl)" \
    "$(client_ports twin_ctl)"

# Someone on the servers' network sends the directors' own words again, and changed, and garbage:
# nothing of it counts, and the log says so once for each reason.
heard=$(ip netns exec dir-web1 /usr/bin/python3 "$helpers/sync_frames.py" w0 3)
check "the hostile host has heard the directors ($heard)" \
    test "$(/usr/bin/python3 -c 'import json, sys; print(json.loads(sys.argv[1])["heard"])' "$heard")" -gt 5
refused_more_than() { # COUNT REASON
    twin_has sync "sum(r[\"count\"] for r in d[\"refusals\"] if r[\"name\"] == \"$2\") > $1"
}
check "changed messages lack the key" refused_more_than 0 director_wrong_tag
check "replayed ones are told by their numbers" twin_has sync 'sum(p["replayed"] for p in d["peers"]) > 0'
check "so are a director's own, sent back to it" refused_more_than 0 director_own
expect "each reason is logged once" 1 \
    "$(grep -c 'refused sync message from=192.168.0.107 protocol=director reason=wrong_tag' \
        "$lab_state/twin/directord.log")"
expect "connections are as they were" "$(client_ports ctl)" "$(client_ports twin_ctl)"
expect "and servers" "[]" "$(twin_value sync 'd["mismatches"]')"

# One that joins late has them too.
scripts/lab stop twin directord
scripts/lab start twin directord
await 60 "the twin is back" twin_ctl status
await 30 "a twin that joins late fetches the table" twin_has sync 'd["tables_fetched"] >= 1'
check "and has the connections" established_at_twin 4

kill -KILL "$(cat "$lab_state/director/directord.pid")"
give_addresses_to twin
release_downloads
check "the twin has forwarded their packets" twin_has drops 'd["forwarded"] > 1000'
