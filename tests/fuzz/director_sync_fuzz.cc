// Bytes -> Director's own sync messages, and both ends of the bulk transfer. What is taken can be
// written again as it was; nonsense ends a transfer and nothing else.
#include <cstddef>
#include <cstdint>
#include <span>

#include "common/assert.h"
#include "controlplane/sync/bulk.h"
#include "controlplane/sync/director_message.h"

namespace {

using namespace director::sync;  // NOLINT(google-build-using-namespace): the unit under test

void read_message(std::span<const uint8_t> bytes, const Authenticator& open) {
    const auto message = parse_director_message(bytes, 0, open);
    if (!message) {
        return;
    }
    DirectorMessageWriter writer(message->header.kind, 0x10000, open);
    for (const auto& record : message->connections) {
        DIRECTOR_ASSERT(writer.add(record));
    }
    for (const auto& report : message->servers) {
        DIRECTOR_ASSERT(writer.add(report));
    }
    const auto again = parse_director_message(writer.finish(message->header), 0, open);
    DIRECTOR_ASSERT(again && again->header == message->header &&
                    again->connections == message->connections &&
                    again->servers == message->servers);
}

void walk(BulkSource& source) {
    if (const auto cursor = source.wanted_page({})) {
        source.give_page({}, *cursor + 1, *cursor > 3, {});
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::span<const uint8_t> bytes(data, size);
    static const Authenticator kOpen("");
    static const Authenticator kKeyed("key");
    read_message(bytes, kOpen);
    static_cast<void>(parse_director_message(bytes, 1, kKeyed));
    for (const Authenticator* key : {&kOpen, &kKeyed}) {
        BulkSource source({.sync_id = 0, .incarnation = 1}, Nonce{1}, *key);
        BulkJoiner joiner(1, Nonce{2}, {}, *key);
        const auto half = bytes.first(size / 2);
        source.on_bytes(half, {});
        walk(source);
        source.on_bytes(bytes.subspan(half.size()), {});
        walk(source);
        for (const auto& record : joiner.on_bytes(bytes)) {
            DIRECTOR_ASSERT(record.state < director::dataplane::ConnState::kCount);
        }
    }
    return 0;
}
