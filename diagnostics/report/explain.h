// What is wrong with a connection, in an operator's words: who is to blame, by which evidence,
// worst first. Seen from where the packets were captured, between client and server.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "diagnostics/flow/flow_record.h"

namespace director::diagnostics {

enum class Blame : uint8_t { kNeither, kClientNetwork, kServerNetwork, kClient, kServer };

// "client's network" ...
[[nodiscard]] std::string_view blame_name(Blame blame);

struct ExplainSettings {
    // A round trip from here to the client and back, and to the server and back, that is slow.
    double slow_client_s = 0.150;
    double slow_server_s = 0.020;
    // From a request's last packet to the first of the answer, beyond the server's round trip.
    double slow_answer_s = 0.500;
};

struct Finding {
    Blame blame = Blame::kNeither;
    // About how many seconds it cost; where that cannot be told, what such a thing usually costs.
    double cost_s = 0;
    std::string text;  // a sentence without its full stop
};

struct Explanation {
    Blame blame = Blame::kNeither;  // the one whose findings cost most
    double cost_s = 0;              // of all findings
    std::vector<Finding> findings;  // worst first
};

// Whose packets a connection's directions are. A flow may begin in the middle: then the lower port
// is taken for the server's.
struct Sides {
    const FlowRecord* client = nullptr;
    const FlowRecord* server = nullptr;  // may be null: no packet came from there; or the client
};
[[nodiscard]] Sides sides_of(const FlowRecord& a, const FlowRecord* b);

// `b` is null where nothing came back.
[[nodiscard]] Explanation explain(const FlowRecord& a,
                                  const FlowRecord* b,
                                  const ExplainSettings& settings = {});

// The connection's title line and a line a finding.
[[nodiscard]] std::string show_explanation(const FlowRecord& a,
                                           const FlowRecord* b,
                                           const Explanation& explanation);

// "78.7 ms", "2.1 s", "1h 02m": three figures, for people.
[[nodiscard]] std::string duration_text(double seconds);
// "1.4 MB".
[[nodiscard]] std::string bytes_text(uint64_t bytes);

}  // namespace director::diagnostics
