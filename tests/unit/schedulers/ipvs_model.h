// The schedulers once more, slow and plain, straight from the rules of Linux
// net/netfilter/ipvs/ip_vs_*.c: walks over a list, nothing remembered that the kernel does not
// remember. And the harness that puts the same changes to Director's schedulers.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "dataplane/core/schedulers/schedulers.h"

namespace director::test {

struct ModelServer {
    uint32_t number = 0;  // unique; also its RealServerId
    uint32_t weight = 1;
    uint32_t last_weight = 0;
    uint32_t active = 0;
    uint32_t total = 0;
    bool is_overloaded = false;

    [[nodiscard]] uint32_t address() const { return 0x0a010100U + number * 7; }
    [[nodiscard]] static uint16_t port() { return 80; }
    [[nodiscard]] bool ok() const { return !is_overloaded && weight > 0; }
    [[nodiscard]] int64_t overhead() const { return int64_t{active} * 256 + total; }
};

using ModelList = std::vector<ModelServer>;  // the newest first, as in IPVS

// The number of the chosen server; nullopt: none.
using Choice = std::optional<uint32_t>;

class Model {
  public:
    virtual ~Model() = default;
    [[nodiscard]] virtual Choice pick(const ModelList& list,
                                      const dataplane::ScheduleInput& input) = 0;
    // A server was added, removed or got another weight.
    virtual void changed(const ModelList& /*list*/) {}
    // Before `removed` leaves `list`.
    virtual void removing(const ModelList& /*list*/, size_t /*position*/) {}
};

// How IPVS's scheduler `name` chooses; by Director's defaults or, with flags.like_ipvs, by IPVS's.
[[nodiscard]] std::unique_ptr<Model> make_model(std::string_view name,
                                                const dataplane::SchedulerFlags& flags);

// Director's scheduler, told of changes in the way that a worker is.
class Ours {
  public:
    Ours(std::string_view name, const dataplane::SchedulerFlags& flags);

    [[nodiscard]] Choice pick(const dataplane::ScheduleInput& input);
    // A new table: servers came or went.
    void put(const ModelList& list);
    // One server's weight, by whichever way the scheduler wants it.
    void set_weight(const ModelList& list, size_t position);
    // One server's connections or thresholds.
    void set_load(const ModelList& list, size_t position);

    [[nodiscard]] dataplane::ServiceTable& table() { return *table_; }
    [[nodiscard]] const dataplane::Scheduler& scheduler() const {
        return dataplane::schedulers()[scheduler_];
    }

  private:
    uint8_t scheduler_;
    dataplane::SchedulerFlags flags_;
    std::unique_ptr<dataplane::ServiceTable> table_;
};

}  // namespace director::test
