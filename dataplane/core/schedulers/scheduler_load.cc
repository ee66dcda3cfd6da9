// lc, wlc, sed, nq, fo and ovf: the best by load and weight, which the tournament knows (Linux
// net/netfilter/ipvs/ip_vs_{lc,wlc,sed,nq,fo,ovf}.c).
#include "dataplane/core/schedulers/scheduler_functions.h"

namespace director::dataplane {

uint32_t load_pick(ServiceTable& table, const ScheduleInput& /*input*/) {
    return least_loaded(table);
}

}  // namespace director::dataplane
