// Persistence templates: which real server a client's next connections go to. One table for all
// workers, because a client's connections come to any of them.
//
// No locks: a slot is one atomic word (server, references, version, state) that changes by
// compare-exchange, and a digest of its key. An insertion claims a slot, publishes it as tentative,
// looks for another entry of the same key, ends that one while it is tentative too or yields to it
// when it is live, and then becomes live. So two workers that schedule the same new client at the
// same time agree on one server. An established connection's packet touches nothing here; a new
// connection and the end of one do.
//
// A template lives `timeout` ticks after its last new connection, and as long as connections refer
// to it, then to the end of a 60 s step (IPVS: ip_vs_conn_expire of a template with n_control). A
// set is eight slots, its digests one cache line. When a set is full, the template without
// connections that is nearest its end makes room.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "common/address.h"
#include "common/hash.h"
#include "dataplane/api/ids.h"
#include "dataplane/core/tables/table_memory.h"

namespace director::dataplane {

// What IPVS's template is found by: the service, the client's address with all but the prefix
// cleared, and the virtual port (0 for a service of any port, of FTP's, or by match rules).
struct TemplateKey {
    ServiceId service = kNoService;
    IpAddress client;
    uint16_t virtual_port = 0;

    friend constexpr bool operator==(const TemplateKey&, const TemplateKey&) = default;
};

// A connection's reference to its template: a slot that nobody else can have before release().
using TemplateRef = uint32_t;
inline constexpr TemplateRef kNoTemplate = 0xffffffffU;

// The answer to a new connection. Without a server (kNoRealServer) there is no reference either:
// schedule and insert(). With a server but without a reference, the server counts and nothing is to
// be released.
struct TemplateUse {
    RealServerId server = kNoRealServer;
    TemplateRef ref = kNoTemplate;
};

// A row for listings and connection sync.
struct TemplateRow {
    TemplateKey key;
    RealServerId server = kNoRealServer;
    uint32_t connections = 0;
    uint32_t deadline = 0;  // tick; may have passed while there are connections
};

class TemplateTable {
  public:
    static constexpr uint32_t kSlotsPerSet = 8;

    // 112 bytes each: `templates_max` fill the sets half, and then 8 in 1,000 have found their set
    // full and made another one go before its time.
    TemplateTable(uint32_t templates_max, const HashKey& key, const TableMemory& memory);

    [[nodiscard]] bool is_allocated() const;
    [[nodiscard]] static uint64_t bytes(uint32_t templates_max);

    // The client's server; takes a reference and renews the deadline to `tick` + `timeout`. Any
    // thread, as all that follows.
    [[nodiscard]] TemplateUse find(const TemplateKey& key, uint32_t tick, uint32_t timeout);

    // The client's server, without a reference or a new deadline; kNoRealServer: not known.
    [[nodiscard]] RealServerId foresee(const TemplateKey& key, uint32_t tick);

    // Remembers `server` for a client that find() did not know, unless another worker was first:
    // the answer's server is the one to use. When there is no room, that is `server` without a
    // reference.
    [[nodiscard]] TemplateUse insert(const TemplateKey& key,
                                     RealServerId server,
                                     uint32_t tick,
                                     uint32_t timeout);

    // The referenced template's server `gone` takes no more clients (quiesced, dead): it gets
    // `next`. Answers the server to use: another worker's replacement if that was first. The
    // reference stays.
    [[nodiscard]] RealServerId replace(TemplateRef ref, RealServerId gone, RealServerId next);

    // The end of a connection that has a reference, or of one that was not made after all.
    // kNoTemplate is allowed.
    void release(TemplateRef ref, uint32_t tick);

    // Another connection of the same template, such as one that is taken over. False: too many.
    [[nodiscard]] bool add_reference(TemplateRef ref);

    // Forgets the server, or the service, in all templates; those with connections stay until
    // these end, and get a new server with their client's next connection. Walks the whole table:
    // for the control plane's thread, not for a worker. Returns how many it met.
    uint32_t drop_server(RealServerId server);
    uint32_t drop_service(ServiceId service);

    // For listings: slots 0 .. slot_count() - 1. Whether the slot holds a template that counts at
    // `tick`, and then its row, all of one moment.
    [[nodiscard]] bool row(uint32_t slot, uint32_t tick, TemplateRow& out);
    [[nodiscard]] uint32_t slot_count() const { return set_count_ * kSlotsPerSet; }

    // Templates that made room before their time, and insertions refused because every template of
    // the set has connections.
    [[nodiscard]] uint64_t evicted() const { return evicted_.load(std::memory_order_relaxed); }
    [[nodiscard]] uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

  private:
    enum class State : uint8_t {
        kFree,       // zeroed memory
        kClaimed,    // its claimer writes the key; nobody else touches it
        kTentative,  // looked for duplicates; whoever finds it first may end it
        kLive,
    };
    // A slot's word: server 32 | references 20 | version 10 | state 2.
    struct Word {
        uint64_t bits;

        [[nodiscard]] RealServerId server() const {
            return RealServerId{static_cast<uint32_t>(bits >> 32)};
        }
        [[nodiscard]] uint32_t references() const { return bits >> 12 & 0xfffff; }
        [[nodiscard]] State state() const { return static_cast<State>(bits & 3); }
    };
    static constexpr uint64_t kOneReference = uint64_t{1} << 12;
    static constexpr uint32_t kReferencesMax = 0xfffff;

    // Plain memory, accessed through std::atomic_ref alone.
    struct Slot {
        uint64_t word;
        uint64_t client_high;
        uint64_t client_low;
        uint64_t service_and_port;
        uint32_t deadline;
        uint32_t padding;
    };
    static_assert(sizeof(Slot) == 40 && std::atomic_ref<uint64_t>::is_always_lock_free);
    struct alignas(64) Digests {
        std::array<uint64_t, kSlotsPerSet> of;
    };
    static_assert(sizeof(Digests) == 64);

    // A key as the table stores and compares it.
    struct Packed {
        uint64_t client_high;
        uint64_t client_low;
        uint64_t service_and_port;
        uint64_t digest;
    };

    [[nodiscard]] static uint32_t set_count(uint32_t templates_max);
    // The word that follows `old`: its version tells it from every word of late.
    [[nodiscard]] static Word next_word(Word old, RealServerId server, uint32_t refs, State state);
    [[nodiscard]] Packed pack(const TemplateKey& key) const;
    [[nodiscard]] uint32_t first_slot(const Packed& key) const;
    [[nodiscard]] std::atomic_ref<uint64_t> digest_of(uint32_t slot) {
        return std::atomic_ref(digests_[slot / kSlotsPerSet].of[slot % kSlotsPerSet]);
    }
    [[nodiscard]] Word word_of(uint32_t slot) {
        return Word{std::atomic_ref(slots_[slot].word).load()};
    }
    // Whether the word was still `expected`; it is `desired` then. Otherwise `expected` is renewed.
    [[nodiscard]] bool change(uint32_t slot, Word& expected, Word desired) {
        return std::atomic_ref(slots_[slot].word)
            .compare_exchange_strong(expected.bits, desired.bits);
    }
    // Whether the slot has this key; sure only if its word is the same before and after.
    [[nodiscard]] bool has_key(uint32_t slot, const Packed& key);
    // Whether nobody would miss a live template.
    [[nodiscard]] bool is_over(uint32_t slot, Word word, uint32_t tick);
    [[nodiscard]] uint32_t deadline_of(uint32_t slot) {
        return std::atomic_ref(slots_[slot].deadline).load(std::memory_order_acquire);
    }

    // Uses the live template of this key, which gets `server` if it has none; `deadline` is the new
    // one.
    [[nodiscard]] TemplateUse use(const Packed& key,
                                  RealServerId server,
                                  uint32_t tick,
                                  uint32_t deadline);
    // A slot of the key's set that is this caller's alone from now on, or kNoTemplate.
    [[nodiscard]] uint32_t claim(const Packed& key, RealServerId server, uint32_t tick);
    // Makes a claimed slot tentative; its word then.
    [[nodiscard]] Word publish(uint32_t slot, const Packed& key, uint32_t deadline);
    // Whether a tentative template may become live, having ended all tentative others.
    [[nodiscard]] bool prevails(uint32_t mine, const Packed& key, uint32_t tick);
    template <typename Predicate>
    uint32_t drop_if(const Predicate& is_meant);

    HashKey key_;
    uint32_t set_count_;
    TableArray<Digests> digests_;
    TableArray<Slot> slots_;
    std::atomic<uint64_t> evicted_{0};
    std::atomic<uint64_t> refused_{0};
};

}  // namespace director::dataplane
