// How single settings are written: the forms that texts have, ranges, and choices.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/address.h"
#include "common/time.h"

namespace director::config {

enum class Need { kOptional, kRequired };

enum class Shape { kAny, kPowerOfTwo };

struct Range {
    int64_t min = 0;
    int64_t max = 0;
    Shape shape = Shape::kAny;
};

// What a T looks like between quotation marks.
template <typename T>
struct TextForm {
    std::string_view expected;                   // completes "expected ..."
    bool (*read)(std::string_view text, T& to);  // false: not of this form
    std::string (*write)(const T& value);
};

extern const TextForm<std::string> kInterfaceNameForm;
extern const TextForm<std::string> kDeviceForm;
extern const TextForm<std::string> kSocketPathForm;
extern const TextForm<std::string> kListenAddressForm;
extern const TextForm<std::string> kSchedulerForm;
extern const TextForm<std::string> kArgumentForm;
extern const TextForm<IpAddress> kAddressForm;
extern const TextForm<IpPrefix> kInterfaceAddressForm;
extern const TextForm<IpPrefix> kDestinationForm;
extern const TextForm<Endpoint> kEndpointForm;
extern const TextForm<Endpoint> kServiceAddressForm;
extern const TextForm<IpPrefix> kPrefixForm;
extern const TextForm<std::string> kPoolNameForm;
extern const TextForm<std::string> kPoolReferenceForm;
extern const TextForm<std::string> kPrefixFileForm;
// "500ms", "2s", "1m".
extern const TextForm<Duration> kDurationForm;

template <typename Enum>
struct Choice {
    std::string_view name;
    Enum value;
};

}  // namespace director::config
