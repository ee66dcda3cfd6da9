#!/bin/bash
# directorctl against a running directord: services and servers added, changed, removed; alarms;
# connections that are looked for; the kernel's tables; top; completion; the examples of the
# documents.
. "$(dirname "$0")/../lib.sh"
raise lvs-services
export DIRECTOR_SOCKET=$lab_state/director/directord.sock

await 60 "status: a service without a server is an alarm, and says which" is_value status \
    'any(a["severity"] == "critical" and "170.210.122.104:8081" in a["what"] for a in d["alarms"])'
expect "status: 3 of 4 services are up, the address is known" "3 4 170.210.122.104" \
    "$(value status 'd["services_up"], d["services"], d["virtual_addresses"][0]["address"]' | tr -d "(),'")"
check "status fits on a screen of 24 lines" [ "$(ctl status | wc -l)" -le 24 ]

check "a service is added" ctl service add "$vip:82" --scheduler mh --flags hash-port
check "and a server of it" ctl server add "$vip:82" 192.168.0.107:80 --weight 3 --upper-threshold 500
check "which serves" client curl -sS -m 20 -o /dev/null "http://$vip:82/"
check "its weight alone is changed" ctl server set "$vip:82" 192.168.0.107:80 --weight 5
expect "and the rest stays" "5 500 nat" \
    "$(value "service show $vip:82" '*[d["servers"][0][k] for k in ("weight", "upper_threshold", "forwarding")]')"
check "persistence alone is changed" ctl service set "tcp/$vip:82" --persistence 5m
expect "and the rest stays" "mh 300 True" \
    "$(value "service show $vip:82" 'd["scheduler"], d["persistence_seconds"], "mh-port" in d["flags"]' | tr -d "(),'")"
refute "an unknown scheduler is refused" ctl service set "$vip:82" --scheduler bogus
refute "a server that is not there is refused" ctl server set "$vip:82" 192.168.0.200 --weight 1
check "drain takes the same names" ctl server drain 192.168.0.107 --service "tcp/$vip:82"
expect "and shows it" draining "$(ctl server list "$vip:82" | awk 'NR == 2 { print $NF }')"
check "the service is removed" ctl service del "$vip:82"
refute "and gone" ctl service show "$vip:82"

for port in 80 8080; do
    client curl -sS -m 60 -H 'Connection: close' -o /dev/null "http://$vip:$port/?[1-20]"
done
expect "connections of one service" 20 \
    "$(value "conn count --service $vip:8080" 'd["connections"]')"
expect "of one server, of one client" "10 0" \
    "$(value "conn count --service $vip:80 --server 192.168.0.107" 'd["connections"]') $(value "conn count --client 10.9.0.0/16" 'd["connections"]')"
check "a row a line, each with its client" sh -c \
    "'$DIRECTORCTL' --json conn list --limit 5 | /usr/bin/python3 -c '
import json, sys
rows = [json.loads(line) for line in sys.stdin]
sys.exit(not (len(rows) == 5 and all(row[\"client_address\"] for row in rows)))'"

check "routes of the workers: the local network" is_value "route list" \
    'any(r["destination"] == "192.168.0.0/25" and r["kind"] == "on-link" for r in d["routes"])'
check "neighbours: both servers" is_value "neigh list" \
    '{"192.168.0.107", "192.168.0.108"} <= {n["address"] for n in d["neighbours"] if n["state"] == "reachable"}'
check "top shows a rate while there is traffic" sh -c "
    ip netns exec dir-client curl -sS -m 60 -H 'Connection: close' -o /dev/null 'http://$vip/?[1-2000]' & load=\$!
    '$DIRECTORCTL' --json top services --interval 1 | /usr/bin/python3 -c '
import json, sys
d = json.load(sys.stdin)
sys.exit(not (d[\"rows\"][0][\"service\"] == \"TCP $vip:80\" and d[\"rows\"][0][\"connections_per_second\"] > 1))'
    result=\$?; kill \$load; exit \$result"
expect "completion knows the services" "tcp/$vip:8080" \
    "$("$DIRECTORCTL" --complete service show "tcp/$vip:808" | cut -f 1 | head -n 1)"
check "the examples of the documents" /usr/bin/python3 "$helpers/run_examples.py" \
    "$DIRECTORCTL" README.md docs/operations.md docs/control-socket.md
check_balance
