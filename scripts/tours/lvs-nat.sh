# The tour of one director, for scripts/demo.
# shellcheck shell=bash disable=SC2154  # scripts/demo, which reads this, has the rest

vip=170.210.122.104
log=/run/director-lab/lvs-nat/director/directord.log
config=/run/director-lab/lvs-nat/director/directord.conf

in_director() { scripts/lab exec director "$@"; }

show_laboratory() {
    heading "The laboratory"
    cat <<'PICTURE'

      client                     director                      web1, web2 (nginx)
    170.210.122.101  ------ 170.210.122.104 = VIP
                             192.168.0.104   ------ switch --- 192.168.0.107
                                                          \--- 192.168.0.108
PICTURE
    explain "Four machines and a switch, each a network namespace of this machine. The web servers" \
        "have private addresses and the director as their default gateway. The director's two" \
        "ports are driven by DPDK in user space: its kernel sees none of the traffic."
    run scripts/lab status
}

show_start() {
    heading "What directord said as it started"
    explain "Memory, ports, workers, services: one line an event. The configuration file that it" \
        "read is $config."
    run "grep -v -e ^EAL: -e ^libbpf: -e ^libxdp: $log | head -n 20"
}

show_kernel_interfaces() {
    heading "The kernel interfaces beside the ports"
    explain "d0 and d1 are the cable ends that DPDK drives; they have no address. Beside each port" \
        "stands a kernel interface with the port's name and MAC address: what is for the director" \
        "itself (ping, ssh, routing protocols) goes there, and 'ip' shows and changes it as usual."
    run scripts/lab exec director ip -br address
}

show_alternation() {
    heading "Six requests to the virtual service"
    explain "The service $vip:80 spreads new connections in turn (rr) over two real servers."
    run scripts/lab exec director directorctl ipvsadm -L -n
    run "for i in 1 2 3 4 5 6; do scripts/lab exec client curl -s http://$vip/; done"
    [ "$(grep -c web1 <<<"$last_output")" -eq 3 ] && [ "$(grep -c web2 <<<"$last_output")" -eq 3 ] ||
        stop_tour "the requests did not alternate between web1 and web2"
    explain "" "The table now counts these connections as inactive: they are closed, and kept for" \
        "a while (TIME_WAIT) so that late packets still find their server."
    run scripts/lab exec director directorctl ipvsadm -L -n
    run scripts/lab exec director directorctl ipvsadm -L -n -c
}

show_download() {
    heading "A download of 100 MiB, byte by byte"
    explain "Every packet is rewritten both ways: addresses, ports, TTL and checksums. The hash of" \
        "what arrives must be that of the file."
    local file original
    file=$(scripts/lab file 100M)
    run "scripts/lab exec web1 sha256sum < $file"
    original=${last_output%% *}
    run "scripts/lab exec client curl -sS http://$vip/download/100M | sha256sum"
    [ "${last_output%% *}" = "$original" ] || stop_tour "the hashes differ"
    explain "" "Equal."
}

show_load() {
    heading "Load: 64 connections at once for 3 seconds"
    explain "Client, director and both servers share this machine's $(nproc) CPUs."
    run "scripts/lab exec client wrk -t1 -c64 -d3s http://$vip/"
    ! grep -q 'Socket errors\|Non-2xx' <<<"$last_output" || stop_tour "wrk saw errors"
    run scripts/lab exec director directorctl ipvsadm -L -n --stats
}

show_routing() {
    heading "What is no service: routing and the director itself"
    explain "A real server by its own address: the director routes, as a Linux machine with" \
        "ip_forward would."
    run scripts/lab exec client curl -s http://192.168.0.107/
    explain "" "The director itself: the echo request goes up to the kernel interface, the kernel answers."
    run "scripts/lab exec client ping -c 3 -i 0.2 $vip"
}

show_counters() {
    heading "Where packets went, and what the workers do"
    explain "Every packet that was not forwarded is counted under exactly one reason;" \
        "received = forwarded + punted + dropped, always. So that there is something to see, two" \
        "packets come whose time to live ends at the director."
    run "scripts/lab exec client ping -c 2 -i 0.2 -W 1 -t 1 192.168.0.107 || true"
    run scripts/lab exec director directorctl drops
    run scripts/lab exec director directorctl workers
}

weight_of_web2_is() {
    in_director directorctl ipvsadm -L -n | grep -q "192\.168\.0\.108:80 *Masq *$1 "
}

set_weight_of_web2() {
    run "scripts/lab exec director sed -i '/192.168.0.108:80/s/weight = [0-9]*/weight = $1/' $config"
    run scripts/lab reload director
    await "the new weight of web2" weight_of_web2_is "$1"
}

show_drain() {
    heading "Taking web2 out of service without breaking a connection"
    explain "Two slow downloads start: one goes to each server. Then web2 gets weight 0 in the" \
        "configuration file, and SIGHUP makes directord apply the difference: no new connection" \
        "goes to web2, those it has keep going."
    local file original folder
    file=$(scripts/lab file 16M)
    original=$(sha256sum <"$file")
    folder=$(mktemp -d)
    # shellcheck disable=SC2064  # the folder's name as it is now
    trap "rm -rf '$folder'" EXIT
    in_client curl -sS -o "$folder/1" "http://$vip/slow/16M" &
    local first=$!
    in_client curl -sS -o "$folder/2" "http://$vip/slow/16M" &
    local second=$!
    await "both downloads to start" test -s "$folder/1" -a -s "$folder/2"
    set_weight_of_web2 0
    run scripts/lab exec director directorctl ipvsadm -L -n
    run "for i in 1 2 3 4; do scripts/lab exec client curl -s http://$vip/; done"
    ! grep -q web2 <<<"$last_output" || stop_tour "web2 got a new connection although its weight is 0"
    explain "" "Only web1. The two downloads go on meanwhile (8 s) ..."
    wait "$first" || stop_tour "the first download broke"
    wait "$second" || stop_tour "the second download broke"
    [ "$(sha256sum <"$folder/1")" = "$original" ] && [ "$(sha256sum <"$folder/2")" = "$original" ] ||
        stop_tour "a download arrived with wrong bytes"
    explain "Both are complete and their hashes right. web2 comes back:"
    set_weight_of_web2 1
    run "for i in 1 2; do scripts/lab exec client curl -s http://$vip/; done"
}

say_goodbye() {
    cat <<TEXT

${bold}That was the tour; the laboratory stays up.${plain} What to type next:

   scripts/lab exec client curl http://$vip/              a request
   scripts/lab exec client tcpdump -ni c0                           frames as the client sees them
   scripts/lab exec director directorctl status                     ports, tables, totals
   scripts/lab exec director directorctl ipvsadm -L -n --rate       ipvsadm's own views
   build/directorctl check $config
   \$EDITOR $config
   scripts/lab reload director                                      apply what changed
   scripts/lab stop director directord                              SIGTERM: watch it end cleanly
   scripts/lab start director directord                             and start again
   LAB_WORKERS=2 LAB_DRIVER=af_packet scripts/lab up lvs-nat        after 'down': other drivers, more workers
   scripts/test                                                     all tests
   scripts/demo down                                                remove all of it
TEXT
}

show_laboratory
show_start
show_kernel_interfaces
show_alternation
show_download
show_load
show_routing
show_counters
show_drain
say_goodbye
