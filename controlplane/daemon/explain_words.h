// A worker's explanation (dataplane/api/explanation.h) in words. Pure.
#pragma once

#include <functional>
#include <string>

#include "controlplane/plan/catalogue.h"
#include "controlplane/server/explain_protocol.h"
#include "dataplane/api/explanation.h"

namespace director::daemon {

// Fills everything but question and vrrp; `steps` that are there come first.
void put_into_words(const dataplane::Explanation& answer,
                    const plan::Catalogue& catalogue,
                    const std::function<std::string(dataplane::InterfaceId)>& interface_name,
                    server::ExplainView& view);

}  // namespace director::daemon
