#include "cli/ipvsadm_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <system_error>

#include "common/whole_number.h"

namespace director::cli {
namespace {

enum class Argument { kNone, kRequired, kOptional };

struct Option {
    char letter;  // 0: long name only
    std::string_view name;
    Argument argument;
    IpvsadmOption option;
};

using enum IpvsadmOption;
using enum Argument;

constexpr std::array kOptions{
    Option{'A', "add-service", kNone, kAddService},
    Option{'E', "edit-service", kNone, kEditService},
    Option{'D', "delete-service", kNone, kDeleteService},
    Option{'C', "clear", kNone, kClear},
    Option{'L', "list", kNone, kList},
    Option{'l', "list", kNone, kList},
    Option{'a', "add-server", kNone, kAddServer},
    Option{'e', "edit-server", kNone, kEditServer},
    Option{'d', "delete-server", kNone, kDeleteServer},
    Option{0, "set", kNone, kSet},
    Option{0, "start-daemon", kRequired, kStartDaemon},
    Option{0, "stop-daemon", kRequired, kStopDaemon},
    Option{'R', "restore", kNone, kRestore},
    Option{'S', "save", kNone, kSave},
    Option{'Z', "zero", kNone, kZero},
    Option{'h', "help", kNone, kHelp},
    Option{'v', "version", kNone, kVersion},
    Option{'n', "numeric", kNone, kNumeric},
    Option{'c', "connection", kNone, kConnection},
    Option{'t', "tcp-service", kRequired, kService},
    Option{'u', "udp-service", kRequired, kService},
    Option{0, "sctp-service", kRequired, kService},
    Option{'f', "fwmark-service", kRequired, kService},
    Option{'6', "ipv6", kNone, kIpv6},
    Option{'s', "scheduler", kRequired, kScheduler},
    Option{'p', "persistent", kOptional, kPersistent},
    Option{'M', "netmask", kRequired, kNetmask},
    Option{'r', "real-server", kRequired, kServer},
    Option{'g', "gatewaying", kNone, kForwarding},
    Option{'i', "ipip", kNone, kForwarding},
    Option{'m', "masquerading", kNone, kForwarding},
    Option{'w', "weight", kRequired, kWeight},
    Option{'x', "u-threshold", kRequired, kUpperThreshold},
    Option{'y', "l-threshold", kRequired, kLowerThreshold},
    Option{0, "mcast-interface", kRequired, kMcastInterface},
    Option{0, "timeout", kNone, kTimeout},
    Option{0, "daemon", kNone, kDaemon},
    Option{0, "stats", kNone, kStats},
    Option{0, "rate", kNone, kRate},
    Option{0, "thresholds", kNone, kThresholds},
    Option{0, "persistent-conn", kNone, kPersistentConn},
    Option{0, "nosort", kNone, kNoSort},
    Option{0, "sort", kNone, kSort},
    Option{0, "syncid", kRequired, kSyncId},
    Option{'X', "exact", kNone, kExact},
    Option{'o', "ops", kNone, kOnePacket},
    Option{0, "pe", kRequired, kEngine},
    Option{'b', "sched-flags", kRequired, kSchedulerFlags},
    Option{0, "tun-info", kNone, kTunnelInfo},
    Option{0, "tun-type", kRequired, kTunnelType},
    Option{0, "tun-port", kRequired, kTunnelPort},
    Option{0, "tun-nocsum", kNone, kTunnelNoChecksum},
    Option{0, "tun-csum", kNone, kTunnelChecksum},
    Option{0, "tun-remcsum", kNone, kTunnelRemoteChecksum},
    Option{0, "mcast-group", kRequired, kMcastGroup},
    Option{0, "mcast-port", kRequired, kMcastPort},
    Option{0, "mcast-ttl", kRequired, kMcastTtl},
    Option{0, "sync-maxlen", kRequired, kSyncMaxlen},
};

class Expander {
  public:
    explicit Expander(const std::vector<std::string>& words) : words_(words) {}

    tl::expected<std::vector<GivenOption>, IpvsadmError> expand() {
        while (next_ < words_.size() && !failure_) {
            const std::string& word = words_[next_++];
            if (word.starts_with("--")) {
                expand_long(word.substr(2));
            } else if (word.size() > 1 && word.front() == '-') {
                expand_short(std::string_view(word).substr(1));
            } else {
                GivenOption given;
                given.is_word = true;
                given.argument = word;
                given_.push_back(std::move(given));
            }
        }
        if (failure_) {
            return tl::unexpected(*failure_);
        }
        return std::move(given_);
    }

  private:
    void expand_long(const std::string& text) {
        const size_t equals = text.find('=');
        const std::string name = text.substr(0, equals);
        const auto* const option =
            std::find_if(kOptions.begin(), kOptions.end(), [&](const Option& each) {
                return each.name == name;
            });
        if (option == kOptions.end()) {
            fail("--" + name + ": unknown option");
        } else if (option->argument != kNone && equals != std::string::npos) {
            add(*option, text.substr(equals + 1));
        } else {
            take_next_word(*option, "--" + name);
        }
    }

    void expand_short(std::string_view cluster) {
        for (size_t i = 0; i < cluster.size() && !failure_; ++i) {
            const char letter = cluster[i];
            const auto* const option =
                std::find_if(kOptions.begin(), kOptions.end(), [letter](const Option& each) {
                    return each.letter == letter;
                });
            if (option == kOptions.end()) {
                fail(fmt::format("-{}: unknown option", letter));
                return;
            }
            std::string_view rest = cluster.substr(i + 1);
            if (option->argument == kNone) {
                add(*option, "");
            } else if (rest.empty()) {
                take_next_word(*option, fmt::format("-{}", letter));
                return;
            } else {
                rest.remove_prefix(rest.front() == '=' ? 1 : 0);
                add(*option, std::string(rest));
                return;
            }
        }
    }

    void take_next_word(const Option& option, const std::string& as_typed) {
        const bool is_there = next_ < words_.size();
        const bool may_lack_it =
            option.argument == kOptional && (!is_there || words_[next_].starts_with('-'));
        if (option.argument == kNone || may_lack_it) {
            add(option, "");
        } else if (!is_there) {
            fail(as_typed + ": missing argument");
        } else {
            add(option, words_[next_++]);
        }
    }

    void add(const Option& option, std::string argument) {
        given_.push_back(
            {false, option.option, option.letter, std::string(option.name), std::move(argument)});
    }
    void fail(std::string message) { failure_ = IpvsadmError{kExitPopt, std::move(message), true}; }

    const std::vector<std::string>& words_;
    size_t next_ = 0;
    std::vector<GivenOption> given_;
    std::optional<IpvsadmError> failure_;
};

}  // namespace

std::string_view title_of(IpvsadmOption option) {
    switch (option) {
        case kService:
            return "service-address";
        case kForwarding:
            return "forwarding-method";
        case kClear:
            return "flush";
        default:
            break;
    }
    const auto* const found =
        std::find_if(kOptions.begin(), kOptions.end(), [&](const Option& each) {
            return each.option == option;
        });
    return found == kOptions.end() ? std::string_view() : found->name;
}

std::optional<uint32_t> number_of(std::string_view text, uint32_t min, uint32_t max) {
    const auto value = whole_number<uint32_t>(text);
    return value >= min && value <= max ? value : std::nullopt;
}

tl::expected<std::vector<GivenOption>, IpvsadmError> expand_options(
    const std::vector<std::string>& words) {
    return Expander(words).expand();
}

}  // namespace director::cli
