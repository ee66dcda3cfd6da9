// Identifiers that cross between the control plane and the workers. Each is a slot number that the
// control plane hands out, in a type of its own so that two kinds cannot be swapped.
#pragma once

#include <cstdint>
#include <type_traits>

namespace director::dataplane {

// A virtual service's slot, 0 .. WorkerSettings::services_max - 1.
enum class ServiceId : uint32_t {};
// A real server's slot within one virtual service (LVS: a destination), unique over all services,
// 0 .. WorkerSettings::real_servers_max - 1. The same machine in two services has two.
enum class RealServerId : uint32_t {};
// A worker, 0 .. number of workers - 1.
enum class WorkerId : uint16_t {};
// A DPDK port as configured, 0 .. number of ports - 1.
enum class PortId : uint16_t {};
// A logical interface: a port, or one VLAN on a port, 0 .. kInterfacesMax - 1.
enum class InterfaceId : uint16_t {};

inline constexpr ServiceId kNoService{0xffffffffU};
inline constexpr RealServerId kNoRealServer{0xffffffffU};

inline constexpr uint16_t kInterfacesMax = 64;

template <typename Id>
[[nodiscard]] constexpr auto index(Id id) {
    return static_cast<std::underlying_type_t<Id>>(id);
}

}  // namespace director::dataplane
