// Each scheduler against IPVS's rules in ipvs_model.cc, choice by choice, while servers come and
// go, change weight, get overloaded and gain and lose connections. Random; the seed is in every
// message.
#include <fmt/format.h>

#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "common/random.h"
#include "tests/unit/schedulers/ipvs_model.h"

namespace director::test {
namespace {

using dataplane::ScheduleInput;
using dataplane::SchedulerFlags;

struct Case {
    std::string_view scheduler;
    SchedulerFlags flags;
    std::string_view variant;
};

// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest looks for this name.
void PrintTo(const Case& which, std::ostream* out) {
    *out << which.scheduler << which.variant;
}

class LikeIpvs : public testing::TestWithParam<Case> {
  protected:
    // One story: a stream of changes and choices.
    void tell(uint64_t seed) {
        SCOPED_TRACE(fmt::format("{}{} seed {}", GetParam().scheduler, GetParam().variant, seed));
        random_ = Random(seed);
        model_ = make_model(GetParam().scheduler, GetParam().flags);
        ours_ = std::make_unique<Ours>(GetParam().scheduler, GetParam().flags);
        list_.clear();
        // At most 256 in all, beyond which sh and dh have larger tables than IPVS.
        weight_max_ = seed % 3 == 0 ? 1 : seed % 3 == 1 ? 4 : 20;
        for (int step = 0; step < 400; ++step) {
            SCOPED_TRACE(fmt::format("step {}", step));
            change();
            ASSERT_NO_FATAL_FAILURE(choose());
        }
    }

  private:
    [[nodiscard]] uint32_t below(uint64_t bound) {
        return static_cast<uint32_t>(random_.below(bound));
    }

    void change() {
        const uint32_t what = below(40);
        const size_t size = list_.size();
        if (what < 2 && size < 12) {
            add();
        } else if (what < 3 && size > 0) {
            remove(below(size));
        } else if (what < 6 && size > 0) {
            reweigh(below(size));
        } else if (what < 10 && size > 0) {
            reload(below(size));
        } else if (what == 10) {
            now_ += below(20) * 60 * 60;
        }
        now_ += below(3);
    }

    void add() {
        ModelServer server{.number = next_number_++, .weight = below(weight_max_ + 1)};
        server.last_weight = server.weight;
        list_.insert(list_.begin(), server);
        model_->changed(list_);
        ours_->put(list_);
    }

    void remove(size_t position) {
        model_->removing(list_, position);
        list_.erase(list_.begin() + static_cast<ptrdiff_t>(position));
        model_->changed(list_);
        ours_->put(list_);
    }

    void reweigh(size_t position) {
        ModelServer& server = list_[position];
        server.weight = below(2) == 0 ? 0 : below(weight_max_ + 1);
        server.last_weight = server.weight != 0 ? server.weight : server.last_weight;
        model_->changed(list_);
        ours_->set_weight(list_, position);
    }

    void reload(size_t position) {
        ModelServer& server = list_[position];
        server.is_overloaded = below(3) == 0;
        server.active = below(weight_max_ * 2 + 1);
        server.total = server.active + below(300);
        ours_->set_load(list_, position);
    }

    void choose() {
        const ScheduleInput input{0xc0000200U + below(64),
                                  0xcb007100U + below(40),
                                  static_cast<uint16_t>(40000 + below(4)),
                                  now_};
        const Choice expected = model_->pick(list_, input);
        ASSERT_EQ(ours_->pick(input), expected);
        if (expected && below(2) == 0) {
            connect(*expected);
        }
    }

    void connect(uint32_t number) {
        for (size_t i = 0; i < list_.size(); ++i) {
            if (list_[i].number == number) {
                ASSERT_TRUE(list_[i].ok());
                list_[i].active += below(2);
                list_[i].total += 1;
                ours_->set_load(list_, i);
            }
        }
    }

    Random random_{0};
    std::unique_ptr<Model> model_;
    std::unique_ptr<Ours> ours_;
    ModelList list_;
    uint32_t weight_max_ = 1;
    uint32_t next_number_ = 1;
    uint32_t now_ = 1000000;
};

TEST_P(LikeIpvs, UnderRandomChanges) {
    const uint64_t seeds = GetParam().scheduler == "mh" ? 12 : 200;  // a table of 4093 each time
    for (uint64_t seed = 1; seed <= seeds; ++seed) {
        ASSERT_NO_FATAL_FAILURE(tell(seed));
    }
}

constexpr SchedulerFlags kIpvs{.like_ipvs = true};
constexpr SchedulerFlags kPort{.hash_port = true};
constexpr SchedulerFlags kFallback{.hash_fallback = true};
constexpr SchedulerFlags kIpvsFallback{.hash_fallback = true, .like_ipvs = true};
constexpr SchedulerFlags kIpvsPort{.hash_port = true, .like_ipvs = true};

INSTANTIATE_TEST_SUITE_P(All,
                         LikeIpvs,
                         testing::Values(Case{"rr", {}, ""},
                                         Case{"wrr", {}, ""},
                                         Case{"lc", {}, ""},
                                         Case{"wlc", {}, ""},
                                         Case{"sed", {}, ""},
                                         Case{"nq", {}, ""},
                                         Case{"fo", {}, ""},
                                         Case{"ovf", {}, ""},
                                         Case{"twos", {}, ""},
                                         Case{"lblc", {}, ""},
                                         Case{"lblcr", {}, ""},
                                         Case{"dh", {}, ""},
                                         Case{"dh", kIpvs, "_like_ipvs"},
                                         Case{"sh", {}, ""},
                                         Case{"sh", kPort, "_port"},
                                         Case{"sh", kFallback, "_fallback"},
                                         Case{"sh", kIpvs, "_like_ipvs"},
                                         Case{"sh", kIpvsPort, "_like_ipvs_port"},
                                         Case{"sh", kIpvsFallback, "_like_ipvs_fallback"},
                                         Case{"mh", {}, ""},
                                         Case{"mh", kPort, "_port"},
                                         Case{"mh", kIpvs, "_like_ipvs"},
                                         Case{"mh", kIpvsFallback, "_like_ipvs_fallback"}),
                         [](const testing::TestParamInfo<Case>& which) {
                             return std::string(which.param.scheduler) +
                                    std::string(which.param.variant);
                         });

}  // namespace
}  // namespace director::test
