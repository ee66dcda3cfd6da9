// The bulk transfer between two directors of a SyncWorld.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tests/scenario/sync_world.h"

namespace director::test {

using namespace dataplane;  // NOLINT(google-build-using-namespace): the unit under test
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// A connection that stands still for so long is given up, and tried again.
constexpr Duration kFetchPatience = seconds(30);

[[nodiscard]] sync::Nonce nonce_of(uint64_t number) {
    sync::Nonce nonce{};
    for (size_t i = 0; i < 8; ++i) {
        nonce[i] = static_cast<uint8_t>(number >> (8 * i));
    }
    return nonce;
}

}  // namespace

void SyncWorld::begin_fetch(unsigned joiner, unsigned source) {
    note(fmt::format("director {} fetches the table of {}", joiner, source));
    nodes_[joiner].receiver->table_begins(now);
    sync::BulkSourceSettings serving{.sync_id = kSyncId};
    serving.incarnation = nodes_[source].incarnation;
    fetches_.push_back(std::make_unique<Fetch>(
        Fetch{.joiner = joiner,
              .source = source,
              .joining = sync::BulkJoiner(kSyncId, nonce_of(++nonces_), {}, authenticator_),
              .serving = sync::BulkSource(serving, nonce_of(++nonces_), authenticator_),
              .joiner_incarnation = nodes_[joiner].incarnation,
              .source_incarnation = nodes_[source].incarnation,
              .moved_at = now,
              .to_joiner = {},
              .to_source = {},
              .versions = {}}));
}

void SyncWorld::move_fetches() {
    std::erase_if(fetches_, [this](const auto& fetch) { return !move(*fetch); });
    for (unsigned i = 0; i < nodes_.size(); ++i) {
        Node& node = nodes_[i];
        const bool is_busy = std::any_of(fetches_.begin(), fetches_.end(), [i](const auto& fetch) {
            return fetch->joiner == i;
        });
        if (is_alive(i) && !is_busy && !node.wants.empty()) {
            const unsigned source = node.wants.front();
            node.wants.pop_front();
            if (is_alive(source)) {
                begin_fetch(i, source);
            }
        }
    }
}

// False: it is over.
bool SyncWorld::move(Fetch& fetch) {
    if (!is_alive(fetch.joiner) || !is_alive(fetch.source) ||
        fetch.source_incarnation != nodes_[fetch.source].incarnation ||
        fetch.joiner_incarnation != nodes_[fetch.joiner].incarnation) {
        return false;
    }
    if (cut_.contains(fetch.joiner) != cut_.contains(fetch.source) ||
        (cut_.contains(fetch.joiner) && cut_.contains(fetch.source))) {
        if (now - fetch.moved_at > kFetchPatience) {
            nodes_[fetch.joiner].wants.push_back(fetch.source);
            return false;
        }
        return true;
    }
    fetch.moved_at = now;
    const auto put = [&](std::deque<Fetch::Chunk>& way, sync::Bytes bytes) {
        if (!bytes.empty()) {
            const TimePoint soonest = way.empty() ? now : std::max(now, way.back().at);
            way.push_back({soonest + up_to(milliseconds(300)), std::move(bytes)});
        }
    };
    for (auto& way = fetch.to_source; !way.empty() && way.front().at <= now; way.pop_front()) {
        fetch.serving.on_bytes(way.front().bytes, now);
    }
    while (const auto cursor = fetch.serving.wanted_page(now)) {
        give_page(fetch, *cursor);
    }
    put(fetch.to_joiner, fetch.serving.take_output());
    for (auto& way = fetch.to_joiner; !way.empty() && way.front().at <= now; way.pop_front()) {
        Node& joiner = nodes_[fetch.joiner];
        std::vector<SyncRecord> records = fetch.joining.on_bytes(way.front().bytes);
        install(fetch.joiner, joiner.receiver->take_page(std::move(records)), fetch.versions);
    }
    put(fetch.to_source, fetch.joining.take_output());
    if (fetch.joining.end() == sync::BulkEnd::kDone) {
        ++tables_fetched;
        note(fmt::format("director {} has the table of {}", fetch.joiner, fetch.source));
        return false;
    }
    if (fetch.joining.end() != sync::BulkEnd::kNone) {
        fail(fmt::format("a transfer ends: {}", to_string(fetch.joining.end())));
        return false;
    }
    return true;
}

// As SyncControl::read_page() does; cursors behind 2^32 are of the templates.
void SyncWorld::give_page(Fetch& fetch, uint64_t cursor) {
    Node& source = nodes_[fetch.source];
    SyncPage page;
    page.is_of_templates = cursor >> 32 != 0;
    page.cursor = static_cast<uint32_t>(cursor);
    page.records.reserve(4);
    source.fleet->run(0, page);
    for (const SyncRecord& record : page.records) {
        Version version = source.known[key_of(record)];
        if (version.source == 0 || record.is_own) {
            // What it has seen itself since it took over is another story than what it was told.
            version.number = version.source == source.incarnation ? version.number : 0;
            version.source = source.incarnation;
        }
        version.state = record.state;
        fetch.versions[key_of(record)].push_front(version);
    }
    const bool is_last = page.is_last && page.is_of_templates;
    const uint64_t next =
        page.is_last ? uint64_t{1} << 32 : uint64_t{page.is_of_templates} << 32 | page.cursor;
    fetch.serving.give_page(page.records, next, is_last, now);
}

}  // namespace director::test
