#!/bin/bash
# Two and four workers: software hand-over brings both directions of a connection to its owner.
. "$(dirname "$0")/../lib.sh"

for workers in 2 4; do
    prefix="$workers workers"
    LAB_WORKERS=$workers raise lvs-nat
    spread "a connection each" 4000 "$workers" -H 'Connection: close'
    spread "keep-alive" 4000 4000
    load 200 3
    load 200 2 -H 'Connection: close'
    download 100M
    expect "as many workers as asked for" "$workers" "$(value workers 'len(d["workers"])')"
    check "every worker has connections of its own" is_value workers \
        'all(w["connections_created"] > 0 for w in d["workers"])'
    check "frames were handed over" is_value drops 'd["handed_in"] > 0'
    check_balance
    check_kernel_saw_nothing
    lower
done
