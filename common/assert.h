// Assertions for our own mistakes, never for bad input.
//
// DIRECTOR_ASSERT is always on. DIRECTOR_HOT_ASSERT guards the packet path and is compiled in where
// DIRECTOR_HOT_ASSERTS is defined: debug, sanitizer, fuzz and test builds.
#pragma once

namespace director {

// Prints the failed condition with its place to standard error and aborts.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace director

#define DIRECTOR_ASSERT(condition)                                        \
    do {                                                                  \
        if (!(condition)) {                                               \
            ::director::assertion_failed(#condition, __FILE__, __LINE__); \
        }                                                                 \
    } while (false)

#ifdef DIRECTOR_HOT_ASSERTS
#define DIRECTOR_HOT_ASSERT(condition) DIRECTOR_ASSERT(condition)
#else
#define DIRECTOR_HOT_ASSERT(condition) static_cast<void>(0)
#endif
