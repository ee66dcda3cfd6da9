#include "dataplane/io/telemetry.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <rte_telemetry.h>

#include "common/whole_number.h"

namespace director::dataplane::io {
namespace {

std::mutex g_mutex;
std::shared_ptr<const TelemetryFigures> g_figures = std::make_shared<const TelemetryFigures>();

std::shared_ptr<const TelemetryFigures> latest() {
    const std::lock_guard lock(g_mutex);
    return g_figures;
}

// Adds to the figure of each name.
void add(const Figures& figures, Figures& sum) {
    for (const auto& figure : figures) {
        const auto known = std::find_if(sum.begin(), sum.end(), [&figure](const auto& one) {
            return one.first == figure.first;
        });
        if (known != sum.end()) {
            known->second += figure.second;
        } else {
            sum.push_back(figure);
        }
    }
}

Figures sum_of(const TelemetryFigures& workers, Figures WorkerFigures::*which) {
    Figures sum;
    for (const WorkerFigures& worker : workers) {
        add(worker.*which, sum);
    }
    return sum;
}

int answer(const Figures& figures, rte_tel_data* to) {
    rte_tel_data_start_dict(to);
    for (const auto& [name, value] : figures) {
        if (const int full = rte_tel_data_add_dict_u64(to, name.c_str(), value)) {
            return full;
        }
    }
    return 0;
}

// DPDK passes what stands behind the comma, or nothing. It answers an error with "null".
const WorkerFigures* worker_of(const TelemetryFigures& workers, const char* parameter) {
    const auto number = whole_number<size_t>(parameter != nullptr ? parameter : "");
    return number && *number < workers.size() ? &workers[*number] : nullptr;
}

bool is_without(const char* parameter) {
    return parameter == nullptr || *parameter == '\0';
}

int answer_of_one(const char* parameter, Figures WorkerFigures::*which, rte_tel_data* to) {
    const auto workers = latest();
    const WorkerFigures* const worker = worker_of(*workers, parameter);
    return worker != nullptr ? answer(worker->*which, to) : -EINVAL;
}

int workers(const char*, const char* parameter, rte_tel_data* to) {
    if (!is_without(parameter)) {
        return answer_of_one(parameter, &WorkerFigures::counters, to);
    }
    rte_tel_data_start_array(to, RTE_TEL_INT_VAL);
    const size_t count = latest()->size();
    for (size_t worker = 0; worker < count; ++worker) {
        rte_tel_data_add_array_int(to, static_cast<int>(worker));
    }
    return 0;
}

int totals(const char*, const char*, rte_tel_data* to) {
    return answer(sum_of(*latest(), &WorkerFigures::counters), to);
}

int drops(const char*, const char* parameter, rte_tel_data* to) {
    return is_without(parameter) ? answer(sum_of(*latest(), &WorkerFigures::drops), to)
                                 : answer_of_one(parameter, &WorkerFigures::drops, to);
}

int rings(const char*, const char* parameter, rte_tel_data* to) {
    return answer_of_one(parameter, &WorkerFigures::rings, to);
}

}  // namespace

bool register_telemetry() {
    return rte_telemetry_register_cmd("/director/workers",
                                      workers,
                                      "Workers, or the counters of one. Parameter: worker") == 0 &&
           rte_telemetry_register_cmd(
               "/director/totals", totals, "Counters of all workers. No parameter") == 0 &&
           rte_telemetry_register_cmd(
               "/director/drops", drops, "Dropped packets by reason. Parameter: worker, or none") ==
               0 &&
           rte_telemetry_register_cmd(
               "/director/rings", rings, "Fill of a worker's rings. Parameter: worker") == 0;
}

void publish_telemetry(TelemetryFigures figures) {
    auto next = std::make_shared<const TelemetryFigures>(std::move(figures));
    const std::lock_guard lock(g_mutex);
    g_figures.swap(next);
}

}  // namespace director::dataplane::io
