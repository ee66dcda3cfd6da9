#include "diagnostics/match/sequence_diagram.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>
#include <vector>

#include "diagnostics/match/findings.h"
#include "diagnostics/match/summary.h"

namespace director::diagnostics::matching {
namespace {

constexpr double kTop = 118;
constexpr double kLeft = 175;
constexpr double kRight = 190;
constexpr double kBetweenPoints = 300;
constexpr double kRowMin = 30;   // between the beginnings of two rows: room for a label
constexpr double kEventMin = 5;  // between any two packets
constexpr double kNumberMin = 15;
constexpr double kBreakRoom = 44;
constexpr int64_t kBreak = 500'000'000;
constexpr double kStub = 95;  // how far the arrow of a lost packet goes

// Colours that are told apart in print and by colour-blind eyes (Okabe and Ito).
const char* colour_of(const Sighting& one, Protocol protocol) {
    return protocol != Protocol::kTcp ? "#cc79a7"
           : one.has(kRst)            ? "#d55e00"
           : one.has(kSyn)            ? "#009e73"
           : one.has(kFin)            ? "#e69f00"
           : one.payload_bytes > 0    ? "#0072b2"
                                      : "#7f7f7f";
}

std::string escaped(const std::string& text) {
    std::string out;
    for (const char letter : text) {
        switch (letter) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            default:
                out += static_cast<unsigned char>(letter) < 0x20 ? ' ' : letter;
        }
    }
    return out;
}

// A packet at a point, on the first clock, and where it is drawn.
struct Event {
    int64_t time_ns = 0;
    uint32_t row = 0;
    uint32_t lifeline = 0;
    double y = 0;
};

struct Break {
    double y = 0;
    int64_t length_ns = 0;
};

class Diagram {
  public:
    Diagram(std::span<const VantagePoint> points,
            const Matching& matching,
            const Conversation& conversation,
            const DiagramSettings& settings)
        : points_(points),
          matching_(matching),
          conversation_(conversation),
          times_(points, matching) {
        rows_ = std::min(conversation.row_count, settings.rows_max);
        for (uint32_t p = 0; p < points.size(); ++p) {
            if (conversation.connections[p] != kNoIndex) {
                lifelines_.push_back(p);
            }
        }
        width_ = kLeft + kRight + kBetweenPoints * static_cast<double>(lifelines_.size() - 1);
        place_events();
    }

    std::string draw() {
        std::string body;
        for (uint32_t i = 0; i < rows_; ++i) {
            draw_row(i, body);
        }
        for (const Break& one : breaks_) {
            draw_break(one, body);
        }
        std::string out;
        head(out);
        lifelines(out);
        out += body;
        foot(out);
        return out;
    }

  private:
    [[nodiscard]] double x_of(uint32_t lifeline) const { return kLeft + kBetweenPoints * lifeline; }
    [[nodiscard]] std::span<const Cell> row(uint32_t i) const {
        return matching_.row(conversation_.row_begin + i);
    }

    void place_events() {
        for (uint32_t i = 0; i < rows_; ++i) {
            for (uint32_t k = 0; k < lifelines_.size(); ++k) {
                const Cell& cell = row(i)[lifelines_[k]];
                if (cell.sighting != kNoIndex) {
                    events_.push_back({times_.time(cell, lifelines_[k]), i, k, 0});
                }
            }
        }
        std::stable_sort(events_.begin(), events_.end(), [](const Event& a, const Event& b) {
            return a.time_ns < b.time_ns;
        });
        std::vector<bool> is_begun(rows_, false);
        double y = kTop + 24;
        double row_y = -kRowMin;
        std::vector<double> lifeline_y(lifelines_.size(), 0);
        for (size_t i = 0; i < events_.size(); ++i) {
            const int64_t gap = i == 0 ? 0 : events_[i].time_ns - events_[i - 1].time_ns;
            if (gap > kBreak) {
                breaks_.push_back({y + kBreakRoom / 2, gap});
                y += kBreakRoom;
            } else if (i > 0) {
                y += kEventMin + 3 * std::log10(1 + static_cast<double>(gap) / 1e4);
            }
            if (!is_begun[events_[i].row]) {
                is_begun[events_[i].row] = true;
                y = std::max(y, row_y + kRowMin);
                row_y = y;
            }
            // Two numbers on one lifeline do not lie on each other.
            y = std::max(y, lifeline_y[events_[i].lifeline] + kNumberMin);
            lifeline_y[events_[i].lifeline] = y;
            events_[i].y = y;
        }
        height_ = y + 90;
        // Events by row, along the lifelines.
        std::stable_sort(events_.begin(), events_.end(), [](const Event& a, const Event& b) {
            return a.row != b.row ? a.row < b.row : a.lifeline < b.lifeline;
        });
        begin_of_row_.assign(rows_ + 1, events_.size());
        for (size_t i = events_.size(); i-- > 0;) {
            begin_of_row_[events_[i].row] = i;
        }
    }

    void head(std::string& out) const {
        const uint32_t p = lifelines_.front();
        const ConnectionSeen& seen = points_[p].connections[conversation_.connections[p]];
        fmt::format_to(
            std::back_inserter(out),
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
            "viewBox=\"0 0 {0:.0f} {1:.0f}\" role=\"img\">\n"
            "<title>{2} to {3}</title>\n"
            "<style>text{{font:12px system-ui,sans-serif;fill:#24292f}}.t{{font-size:17px;"
            "font-weight:600}}.p{{font-weight:600;text-anchor:middle}}.s{{fill:#6e7781;font-size:"
            "11px}}.m{{text-anchor:middle}}.e{{text-anchor:end}}.l{{paint-order:stroke;stroke:#fff;"
            "stroke-width:4px}}.n{{font-family:ui-monospace,monospace;font-size:11px;"
            "fill:#57606a}}</style>\n"
            "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
            "<text class=\"t\" x=\"24\" y=\"32\">{2} &#8594; {3}</text>\n"
            "<text class=\"s\" x=\"24\" y=\"52\">{4}, {5} packets at {6} points; times UTC, on the "
            "clock of {7}; time is not to scale</text>\n",
            width_,
            height_,
            escaped(to_string(seen.client)),
            escaped(to_string(seen.server)),
            to_string(seen.protocol),
            conversation_.row_count,
            lifelines_.size(),
            escaped(points_[0].name));
    }

    void lifelines(std::string& out) const {
        for (uint32_t k = 0; k < lifelines_.size(); ++k) {
            const VantagePoint& point = points_[lifelines_[k]];
            const ConnectionSeen& seen =
                point.connections[conversation_.connections[lifelines_[k]]];
            fmt::format_to(std::back_inserter(out),
                           "<rect x=\"{0:.0f}\" y=\"66\" width=\"250\" height=\"38\" rx=\"6\" "
                           "fill=\"#f6f8fa\" stroke=\"#d0d7de\"/>\n"
                           "<text class=\"p\" x=\"{1:.0f}\" y=\"82\">{2}</text>\n"
                           "<text class=\"s m\" x=\"{1:.0f}\" y=\"97\">{3} &#8594; {4}</text>\n"
                           "<line x1=\"{1:.0f}\" y1=\"104\" x2=\"{1:.0f}\" y2=\"{5:.0f}\" "
                           "stroke=\"#afb8c1\" stroke-width=\"1.5\"/>\n",
                           x_of(k) - 125,
                           x_of(k),
                           escaped(point.name),
                           escaped(to_string(seen.client)),
                           escaped(to_string(seen.server)),
                           height_ - 60);
        }
    }

    static void arrow(std::string& out,
                      std::pair<double, double> from,
                      std::pair<double, double> to,
                      const char* colour,
                      const char* dashes) {
        const double dx = to.first - from.first;
        const double dy = to.second - from.second;
        const double length = std::max(1.0, std::sqrt(dx * dx + dy * dy));
        const double ux = dx / length;
        const double uy = dy / length;
        fmt::format_to(std::back_inserter(out),
                       "<path d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}\" stroke=\"{}\" "
                       "stroke-width=\"1.8\" fill=\"none\"{}/>"
                       "<path d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}L{:.1f} {:.1f}z\" fill=\"{}\"/>\n",
                       from.first,
                       from.second,
                       to.first - 7 * ux,
                       to.second - 7 * uy,
                       colour,
                       dashes,
                       to.first,
                       to.second,
                       to.first - 10 * ux + 4 * uy,
                       to.second - 10 * uy - 4 * ux,
                       to.first - 10 * ux - 4 * uy,
                       to.second - 10 * uy + 4 * ux,
                       colour);
    }

    static void cross(std::string& out, double x, double y) {
        fmt::format_to(
            std::back_inserter(out),
            "<path d=\"M{0:.1f} {2:.1f}L{1:.1f} {3:.1f}M{0:.1f} {3:.1f}L{1:.1f} {2:.1f}\" "
            "stroke=\"#cf222e\" stroke-width=\"2.6\" fill=\"none\"/>\n",
            x - 5,
            x + 5,
            y - 5,
            y + 5);
    }

    void draw_row(uint32_t i, std::string& out) {
        const size_t begin = begin_of_row_[i];
        size_t end = begin;
        while (end < events_.size() && events_[end].row == i) {
            ++end;
        }
        if (begin == end) {
            return;
        }
        const uint32_t p = lifelines_[events_[begin].lifeline];
        const Sighting& one = points_[p].sightings[row(i)[p].sighting];
        const bool is_right = one.is_from_client != conversation_.is_flipped[p];
        const Protocol protocol = points_[p].connections[conversation_.connections[p]].protocol;
        const char* colour = colour_of(one, protocol);
        for (size_t k = begin; k + 1 < end; ++k) {
            const Event& left = events_[k];
            const Event& right = events_[k + 1];
            const Event& from = is_right ? left : right;
            const Event& to = is_right ? right : left;
            const Cell& cell = row(i)[lifelines_[right.lifeline]];
            const bool is_sure = !cell.is_ambiguous;
            arrow(out,
                  {x_of(from.lifeline), from.y},
                  {x_of(to.lifeline), to.y},
                  colour,
                  is_sure ? "" : " stroke-dasharray=\"5 4\"");
            const double x = (x_of(left.lifeline) + x_of(right.lifeline)) / 2;
            label(out, x, (from.y + to.y) / 2 - 5, one, protocol, to.time_ns - from.time_ns);
        }
        ends(i, begin, end, is_right, colour, out);
        if (end - begin == 1) {
            label(out,
                  x_of(events_[begin].lifeline) + (is_right ? 60.0 : -60.0),
                  events_[begin].y - 5,
                  one,
                  protocol,
                  -1);
        }
    }

    // Time at the left and numbers beside; an arrow that ends in a cross where a packet should have
    // gone on, and a short one where nothing is known.
    void ends(
        uint32_t i, size_t begin, size_t end, bool is_right, const char* colour, std::string& out) {
        const Event& source = is_right ? events_[begin] : events_[end - 1];
        const Event& target = is_right ? events_[end - 1] : events_[begin];
        const uint32_t source_point = lifelines_[source.lifeline];
        fmt::format_to(std::back_inserter(out),
                       "<text class=\"n e\" x=\"{:.0f}\" y=\"{:.1f}\">{}</text>\n",
                       x_of(0) - 52,
                       events_[begin].y + 4,
                       clock_time(source.time_ns, points_[source_point].resolution_ns));
        for (size_t k = begin; k < end; ++k) {
            const Event& event = events_[k];
            const uint32_t p = lifelines_[event.lifeline];
            const bool is_last = event.lifeline + 1 == lifelines_.size();
            fmt::format_to(std::back_inserter(out),
                           "<circle cx=\"{0:.1f}\" cy=\"{1:.1f}\" r=\"2.6\" fill=\"{2}\"/>"
                           "<text class=\"n l{5}\" x=\"{3:.1f}\" y=\"{4:.1f}\">{6}</text>\n",
                           x_of(event.lifeline),
                           event.y,
                           colour,
                           x_of(event.lifeline) + (is_last ? 8 : -8),
                           event.y + 4,
                           is_last ? "" : " e",
                           points_[p].sightings[row(i)[p].sighting].number);
        }
        const bool has_next =
            is_right ? target.lifeline + 1 < lifelines_.size() : target.lifeline > 0;
        if (!has_next) {
            return;
        }
        const uint32_t next = is_right ? target.lifeline + 1 : target.lifeline - 1;
        const uint32_t p = lifelines_[target.lifeline];
        const uint32_t q = lifelines_[next];
        const Cell& cell = row(i)[p];
        if (cell.is_copy || !has_same_packets(conversation_, p, q) ||
            !times_.is_capturing(q, target.time_ns)) {
            return;
        }
        const double direction = is_right ? 1 : -1;
        const double x = x_of(target.lifeline) + direction * kStub;
        arrow(out, {x_of(target.lifeline), target.y}, {x, target.y + 6}, colour, "");
        cross(out, x + direction * 8, target.y + 6.5);
    }

    void label(std::string& out,
               double x,
               double y,
               const Sighting& one,
               Protocol protocol,
               int64_t delta_ns) const {
        std::string text = what_text(one, protocol);
        if (one.payload_bytes > 0) {
            text += fmt::format(" {} B", one.payload_bytes);
        }
        fmt::format_to(std::back_inserter(out),
                       "<text class=\"l m\" x=\"{:.1f}\" y=\"{:.1f}\">{}",
                       x,
                       y,
                       escaped(text));
        if (delta_ns != -1) {
            fmt::format_to(std::back_inserter(out),
                           "<tspan class=\"s\" dx=\"8\">{}</tspan>",
                           duration_text(delta_ns));
        }
        out += "</text>\n";
    }

    void draw_break(const Break& one, std::string& out) const {
        for (uint32_t k = 0; k < lifelines_.size(); ++k) {
            fmt::format_to(std::back_inserter(out),
                           "<rect x=\"{0:.0f}\" y=\"{2:.0f}\" width=\"16\" height=\"10\" "
                           "fill=\"#fff\"/><path d=\"M{0:.0f} {3:.0f}l5 -6l6 6l5 -6M{0:.0f} "
                           "{4:.0f}l5 -6l6 6l5 -6\" stroke=\"#afb8c1\" stroke-width=\"1.5\" "
                           "fill=\"none\"/>\n",
                           x_of(k) - 8,
                           0.0,
                           one.y - 5,
                           one.y - 2,
                           one.y + 8);
        }
        fmt::format_to(
            std::back_inserter(out),
            "<text class=\"s m l\" x=\"{:.0f}\" y=\"{:.0f}\">{} without a packet</text>\n",
            lifelines_.size() > 1 ? (x_of(0) + x_of(1)) / 2 : x_of(0) + 90,
            one.y + 4,
            duration_text(one.length_ns));
    }

    void foot(std::string& out) const {
        if (rows_ < conversation_.row_count) {
            fmt::format_to(std::back_inserter(out),
                           "<text class=\"s\" x=\"24\" y=\"{:.0f}\">and {} more packets</text>\n",
                           height_ - 42,
                           conversation_.row_count - rows_);
        }
        constexpr std::array<std::pair<const char*, const char*>, 6> kLegend = {{
            {"#009e73", "SYN"},
            {"#0072b2", "data"},
            {"#7f7f7f", "ACK"},
            {"#e69f00", "FIN"},
            {"#d55e00", "RST"},
            {"#cc79a7", "UDP"},
        }};
        double x = 24;
        for (const auto& [colour, name] : kLegend) {
            fmt::format_to(
                std::back_inserter(out),
                "<rect x=\"{0:.0f}\" y=\"{1:.0f}\" width=\"18\" height=\"3\" "
                "fill=\"{2}\"/><text class=\"s\" x=\"{3:.0f}\" y=\"{4:.0f}\">{5}</text>\n",
                x,
                height_ - 22,
                colour,
                x + 23,
                height_ - 17,
                name);
            x += 62;
        }
        cross(out, x + 6, height_ - 21);
        fmt::format_to(std::back_inserter(out),
                       "<text class=\"s\" x=\"{:.0f}\" y=\"{:.0f}\">never arrived</text>\n</svg>\n",
                       x + 18,
                       height_ - 17);
    }

    std::span<const VantagePoint> points_;
    const Matching& matching_;
    const Conversation& conversation_;
    RowTimes times_;
    std::vector<uint32_t> lifelines_;  // points
    std::vector<Event> events_;        // by row
    std::vector<size_t> begin_of_row_;
    std::vector<Break> breaks_;
    uint32_t rows_ = 0;
    double width_ = 0;
    double height_ = 0;
};

}  // namespace

std::string what_text(const Sighting& sighting, Protocol protocol) {
    if (protocol != Protocol::kTcp) {
        return sighting.application != 0     ? "DNS/DHCP"
               : protocol == Protocol::kSctp ? "SCTP"
                                             : "UDP";
    }
    std::string text;
    constexpr std::array<std::pair<uint16_t, const char*>, 5> kNames = {
        {{kSyn, "SYN"}, {kFin, "FIN"}, {kRst, "RST"}, {kPsh, "PSH"}, {kAck, "ACK"}}};
    for (const auto& [flag, name] : kNames) {
        if (sighting.has(flag)) {
            text += (text.empty() ? "" : " ");
            text += name;
        }
    }
    return text.empty() ? "no flags" : text;
}

std::string sequence_diagram(std::span<const VantagePoint> points,
                             const Matching& matching,
                             uint32_t conversation,
                             const DiagramSettings& settings) {
    return Diagram(points, matching, matching.conversations[conversation], settings).draw();
}

}  // namespace director::diagnostics::matching
