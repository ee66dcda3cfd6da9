// The status page, status_page.html, which embed_page.py makes a part of the program.
#pragma once

#include <string_view>

namespace director::metrics {

extern const std::string_view kStatusPage;
// Content-Security-Policy: its own script and style, by their digests.
extern const char* const kStatusPagePolicy;

}  // namespace director::metrics
