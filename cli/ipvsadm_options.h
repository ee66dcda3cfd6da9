// ipvsadm's options (version 1.31), and popt's way of reading them: what stands before the question
// which of them go together. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace director::cli {

// Commands in the order of ipvsadm's table, then options in the order in which it complains of
// them.
enum class IpvsadmOption {
    kAddService,
    kEditService,
    kDeleteService,
    kClear,
    kList,
    kAddServer,
    kEditServer,
    kDeleteServer,
    kSet,
    kStartDaemon,
    kStopDaemon,
    kRestore,
    kSave,
    kZero,
    kHelp,
    kVersion,
    kNumeric,
    kConnection,
    kService,  // -t, -u, --sctp-service, -f
    kScheduler,
    kPersistent,
    kNetmask,
    kServer,
    kForwarding,  // -g, -i, -m
    kWeight,
    kUpperThreshold,
    kLowerThreshold,
    kMcastInterface,
    kTimeout,
    kDaemon,
    kStats,
    kRate,
    kThresholds,
    kPersistentConn,
    kNoSort,
    kSyncId,
    kExact,
    kOnePacket,
    kEngine,
    kSchedulerFlags,
    kTunnelInfo,
    kTunnelType,
    kTunnelPort,
    kTunnelNoChecksum,
    kTunnelChecksum,
    kTunnelRemoteChecksum,
    kMcastGroup,
    kMcastPort,
    kMcastTtl,
    kSyncMaxlen,
    kIpv6,
    kSort,  // accepted "for backwards compatibility", without effect
};

[[nodiscard]] constexpr bool is_command(IpvsadmOption option) {
    return option <= IpvsadmOption::kVersion;
}

// ipvsadm's name of it in messages: "service-address", "flush".
[[nodiscard]] std::string_view title_of(IpvsadmOption option);

// One option as it was given, or a word that is none.
struct GivenOption {
    bool is_word = false;
    IpvsadmOption option = IpvsadmOption::kList;
    char letter = 0;        // 't', 'u', 'g', ...; 0: no short name
    std::string long_name;  // "tcp-service"
    std::string argument;   // of a word: itself
};

// What ipvsadm would print to standard error, and its exit code.
struct IpvsadmError {
    int exit_code = 2;
    std::string message;
    bool is_popts = false;  // popt's complaint, which does not end `ipvsadm -R`
};

// popt's own complaints end ipvsadm with -1.
inline constexpr int kExitPopt = 255;

// A number as ipvsadm takes one: decimal digits and nothing else, from `min` to `max`.
[[nodiscard]] std::optional<uint32_t> number_of(std::string_view text, uint32_t min, uint32_t max);

// popt's rules: long options take "=value" or the next word; short ones may be glued to one another
// and to their value, which an equals sign may precede.
[[nodiscard]] tl::expected<std::vector<GivenOption>, IpvsadmError> expand_options(
    const std::vector<std::string>& words);

}  // namespace director::cli
