#!/bin/bash
# Linux's own IPVS as the twin: a machine with Debian's kernel is sync backup to Director and sync
# master for it. Connections of running downloads appear on the other side with the right ends, state
# and timeout; when their director is gone, the other carries them on, not a byte wrong. Skipped
# where no machine can be emulated.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../guest.sh"
need_guest
raise kernel-twin

guest_mac() { guest cat "/sys/class/net/$1/address"; }
# Clients' and servers' neighbours say who has the director's addresses.
give_addresses_to() { # OUTSIDE-MAC INSIDE-MAC
    local web
    client ip neigh replace 170.210.122.104 lladdr "$1" dev c0 nud permanent
    for web in web1 web2; do
        ip netns exec "dir-$web" ip neigh replace 192.168.0.104 lladdr "$2" dev w0 nud permanent
    done
}
director_mac() { director cat "/sys/class/net/$1/address"; }

# "ESTABLISHED client service server" of each connection to the service, in order.
connections_of() { # list | SERVICE-PORT STATE
    awk -v vip="$vip:$1" -v state="$2" '$5 == vip && $3 == state { print $3, $4, $5, $6 }' | sort
}
here() { ctl ipvsadm -Lnc | connections_of "$@"; }
there() { guest ipvsadm -Lnc | connections_of "$@"; }
count_is() { # COUNT COMMAND...
    [ "$("${@:2}" | grep -c .)" -eq "$1" ]
}
# The seconds until the soonest of the listed connections ends.
soonest() { # list | SERVICE-PORT STATE
    awk -v vip="$vip:$1" -v state="$2" '$5 == vip && $3 == state {
        split($2, part, ":"); seconds = part[1] * 60 + part[2]
        if (least == "" || seconds < least) least = seconds } END { print least + 0 }'
}
between() { [ "$1" -le "$2" ] && [ "$2" -le "$3" ]; } # LEAST VALUE MOST
guest_packets() { printf '%d' "0x$(guest cat /proc/net/ip_vs_stats | awk 'NR == 3 { print $2 }')"; }
heard() { is_value sync "sum(p['ipvs_messages'] for p in d['peers']) >= $1"; }
refused() { value sync "[r for r in d['refusals'] if r['count']]"; }

cat >"$scratch/setup.sh" <<SETUP
echo 8 >/proc/sys/net/ipv4/conf/all/arp_ignore
ip addr add 170.210.122.105/25 dev eth0; ip addr add $vip/32 dev eth0; ip link set eth0 up
ip addr add 192.168.0.105/25 dev eth1; ip link set eth1 up
ip neigh add 170.210.122.101 lladdr $(client cat /sys/class/net/c0/address) dev eth0 nud permanent
ip neigh add 192.168.0.107 lladdr $(web1 cat /sys/class/net/w0/address) dev eth1 nud permanent
ip neigh add 192.168.0.108 lladdr $(web2 cat /sys/class/net/w0/address) dev eth1 nud permanent
echo 1 >/proc/sys/net/ipv4/ip_forward
for port in 80 8000; do
 ipvsadm -A -t $vip:\$port -s rr \$([ \$port = 80 ] || echo -p 600)
 for r in 107 108; do ipvsadm -a -t $vip:\$port -r 192.168.0.\$r:80 -m; done
done
ipvsadm --set 600 0 0
ipvsadm --start-daemon master --mcast-interface eth1 --syncid 51
ipvsadm --start-daemon backup --mcast-interface eth1 --syncid 51
SETUP
start_guest "$scratch/setup.sh" outer:tap0 switch:tap1
check "the guest is a master and a backup" grep -q 'backup sync daemon' <(guest ipvsadm -L --daemon)

# --- The kernel as backup -------------------------------------------------------------------------
prefix="kernel as backup"
give_addresses_to "$(director_mac outside)" "$(director_mac inside)"
scripts/lab file 16M >/dev/null
for number in 1 2; do hold_download $number; done
for number in 1 2; do
    await 60 "download $number is under way" download_has_begun $number
done
check "one request to the persistent service" client curl -sf -m 10 "http://$vip:8000/"
await 30 "the kernel has the downloads' connections" count_is 2 there 80 ESTABLISHED
expect "clients, services and servers are the same" "$(here 80 ESTABLISHED)" "$(there 80 ESTABLISHED)"
left=$(guest ipvsadm -Lnc | soonest 80 ESTABLISHED)
check "the timeout is Director's 700 s, not the kernel's 600 s ($left s left)" between 610 "$left" 700
await 30 "it has the template" count_is 1 there 8000 ASSURED
left=$(guest ipvsadm -Lnc | soonest 8000 ASSURED)
check "for as long as Director's ($left s left)" between 500 "$left" 600
await 30 "it has the connection that was closed" count_is 1 there 8000 TIME_WAIT
expect "to the same server" "$(here 8000 TIME_WAIT)" "$(there 8000 TIME_WAIT)"
left=$(guest ipvsadm -Lnc | soonest 8000 TIME_WAIT)
check "for as long as Director's ($left s left)" between 200 "$left" 300
server_counts() { guest ipvsadm -Ln | awk -v port="$1" '/^TCP/ { at = $2 ~ ":" port "$" } at && /->/ { a += $5; i += $6 } END { print a, i }'; }
expect "the flags say which are active" "2 0" "$(server_counts 80)"
expect "and which are not" "0 1" "$(server_counts 8000)"
check "all of them came by sync" [ "$(guest cat /proc/net/ip_vs_conn_sync | grep -c SYNC)" -eq 4 ]

kill -KILL "$(cat "$lab_state/director/directord.pid")"
give_addresses_to "$(guest_mac eth0)" "$(guest_mac eth1)"
release_downloads
check "the kernel has forwarded their packets" [ "$(guest_packets)" -gt 1000 ]

# --- The kernel as master -------------------------------------------------------------------------
prefix="kernel as master"
rm -f "$scratch/released"
downloads=()
guest ipvsadm --set 500 0 0
scripts/lab start director directord >/dev/null
for number in 3 4; do hold_download $number; done
for number in 3 4; do
    await 60 "download $number is under way" download_has_begun $number
done
check "one request to the persistent service" client curl -sf -m 10 "http://$vip:8000/"
await 30 "Director hears the kernel" heard 1
await 30 "Director has the downloads' connections" count_is 2 here 80 ESTABLISHED
expect "clients, services and servers are the same" "$(there 80 ESTABLISHED)" "$(here 80 ESTABLISHED)"
left=$(ctl ipvsadm -Lnc | soonest 80 ESTABLISHED)
check "the timeout is the kernel's 500 s, not Director's 700 s ($left s left)" between 410 "$left" 500
await 30 "it has the template" count_is 1 here 8000 ASSURED
await 30 "it has the connection that was closed" count_is 1 here 8000 TIME_WAIT
guest "echo 0 >/proc/sys/net/ipv4/vs/sync_version"
hold_download 5
await 60 "download 5 is under way, in version 0 of the protocol" download_has_begun 5
await 30 "Director has its connection" count_is 3 here 80 ESTABLISHED
expect "nothing was refused" "[]" "$(refused)"

stop_guest
give_addresses_to "$(director_mac outside)" "$(director_mac inside)"
release_downloads
check "Director has forwarded their packets" is_value drops 'd["forwarded"] > 1000'
check_balance
