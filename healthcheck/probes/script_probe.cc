#include "healthcheck/probes/script_probe.h"

#include "healthcheck/codecs/script_verdict.h"

namespace director::healthcheck {

void ScriptProbe::begin(TimePoint now) {
    last_ = now;
    const ScriptCheck& check = sort<ScriptCheck>();
    auto spawned = Process::spawn(
        check.command, check.weight == ScriptWeight::kPrinted ? Output::kKept : Output::kDiscarded);
    if (!spawned) {
        unable(now, spawned.error().message);
        return;
    }
    process_ = std::move(*spawned);
    if (watch(now, process_.pid_fd(), Readiness::kRead) && process_.output_fd() >= 0) {
        static_cast<void>(watch(now, process_.output_fd(), Readiness::kRead));
    }
}

void ScriptProbe::on_ready(int fd, Readiness /*readiness*/, TimePoint now) {
    last_ = now;
    const auto exit = process_.try_wait();  // first: after its end nothing is printed any more
    if (process_.output_fd() >= 0 && !process_.read_output(output_) && fd == process_.output_fd()) {
        tools().poller.forget(fd);  // a closed output would wake us for as long as it runs
    }
    if (!exit) {
        return;
    }
    ScriptVerdict verdict = judge_script(sort<ScriptCheck>().weight, *exit, output_);
    if (verdict.outcome == Outcome::kPassed) {
        pass(now, verdict.weight);
    } else {
        fail(now, std::move(verdict.text));
    }
}

void ScriptProbe::on_deadline(TimePoint now) {
    last_ = now;
    Probe::on_deadline(now);
}

ScriptProbe::~ScriptProbe() {
    if (process_.is_running()) {
        tools().undertaker.take(std::move(process_), last_);
    }
}

}  // namespace director::healthcheck
