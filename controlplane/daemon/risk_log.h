// What is risky in a configuration that is taken in, as warnings in the log.
#pragma once

#include "config/parse.h"

namespace director::daemon {

// The first twenty, and how many more there are.
void log_risks(const config::Diagnostics& risks);

}  // namespace director::daemon
