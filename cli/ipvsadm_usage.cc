// What `ipvsadm -h` prints.
#include <fmt/format.h>

#include "cli/ipvsadm_command.h"

namespace director::cli {

std::string ipvsadm_usage(const std::string& program) {
    return fmt::format(
        R"(Commands and listings of ipvsadm 1.31, for Director's table.
Usage:
  {0} -A|E -t|u|sctp|f service-address [-s scheduler] [-p [timeout]] [-M netmask] [-b flags] [-o]
  {0} -D -t|u|sctp|f service-address
  {0} -C
  {0} -R
  {0} -S [-n]
  {0} -a|e -t|u|sctp|f service-address -r server-address [-g|i|m] [-w weight] [-x upper] [-y lower] [tunnel options]
  {0} -d -t|u|sctp|f service-address -r server-address
  {0} -L|l [options]
  {0} -Z [-t|u|sctp|f service-address]
  {0} --set tcp tcpfin udp
  {0} --start-daemon master|backup [daemon options]
  {0} --stop-daemon master|backup
  {0} -h

Commands:
  --add-service    -A        add virtual service with options
  --edit-service   -E        edit virtual service with options
  --delete-service -D        delete virtual service
  --clear          -C        clear the whole table
  --restore        -R        restore rules from stdin
  --save           -S        save rules to stdout
  --add-server     -a        add real server with options
  --edit-server    -e        edit real server with options
  --delete-server  -d        delete real server
  --list           -L|-l     list the table
  --zero           -Z        zero counters in a service or all services
  --set tcp tcpfin udp       set connection timeout values
  --start-daemon             start connection sync daemon
  --stop-daemon              stop connection sync daemon
  --help           -h        display this help message

virtual service:
  --tcp-service  -t service-address    service-address is host[:port]
  --udp-service  -u service-address    service-address is host[:port]
  --sctp-service    service-address    service-address is host[:port]
  --fwmark-service -f mark [-6]        one service by match rules

Options:
  --scheduler    -s scheduler         wlc by default
  --sched-flags  -b flags             sh-port, sh-fallback, mh-port, mh-fallback
  --persistent   -p [timeout]         persistent service, 360 seconds by default
  --netmask      -M netmask           persistent granularity mask
  --ops          -o                   one-packet scheduling
  --real-server  -r server-address    server-address is host (and port)
  --gatewaying   -g                   gatewaying (direct routing) (default)
  --ipip         -i                   tunneling
  --masquerading -m                   masquerading (NAT)
  --weight       -w weight            capacity of real server
  --u-threshold  -x uthreshold        upper threshold of connections
  --l-threshold  -y lthreshold        lower threshold of connections
  --tun-type type                     ipip (default), gue, gre
  --tun-port port                     destination port of gue
  --tun-nocsum --tun-csum --tun-remcsum  checksum of the tunnel
  --mcast-interface interface         of the sync daemon, eth0 by default
  --syncid id --mcast-group address --mcast-port port --mcast-ttl ttl --sync-maxlen length
  --connection   -c                   output of current connections
  --numeric      -n                   numeric output of addresses and ports
  --stats --rate --thresholds --persistent-conn --tun-info   other columns
  --timeout --daemon                  timeouts (tcp tcpfin udp), sync daemons
  --exact                             expand numbers (display exact values)
  --nosort                            disable sorting output of service/server entries

What changes here lasts until `directorctl reload` or the next start, which read the configuration file.
)",
        program);
}

}  // namespace director::cli
