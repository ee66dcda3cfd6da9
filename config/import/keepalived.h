// keepalived.conf -> a Model, and what could not be carried over. What is understood is what
// keepalived 2.2 understands (keepalived.conf(5)); the words' meanings and defaults are its.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/address.h"
#include "config/import/keepalived_lines.h"
#include "config/import/notes.h"
#include "config/model.h"

namespace director::config {

// What keepalived.conf leaves to the machine that it runs on.
struct MachineInterface {
    std::string device;  // for `ports[].device`; empty: not known
    std::vector<IpPrefix> addresses;
};
struct Machine {
    std::map<std::string, MachineInterface> interfaces;  // by the kernel's name
    std::vector<Route> routes;
};

struct Imported {
    Model model;
    // Services that need a decision first (which packets carry a firewall mark): printed as
    // comments.
    std::vector<VirtualService> drafts;
    Notes notes;  // in the order of the file
};

// Never fails: what is not understood becomes a note, and the rest is imported.
[[nodiscard]] Imported import_keepalived(const KeepalivedLines& lines, const Machine& machine);

// The configuration as text, with the notes as comments before it. `source` is what it came from.
[[nodiscard]] std::string print_imported(const Imported& imported, std::string_view source);

// In the order of the file, what no line says (of the machine's interfaces) last. A block that
// makes several services says everything several times, and words that are in every service would
// fill the screen: a remark stays once, with its first place.
void tidy(Notes& notes);

// "keepalived.conf:12: ...": one line, for standard error.
[[nodiscard]] std::string to_string(const Note& note);

}  // namespace director::config
