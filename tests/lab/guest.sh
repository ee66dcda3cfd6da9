# An emulated machine with Debian's kernel, whose IPVS is Director's twin; for lab cases, behind lib.sh.
#
#   need_guest                       # ends the case, as skipped, where no machine can be emulated
#   start_guest SETUP.sh NODE:TAP... # NODE is a bridge of the lab; the guest's eth0, eth1 ... in order
#   guest COMMAND                    # in the guest's shell
#   stop_guest                       # as if its cable and its power were cut
#
# The kernel package is downloaded once (apt-get download, installed nowhere) and kept.
# shellcheck shell=bash
# shellcheck disable=SC2154  # helpers, scratch, lab_state: lib.sh

guest_folder=/var/cache/director-lab/guest
guest_vm=$helpers/ipvs-vm
guest_run=$scratch/guest
guest_boot_seconds=180

skip() { # REASON: loudly, and the whole case
    printf '# SKIPPED: %s\n' "$1"
    printf 'ok - %s # skip %s\n' "$(basename "$0" .sh)" "$1"
    trap - EXIT
    lower
    rm -rf "$scratch"
    exit 0
}

make_guest() {
    local program
    for program in qemu-system-x86_64 busybox ipvsadm cpio modprobe; do
        [ -n "$(PATH=$PATH:/usr/sbin:/sbin command -v $program)" ] || { echo "no $program here"; return 1; }
    done
    [ ! -e "$guest_folder/initramfs.cpio.gz" ] || return 0
    mkdir -p "$guest_folder"
    "$guest_vm/mkinitramfs.sh" "$guest_folder" && return
    apt-get update && "$guest_vm/mkinitramfs.sh" "$guest_folder"
}

need_guest() {
    local output
    output=$(make_guest 2>&1) || skip "no guest could be made (scripts/setup guest): $(tail -n 1 <<<"$output")"
}

start_guest() { # SETUP.sh NODE:TAP...
    local setup=$1 output end taps=()
    shift
    for end in "$@"; do taps+=("${end#*:}"); done
    output=$(VMRUN=$guest_run VMSECONDS=$guest_boot_seconds \
        VMNETOPTS=csum=off,gso=off,guest_csum=off,guest_tso4=off,guest_tso6=off,guest_ufo=off \
        "$guest_vm/ipvs-vm.sh" start "$guest_folder" "dir-${1%%:*}" "$setup" "${taps[@]}" 2>&1) ||
        { stop_guest; skip "the guest did not boot in $guest_boot_seconds s: $(tail -n 1 <<<"$output")"; }
    for end in "$@"; do
        [ "${end%%:*}" = "${1%%:*}" ] ||
            ip -n "dir-${1%%:*}" link set "${end#*:}" netns "dir-${end%%:*}"
        ip -n "dir-${end%%:*}" link set "${end#*:}" master br0
        ip -n "dir-${end%%:*}" link set "${end#*:}" up
    done
}

guest() { VMRUN=$guest_run "$guest_vm/ipvs-vm.sh" cmd "$guest_folder" "$*"; }
stop_guest() { VMRUN=$guest_run "$guest_vm/ipvs-vm.sh" stop "$guest_folder"; }

# Before the laboratory and $scratch go.
finish_guest() {
    local code=$?
    stop_guest
    (exit "$code")
    finish
}
trap finish_guest EXIT
