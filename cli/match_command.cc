#include "cli/match_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <utility>

#include "cli/ask.h"
#include "cli/match_show.h"
#include "cli/progress.h"
#include "cli/text_file.h"
#include "diagnostics/files/capture_file.h"
#include "diagnostics/files/pcapng_writer.h"
#include "diagnostics/match/findings.h"
#include "diagnostics/match/sequence_diagram.h"
#include "diagnostics/packet/decode.h"

namespace director::cli {
namespace {

using diagnostics::CaptureFile;
using diagnostics::Packet;
using diagnostics::PcapngWriter;
using namespace diagnostics::matching;  // NOLINT(google-build-using-namespace): it is about that

struct Points {
    std::vector<VantagePoint> all;
    bool are_interfaces = false;  // of one file
    std::vector<std::string> faults;
};

std::string name_of(const std::string& file, const std::vector<std::string>& files) {
    const auto stem = [](const std::string& path) {
        return std::filesystem::path(path).stem().string();
    };
    const auto same = std::count_if(files.begin(), files.end(), [&](const std::string& other) {
        return stem(other) == stem(file);
    });
    return same > 1 ? file : stem(file);
}

// The point's number is the file's, or the interface's in one file alone.
Result<Points> read_points(const MatchRequest& request) {
    Points points;
    points.are_interfaces = request.files.size() == 1;
    std::vector<PointBuilder> builders;
    const diagnostics::DecodeSettings decoding{diagnostics::ChecksumMode::kNone, false};
    for (const std::string& name : request.files) {
        auto file = CaptureFile::open(name, request.filter);
        if (!file) {
            return failure(file.error().message);
        }
        if (!points.are_interfaces) {
            builders.emplace_back(name_of(name, request.files), PointSettings{});
        }
        const SteadyClock clock;
        Progress progress(clock, isatty(STDERR_FILENO) != 0, file->bytes_total());
        while (const Packet* packet = file->next()) {
            while (points.are_interfaces && builders.size() <= packet->point) {
                const std::string& interface = file->points()[builders.size()].name;
                builders.emplace_back(
                    interface.empty() ? fmt::format("interface {}", builders.size()) : interface,
                    PointSettings{});
            }
            builders[points.are_interfaces ? packet->point : builders.size() - 1].add(
                *packet, diagnostics::decode(*packet, decoding));
            if (packet->number % (1 << 14) == 0) {
                progress.show(packet->number, file->bytes_read());
            }
        }
        if (file->fault()) {
            points.faults.push_back(name + ": " + file->fault()->message);
        }
    }
    for (PointBuilder& builder : builders) {
        points.all.push_back(std::move(builder).finish());
    }
    return points;
}

// What each packet is, by its number in its capture: for the merged file.
std::vector<std::vector<std::string>> comments_of(const Points& points, const Matching& matching) {
    std::vector<std::vector<std::string>> comments(points.all.size());
    for (uint32_t i = 0; i < matching.conversations.size(); ++i) {
        const Conversation& conversation = matching.conversations[i];
        for (uint32_t k = 0; k < conversation.row_count; ++k) {
            const auto row = matching.row(conversation.row_begin + k);
            std::string text = fmt::format("connection {}", i + 1);
            for (uint32_t p = 0; p < row.size(); ++p) {
                if (row[p].sighting != kNoIndex) {
                    text += fmt::format(", {} {}",
                                        points.all[p].name,
                                        points.all[p].sightings[row[p].sighting].number);
                }
            }
            for (uint32_t p = 0; p < row.size(); ++p) {
                if (row[p].sighting != kNoIndex) {
                    const uint32_t number = points.all[p].sightings[row[p].sighting].number;
                    comments[p].resize(std::max<size_t>(comments[p].size(), number + size_t{1}));
                    comments[p][number] = text;
                }
            }
        }
    }
    return comments;
}

// Captures that are read a second time, all on the first one's clock.
class Merger {
  public:
    Merger(const Points& points, const Matching& matching)
        : points_(points), matching_(matching), comments_(comments_of(points, matching)) {}

    Result<void> run(const MatchRequest& request) {
        auto writer = PcapngWriter::open(request.merged, "directorctl match");
        if (!writer) {
            return failure(writer.error().message);
        }
        for (const std::string& name : request.files) {
            auto file = CaptureFile::open(name, request.filter);
            if (!file) {
                return failure(file.error().message);
            }
            sources_.push_back({std::move(*file), nullptr, 0, {}});
        }
        for (size_t i = 0; i < sources_.size(); ++i) {
            advance(i);
        }
        for (;;) {
            const auto next = std::min_element(
                sources_.begin(), sources_.end(), [](const Source& a, const Source& b) {
                    return (a.packet == nullptr ? kEnd : a.time_ns) <
                           (b.packet == nullptr ? kEnd : b.time_ns);
                });
            if (next == sources_.end() || next->packet == nullptr) {
                break;
            }
            write(static_cast<size_t>(next - sources_.begin()), *writer);
        }
        return writer->close();
    }

  private:
    static constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();

    struct Source {
        CaptureFile file;
        const Packet* packet;
        int64_t time_ns;                   // on the first clock
        std::vector<uint32_t> interfaces;  // of the merged file, by the packet's point; kNoIndex
    };

    [[nodiscard]] uint32_t point_of(size_t source) const {
        return points_.are_interfaces ? sources_[source].packet->point
                                      : static_cast<uint32_t>(source);
    }

    void advance(size_t source) {
        Source& one = sources_[source];
        one.packet = one.file.next();
        if (one.packet != nullptr) {
            one.time_ns = matching_.on_first_clock(point_of(source), one.packet->time_ns);
        }
    }

    void write(size_t source, PcapngWriter& writer) {
        Source& one = sources_[source];
        const uint32_t point = point_of(source);
        one.interfaces.resize(
            std::max<size_t>(one.interfaces.size(), one.packet->point + size_t{1}), kNoIndex);
        uint32_t& interface = one.interfaces[one.packet->point];
        if (interface == kNoIndex) {
            interface =
                writer.add_interface(points_.all[point].name, one.file.name(), one.packet->link);
        }
        const auto& comments = comments_[point];
        const uint64_t number = one.packet->number;
        Packet moved = *one.packet;
        moved.time_ns = one.time_ns;
        writer.write(interface, moved, number < comments.size() ? comments[number] : "");
        advance(source);
    }

    const Points& points_;
    const Matching& matching_;
    std::vector<std::vector<std::string>> comments_;
    std::vector<Source> sources_;
};

int write_picture(const MatchRequest& request, const Points& points, const Matching& matching) {
    MatchRequest first = request;
    first.limit = 1;
    const std::vector<uint32_t> shown = conversations_shown(matching, first);
    if (shown.empty()) {
        return complain(kExitFailed, "match: there is no connection to draw");
    }
    auto file = TextFile::create(request.svg);
    if (!file) {
        return complain(kExitFailed, file.error().message);
    }
    file->buffer().append(sequence_diagram(points.all, matching, shown.front()));
    const auto closed = file->close();
    return closed ? kExitOk : complain(kExitFailed, closed.error().message);
}

}  // namespace

int run_match(const Settings& settings, const MatchRequest& request) {
    const auto points = read_points(request);
    if (!points) {
        return complain(kExitUsage, points.error().message);
    }
    if (points->all.size() < 2) {
        return complain(kExitUsage,
                        "match: expected two captures or more, or one with several interfaces");
    }
    const Matching matching = match(points->all, {request.is_one_clock});
    if (request.connection > matching.conversations.size()) {
        return complain(kExitUsage,
                        fmt::format("match: there is no connection {}, the last is {}",
                                    request.connection,
                                    matching.conversations.size()));
    }
    int exit_code = kExitOk;
    if (settings.output == Output::kJson) {
        fmt::print("{}\n",
                   matching_as_json(points->all, matching, request)
                       .dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    } else {
        fmt::print("{}", show_matching(points->all, matching, request, settings.colour));
    }
    if (!request.svg.empty()) {
        exit_code = write_picture(request, *points, matching);
    }
    if (!request.merged.empty()) {
        if (const auto merged = Merger(*points, matching).run(request); !merged) {
            exit_code = complain(kExitFailed, merged.error().message);
        }
    }
    for (const std::string& fault : points->faults) {
        exit_code = complain(kExitFailed, fault + "; what is before it was read");
    }
    return exit_code;
}

}  // namespace director::cli
