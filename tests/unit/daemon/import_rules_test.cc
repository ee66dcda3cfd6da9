// Round trip: rules that ipvsadm saved (tests/data/ipvsadm/save.txt), imported, served, and saved
// again by `directorctl ipvsadm -S -n`.
#include "cli/import_rules.h"

#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "cli/names.h"
#include "cli/schedulers.h"
#include "config/parse.h"
#include "controlplane/daemon/application.h"
#include "controlplane/daemon/views.h"
#include "tests/unit/cli/numeric_resolve.h"
#include "tests/unit/daemon/daemon_lab.h"

namespace director::daemon {
namespace {

// As ipvsadm printed them, without what Director has no counterpart for: a persistence engine,
// flags without a meaning for their scheduler, and services by marks of a firewall.
std::string rules() {
    std::ifstream file(DIRECTOR_SOURCE "/tests/data/ipvsadm/save.txt");
    EXPECT_TRUE(file.good());
    std::string out;
    for (std::string line; std::getline(file, line);) {
        if (const size_t engine = line.find(" --pe sip"); engine != std::string::npos) {
            line.erase(engine, 9);
        }
        if (const size_t flags = line.find(" -b flag-1,flag-3"); flags != std::string::npos) {
            line.erase(flags);
        }
        out += line.find(" -f ") == std::string::npos ? line + "\n" : "";
    }
    return out;
}

TEST(ImportRules, ServedRulesAreSavedAsTheyWere) {
    config::Machine machine;
    machine.interfaces["eth0"] = {"0000:03:00.0", {*IpPrefix::parse("192.0.2.2/24")}};
    const std::string text = rules();
    const config::Imported imported =
        cli::import_rules(config::read_shell_text(text, "rules"), machine, cli::numeric_resolve);
    for (const config::Note& note : imported.notes) {
        ADD_FAILURE() << config::to_string(note);
    }
    const auto loaded = config::parse_text(config::print_imported(imported, "rules"),
                                           "imported",
                                           {{"rr", "wlc", "mh", "sed", "lblcr", "sh"}, 64, 63, {}});
    ASSERT_TRUE(loaded) << config::to_string(loaded.error().front());

    test::DaemonLab lab({.workers = 2});
    lab.apply(*loaded);
    lab.settle();
    const auto view = services_view(lab.report(), lab.services.catalogue(), lab.census);
    cli::NumericNames names;
    EXPECT_EQ(cli::save_services(view.services, names), text);
}

// directorctl reads configurations without the data path that knows its schedulers.
TEST(ImportRules, DirectorctlKnowsTheSchedulers) {
    const std::vector<std::string> known = cli::known_schedulers();
    const std::vector<std::string> there = vocabulary().schedulers;
    EXPECT_EQ(std::set<std::string>(known.begin(), known.end()),
              std::set<std::string>(there.begin(), there.end()));
}

}  // namespace
}  // namespace director::daemon
