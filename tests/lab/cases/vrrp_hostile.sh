#!/bin/bash
# VRRP packets that nobody should believe, at a running pair: malformed captures, adverts that are
# wrong in one respect, replayed ones, another pair with the same number. No state changes, every one
# is counted under its reason, and the log says each reason once.
. "$(dirname "$0")/../lib.sh"
raise ha
address=192.168.10.100

ctl_of() { "$DIRECTORCTL" --socket "$lab_state/$1/directord.sock" "${@:2}"; }
is_master() { ip -n "dir-$1" -4 address show | grep -q "$address/"; }
frames() { client /usr/bin/python3 "$helpers/vrrp_frames.py" c0 "$@"; }
# vrrp NODE EXPRESSION: of directorctl --json vrrp; VI is instance VI_1.
vrrp() {
    ctl_of "$1" --json vrrp | /usr/bin/python3 -c "import json, sys
d = json.load(sys.stdin)
VI = next(i for i in d['instances'] if i['name'] == 'VI_1')
print($2)"
}
# Of one reason, by the instance and by none: what is counted.
refused() { vrrp "$1" "VI['refused']['$2'] + next(r['packets'] for r in d['refused'] if r['name'] == '$2')"; }
all_refused() { vrrp "$1" "sum(VI['refused'].values()) + sum(r['packets'] for r in d['refused'])"; }
is_refused() { [ "$(refused "$1" "$2")" -eq "$3" ]; }
are_refused() { [ "$(all_refused "$1")" -eq "$2" ]; }
times_told() { grep -c "refused .*reason=$2 " "$lab_state/$1/directord.log"; }
states() { vrrp "$1" "[(i['name'], i['transitions']) for i in d['instances']]"; }
metric() { # NODE REASON: the page's figure, of all instances
    ip netns exec "dir-$1" curl -s http://127.0.0.1:9142/metrics |
        awk -v reason="reason=\"$2\"" 'index($0, "director_vrrp_refused_total") && index($0, reason) { sum += $NF }
            END { print sum + 0 }'
}
is_metric() { [ "$(metric "$1" "$2")" -eq "$3" ]; }

await 60 "director1 is master" is_master director1
is_backup() { [ "$(vrrp "$1" 'VI["state"]')" = BACKUP ]; }
await 60 "director2 is backup" is_backup director2
before1=$(states director1)
before2=$(states director2)

# --- Captures that fuzzers and others made ---------------------------------------------------------
count=$(frames captures 51 tests/data/vrrp/vrrp_print-oobr.pcap tests/data/vrrp/vrrp_print-oobr-2.pcap \
    tests/data/vrrp/carp.pcap tests/data/vrrp/pcapplusplus-v2.pcap)
expect "captures of malformed packets are replayed" 19 "$count"
# What is cut is no IP packet even to the packet path; CARP and the version 2 without its trailer are
# VRRP by their number.
for node in director1 director2; do
    await 30 "$node refuses CARP's and the cut version 2's for their length" is_refused $node length 6
done

# --- Adverts that are wrong in one respect ----------------------------------------------------------
told=$(frames forged 51 192.168.10.77 $address)
while read -r reason wanted; do
    [ "$reason" != length ] || wanted=$((wanted + 6))
    for node in director1 director2; do
        await 30 "$node counts $reason: $wanted" is_refused $node "$reason" "$wanted"
        expect "$node tells $reason once" 1 "$(times_told $node "$reason")"
    done
    await 30 "the metrics page has $reason" is_metric director1 "$reason" "$wanted"
done <<<"$told"
check "directorctl vrrp lists them" sh -c \
    "'$DIRECTORCTL' --socket '$lab_state/director1/directord.sock' vrrp | grep -qE 'password +VI_1 +20 +password is wrong'"

# --- Replayed: the MASTER's own adverts come back ---------------------------------------------------
count=$(frames echo 3)
check "adverts are replayed ($count)" [ "$count" -ge 6 ]
await 30 "director1 knows its own" is_refused director1 own_source "$count"
expect "director1 tells of it once" 1 "$(times_told director1 own_source)"

# --- Spoofed, and another pair with the same number -------------------------------------------------
frames advert 51 192.168.10.1 $address 255 123
await 30 "what bears director1's own address is refused" is_refused director1 own_source $((count + 1))
for _ in 1 2 3 4 5; do
    frames advert 51 192.168.10.77 192.168.10.200 1 123
done
check "another pair with the same number and lower priority is told" grep -q \
    'peer=192.168.10.77 is MASTER too, with priority 1' "$lab_state/director1/directord.log"
expect "once" 1 "$(grep -c 'peer=192.168.10.77 is MASTER too' "$lab_state/director1/directord.log")"
check "so are its other addresses" grep -q 'peer=192.168.10.77 has other virtual addresses' \
    "$lab_state/director1/directord.log"

# The spoofed advert of priority 255 bore director1's address, and director2 has no way to know.
expect "no state of director1 has changed" "$before1" "$(states director1)"
expect "no state of director2 has changed" "$before2" "$(states director2)"
check "the service answers" client curl -sf -m 10 http://$address/

# --- A peer that flaps ------------------------------------------------------------------------------
# It knows the password, so it is believed: what counts is that director1 is master afterwards.
for _ in 1 2 3 4 5; do
    frames advert 51 192.168.10.77 $address 254 123
    frames advert 51 192.168.10.77 $address 0 123
done
is_calm() {
    is_master director1 && ! is_master director2 && client curl -sf -m 5 http://$address/
}
await 60 "after a flapping peer director1 is master again" is_calm
check "and the log is no flood" [ "$(grep -c 192.168.10.77 "$lab_state/director1/directord.log")" -lt 60 ]
