#!/bin/bash
# The same on packet sockets instead of AF_XDP.
. "$(dirname "$0")/../lib.sh"
export LAB_DRIVER=af_packet

for workers in 1 2; do
    prefix="af_packet, $workers workers"
    LAB_WORKERS=$workers raise lvs-nat
    check "the ports' driver" is_value status \
        'all("af_packet" in port["driver"] for port in d["ports"])'
    spread "a connection each" 4000 "$workers" -H 'Connection: close'
    load 200 3
    download 100M
    check "ping the director" client ping -c 2 -i 0.2 -W 20 "$vip"
    check_balance
    check_kernel_saw_nothing 2
    lower
done
