# Reads tests/lab/topologies/NAME.lab for scripts/lab, at whose top the words are explained. Sourced;
# needs `topologies`, their folder, and scripts/lib.sh.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # the arrays are read there, `topologies` is set there

# Fills nodes bridges links routes runs programs webs ports vlans (statements without their first word) and, per node,
# config[NODE].
read_topology() {
    nodes=() bridges=() links=() routes=() runs=() programs=() webs=() ports=() vlans=() about=''
    declare -gA config=()
    read_statements "$1"
    check_topology "$topologies/$1.lab"
}

read_statements() {
    local file=$topologies/$1.lab line number=0 config_node='' word rest
    [ -r "$file" ] || die "no laboratory '$1'; there are: $(topology_names | tr '\n' ' ')"
    while IFS= read -r line || [ -n "$line" ]; do
        number=$((number + 1))
        if [ -n "$config_node" ]; then
            if [ "${line%%[[:space:]]*}" = end ]; then
                config_node=''
            else
                config[$config_node]+=$line$'\n'
            fi
            continue
        fi
        line=${line%%#*}
        read -r word rest <<<"$line" || true
        rest=${rest%"${rest##*[![:space:]]}"}
        case "$word" in
        '') ;;
        about) about=$rest ;;
        include) read_statements "$rest" ;;
        node) nodes+=("$rest") ;;
        bridge) bridges+=("$rest") ;;
        link) links+=("$rest") ;;
        route) routes+=("$rest") ;;
        run) runs+=("$rest") ;;
        program) programs+=("$rest") ;;
        web) webs+=("$rest") ;;
        port) ports+=("$rest") ;;
        vlan) vlans+=("$rest") ;;
        config) config_node=$rest config[$rest]='' ;;
        *) die "$file:$number: '$word' is none of about include node bridge link route run program web port vlan config" ;;
        esac
    done <"$file"
    [ -z "$config_node" ] || die "$file: config $config_node has no 'end'"
}

# Every statement must name a node that exists: mistakes show before anything is raised.
check_topology() {
    local file=$1 statement node a b
    for statement in "${routes[@]}" "${runs[@]}" "${programs[@]}" "${webs[@]}" "${ports[@]}" "${vlans[@]}" \
        "${!config[@]}"; do
        node=${statement%% *}
        is_node "$node" || die "$file: '$statement' speaks of node '$node', which is not declared"
    done
    for statement in "${links[@]}"; do
        read -r a b <<<"$statement"
        for node in "$a" "$b"; do
            is_node "${node%%:*}" || die "$file: link to '${node%%:*}', which is not declared"
        done
    done
}

topology_names() { (cd "$topologies" && printf '%s\n' *.lab | sed 's/\.lab$//'); }

is_node() {
    local node
    for node in "${nodes[@]}" "${bridges[@]}"; do
        [ "$node" = "$1" ] && return
    done
    return 1
}

is_bridge() { [[ " ${bridges[*]} " == *" $1 "* ]]; }

# Nodes with at least one port.
director_nodes() { printf '%s\n' "${ports[@]%% *}" | sort -u | sed '/^$/d'; }
