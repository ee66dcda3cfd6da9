// The doctor's answer on a terminal, and what it asks of the configuration.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>

#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/doctor.h"
#include "cli/schedulers.h"
#include "config/parse.h"

namespace director::cli {
namespace {

constexpr std::array<std::string_view, 3> kVerdicts{"ok", "advice", "problem"};

std::string_view word_of(Verdict verdict) {
    return kVerdicts.at(static_cast<size_t>(verdict));
}

DoctorQuestion question_of(const config::Model& model) {
    DoctorQuestion question;
    question.worker_cpus = model.dataplane.worker_cpus;
    question.main_cpu = model.dataplane.main_cpu;
    question.is_realtime = model.dataplane.realtime_priority != 0;
    question.polls = model.dataplane.idle == config::IdleMode::kPoll;
    for (const config::Port& port : model.ports) {
        question.devices.push_back(port.device);
    }
    return question;
}

void print_text(const std::vector<Diagnosis>& all) {
    size_t width = 0;
    for (const Diagnosis& one : all) {
        width = std::max(width, one.check.size());
    }
    for (const Diagnosis& one : all) {
        const bool is_ok = one.verdict == Verdict::kOk;
        fmt::print(
            "{:<8} {:<{}}  {}\n", is_ok ? "OK" : word_of(one.verdict), one.check, width, one.found);
        if (!is_ok) {
            fmt::print("{:<8} {:<{}}  -> {}\n", "", "", width, one.advice);
        }
    }
}

}  // namespace

int run_doctor(const DoctorRequest& request) {
    const bool is_named = !request.config.empty();
    const std::string file =
        is_named ? request.config
                 : (std::filesystem::path(request.root) / "etc/director.conf").string();
    DoctorQuestion question;
    std::error_code failed;
    if (is_named || std::filesystem::exists(file, failed)) {
        const auto model = config::parse_file(file, {known_schedulers()});
        if (!model) {
            return complain(kExitUsage,
                            config::to_string(model.error().front()) +
                                "; `directorctl check FILE` lists all mistakes");
        }
        question = question_of(*model);
    } else if (!request.is_json) {
        fmt::print("{} is not there: looking for one worker on CPU 1\n", file);
    }
    const std::vector<Diagnosis> all = examine(request.root, question);
    if (request.is_json) {
        nlohmann::json list = nlohmann::json::array();
        for (const Diagnosis& one : all) {
            list.push_back({{"check", one.check},
                            {"verdict", word_of(one.verdict)},
                            {"found", one.found},
                            {"advice", one.advice}});
        }
        fmt::print("{}\n", nlohmann::json{{"checks", list}}.dump(2));
    } else {
        print_text(all);
    }
    const bool is_well = std::all_of(
        all.begin(), all.end(), [](const Diagnosis& one) { return one.verdict == Verdict::kOk; });
    return is_well ? kExitOk : kExitFailed;
}

}  // namespace director::cli
