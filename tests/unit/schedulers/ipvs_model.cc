#include "tests/unit/schedulers/ipvs_model.h"

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <numeric>

#include "common/random.h"

namespace director::test {
namespace {

using dataplane::RealServerSlot;
using dataplane::ScheduleInput;
using dataplane::SchedulerFlags;

const ModelServer* find(const ModelList& list, uint32_t number) {
    const auto found = std::find_if(list.begin(), list.end(), [&](const ModelServer& server) {
        return server.number == number;
    });
    return found != list.end() ? &*found : nullptr;
}

// ip_vs_rr.c
class RoundRobin final : public Model {
  public:
    Choice pick(const ModelList& list, const ScheduleInput& /*input*/) override {
        const size_t start = position(list) + 1;
        for (size_t i = 0; i < list.size(); ++i) {
            const ModelServer& server = list[(start + i) % list.size()];
            if (server.ok()) {
                last_ = server.number;
                return last_;
            }
        }
        return std::nullopt;
    }
    void removing(const ModelList& list, size_t victim) override {
        if (last_ == list[victim].number) {
            last_ = victim == 0 ? Choice() : Choice(list[victim - 1].number);
        }
    }

  private:
    // SIZE_MAX: at the head.
    [[nodiscard]] size_t position(const ModelList& list) const {
        for (size_t i = 0; i < list.size(); ++i) {
            if (last_ == list[i].number) {
                return i;
            }
        }
        return SIZE_MAX;
    }
    Choice last_;
};

// ip_vs_wrr.c, with its loop as it is. Positions are those of a ring with the head at 0.
class WeightedRoundRobin final : public Model {
  public:
    Choice pick(const ModelList& list, const ScheduleInput& /*input*/) override {
        if (mw_ == 0) {
            return std::nullopt;
        }
        bool last_pass = false;
        bool restarted = false;
        const size_t last = cl_;
        size_t stop = SIZE_MAX;
        while (true) {
            while (++cl_ <= list.size()) {
                const ModelServer& server = list[cl_ - 1];
                if (!server.is_overloaded && int64_t{server.weight} >= cw_) {
                    return server.number;
                }
                if (cl_ == stop) {
                    return std::nullopt;
                }
            }
            cl_ = 0;
            cw_ -= di_;
            if (cw_ <= 0) {
                cw_ = mw_;
                if (last_pass || last == 0) {
                    return std::nullopt;
                }
                restarted = true;
            }
            last_pass = cw_ <= di_;
            if (last_pass && restarted && last != 0) {
                stop = last;
            }
        }
    }
    void changed(const ModelList& list) override {
        cl_ = 0;
        di_ = 0;
        int64_t heaviest = 0;
        for (const ModelServer& server : list) {
            di_ = std::gcd(di_, int64_t{server.weight});
            heaviest = std::max(heaviest, int64_t{server.weight});
        }
        di_ = di_ == 0 ? 1 : di_;
        mw_ = heaviest - (di_ - 1);
        if (cw_ > mw_ || cw_ == 0) {
            cw_ = mw_;
        } else if (di_ > 1) {
            cw_ = cw_ / di_ * di_ + 1;
        }
    }

  private:
    size_t cl_ = 0;
    int64_t cw_ = 0;
    int64_t mw_ = 0;
    int64_t di_ = 1;
};

// The walk of ip_vs_wlc.c, ip_vs_sed.c, ip_vs_lblc.c ... with any cost.
template <typename Cost>
const ModelServer* least_by(const ModelList& list, Cost cost) {
    const ModelServer* least = nullptr;
    for (const ModelServer& server : list) {
        if (server.is_overloaded || (least == nullptr && server.weight == 0)) {
            continue;
        }
        if (least == nullptr ||
            cost(*least) * int64_t{server.weight} > cost(server) * int64_t{least->weight}) {
            least = &server;
        }
    }
    return least;
}

Choice number_of(const ModelServer* server) {
    return server != nullptr ? Choice(server->number) : Choice();
}

const ModelServer* by_wlc(const ModelList& list) {
    return least_by(list, [](const ModelServer& server) { return server.overhead(); });
}

class ByLoad final : public Model {
  public:
    explicit ByLoad(std::string_view name) : name_(name) {}
    Choice pick(const ModelList& list, const ScheduleInput& /*input*/) override {
        const auto delay = [](const ModelServer& server) { return int64_t{server.active} + 1; };
        if (name_ == "wlc") {
            return number_of(by_wlc(list));
        }
        if (name_ == "sed") {
            return number_of(least_by(list, delay));
        }
        if (name_ == "nq") {
            for (const ModelServer& server : list) {
                if (server.ok() && server.active == 0) {
                    return server.number;
                }
            }
            return number_of(least_by(list, delay));
        }
        const ModelServer* best = nullptr;
        for (const ModelServer& server : list) {
            if (!server.ok() || (name_ == "ovf" && server.active > server.weight)) {
                continue;
            }
            const bool is_better =
                best != nullptr && (name_ == "lc" ? server.overhead() < best->overhead()
                                                  : server.weight > best->weight);
            best = best == nullptr || is_better ? &server : best;
        }
        return number_of(best);
    }

  private:
    std::string_view name_;
};

// ip_vs_lblc.c's second meaning of "overloaded".
bool is_busy(const ModelList& list, const ModelServer& server) {
    return server.active > server.weight &&
           std::any_of(list.begin(), list.end(), [](const ModelServer& other) {
               return other.active * 2 < other.weight;
           });
}

constexpr uint32_t kDay = 24 * 60 * 60;

// ip_vs_lblc.c; entries end after a day without use, to the second.
class Locality final : public Model {
  public:
    Choice pick(const ModelList& list, const ScheduleInput& input) override {
        auto known = entries_.find(input.destination_fold);
        if (known != entries_.end() && input.now_seconds - known->second.last_use >= kDay) {
            entries_.erase(known);
            known = entries_.end();
        }
        if (known != entries_.end()) {
            known->second.last_use = input.now_seconds;
            const ModelServer* const server = find(list, known->second.number);
            if (server != nullptr && server->ok() && !is_busy(list, *server)) {
                return server->number;
            }
        }
        const ModelServer* const least = by_wlc(list);
        if (least != nullptr) {
            entries_[input.destination_fold] = {least->number, input.now_seconds};
        }
        return number_of(least);
    }

  private:
    struct Entry {
        uint32_t number;
        uint32_t last_use;
    };
    std::map<uint32_t, Entry> entries_;
};

// ip_vs_lblcr.c, with at most kServersMax servers for a destination and without those that left.
class ReplicatedLocality final : public Model {
  public:
    Choice pick(const ModelList& list, const ScheduleInput& input) override {
        auto known = entries_.find(input.destination_fold);
        if (known != entries_.end() && input.now_seconds - known->second.last_use >= kDay) {
            entries_.erase(known);
            known = entries_.end();
        }
        if (known != entries_.end()) {
            Entry& entry = known->second;
            entry.last_use = input.now_seconds;
            forget_missing(list, entry, input.now_seconds);
            const ModelServer* const least = by_wlc(servers_of(list, entry));
            if (entry.set.size() > 1 && input.now_seconds - entry.last_change > kDay) {
                drop_most_loaded(list, entry, input.now_seconds);
            }
            if (least != nullptr) {
                const ModelServer server = *find(list, least_number_);
                if (!is_busy(list, server)) {
                    return server.number;
                }
            }
        }
        const ModelServer* const least = by_wlc(list);
        if (least == nullptr) {
            return std::nullopt;
        }
        Entry& entry = entries_[input.destination_fold];
        entry.last_use = input.now_seconds;
        if (std::find(entry.set.begin(), entry.set.end(), least->number) == entry.set.end()) {
            if (entry.set.size() == dataplane::LocalityEntry::kServersMax &&
                !drop_most_loaded(list, entry, input.now_seconds)) {
                entry.set.pop_back();
            }
            entry.set.insert(entry.set.begin(), least->number);
            entry.last_change = input.now_seconds;
        }
        return least->number;
    }

  private:
    struct Entry {
        std::vector<uint32_t> set;  // the one added last comes first
        uint32_t last_use = 0;
        uint32_t last_change = 0;
    };

    static void forget_missing(const ModelList& list, Entry& entry, uint32_t now) {
        const size_t erased = std::erase_if(
            entry.set, [&](uint32_t number) { return find(list, number) == nullptr; });
        entry.last_change = erased > 0 ? now : entry.last_change;
    }
    // The set as a list of servers, which by_wlc() can walk.
    const ModelList& servers_of(const ModelList& list, const Entry& entry) {
        scratch_.clear();
        for (const uint32_t number : entry.set) {
            scratch_.push_back(*find(list, number));
        }
        const ModelServer* const least = by_wlc(scratch_);
        least_number_ = least != nullptr ? least->number : 0;
        return scratch_;
    }
    static bool drop_most_loaded(const ModelList& list, Entry& entry, uint32_t now) {
        const ModelServer* most = nullptr;
        for (const uint32_t number : entry.set) {
            const ModelServer* const server = find(list, number);
            if (server->weight > 0 && (most == nullptr || most->overhead() * server->weight <
                                                              server->overhead() * most->weight)) {
                most = server;
            }
        }
        if (most == nullptr) {
            return false;
        }
        std::erase(entry.set, most->number);
        entry.last_change = now;
        return true;
    }

    std::map<uint32_t, Entry> entries_;
    ModelList scratch_;
    uint32_t least_number_ = 0;
};

// SipHash-1-3 of four bytes as the paper has it: a state of four words, the bytes and the length in
// the last block, little endian.
uint32_t sip13(uint32_t input, uint64_t key) {
    std::array<uint64_t, 4> v{key ^ 0x736f6d6570736575U,
                              key ^ 0x646f72616e646f6dU,
                              key ^ 0x6c7967656e657261U,
                              key ^ 0x7465646279746573U};
    const auto half = [&](size_t a, size_t b, int first, bool swap_a) {
        v[a] += v[b];
        v[b] = (v[b] << first | v[b] >> (64 - first)) ^ v[a];
        if (swap_a) {
            v[a] = v[a] << 32 | v[a] >> 32;
        }
    };
    const auto rounds = [&](int count) {
        for (int i = 0; i < count; ++i) {
            half(0, 1, 13, true);
            half(2, 3, 16, false);
            half(0, 3, 21, false);
            half(2, 1, 17, true);
        }
    };
    const uint64_t last = input + (uint64_t{4} << 56);
    v[3] ^= last;
    rounds(1);
    v[0] ^= last;
    v[2] ^= 255;
    rounds(3);
    return static_cast<uint32_t>(v[0] ^ v[1] ^ v[2] ^ v[3]);
}

Choice next_in_list(const ModelList& list, uint32_t number) {
    const auto start = static_cast<size_t>(find(list, number) - list.data());
    for (size_t i = 1; i <= list.size(); ++i) {
        if (list[(start + i) % list.size()].ok()) {
            return list[(start + i) % list.size()].number;
        }
    }
    return std::nullopt;
}

// ip_vs_sh.c and ip_vs_dh.c.
class Hashed final : public Model {
  public:
    Hashed(bool is_dh, const SchedulerFlags& flags) : is_dh_(is_dh), flags_(flags) {}
    void changed(const ModelList& list) override {
        table_.clear();
        size_t at = 0;
        uint32_t taken = 0;
        while (!list.empty() && table_.size() < 256) {
            table_.push_back(list[at].number);
            const uint32_t weight = is_dh_ && flags_.like_ipvs ? 1 : list[at].weight;
            if (++taken >= weight) {
                at = (at + 1) % list.size();
                taken = 0;
            }
        }
    }
    Choice pick(const ModelList& list, const ScheduleInput& input) override {
        if (table_.empty()) {
            return std::nullopt;
        }
        const uint32_t value =
            is_dh_ ? input.destination_fold
                   : input.client_fold + (flags_.hash_port ? input.client_port : 0U);
        const uint32_t bucket = value * 0x61C88647U >> 24;
        if (find(list, table_[bucket])->ok()) {
            return table_[bucket];
        }
        if (flags_.like_ipvs && (is_dh_ || !flags_.hash_fallback)) {
            return std::nullopt;
        }
        if (is_dh_ || !flags_.hash_fallback) {
            return draw(list, value, table_[bucket]);
        }
        for (uint32_t offset = 0; offset < 256; ++offset) {
            const uint32_t further = (offset + bucket) % 256;
            const uint32_t number = table_[(further + bucket) & 255];
            if (find(list, number)->ok()) {
                return number;
            }
        }
        return std::nullopt;
    }

  private:
    // Director's own way on.
    [[nodiscard]] Choice draw(const ModelList& list, uint32_t value, uint32_t from) const {
        for (uint64_t i = 0; i < 64; ++i) {
            const uint32_t number = table_[sip13(value, i) / (1U << 24)];
            if (find(list, number)->ok()) {
                return number;
            }
        }
        return next_in_list(list, from);
    }

    bool is_dh_;
    SchedulerFlags flags_;
    std::vector<uint32_t> table_;
};

// ip_vs_mh.c with its default table.
class MaglevHashed final : public Model {
  public:
    explicit MaglevHashed(const SchedulerFlags& flags) : flags_(flags) {}
    void changed(const ModelList& list) override {
        table_.clear();
        uint32_t divisor = 0;
        uint32_t heaviest = 0;
        for (const ModelServer& server : list) {
            divisor = std::gcd(divisor, weight_of(server));
            heaviest = std::max(heaviest, weight_of(server));
        }
        if (divisor == 0) {
            return;
        }
        table_.resize(kSize);
        const auto shift = std::max(0, static_cast<int>(std::bit_width(heaviest / divisor)) - 6);
        struct Turn {
            uint32_t at;
            uint32_t skip;
        };
        std::vector<Turn> turns;
        for (const ModelServer& server : list) {
            const uint32_t key = server.address() + ModelServer::port();
            turns.push_back(
                {sip13(key, 2654435761U) % kSize, sip13(key, 2654446892U) % (kSize - 1) + 1});
        }
        for (uint32_t left = kSize; left > 0;) {
            for (size_t i = 0; i < list.size() && left > 0; ++i) {
                const uint32_t weight = weight_of(list[i]);
                uint32_t count = weight / divisor >> shift;
                count = count == 0 && weight != 0 ? 1 : count;
                for (; count > 0 && left > 0; --count, --left) {
                    while (table_[turns[i].at]) {
                        turns[i].at = (turns[i].at + turns[i].skip) % kSize;
                    }
                    table_[turns[i].at] = list[i].number;
                }
            }
        }
    }
    Choice pick(const ModelList& list, const ScheduleInput& input) override {
        if (table_.empty()) {
            return std::nullopt;
        }
        const uint32_t value = input.client_fold + (flags_.hash_port ? input.client_port : 0U);
        const uint32_t first = sip13(value, 2654435761U) % kSize;
        if (find(list, *table_[first])->ok()) {
            return table_[first];
        }
        if (flags_.like_ipvs && !flags_.hash_fallback) {
            return std::nullopt;
        }
        for (uint32_t offset = 0; offset < (flags_.like_ipvs ? kSize : 64); ++offset) {
            const uint32_t slot = sip13(value + (offset + first) % kSize, 2654435761U) % kSize;
            if (find(list, *table_[slot])->ok()) {
                return table_[slot];
            }
        }
        return flags_.like_ipvs ? Choice() : next_in_list(list, *table_[first]);
    }

  private:
    static constexpr uint32_t kSize = 4093;
    [[nodiscard]] uint32_t weight_of(const ModelServer& server) const {
        return server.weight == 0 && flags_.like_ipvs ? server.last_weight : server.weight;
    }
    SchedulerFlags flags_;
    std::vector<Choice> table_;
};

// ip_vs_twos.c; the random numbers are the same stream as Director's.
class TwoChoices final : public Model {
  public:
    Choice pick(const ModelList& list, const ScheduleInput& /*input*/) override {
        int64_t sum = 0;
        for (const ModelServer& server : list) {
            sum += server.ok() ? server.weight : 0;
        }
        if (sum == 0) {
            return std::nullopt;
        }
        const ModelServer* const one = draw(list, sum);
        const ModelServer* const other = draw(list, sum);
        return number_of(other->weight * one->overhead() > one->weight * other->overhead() ? other
                                                                                           : one);
    }

  private:
    const ModelServer* draw(const ModelList& list, int64_t sum) {
        random_ = Random(random_).next();
        auto r = static_cast<int64_t>(multiply_high(random_, static_cast<uint64_t>(sum) + 1));
        for (const ModelServer& server : list) {
            if (server.ok()) {
                r -= server.weight;
                if (r <= 0) {
                    return &server;
                }
            }
        }
        return nullptr;
    }
    uint64_t random_ = Random(0xffffffffU).next();  // service 0, one worker
};

}  // namespace

std::unique_ptr<Model> make_model(std::string_view name, const SchedulerFlags& flags) {
    if (name == "rr") {
        return std::make_unique<RoundRobin>();
    }
    if (name == "wrr") {
        return std::make_unique<WeightedRoundRobin>();
    }
    if (name == "lblc") {
        return std::make_unique<Locality>();
    }
    if (name == "lblcr") {
        return std::make_unique<ReplicatedLocality>();
    }
    if (name == "sh" || name == "dh") {
        return std::make_unique<Hashed>(name == "dh", flags);
    }
    if (name == "mh") {
        return std::make_unique<MaglevHashed>(flags);
    }
    if (name == "twos") {
        return std::make_unique<TwoChoices>();
    }
    return std::make_unique<ByLoad>(name);
}

Ours::Ours(std::string_view name, const SchedulerFlags& flags)
    : scheduler_(dataplane::find_scheduler(name).value()), flags_(flags) {
    put({});
}

Choice Ours::pick(const ScheduleInput& input) {
    const uint32_t position = scheduler().pick(*table_, input);
    return position == dataplane::kNoServer ? Choice()
                                            : Choice(index(table_->servers[position].id));
}

void Ours::put(const ModelList& list) {
    auto fresh = std::make_unique<dataplane::ServiceTable>();
    fresh->id = dataplane::ServiceId{0};
    fresh->scheduler = scheduler_;
    fresh->flags = flags_;
    for (const ModelServer& server : list) {
        RealServerSlot slot;
        slot.id = dataplane::RealServerId{server.number};
        slot.endpoint = {Ipv4Address::from_host(server.address()),
                         Be16::from_host(ModelServer::port())};
        slot.weight = server.weight;
        slot.last_weight = server.last_weight;
        fresh->servers.push_back(slot);
    }
    dataplane::prepare_scheduler(*fresh);
    // The worker knows the loads; the control plane does not.
    for (size_t i = 0; i < list.size(); ++i) {
        fresh->servers[i].active = list[i].active;
        fresh->servers[i].total = list[i].total;
        fresh->servers[i].is_overloaded = list[i].is_overloaded;
    }
    fresh->state.position = 0xffffffffU;  // one worker: it begins at the head
    scheduler().adopt(*fresh, table_.get());
    table_ = std::move(fresh);
}

void Ours::set_weight(const ModelList& list, size_t position) {
    if (scheduler().is_rebuilt_on_weight_change) {
        put(list);
        return;
    }
    dataplane::set_weight(*table_, static_cast<uint32_t>(position), list[position].weight);
    scheduler().adopt(*table_, table_.get());
}

void Ours::set_load(const ModelList& list, size_t position) {
    RealServerSlot& slot = table_->servers[position];
    slot.active = list[position].active;
    slot.total = list[position].total;
    slot.is_overloaded = list[position].is_overloaded;
    scheduler().load_changed(*table_, static_cast<uint32_t>(position));
}

}  // namespace director::test
