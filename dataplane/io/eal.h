// DPDK's environment (EAL): started once, cleaned up once. DPDK cannot be started a second time in
// a process, even after a clean-up: Eal::start then fails and says so.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "dataplane/io/eal_log.h"
#include "dataplane/io/engine.h"

namespace director::dataplane::io {

// EAL's command line for these settings; an error where the user's arguments would break the
// placement of workers.
[[nodiscard]] Result<std::vector<std::string>> eal_command_line(const EngineSettings& settings);

class Eal {
  public:
    // Makes the calling thread the main lcore, on settings.main_cpu; worker i is lcore i + 1.
    [[nodiscard]] static Result<std::unique_ptr<Eal>> start(const EngineSettings& settings);
    ~Eal();
    Eal(const Eal&) = delete;
    Eal& operator=(const Eal&) = delete;

    [[nodiscard]] EalLog& log() { return log_; }

    // Whether DPDK may be called now.
    [[nodiscard]] static bool is_running();

  private:
    Eal() = default;

    EalLog log_;
    bool is_initialised_ = false;
};

// Whether a port's device is a PCI address ("0000:03:00.0", "03:00.0") and no virtual device.
[[nodiscard]] bool is_pci_device(std::string_view device);

[[nodiscard]] constexpr unsigned lcore_of(WorkerId worker) {
    return index(worker) + 1U;
}

}  // namespace director::dataplane::io
