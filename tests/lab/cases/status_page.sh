#!/bin/bash
# The status page in a real browser, on a phone's screen, with live data of the laboratory. Skipped where
# there is no Chromium (scripts/setup browser). The picture stays in
# build/artefacts, or the folder ARTEFACTS.
. "$(dirname "$0")/../lib.sh"
if ! command -v chromium >/dev/null; then
    ok "skipped: the status page in Chromium, which is not installed (scripts/setup browser)"
    exit 0
fi
raise lvs-checks
artefacts=${ARTEFACTS:-$repository/build/artefacts}
mkdir -p "$artefacts"
await 60 "every check has a result" is_value checks \
    'all(c["state"] == "up" for s in d["services"] for r in s["servers"] for c in r["checks"])'
scripts/lab stop web1 nginx
await 30 "web1 is down" is_value checks \
    'any(r["address"].endswith(".107") and not r["is_up"] for s in d["services"] if s["port"] == 80 for r in s["servers"])'
client curl -sS "http://$vip/?[1-50]" >/dev/null
sleep 2.5 # the page shows what was published last: every two seconds

# browsed EXPRESSION over what the browser found
browsed() { /usr/bin/python3 -c "import json, sys
d = json.load(open('$scratch/found'))
sys.exit(0 if $1 else 1)"; }
check "Chromium shows the page" \
    sh -c "ip netns exec dir-director timeout 60 /usr/bin/python3 '$helpers/browse.py' http://127.0.0.1:9142/ '$artefacts/status_page.png' 360 3 >'$scratch/found'"
check "both services are there" browsed '"TCP 170.210.122.104:80" in d["text"] and "TCP 170.210.122.104:8080" in d["text"]'
check "one of two servers is up, the sorry server is none of them" browsed '"1 of 2 up" in d["text"] and "1 of 3" not in d["text"]'
check "one server is up, one is down" browsed '"192.168.0.107:80\ndown" in d["text"] and "192.168.0.108:80\nup" in d["text"]'
check "what happened before the page was opened is told" browsed '"[192.168.0.107]:tcp:80 of VS" in d["text"].split("Latest events")[1]'
check "rates are drawn" browsed 'd["sparklines"] == 2'
check "nothing is wider than a phone of 360 pixels" browsed 'd["scroll_width"] <= 360'
check "its script has no complaint" browsed 'not d["complaints"]'
check "it asks the director alone" browsed 'all(url.startswith("http://127.0.0.1:9142/") for url in d["asked_for"])'
check "there is a picture of it" test -s "$artefacts/status_page.png"
[ "$failures" -eq 0 ] || cat "$scratch/found"
refute "nothing can be changed by HTTP" \
    sh -c 'ip netns exec dir-director curl -sSf -X POST http://127.0.0.1:9142/status.json'
