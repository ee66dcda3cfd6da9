// A datagram -> IPVS sync records: never more than the header claims, and what is taken can be
// written and read again as it was.
#include <cstddef>
#include <cstdint>
#include <span>

#include "common/assert.h"
#include "controlplane/sync/ipvs_message.h"
#include "controlplane/sync/translate.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace director::sync;  // NOLINT(google-build-using-namespace): the unit under test
    const auto message = parse_ipvs_message(std::span(data, size), 0);
    if (!message) {
        return 0;
    }
    DIRECTOR_ASSERT(message->records.size() + message->skipped.size() <=
                    (message->version == 1 ? data[4] : data[0]));
    for (const IpvsRecord& record : message->records) {
        if (const auto ours = from_ipvs(record); ours && !ours->is_template) {
            const auto again = to_ipvs(*ours);
            DIRECTOR_ASSERT(again.has_value() && from_ipvs(*again) == ours);
        }
        if (!IpvsMessageWriter::can_carry(IpvsVersion::kOne, record)) {
            continue;
        }
        IpvsMessageWriter writer(IpvsVersion::kOne, message->sync_id, 65535);
        DIRECTOR_ASSERT(writer.add(record));
        const Bytes bytes = writer.finish();
        const auto again = parse_ipvs_message(bytes, 0);
        DIRECTOR_ASSERT(again && again->records.size() == 1 && again->records[0] == record);
    }
    return 0;
}
