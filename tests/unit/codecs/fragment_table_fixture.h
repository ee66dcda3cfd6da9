// A fragment table, time that moves when told, and fragments of a UDP datagram to put in.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/core/tables/fragment_table.h"

namespace director::dataplane {

using namespace std::chrono_literals;
using enum FragmentFault;

inline constexpr TimePoint kStart{std::chrono::hours(5)};

inline Fragment piece(uint32_t id, uint32_t offset, uint32_t bytes, bool is_last) {
    Fragment fragment;
    fragment.source = *IpAddress::parse("198.51.100.7");
    fragment.destination = *IpAddress::parse("192.0.2.1");
    fragment.protocol = 17;
    fragment.id = id;
    fragment.offset_bytes = static_cast<uint16_t>(offset);
    fragment.data_bytes = static_cast<uint16_t>(bytes);
    fragment.is_last = is_last;
    if (offset == 0) {
        fragment.source_port = Be16::from_host(static_cast<uint16_t>(id + 1000));
        fragment.destination_port = Be16::from_host(53);
    }
    return fragment;
}

class FragmentTableTest : public testing::Test {
  protected:
    void make(FragmentTableSettings settings) {
        table_.emplace(settings, plain_table_memory());
        ASSERT_TRUE(table_->is_allocated());
    }
    FragmentResult add(const Fragment& fragment) { return table_->add(fragment, now_); }
    FragmentFault fault(const Fragment& fragment) { return add(fragment).fault; }
    std::vector<uint16_t> released() {
        std::vector<uint16_t> slots;
        while (const auto held = table_->take_released()) {
            slots.push_back(held->slot);
        }
        return slots;
    }
    std::vector<std::pair<uint16_t, FragmentFault>> dropped() {
        std::vector<std::pair<uint16_t, FragmentFault>> slots;
        while (const auto held = table_->take_dropped()) {
            slots.emplace_back(held->slot, held->fault);
        }
        return slots;
    }

    std::optional<FragmentTable> table_{
        std::in_place, FragmentTableSettings{}, plain_table_memory()};
    TimePoint now_ = kStart;
};

}  // namespace director::dataplane
