#include "dataplane/io/wake.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "common/assert.h"

namespace director::dataplane::io {

Wake::Wake() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    DIRECTOR_ASSERT(fd_ >= 0);
}

Wake::~Wake() {
    close(fd_);
}

void Wake::write_fd() const {
    const uint64_t one = 1;
    // Cannot fail: the counter is never near its limit.
    static_cast<void>(!write(fd_, &one, sizeof(one)));
}

void Wake::acknowledge() {
    // The descriptor first: the other way round, a notification between the two steps would set
    // the flag and lose its write, and nobody would ever write again.
    uint64_t count = 0;
    static_cast<void>(!read(fd_, &count, sizeof(count)));
    is_notified_.exchange(false, std::memory_order_acq_rel);
}

}  // namespace director::dataplane::io
