// Bytes as a capture file, read to its end, with and without a filter: no byte outside is touched,
// packets lie within the file and each is of an interface that was described, and what is not read
// is told.
#include <cstddef>
#include <cstdint>

#include "common/assert.h"
#include "diagnostics/files/capture_file.h"

namespace {

using namespace director;
using namespace director::diagnostics;

uint64_t read_through(std::span<const uint8_t> bytes, const char* filter) {
    auto file = CaptureFile::open_memory(bytes, "fuzz", filter);
    if (!file) {
        DIRECTOR_ASSERT(!file.error().message.empty());
        return 0;
    }
    uint64_t passed = 0;
    uint64_t last = 0;
    while (const Packet* packet = file->next()) {
        DIRECTOR_ASSERT(packet->number > last);
        last = packet->number;
        DIRECTOR_ASSERT(packet->point < file->points().size());
        DIRECTOR_ASSERT(packet->link == file->points()[packet->point].link);
        DIRECTOR_ASSERT(packet->bytes.size() <= packet->wire_bytes);
        DIRECTOR_ASSERT(packet->time_ns >= -kTimeMaxNs && packet->time_ns <= kTimeMaxNs);
        DIRECTOR_ASSERT(packet->bytes.empty() || (packet->bytes.data() >= bytes.data() &&
                                                  packet->bytes.data() + packet->bytes.size() <=
                                                      bytes.data() + bytes.size()));
        ++passed;
    }
    DIRECTOR_ASSERT(file->next() == nullptr);
    DIRECTOR_ASSERT(file->bytes_read() <= bytes.size());
    DIRECTOR_ASSERT(file->fault() || file->bytes_read() == bytes.size());
    return passed;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const uint64_t all = read_through({data, size}, "");
    DIRECTOR_ASSERT(read_through({data, size}, "ip and tcp") <= all);
    return 0;
}
