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
scripts/lab stop director prometheus
check_balance
