#!/bin/bash
# Services that remember clients, limit their servers, take any port or several addresses; large UDP;
# weight 0, draining, and UDP clients of a server that is removed.
. "$(dirname "$0")/../lib.sh"
raise lvs-rules
conf=$lab_state/director/directord.conf

from() { client curl -sS -m 60 --interface "$1" "http://$2/" | cut -d ' ' -f 1; }
ip -n dir-client address add 170.210.122.102/25 dev c0

first=$(from 170.210.122.101 "$vip")
expect "persistence: a client's ten next connections reach the server of its first" "10 $first" \
    "$(for _ in {1..10}; do from 170.210.122.101 "$vip"; done | sort | uniq -c | xargs)"
refute "another client's go to the other one" test "$first" = "$(from 170.210.122.102 "$vip")"

expect "one service by match rules: addresses and ports alternate" "2 web1 2 web2" \
    "$(for at in 170.210.122.111:80 170.210.122.112:80 170.210.122.111:81 170.210.122.112:81; do
        from 170.210.122.101 $at; done | sort | uniq -c | xargs)"
refute "a port beside them is not served" client curl -s -m 1 -o /dev/null http://170.210.122.111:82/

for web in web1 web2; do
    scripts/lab start $web udp-echo /usr/bin/python3 "$helpers/udp_echo.py" 53 $web
    scripts/lab start $web tcp-echo /usr/bin/python3 "$helpers/tcp_echo.py" 7
    until_true 60 ip netns exec dir-$web sh -c \
        'ss -Hlun sport = :53 | grep -q . && ss -Hltn sport = :7 | grep -q .' ||
        not_ok "echo servers of $web started"
done
expect "port 0: HTTP" "2" "$(for _ in 1 2; do from 170.210.122.101 170.210.122.110; done | grep -c '^web')"
expect "port 0: echo, at the port that the client asked for" hello \
    "$(client /usr/bin/python3 "$helpers/tcp_say.py" 170.210.122.110 7 hello)"
expect "with persistence, all ports of a client at one server" 1 "$(ctl ipvsadm -L -n -c |
    awk '$5 ~ /^170.210.122.110:/ && $6 !~ /:0$/ { sub(":.*", "", $6); print $6 }' | sort -u | wc -l)"

udp() { client /usr/bin/python3 "$helpers/udp_say.py" "$@"; }
for size in 100 4096 32768; do
    expect "UDP of $size bytes: one port, one server, nothing lost" "1 5" \
        "$(udp "$vip" 53 $size 5 | tr ' ' '\n' | sort | uniq -c |
            awk '$2 ~ /^web/ { n += $1; k++ } END { print k, n }')"
done
# Nothing is remembered, so nobody translates the answers back, as with IPVS.
expect "one-packet scheduling: datagrams of one port alternate" \
    "3 web1@192.168.0.107 3 web2@192.168.0.108" \
    "$(udp "$vip" 54 100 6 | tr ' ' '\n' | sort | uniq -c | xargs)"

scripts/lab file 16M >/dev/null
port80_vip=$vip vip=170.210.122.104:8080
for number in 1 2 3 4 5 6; do
    hold_download $number
    await 60 "download $number of six, three to each server" download_has_begun $number
done
refute "upper thresholds: a seventh connection is refused" client curl -s -m 2 -o /dev/null "http://$vip/"
release_downloads
await 60 "lower thresholds: new ones are welcome again" client curl -s -m 2 -o /dev/null "http://$vip/"
vip=$port80_vip

server=$(udp "$vip" 53 100 1 5353)
declare -A host=([web1]=107 [web2]=108)
ctl drain "192.168.0.${host[$server]}" >/dev/null
expect "a drained server: a UDP client that it knows stays" "$server $server" "$(udp "$vip" 53 100 2 5353)"
refute "and a new one goes elsewhere" grep -qw "$server" <<<"$(udp "$vip" 53 100 2 5354) $(udp "$vip" 53 100 2 5355)"
ctl undrain "192.168.0.${host[$server]}" >/dev/null

# A deadline ends what the service would leave; the download is of a server that is held up.
rm "$scratch/released"
vip=170.210.122.104:8080
hold_download 7
await 60 "a download that lasts" download_has_begun 7
for server_host in 107 108; do
    ctl drain "192.168.0.$server_host" --service 170.210.122.104:8080 --deadline 3s >/dev/null
done
left() { is_value status "sum(x[\"connections\"] for x in d[\"drains\"]) $1"; }
await 20 "the connections that are left are shown" left ">= 1"
await 60 "and ended at the deadline" left "== 0"
: >"$scratch/released"
vip=$port80_vip
for server_host in 107 108; do
    ctl undrain "192.168.0.$server_host" --service 170.210.122.104:8080 >/dev/null
done

# Without the comma of whichever was the last.
sed -i "/192.168.0.${host[$server]}:53/d" "$conf"
/usr/bin/python3 - "$conf" <<'PYTHON'
import re, sys
text = open(sys.argv[1]).read()
open(sys.argv[1], "w").write(re.sub(r"},(\s*\))", r"}\1", text))
PYTHON
scripts/lab reload director
removed() {
    is_value 'ipvsadm -L -n' 'all(len([r for r in s["servers"] if not r["is_retired"]]) == 1
        for s in d["services"] if s["port"] == 53)'
}
await 60 "$server is removed from the UDP service" removed
# Its connections end a few at a time.
is_elsewhere() { ! grep -qw "$server\|lost" <<<"$(udp "$vip" 53 100 2 5353)"; }
await 20 "a UDP client does not stick to a server that is removed" is_elsewhere
check_balance
