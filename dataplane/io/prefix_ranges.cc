#include "dataplane/io/prefix_ranges.h"

#include "common/byte_order.h"

namespace director::dataplane::io {
namespace {

uint64_t load_big_endian(const uint8_t* bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < sizeof(value); ++i) {
        value = value << 8 | bytes[i];
    }
    return value;
}

// The host bits of a prefix of this length.
uint32_t host_bits_ipv4(unsigned length) {
    return length == 0 ? ~0U : static_cast<uint32_t>((uint64_t{1} << (32 - length)) - 1);
}

uint64_t host_bits_64(unsigned length) {
    return length == 0 ? ~uint64_t{0} : length >= 64 ? 0 : (uint64_t{1} << (64 - length)) - 1;
}

uint32_t after(uint32_t key) {
    return key + 1;
}

Ipv6Number after(const Ipv6Number& key) {
    return {key.low == ~uint64_t{0} ? key.high + 1 : key.high, key.low + 1};
}

bool is_last_of_all(uint32_t key) {
    return key == ~0U;
}

bool is_last_of_all(const Ipv6Number& key) {
    return key == Ipv6Number{~uint64_t{0}, ~uint64_t{0}};
}

template <typename Key>
PrefixRanges<Key> sorted_ranges(std::vector<typename PrefixRanges<Key>::Range> ranges) {
    using Range = typename PrefixRanges<Key>::Range;
    std::stable_sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) {
        return a.first != b.first ? a.first < b.first : b.last < a.last;
    });
    return PrefixRanges<Key>(ranges);
}

}  // namespace

uint32_t number_of(Ipv4Address address) {
    return address.host();
}

Ipv6Number number_of(const IpAddress& address) {
    return {load_big_endian(address.bytes.data()), load_big_endian(address.bytes.data() + 8)};
}

template <typename Key>
void PrefixRanges<Key>::begin(const Key& start, uint16_t number) {
    if (!starts_.empty() && starts_.back() == start) {
        numbers_.back() = number;
        return;
    }
    const uint16_t before = numbers_.empty() ? uint16_t{0} : numbers_.back();
    if (number != before) {
        starts_.push_back(start);
        numbers_.push_back(number);
    }
}

template <typename Key>
PrefixRanges<Key>::PrefixRanges(std::span<const Range> prefixes) {
    std::vector<const Range*> around;  // those that hold the current place, the narrowest last
    const auto leave = [&] {
        const Key last = around.back()->last;
        around.pop_back();
        if (!is_last_of_all(last)) {
            begin(after(last), around.empty() ? uint16_t{0} : around.back()->number);
        }
    };
    for (const Range& prefix : prefixes) {
        while (!around.empty() && around.back()->last < prefix.first) {
            leave();
        }
        begin(prefix.first, prefix.number);
        around.push_back(&prefix);
    }
    while (!around.empty()) {
        leave();
    }
    starts_.shrink_to_fit();
    numbers_.shrink_to_fit();
}

template class PrefixRanges<uint32_t>;
template class PrefixRanges<Ipv6Number>;

PrefixRanges<uint32_t> ipv4_ranges(Entries entries) {
    std::vector<PrefixRanges<uint32_t>::Range> ranges;
    for (const auto& [prefix, number] : entries) {
        if (prefix.family() == Family::kIpv4) {
            const uint32_t first = prefix.network().ipv4().host();
            ranges.push_back({first, first | host_bits_ipv4(prefix.length), number});
        }
    }
    return sorted_ranges<uint32_t>(std::move(ranges));
}

PrefixRanges<Ipv6Number> ipv6_ranges(Entries entries) {
    std::vector<PrefixRanges<Ipv6Number>::Range> ranges;
    for (const auto& [prefix, number] : entries) {
        if (prefix.family() == Family::kIpv6) {
            const Ipv6Number first = number_of(prefix.network());
            const unsigned length = prefix.length;
            const Ipv6Number last{first.high | host_bits_64(length),
                                  first.low | host_bits_64(length > 64 ? length - 64 : 0)};
            ranges.push_back({first, last, number});
        }
    }
    return sorted_ranges<Ipv6Number>(std::move(ranges));
}

}  // namespace director::dataplane::io
