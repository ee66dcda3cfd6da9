// Addresses and ports as ipvsadm writes them: numbers with -n, else names where there are any.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/address.h"

namespace director::cli {

class Names {
  public:
    Names() = default;
    Names(const Names&) = delete;
    Names& operator=(const Names&) = delete;
    virtual ~Names() = default;
    // "address:port". `protocol` is "TCP" or "UDP".
    [[nodiscard]] virtual std::string of(const std::string& address,
                                         uint16_t port,
                                         std::string_view protocol) = 0;
};

class NumericNames final : public Names {
  public:
    [[nodiscard]] std::string of(const std::string& address,
                                 uint16_t port,
                                 std::string_view protocol) override;
};

// Asks the system's resolver and /etc/services. Each is asked once per value; a name server that
// does not answer within a second is not asked again, so a listing never hangs on it.
class SystemNames final : public Names {
  public:
    SystemNames();
    [[nodiscard]] std::string of(const std::string& address,
                                 uint16_t port,
                                 std::string_view protocol) override;

  private:
    [[nodiscard]] std::string host(const std::string& address);
    [[nodiscard]] std::string service(uint16_t port, const std::string& protocol);

    std::map<std::string, std::string> hosts_;
    std::map<std::pair<uint16_t, std::string>, std::string> services_;
    bool is_resolver_silent_ = false;
};

// An address and port as given to ipvsadm -t or -u: "host[:port]", each a number or a name, an IPv6
// address in brackets; no port means 0. Nullopt if it names nothing.
[[nodiscard]] std::optional<Endpoint> resolve_service(const std::string& text, Protocol protocol);

}  // namespace director::cli
