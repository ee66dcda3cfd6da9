#include "cli/ipvsadm_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <system_error>

namespace director::cli {
namespace {

enum class Argument { kNone, kRequired };

enum class Meaning {
    kListCommand,
    kHelpCommand,
    kVersionCommand,
    kChangeCommand,  // exists in ipvsadm; here the configuration file is the place
    kConnection,
    kNumeric,
    kStats,
    kRate,
    kExact,
    kNoSort,
    kSort,  // accepted by ipvsadm "for backwards compatibility", without effect
    kTcpService,
    kUdpService,
    kSctpService,
    kMarkService,
    kIpv6,
    kThresholds,
    kPersistentConn,
    kTunInfo,
    kTimeout,
    kNotWithList,    // belongs to other commands
    kNotInDirector,  // a listing that Director has no data for
};

struct Option {
    char letter;  // 0: long name only
    std::string_view name;
    Argument argument;
    Meaning meaning;
    std::string_view title = "";  // ipvsadm's name for it in messages, where that differs
};

constexpr std::array kOptions{
    Option{'L', "list", Argument::kNone, Meaning::kListCommand},
    Option{'l', "list", Argument::kNone, Meaning::kListCommand},
    Option{'h', "help", Argument::kNone, Meaning::kHelpCommand},
    Option{'v', "version", Argument::kNone, Meaning::kVersionCommand},
    Option{'A', "add-service", Argument::kNone, Meaning::kChangeCommand},
    Option{'E', "edit-service", Argument::kNone, Meaning::kChangeCommand},
    Option{'D', "delete-service", Argument::kNone, Meaning::kChangeCommand},
    Option{'a', "add-server", Argument::kNone, Meaning::kChangeCommand},
    Option{'e', "edit-server", Argument::kNone, Meaning::kChangeCommand},
    Option{'d', "delete-server", Argument::kNone, Meaning::kChangeCommand},
    Option{'C', "clear", Argument::kNone, Meaning::kChangeCommand},
    Option{'R', "restore", Argument::kNone, Meaning::kChangeCommand},
    Option{'S', "save", Argument::kNone, Meaning::kChangeCommand},
    Option{'Z', "zero", Argument::kNone, Meaning::kChangeCommand},
    Option{0, "set", Argument::kNone, Meaning::kChangeCommand},
    Option{0, "start-daemon", Argument::kRequired, Meaning::kChangeCommand},
    Option{0, "stop-daemon", Argument::kRequired, Meaning::kChangeCommand},
    Option{'c', "connection", Argument::kNone, Meaning::kConnection},
    Option{'n', "numeric", Argument::kNone, Meaning::kNumeric},
    Option{0, "stats", Argument::kNone, Meaning::kStats},
    Option{0, "rate", Argument::kNone, Meaning::kRate},
    Option{'X', "exact", Argument::kNone, Meaning::kExact},
    Option{0, "nosort", Argument::kNone, Meaning::kNoSort},
    Option{0, "sort", Argument::kNone, Meaning::kSort},
    Option{'t', "tcp-service", Argument::kRequired, Meaning::kTcpService},
    Option{'u', "udp-service", Argument::kRequired, Meaning::kUdpService},
    Option{'6', "ipv6", Argument::kNone, Meaning::kIpv6},
    Option{'s', "scheduler", Argument::kRequired, Meaning::kNotWithList},
    Option{0, "pe", Argument::kRequired, Meaning::kNotWithList},
    Option{'p', "persistent", Argument::kNone, Meaning::kNotWithList},
    Option{'M', "netmask", Argument::kRequired, Meaning::kNotWithList},
    Option{'r', "real-server", Argument::kRequired, Meaning::kNotWithList},
    Option{'g', "gatewaying", Argument::kNone, Meaning::kNotWithList, "forwarding-method"},
    Option{'i', "ipip", Argument::kNone, Meaning::kNotWithList, "forwarding-method"},
    Option{'m', "masquerading", Argument::kNone, Meaning::kNotWithList, "forwarding-method"},
    Option{'w', "weight", Argument::kRequired, Meaning::kNotWithList},
    Option{'x', "u-threshold", Argument::kRequired, Meaning::kNotWithList},
    Option{'y', "l-threshold", Argument::kRequired, Meaning::kNotWithList},
    Option{'o', "ops", Argument::kNone, Meaning::kNotWithList},
    Option{'b', "sched-flags", Argument::kRequired, Meaning::kNotWithList},
    Option{0, "sctp-service", Argument::kRequired, Meaning::kSctpService},
    Option{'f', "fwmark-service", Argument::kRequired, Meaning::kMarkService},
    Option{0, "timeout", Argument::kNone, Meaning::kTimeout},
    Option{0, "daemon", Argument::kNone, Meaning::kNotInDirector},
    Option{0, "thresholds", Argument::kNone, Meaning::kThresholds},
    Option{0, "persistent-conn", Argument::kNone, Meaning::kPersistentConn},
    Option{0, "tun-info", Argument::kNone, Meaning::kTunInfo},
};

struct Given {
    const Option* option = nullptr;
    std::string argument;
};

using Expanded = tl::expected<std::vector<Given>, IpvsadmError>;

tl::unexpected<IpvsadmError> error(int exit_code, std::string message) {
    return tl::unexpected(IpvsadmError{exit_code, std::move(message)});
}

// popt's own complaints end ipvsadm with -1.
constexpr int kExitPopt = 255;

// popt: long options take "=value" or the next word; short ones may be glued to one another and to
// their value, which an equals sign may precede.
class Expander {
  public:
    explicit Expander(const std::vector<std::string>& words) : words_(words) {}

    Expanded expand() {
        for (; next_ < words_.size() && !failure_;) {
            const std::string& word = words_[next_++];
            if (word.starts_with("--")) {
                expand_long(word.substr(2));
            } else if (word.size() > 1 && word.front() == '-') {
                expand_short(std::string_view(word).substr(1));
            } else {
                given_.push_back({nullptr, word});
            }
        }
        if (failure_) {
            return tl::unexpected(*failure_);
        }
        return given_;
    }

  private:
    void expand_long(const std::string& text) {
        const size_t equals = text.find('=');
        const std::string name = text.substr(0, equals);
        const auto option = std::find_if(kOptions.begin(),
                                         kOptions.end(),
                                         [&name](const Option& each) { return each.name == name; });
        if (option == kOptions.end()) {
            fail("--" + name + ": unknown option");
        } else if (option->argument == Argument::kNone) {
            given_.push_back({&*option, ""});
        } else if (equals != std::string::npos) {
            given_.push_back({&*option, text.substr(equals + 1)});
        } else {
            take_next_word(*option, "--" + name);
        }
    }

    void expand_short(std::string_view cluster) {
        for (size_t i = 0; i < cluster.size() && !failure_; ++i) {
            const char letter = cluster[i];
            const auto option =
                std::find_if(kOptions.begin(), kOptions.end(), [letter](const Option& each) {
                    return each.letter == letter;
                });
            if (option == kOptions.end()) {
                fail(fmt::format("-{}: unknown option", letter));
                return;
            }
            if (option->argument == Argument::kNone) {
                given_.push_back({&*option, ""});
                continue;
            }
            std::string_view rest = cluster.substr(i + 1);
            if (rest.empty()) {
                take_next_word(*option, fmt::format("-{}", letter));
                return;
            }
            rest.remove_prefix(rest.front() == '=' ? 1 : 0);
            given_.push_back({&*option, std::string(rest)});
            return;
        }
    }

    void take_next_word(const Option& option, const std::string& as_typed) {
        if (next_ == words_.size()) {
            fail(as_typed + ": missing argument");
            return;
        }
        given_.push_back({&option, words_[next_++]});
    }

    void fail(std::string message) { failure_ = IpvsadmError{kExitPopt, std::move(message)}; }

    const std::vector<std::string>& words_;
    size_t next_ = 0;
    std::vector<Given> given_;
    std::optional<IpvsadmError> failure_;
};

bool is_command(const Given& given) {
    return given.option != nullptr && (given.option->meaning == Meaning::kListCommand ||
                                       given.option->meaning == Meaning::kHelpCommand ||
                                       given.option->meaning == Meaning::kVersionCommand ||
                                       given.option->meaning == Meaning::kChangeCommand);
}

std::string title_of(const Option& option) {
    return std::string(option.title.empty() ? option.name : option.title);
}

// Of several layouts ipvsadm prints the first of these.
void want(ListingKind kind, IpvsadmCommand& command) {
    constexpr std::array kOrder{ListingKind::kStats,
                                ListingKind::kRates,
                                ListingKind::kThresholds,
                                ListingKind::kPersistent,
                                ListingKind::kTunnels,
                                ListingKind::kRules};
    const auto rank = [&kOrder](ListingKind each) {
        return std::find(kOrder.begin(), kOrder.end(), each);
    };
    command.listing.kind = std::min(rank(kind), rank(command.listing.kind)) == rank(kind)
                               ? kind
                               : command.listing.kind;
}

// Takes the service that an option names into `command`. Nullopt: fine.
std::optional<IpvsadmError> take_service(const Given& given, IpvsadmCommand& command) {
    if (command.service) {
        return IpvsadmError{2, "multiple 'service-address' options specified"};
    }
    WantedService wanted;
    wanted.text = given.argument;
    switch (given.option->meaning) {
        case Meaning::kUdpService:
            wanted.protocol = Protocol::kUdp;
            break;
        case Meaning::kSctpService:
            wanted.protocol = Protocol::kSctp;
            break;
        case Meaning::kMarkService: {
            const char* const end = wanted.text.data() + wanted.text.size();
            const auto [stop, failed] = std::from_chars(wanted.text.data(), end, wanted.mark);
            if (failed != std::errc{} || stop != end || wanted.mark == 0) {
                return IpvsadmError{
                    2, fmt::format("invalid fwmark value `{}' specified", wanted.text)};
            }
            break;
        }
        default:
            break;
    }
    command.service = wanted;
    return std::nullopt;
}

// Takes one option of a listing into `command`. Nullopt: fine.
std::optional<IpvsadmError> apply(const Given& given, IpvsadmCommand& command) {
    if (given.option == nullptr) {
        return IpvsadmError{2, "unexpected argument " + given.argument};
    }
    const Option& option = *given.option;
    switch (option.meaning) {
        case Meaning::kListCommand:
        case Meaning::kHelpCommand:
        case Meaning::kVersionCommand:
        case Meaning::kChangeCommand:
            return IpvsadmError{2,
                                option.letter != 0
                                    ? fmt::format("invalid option `-{}'", option.letter)
                                    : fmt::format("invalid option `{}'", option.name)};
        case Meaning::kConnection:
            command.action = IpvsadmAction::kListConnections;
            break;
        case Meaning::kNumeric:
            command.names = NameStyle::kNumeric;
            break;
        case Meaning::kStats:
            want(ListingKind::kStats, command);
            break;
        case Meaning::kRate:
            want(ListingKind::kRates, command);
            break;
        case Meaning::kThresholds:
            want(ListingKind::kThresholds, command);
            break;
        case Meaning::kPersistentConn:
            want(ListingKind::kPersistent, command);
            break;
        case Meaning::kTunInfo:
            want(ListingKind::kTunnels, command);
            break;
        case Meaning::kTimeout:
            command.action = IpvsadmAction::kListTimeouts;
            break;
        case Meaning::kExact:
            command.listing.numbers = Numbers::kExact;
            break;
        case Meaning::kNoSort:
            command.listing.order = Order::kAsTold;
            break;
        case Meaning::kSort:
            break;
        case Meaning::kTcpService:
        case Meaning::kUdpService:
        case Meaning::kSctpService:
        case Meaning::kMarkService:
            return take_service(given, command);
        case Meaning::kIpv6:
            if (!command.service || command.service->mark == 0) {
                return IpvsadmError{2, "-6 used before -f\n"};
            }
            command.service->family = Family::kIpv6;
            break;
        case Meaning::kNotWithList:
            return IpvsadmError{
                2, fmt::format("Illegal '{}' option with the 'list' command", title_of(option))};
        case Meaning::kNotInDirector:
            return IpvsadmError{
                2, fmt::format("Director has nothing to list for the '{}' option", option.name)};
    }
    return std::nullopt;
}

}  // namespace

tl::expected<IpvsadmCommand, IpvsadmError> parse_ipvsadm(
    const std::string& program, const std::vector<std::string>& arguments) {
    IpvsadmCommand command;
    const Expanded expanded = Expander(arguments).expand();
    if (!expanded) {
        return tl::unexpected(expanded.error());
    }
    const std::vector<Given>& given = *expanded;
    if (given.empty()) {
        return command;
    }
    if (!is_command(given.front())) {
        return error(
            kExitPopt,
            fmt::format("Try `{} -h' or '{} --help' for more information.", program, program));
    }
    const Option& first = *given.front().option;
    if (first.meaning == Meaning::kChangeCommand) {
        return error(2,
                     fmt::format("the '{}' command is not available: change the configuration "
                                 "file, then `directorctl reload`",
                                 first.name));
    }
    if (first.meaning != Meaning::kListCommand) {
        command.action =
            first.meaning == Meaning::kHelpCommand ? IpvsadmAction::kHelp : IpvsadmAction::kVersion;
        return command;
    }
    for (size_t i = 1; i < given.size(); ++i) {
        if (auto failed = apply(given[i], command)) {
            return tl::unexpected(std::move(*failed));
        }
    }
    if (command.action == IpvsadmAction::kListConnections) {
        if (command.service) {
            return error(2,
                         "The option 'service-address' conflicts with the 'connection' option in "
                         "the 'list' command");
        }
        if (command.listing.kind != ListingKind::kRules &&
            command.listing.kind != ListingKind::kPersistent) {
            return error(2, "options conflicts in the list command");
        }
    }
    return command;
}

std::string ipvsadm_usage(const std::string& program) {
    return fmt::format(
        R"(Lists Director's virtual services and connections the way ipvsadm 1.31 does.
Usage:
  {0} -L|l [-t|u service-address | -f mark] [options]
  {0} -L|l -c [-n]
  {0} -h

  --list         -L|-l                list the table
  --tcp-service  -t service-address   one service; service-address is host[:port]
  --udp-service  -u service-address   one service; service-address is host[:port]
  --sctp-service    service-address   one service; service-address is host[:port]
  --fwmark-service -f mark [-6]       one service by match rules
  --connection   -c                   output of current connections
  --numeric      -n                   numeric output of addresses and ports
  --stats                             output of statistics information
  --rate                              output of rate information
  --thresholds                        output of thresholds information
  --persistent-conn                   output of persistent connection info
  --tun-info                          output of tunnel information
  --timeout                           output of timeouts (tcp tcpfin udp)
  --exact                             expand numbers (display exact values)
  --nosort                            disable sorting output of service/server entries
)",
        program);
}

}  // namespace director::cli
