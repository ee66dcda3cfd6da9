// The configuration's words in the dataplane's: pure functions, one group of settings each.
#pragma once

#include <cstdint>

#include "config/model.h"
#include "dataplane/api/conn_state.h"
#include "dataplane/api/service.h"
#include "dataplane/api/tables.h"

namespace director::plan {

[[nodiscard]] dataplane::ServiceKey key_of(const config::VirtualService& service);
[[nodiscard]] dataplane::SchedulerFlags flags_of(const config::VirtualService& service);
[[nodiscard]] dataplane::WhenServerGone when_gone(const config::VirtualService& service);
// But for what is known by number: lists and pools.
[[nodiscard]] dataplane::ServiceOptions options_of(const config::VirtualService& service);
// But for its id.
[[nodiscard]] dataplane::RealServerSlot slot_of(const config::RealServer& server);
[[nodiscard]] dataplane::ConnTimeouts timeouts_of(const config::Timeouts& timeouts);
[[nodiscard]] dataplane::MatchRule rule_of(const config::Match& match,
                                           dataplane::ServiceId service);
// But for the pool and the slots.
[[nodiscard]] dataplane::SourceNatRule rule_of(const config::SourceNat& rule);

}  // namespace director::plan
