#!/bin/bash
# A real Prometheus beside directord, with the rules that are shipped: it scrapes the metrics page,
# takes every sample of it, and an alert fires when a real server goes.
. "$(dirname "$0")/../lib.sh"
raise lvs-checks
monitoring=$scratch/monitoring
mkdir "$monitoring"

# The shipped rules and configuration, in a hurry: a look each 300 ms, and alerts that wait 1 s.
sed 's/15s/300ms/' scripts/monitoring/prometheus.yml |
    sed '/targets:/ s/$/\n        labels: {lab: lvs-checks}/; s/scrape_interval: 300ms/&\n  scrape_timeout: 300ms/' \
        >"$monitoring/prometheus.yml"
sed 's/for: .*/for: 1s/' scripts/monitoring/director_alerts.yml >"$monitoring/director_alerts.yml"
scripts/lab start director prometheus prometheus --config.file="$monitoring/prometheus.yml" \
    --storage.tsdb.path="$monitoring/data" --web.listen-address=127.0.0.1:9090 --log.level=warn

# query PROMQL: its results, each as JSON of labels and value.
query() {
    director curl -sS -G --data-urlencode "query=$1" http://127.0.0.1:9090/api/v1/query |
        /usr/bin/python3 -c 'import json, sys
for row in json.load(sys.stdin)["data"]["result"]:
    print(row["metric"].get(sys.argv[1], ""), row["value"][1])' "${2:-}"
}
answers() { [ "$(query "$1" "${3:-}")" = "$2" ]; }

await 60 "Prometheus scrapes the director" answers 'up{job="director"}' " 1"
await 60 "both real servers are up, says Prometheus" answers 'director_service_real_servers_up{port="80"}' " 2"
download 1M
await 20 "the service's bytes are in Prometheus" \
    answers 'director_service_bytes_total{port="80",direction="server_to_client"} > bool 1000000' " 1"
await 20 "the ports' bytes as well" \
    answers 'min(director_port_bytes_total{direction="received"} > bool 1000)' " 1"
samples=$(director curl -sS http://127.0.0.1:9142/metrics | grep -vc '^#')
await 20 "each of the $samples samples was taken" answers \
    'scrape_samples_scraped{job="director"} == scrape_samples_post_metric_relabeling{job="director"}' " $samples"
check "promtool has nothing to say about the page" \
    sh -c 'ip netns exec dir-director curl -sS http://127.0.0.1:9142/metrics | promtool check metrics'
telemetry() { # COMMAND FIGURE
    echo "$1" | director dpdk-telemetry.py -f "directord-$(cat "$lab_state/director/directord.pid")" 2>&1 |
        grep -o "\"$2\": [0-9]*" | tail -n 1
}
forwards() { [ "$(telemetry /director/totals forwarded | tr -dc 0-9)" -ge 100 ]; }
await 20 "DPDK's telemetry socket has the data path's counters" forwards
await 20 "no alert fires" answers 'ALERTS{alertstate="firing",alertname!="DirectorRestarted"}' ""

scripts/lab stop web1 nginx
await 30 "the alert for a real server that is down fires" \
    answers 'ALERTS{alertname="DirectorRealServerDown",alertstate="firing",port="80"}' "DirectorRealServerDown 1" alertname
scripts/lab start web1 nginx nginx -e "$lab_state/web1/nginx.log" -c "$lab_state/web1/nginx.conf"
await 30 "and ends when it is back" \
    answers 'ALERTS{alertname="DirectorRealServerDown",alertstate="firing",port="80"}' ""

# Observed health: off, on by a reload, traffic of which the client's side loses a part, off again.
conf=$lab_state/director/directord.conf
on_page() { director curl -sS http://127.0.0.1:9142/metrics | grep -c '^director_health_'; }
status_page() { director curl -sS http://127.0.0.1:9142/status.json |
    /usr/bin/python3 -c "import json, sys; h = json.load(sys.stdin)['health']; sys.exit(0 if $1 else 1)"; }
expect "no health is observed that nobody asked for" 0 "$(on_page)"
check "the status page says so" status_page 'not h["is_on"]'
cp "$conf" "$scratch/without.conf"
printf '\ndiagnostics = { health = true; };\n' >>"$conf"
expect "the difference is named" "diagnostics changed" "$(ctl reload | grep -o 'diagnostics changed')"
await 20 "what observation costs is on the metrics page" answers 'director_health_flows_max' " 131072"
client nft -f - <<'RULES'
table inet loss {
    chain in {
        type filter hook input priority 0
        tcp sport 80 numgen random mod 100 < 8 drop
    }
}
RULES
for _ in 1 2 3 4; do
    client curl -sS -m 600 -o /dev/null "http://$vip/download/1M"
done
retransmitted='sum(director_health_retransmitted_packets_total{port="80",side="%s"})'
# shellcheck disable=SC2059
server_side=$(printf "$retransmitted" server) client_side=$(printf "$retransmitted" client)
await 60 "servers' retransmissions are counted" answers "$server_side > bool 20" " 1"
await 10 "clients' are few: it is their side that loses" answers "$server_side > bool 5 * $client_side" " 1"
await 10 "both real servers have series of their own" \
    answers 'count(director_health_packets_total{port="80",side="server"})' " 2"
await 10 "round trips of both sides are in the histograms" answers \
    'count(sum by (side) (director_health_round_trip_seconds_count{port="80"}) > 4)' " 2"
await 10 "and fell into buckets" answers \
    'histogram_quantile(0.5, sum by (le) (director_health_round_trip_seconds_bucket{side="server"})) < bool 0.5' " 1"
await 30 "the status page says what is wrong, the worst first" status_page \
    'any("packets again: they are lost on their way to clients" in v["text"] for v in h["verdicts"]) and h["verdicts"] == sorted(h["verdicts"], key=lambda v: -v["severity"])'
check "promtool has nothing to say about these either" \
    sh -c 'ip netns exec dir-director curl -sS http://127.0.0.1:9142/metrics | promtool check metrics'
client nft delete table inet loss
cp "$scratch/without.conf" "$conf"
expect "a reload turns it off" "diagnostics changed" "$(ctl reload | grep -o 'diagnostics changed')"
is_gone() { [ "$(on_page)" = 0 ] && status_page 'not h["is_on"] and not h["verdicts"]'; }
await 20 "its series go" is_gone
scripts/lab stop director prometheus
check_balance
