#!/bin/bash
# ipvsadm's commands change what serves: the LVS report's own script, save and restore, under traffic.
. "$(dirname "$0")/../lib.sh"
raise lvs-nat

IPVSADM="$DIRECTORCTL --socket $lab_state/director/directord.sock ipvsadm"
answers() { client curl -sS -m 5 -H 'Connection: close' "http://$vip/?[1-$1]" 2>&1 | body_counts; }
# Without counts: "TCP address scheduler", "-> server method weight".
table() { $IPVSADM -L -n | tail -n +4 | awk '{ print $1, $2, $3 ($4 == "" ? "" : " " $4) }'; }

check "-C clears the table" $IPVSADM -C
expect "nothing is listed" "" "$(table)"
refute "and nothing answers" client curl -sS -m 2 -o /dev/null "http://$vip/"

# The report's script as it is, but for which ipvsadm it calls; in a namespace of its own, for it
# sets ip_forward.
sed "s|^IPVSADM=.*|IPVSADM='$IPVSADM'|; s|^IPTABLES=.*|IPTABLES=true|" \
    tests/data/import/lvs-nat.rc.firewall >"$lab_state/rc.firewall"
check "the report's script runs" unshare -n sh -e "$lab_state/rc.firewall"
expect "the report's lines make its table" "TCP 170.210.122.104:80 rr
-> 192.168.0.107:80 Masq 1
-> 192.168.0.108:80 Masq 1" "$(table)"
expect "and it balances" "10 10 0" "$(answers 20)"

saved=$($IPVSADM -S -n)
expect "-S prints the rules" "-A -t 170.210.122.104:80 -s rr
-a -t 170.210.122.104:80 -r 192.168.0.107:80 -m -w 1
-a -t 170.210.122.104:80 -r 192.168.0.108:80 -m -w 1" "$saved"

scripts/lab file 16M >/dev/null
hold_download 1
await 60 "a download is under way" download_has_begun 1
check "-E edits the service" $IPVSADM -E -t 170.210.122.104:80 -s wrr
check "-e gives web2 weight 3" $IPVSADM -e -t 170.210.122.104:80 -r 192.168.0.108:80 -m -w 3
expect "which counts" "10 30 0" "$(answers 40)"
check "-d takes web2 away" $IPVSADM -d -t 170.210.122.104:80 -r 192.168.0.108:80
expect "and it gets nothing" "10 0 0" "$(answers 10)"

check "-C and -R bring the saved rules back" \
    sh -c "$IPVSADM -C; printf '%s\n' '$saved' | $IPVSADM -R"
expect "the same rules" "$saved" "$($IPVSADM -S -n)"
expect "and the same balance" "10 10 0" "$(answers 20)"
release_downloads 1

check "-Z" $IPVSADM -Z
expect "statistics begin anew" 0 "$($IPVSADM -L -n --stats | awk '$1 == "TCP" { print $3 }')"
$IPVSADM --set 1000 0 33
expect "--set keeps what is 0" "Timeout (tcp tcpfin udp): 1000 120 33" "$($IPVSADM -L --timeout)"

expect "an error has ipvsadm's words and code" "Service already exists 255" \
    "$($IPVSADM -A -t 170.210.122.104:80 2>&1) $($IPVSADM -A -t 170.210.122.104:80 2>/dev/null; echo $?)"
check "--start-daemon" $IPVSADM --start-daemon master --mcast-interface outside --syncid 7
expect "-L --daemon" \
    "master sync daemon (mcast=outside, syncid=7, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)" \
    "$($IPVSADM -L --daemon)"
check "--stop-daemon" $IPVSADM --stop-daemon master
expect "no daemon runs" "" "$($IPVSADM -L --daemon)"

scripts/lab reload director
back_to_the_file() { [ "$($IPVSADM -L --timeout)" = "Timeout (tcp tcpfin udp): 900 120 300" ]; }
await 60 "a reload goes back to the file" back_to_the_file
expect "and serves it" "10 10 0" "$(answers 20)"
check_balance
