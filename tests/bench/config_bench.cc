// A large configuration: how long it takes from its text to the workers, and a change of one line.
//
//   config_bench [SERVICES] [SERVERS_OF_EACH] [checks]      default: 10000 10
//
// The last word gives each service a TCP check. Real workers, no packets, no lcores: what is
// measured is the control plane. Each step also for a tenth of the services: a step that is linear
// takes a tenth of the time, a quadratic one a hundredth.
#include <fmt/format.h>

#include <asio/io_context.hpp>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/assert.h"
#include "common/log.h"
#include "config/parse.h"
#include "controlplane/daemon/application.h"
#include "controlplane/daemon/views.h"
#include "tests/unit/daemon/fake_engine.h"

namespace {

using namespace director;

struct Size {
    uint32_t services = 10000;
    uint32_t servers = 10;  // of each
    bool has_checks = false;
};

std::string text_of(const Size& size, uint32_t first_weight) {
    std::string text = fmt::format(
        "ports = ( {{ name = \"p\"; device = \"net_null0\"; }} );\n"
        "dataplane = {{ services_max = 65536; real_servers_max = 1048576; }};\n"
        "virtual_services = (\n");
    for (uint32_t i = 0; i < size.services; ++i) {
        text += fmt::format("  {{ address = \"198.{}.{}.{}:80\"; scheduler = \"wrr\";\n",
                            18 + i / 62500,
                            i / 250 % 250,
                            i % 250 + 1);
        text +=
            size.has_checks ? "    checks = ( { type = \"tcp\"; interval = \"10s\"; } );\n" : "";
        text += "    real_servers = (\n";
        for (uint32_t j = 0; j < size.servers; ++j) {
            const uint32_t n = i * size.servers + j;
            text += fmt::format("      {{ address = \"10.{}.{}.{}:80\"; weight = {}; }}{}\n",
                                n / 62500,
                                n / 250 % 250,
                                n % 250 + 1,
                                n == 0 ? first_weight : 10,
                                j + 1 < size.servers ? "," : "");
        }
        text += fmt::format("    ); }}{}\n", i + 1 < size.services ? "," : "");
    }
    return text + ");\n";
}

struct Times {
    double parse = 0;    // text to Model: parse, includes, validate
    double apply = 0;    // plan, tables, commands taken in by the worker
    double reparse = 0;  // the same for the file with another line
    double reapply = 0;
    double nothing = 0;  // no line is another one
    double sample = 0;   // what the control plane does every two seconds
};

// CPU time of this process, which has one thread: what else the machine does costs no millisecond.
class Stopwatch {
  public:
    // Milliseconds since the last call.
    double lap() {
        const std::clock_t now = std::clock();
        return static_cast<double>(now - std::exchange(last_, now)) * 1000 / CLOCKS_PER_SEC;
    }

  private:
    std::clock_t last_ = std::clock();
};

config::Model parse(const std::string& text) {
    const std::filesystem::path file =
        std::filesystem::temp_directory_path() / fmt::format("config_bench.{}.conf", getpid());
    std::ofstream(file) << text;
    auto model = config::parse_file(file.string(), daemon::vocabulary());
    std::filesystem::remove(file);
    if (!model) {
        fmt::print(stderr, "{}\n", to_string(model.error().front()));
        std::exit(2);
    }
    return std::move(*model);
}

Times measure(const Size& size) {
    test::FakeEngine engine({.workers = 1, .services_max = 65536, .real_servers_max = 1 << 20});
    daemon::Fleet fleet(engine);
    daemon::ServiceControl services(fleet, 65536, 1 << 20);
    daemon::Census census(fleet, services.catalogue());
    asio::io_context io;
    auto health = daemon::HealthSide::start(io, engine.clock, services, [] {});
    DIRECTOR_ASSERT(health);
    const auto apply = [&](const config::Model& model) {
        const auto done = (*health)->apply(model);
        DIRECTOR_ASSERT(done.has_value());
        do {
            fleet.turn();
            engine.poll_all();
        } while (fleet.has_backlog());
        fleet.turn();
    };
    const std::string before = text_of(size, 10);
    const std::string after = text_of(size, 11);
    Times times;
    Stopwatch watch;
    const config::Model first = parse(before);
    times.parse = watch.lap();
    apply(first);
    times.apply = watch.lap();
    const config::Model second = parse(after);
    times.reparse = watch.lap();
    apply(second);
    times.reapply = watch.lap();
    apply(second);
    times.nothing = watch.lap();
    daemon::Reports reports;
    census.take([&reports](const daemon::Reports& answers) { reports = answers; });
    while (reports.empty()) {
        fleet.turn();
        engine.poll_all();
    }
    watch.lap();
    census.sample_rates(reports);
    const auto view = daemon::services_view(reports, services.catalogue(), census);
    const auto drops = daemon::drops_view(reports, services.catalogue());
    const auto checks = (*health)->checks_view();
    times.sample = watch.lap();
    DIRECTOR_ASSERT(view.services.size() == size.services);
    return times;
}

void print(std::string_view what, double whole, double tenth) {
    fmt::print("{:<34} {:9.1f} {:9.1f} {:7.1f}\n", what, whole, tenth, whole / tenth);
}

uint32_t number(const char* text) {
    uint32_t value = 0;
    std::from_chars(text, text + std::char_traits<char>::length(text), value);
    return value;
}

}  // namespace

// What is thrown ends the bench, and says what it was.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) {
    Size size;
    if (argc > 2) {
        size.services = number(argv[1]);
        size.servers = number(argv[2]);
    }
    size.has_checks = argc > 3;
    set_log_level(LogLevel::kError);
    Size tenth = size;
    tenth.services = size.services / 10;
    const Times few = measure(tenth);
    const Times all = measure(size);
    fmt::print("{} services of {} servers{}\n",
               size.services,
               size.servers,
               size.has_checks ? ", each with a check" : "");
    fmt::print("{:<34} {:>9} {:>9} {:>7}\n", "CPU ms", "all", "a tenth", "ratio");
    print("load: text to model", all.parse, few.parse);
    print("load: model to workers", all.apply, few.apply);
    print("one line: text to model", all.reparse, few.reparse);
    print("one line: model to workers", all.reapply, few.reapply);
    print("nothing: model to workers", all.nothing, few.nothing);
    print("sample of all counters", all.sample, few.sample);
    fmt::print("load {:.2f} s (at most 2), one line {:.1f} ms (at most 50)\n",
               (all.parse + all.apply) / 1000,
               all.reapply);
}
