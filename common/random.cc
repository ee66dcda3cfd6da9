#include "common/random.h"

#include <sys/random.h>

#include "common/assert.h"

namespace director {

uint64_t system_random() {
    uint64_t value = 0;
    DIRECTOR_ASSERT(getrandom(&value, sizeof value, 0) == static_cast<ssize_t>(sizeof value));
    return value;
}

}  // namespace director
