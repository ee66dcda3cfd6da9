#!/bin/bash
# when_server_gone = "reset" between real TCP stacks: both ends of a removed server's connections
# learn of it, though neither has anything to say; those of the other server live on.
. "$(dirname "$0")/../lib.sh"
raise lvs-nat
conf=$lab_state/director/directord.conf
sed -i 's/\( *\)scheduler = "rr";/&\n\1when_server_gone = "reset";/' "$conf"
check "the service is to reset connections" grep -q when_server_gone "$conf"
scripts/lab reload director

client /usr/bin/python3 "$helpers/silent_clients.py" "$vip" 80 20 "$scratch/ready" 20 >"$scratch/silent" &
silent=$!
await 60 "twenty clients have their answer and wait" test -e "$scratch/ready"
established_at() { "$1" ss -Htn state established "sport = :80" | wc -l; }
expect "ten of them are web2's" 10 "$(established_at web2)"

sed -i '/192.168.0.108:80/d; s/\(192.168.0.107:80"; weight = 1; }\),/\1/' "$conf"
scripts/lab reload director
web2_has_none() { [ "$(established_at web2)" = 0 ]; }
await 60 "web2 has been told, though nobody spoke" web2_has_none
wait "$silent"
expect "its clients have been reset, the others not" "10 reset, 0 closed, 10 silent" \
    "$(cat "$scratch/silent")"
forgotten() { is_value 'ipvsadm -L -n' \
    'all(r["address"] != "192.168.0.108" for s in d["services"] for r in s["servers"])'; }
await 60 "nothing of it is left with us" forgotten
check_balance
