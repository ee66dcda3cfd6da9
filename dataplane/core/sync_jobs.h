// The jobs of connection sync (dataplane/api/sync_jobs.h), a bounded piece per call. Private to
// dataplane/core: job.cc calls them. Each is true when the job is done.
#pragma once

#include "dataplane/api/sync_jobs.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {

// sync_tell.cc
[[nodiscard]] bool collect(Worker::State& state, SyncCollection& job);
[[nodiscard]] bool fill_page(Worker::State& state, SyncPage& job);

// sync_install.cc
[[nodiscard]] bool install(Worker::State& state, SyncInstallation& job);

}  // namespace director::dataplane
