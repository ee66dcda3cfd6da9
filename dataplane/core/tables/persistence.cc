#include "dataplane/core/tables/persistence.h"

#include <bit>
#include <cstring>

#include "common/wide.h"
#include "dataplane/core/tables/timer_lists.h"

namespace director::dataplane {
namespace {

// How often an insertion is tried while others interfere. Each failure means that somebody else got
// further, so this many in a row mean that the table is not worth waiting for.
constexpr int kAttemptsMax = 64;

// IPVS: a template with connections whose time is over is looked at again 60 s later.
constexpr uint32_t kStepTicks = to_ticks(60);

[[nodiscard]] uint64_t service_and_port(const TemplateKey& key) {
    return uint64_t{index(key.service)} << 16 | key.virtual_port;
}

// Ticks until a deadline; not above 0 when it has passed.
[[nodiscard]] int32_t ticks_left(uint32_t deadline, uint32_t tick) {
    return static_cast<int32_t>(deadline - tick);
}

}  // namespace

TemplateTable::TemplateTable(uint32_t templates_max, const HashKey& key, const TableMemory& memory)
    : key_(key),
      set_count_(set_count(templates_max)),
      digests_(memory, set_count_),
      slots_(memory, size_t{set_count_} * kSlotsPerSet) {}

bool TemplateTable::is_allocated() const {
    return digests_.is_allocated() && slots_.is_allocated();
}

uint64_t TemplateTable::bytes(uint32_t templates_max) {
    return uint64_t{set_count(templates_max)} * (sizeof(Digests) + kSlotsPerSet * sizeof(Slot));
}

uint32_t TemplateTable::set_count(uint32_t templates_max) {
    return templates_max / (kSlotsPerSet / 2) + 1;
}

TemplateTable::Word TemplateTable::next_word(Word old,
                                             RealServerId server,
                                             uint32_t refs,
                                             State state) {
    const uint64_t version = ((old.bits >> 2) + 1) & 0x3ff;
    return Word{uint64_t{index(server)} << 32 | uint64_t{refs} << 12 | version << 2 |
                static_cast<uint64_t>(state)};
}

TemplateTable::Packed TemplateTable::pack(const TemplateKey& key) const {
    Packed packed{};
    std::memcpy(&packed.client_high, key.client.bytes.data(), 8);
    std::memcpy(&packed.client_low, key.client.bytes.data() + 8, 8);
    packed.service_and_port = service_and_port(key);
    const uint64_t client = packed.client_low ^ keyed_hash(key_, packed.client_high);
    packed.digest = keyed_hash(key_, packed.service_and_port ^ keyed_hash(key_, client));
    return packed;
}

uint32_t TemplateTable::first_slot(const Packed& key) const {
    return static_cast<uint32_t>(multiply_high(key.digest, set_count_)) * kSlotsPerSet;
}

bool TemplateTable::has_key(uint32_t slot, const Packed& key) {
    if (digest_of(slot).load() != key.digest) {
        return false;
    }
    Slot& at = slots_[slot];
    const auto load = [](uint64_t& field) {
        return std::atomic_ref(field).load(std::memory_order_acquire);
    };
    return load(at.client_high) == key.client_high && load(at.client_low) == key.client_low &&
           load(at.service_and_port) == key.service_and_port;
}

bool TemplateTable::is_over(uint32_t slot, Word word, uint32_t tick) {
    return word.references() == 0 &&
           (word.server() == kNoRealServer || ticks_left(deadline_of(slot), tick) <= 0);
}

TemplateUse TemplateTable::use(const Packed& key,
                               RealServerId server,
                               uint32_t tick,
                               uint32_t deadline) {
    const uint32_t first = first_slot(key);
    for (uint32_t slot = first; slot < first + kSlotsPerSet; ++slot) {
        Word word = word_of(slot);
        while (word.state() == State::kLive && has_key(slot, key) && !is_over(slot, word, tick)) {
            const RealServerId chosen = word.server() == kNoRealServer ? server : word.server();
            if (chosen == kNoRealServer) {
                return {};
            }
            const bool is_saturated = word.references() == kReferencesMax;
            const uint32_t references = word.references() + (is_saturated ? 0U : 1U);
            if (change(slot, word, next_word(word, chosen, references, State::kLive))) {
                if (is_saturated) {
                    return {chosen, kNoTemplate};
                }
                std::atomic_ref(slots_[slot].deadline).store(deadline, std::memory_order_release);
                return {chosen, slot};
            }
        }
    }
    return {};
}

TemplateUse TemplateTable::find(const TemplateKey& key, uint32_t tick, uint32_t timeout) {
    return use(pack(key), kNoRealServer, tick, tick + timeout);
}

RealServerId TemplateTable::foresee(const TemplateKey& key, uint32_t tick) {
    const Packed packed = pack(key);
    const uint32_t first = first_slot(packed);
    for (uint32_t slot = first; slot < first + kSlotsPerSet; ++slot) {
        const Word word = word_of(slot);
        if (word.state() == State::kLive && has_key(slot, packed) && !is_over(slot, word, tick) &&
            word_of(slot).bits == word.bits) {
            return word.server();
        }
    }
    return kNoRealServer;
}

uint32_t TemplateTable::claim(const Packed& key, RealServerId server, uint32_t tick) {
    const uint32_t first = first_slot(key);
    for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
        // The best slot: this key's own that is over, so that whoever thinks it is not is stopped;
        // else one that is free or over; else the one nearest its end.
        uint32_t best = kNoTemplate;
        Word best_word{};
        int64_t best_cost = INT64_MAX;
        for (uint32_t slot = first; slot < first + kSlotsPerSet; ++slot) {
            const Word word = word_of(slot);
            int64_t cost = INT64_MAX;
            if (word.state() == State::kFree) {
                cost = -1;
            } else if (word.state() == State::kLive && is_over(slot, word, tick)) {
                cost = has_key(slot, key) ? -2 : -1;
            } else if (word.state() == State::kLive && word.references() == 0) {
                cost = ticks_left(deadline_of(slot), tick);
            }
            if (cost < best_cost) {
                best = slot;
                best_word = word;
                best_cost = cost;
            }
        }
        if (best == kNoTemplate) {
            return kNoTemplate;
        }
        if (change(best, best_word, next_word(best_word, server, 1, State::kClaimed))) {
            evicted_.fetch_add(best_cost >= 0 ? 1U : 0U, std::memory_order_relaxed);
            return best;
        }
    }
    return kNoTemplate;
}

TemplateTable::Word TemplateTable::publish(uint32_t slot, const Packed& key, uint32_t deadline) {
    Slot& at = slots_[slot];
    const auto store = [](auto& field, auto value) {
        std::atomic_ref(field).store(value, std::memory_order_release);
    };
    store(at.client_high, key.client_high);
    store(at.client_low, key.client_low);
    store(at.service_and_port, key.service_and_port);
    store(at.deadline, deadline);
    // These two pair with the loads in prevails(): of two that publish the same key, at least one
    // sees the other, for all four are sequentially consistent.
    digest_of(slot).store(key.digest);
    const Word claimed = word_of(slot);
    const Word mine = next_word(claimed, claimed.server(), 1, State::kTentative);
    std::atomic_ref(at.word).store(mine.bits);
    return mine;
}

bool TemplateTable::prevails(uint32_t mine, const Packed& key, uint32_t tick) {
    const uint32_t first = first_slot(key);
    for (uint32_t slot = first; slot < first + kSlotsPerSet; ++slot) {
        Word word = word_of(slot);
        while (slot != mine &&
               (word.state() == State::kTentative || word.state() == State::kLive) &&
               has_key(slot, key)) {
            const bool is_live = word.state() == State::kLive;
            if (is_live && !is_over(slot, word, tick)) {
                return false;
            }
            if (change(slot, word, next_word(word, kNoRealServer, 0, State::kFree))) {
                break;
            }
        }
    }
    return true;
}

TemplateUse TemplateTable::insert(const TemplateKey& key,
                                  RealServerId server,
                                  uint32_t tick,
                                  uint32_t timeout) {
    const Packed packed = pack(key);
    for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
        const TemplateUse existing = use(packed, server, tick, tick + timeout);
        if (existing.server != kNoRealServer) {
            return existing;
        }
        const uint32_t slot = claim(packed, server, tick);
        if (slot == kNoTemplate) {
            break;
        }
        Word mine = publish(slot, packed, tick + timeout);
        const bool has_prevailed = prevails(slot, packed, tick);
        const Word next = has_prevailed ? next_word(mine, server, 1, State::kLive)
                                        : next_word(mine, kNoRealServer, 0, State::kFree);
        // Fails when somebody else has ended it.
        if (change(slot, mine, next) && has_prevailed) {
            return {server, slot};
        }
    }
    refused_.fetch_add(1, std::memory_order_relaxed);
    return {server, kNoTemplate};
}

RealServerId TemplateTable::replace(TemplateRef ref, RealServerId gone, RealServerId next) {
    Word word = word_of(ref);
    while (word.server() == gone || word.server() == kNoRealServer) {
        if (change(ref, word, next_word(word, next, word.references(), State::kLive))) {
            return next;
        }
    }
    return word.server();
}

bool TemplateTable::add_reference(TemplateRef ref) {
    Word word = word_of(ref);
    while (word.references() < kReferencesMax) {
        if (change(
                ref, word, next_word(word, word.server(), word.references() + 1, word.state()))) {
            return true;
        }
    }
    return false;
}

void TemplateTable::release(TemplateRef ref, uint32_t tick) {
    if (ref == kNoTemplate) {
        return;
    }
    // The deadline is still ours to write: the reference holds the slot.
    const uint32_t deadline = deadline_of(ref);
    const int32_t left = ticks_left(deadline, tick);
    if (left <= 0) {
        const uint32_t steps = static_cast<uint32_t>(-left) / kStepTicks + 1;
        std::atomic_ref(slots_[ref].deadline)
            .store(deadline + steps * kStepTicks, std::memory_order_release);
    }
    Word word = word_of(ref);
    while (
        word.references() > 0 &&
        !change(ref, word, next_word(word, word.server(), word.references() - 1, word.state()))) {
    }
}

template <typename Predicate>
uint32_t TemplateTable::drop_if(const Predicate& is_meant) {
    uint32_t dropped = 0;
    for (uint32_t slot = 0; slot < slot_count(); ++slot) {
        Word word = word_of(slot);
        while (word.state() == State::kLive && word.server() != kNoRealServer &&
               is_meant(slot, word)) {
            const State state = word.references() > 0 ? State::kLive : State::kFree;
            if (change(slot, word, next_word(word, kNoRealServer, word.references(), state))) {
                ++dropped;
                break;
            }
        }
    }
    return dropped;
}

uint32_t TemplateTable::drop_server(RealServerId server) {
    return drop_if([server](uint32_t, Word word) { return word.server() == server; });
}

uint32_t TemplateTable::drop_service(ServiceId service) {
    return drop_if([this, service](uint32_t slot, Word) {
        const auto field = std::atomic_ref(slots_[slot].service_and_port);
        return field.load(std::memory_order_acquire) >> 16 == index(service);
    });
}

bool TemplateTable::row(uint32_t slot, uint32_t tick, TemplateRow& out) {
    Slot& at = slots_[slot];
    for (Word word = word_of(slot); word.state() == State::kLive;) {
        const auto load = [](uint64_t& field) {
            return std::atomic_ref(field).load(std::memory_order_acquire);
        };
        const uint64_t high = load(at.client_high);
        const uint64_t low = load(at.client_low);
        const uint64_t rest = load(at.service_and_port);
        const uint32_t deadline = deadline_of(slot);
        const bool counts = word.server() != kNoRealServer && !is_over(slot, word, tick);
        const Word again = word_of(slot);
        if (again.bits != word.bits) {
            word = again;
            continue;
        }
        if (!counts) {
            return false;
        }
        std::memcpy(out.key.client.bytes.data(), &high, 8);
        std::memcpy(out.key.client.bytes.data() + 8, &low, 8);
        out.key.service = ServiceId{static_cast<uint32_t>(rest >> 16)};
        out.key.virtual_port = static_cast<uint16_t>(rest);
        out.server = word.server();
        out.connections = word.references();
        out.deadline = deadline;
        return true;
    }
    return false;
}

}  // namespace director::dataplane
