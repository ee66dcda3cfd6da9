#!/bin/bash
# scripts/appliance below a root of its own: shows without changing, changes once, puts back.
. "$(dirname "$0")/lib.sh"
root=$scratch/root
appliance() { "$repository/scripts/appliance" --root "$root" "$@"; }
state() { (cd "$root" && find . -type f -exec sha256sum {} + | sort -k 2); }

mkdir -p "$root/etc/sysctl.d"
printf 'vm.nr_hugepages = 4\n' >"$root/etc/sysctl.d/60-director.conf"
before=$(state)
shown=$(appliance --cpus 2-3)
expect "showing changes nothing" "$before" "$(state)"
check "and says what would be changed" grep -q '4 files would be changed' <<<"$shown"
check "line by line" grep -qx -- '-vm.nr_hugepages = 4' <<<"$shown"

check "it is applied" appliance --cpus 2-3 --hugepages 2048 --apply
check "the CPUs are isolated" grep -q \
    'isolcpus=managed_irq,domain,2-3 nohz_full=2-3 rcu_nocbs=2-3' "$root/etc/default/grub.d/60-director.cfg"
check "huge pages are asked for" grep -qx 'vm.nr_hugepages = 2048' "$root/etc/sysctl.d/60-director.conf"
after=$(state)
expect "a second run has nothing to do" "nothing to change" \
    "$(appliance --cpus 2-3 --hugepages 2048 --apply)"
expect "and does nothing" "$after" "$(state)"
check "another choice is another change" appliance --cpus 4 --apply
check "all is put back" appliance --undo
expect "as it was before the first run" "$before" "$(state)"
refute "there is nothing more to undo" appliance --undo
refute "a list of CPUs is one" appliance --cpus '2; reboot' --apply
finish
