// The one place that knows libconfig++.
#include "config/parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include <libconfig.h++>

#include "config/lint.h"
#include "config/prefix_file.h"
#include "config/settings.h"
#include "config/source.h"
#include "config/suggest.h"

namespace director::config {
namespace {

using libconfig::Setting;

constexpr size_t kQuotedLengthMax = 60;

// Text from the file for a message: control characters made visible, cut where it gets long.
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text.substr(0, kQuotedLengthMax)) {
        if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) {
            out += fmt::format("\\x{:02x}", c);
        } else {
            out += c;
        }
    }
    return out + (text.size() > kQuotedLengthMax ? "...\"" : "\"");
}

std::optional<int64_t> integer(const Setting& setting) {
    if (setting.getType() == Setting::TypeInt) {
        return static_cast<int>(setting);
    }
    if (setting.getType() == Setting::TypeInt64) {
        return static_cast<long long>(setting);
    }
    return std::nullopt;
}

// What stands there, to be held against what was expected.
std::string found(const Setting& setting) {
    switch (setting.getType()) {
        case Setting::TypeInt:
        case Setting::TypeInt64:
            return fmt::format("{}", integer(setting).value_or(0));
        case Setting::TypeFloat:
            return fmt::format("the floating-point number {}", static_cast<double>(setting));
        case Setting::TypeString:
            return quoted(setting.c_str());
        case Setting::TypeBoolean:
            return static_cast<bool>(setting) ? "true" : "false";
        case Setting::TypeGroup:
            return "a group { }";
        case Setting::TypeArray:
            return "an array [ ]";
        case Setting::TypeList:
            return "a list ( )";
        case Setting::TypeNone:
            break;
    }
    return "nothing";
}

std::string describe(const Range& range) {
    return fmt::format("a {} from {} to {}",
                       range.shape == Shape::kPowerOfTwo ? "power of two" : "whole number",
                       range.min,
                       range.max);
}

bool is_within(const Range& range, int64_t value) {
    return value >= range.min && value <= range.max &&
           (range.shape == Shape::kAny || (value & (value - 1)) == 0);
}

std::string unknown_setting(std::string_view name, const std::vector<std::string_view>& known) {
    const std::vector<std::string> names(known.begin(), known.end());
    if (const auto meant = nearest(name, names)) {
        return fmt::format("unknown setting; did you mean \"{}\"?", *meant);
    }
    return fmt::format("unknown setting; known here: {}", joined(names));
}

// What was found while reading, with lines of the flattened text.
struct Report {
    struct Problem {
        unsigned line;
        std::string path;
        std::string message;
    };
    std::vector<Problem> problems;
    std::unordered_map<std::string, unsigned> lines;  // of every setting, by path

    void add(const Setting& setting, const std::string& path, std::string message) {
        problems.push_back({setting.getSourceLine(), path, std::move(message)});
    }
    void expected(const Setting& setting, const std::string& path, std::string_view what) {
        add(setting, path, fmt::format("expected {}, found {}", what, found(setting)));
    }
};

// Visits a group's settings (settings.h), overwriting what the file gives.
class Reader {
  public:
    template <typename Struct>
    static void read(const Setting& group, const std::string& path, Struct& to, Report& report) {
        report.lines[path] = group.getSourceLine();
        if (!group.isGroup()) {
            report.expected(group, path, "a group { ... }");
            return;
        }
        Reader reader(group, path, report);
        visit_settings(to, reader);
        reader.report_unknown();
    }

    template <typename T>
    void text(std::string_view name, T& to, const TextForm<T>& form, Need need) {
        if (const Setting* const setting = find(name, need, form.expected)) {
            read_text(*setting, path_of(name), to, form);
        }
    }

    template <typename T>
    void texts(std::string_view name, std::vector<T>& to, const TextForm<T>& form) {
        const auto read_one = [&](const Setting& element, const std::string& path, T& value) {
            read_text(element, path, value, form);
        };
        elements(name, to, "an array [ \"...\", ... ]", read_one);
    }

    template <typename Integer>
    void number(std::string_view name, Integer& to, const Range& range, Need need) {
        if (const Setting* const setting = find(name, need, describe(range))) {
            read_number(*setting, path_of(name), to, range);
        }
    }

    template <typename Integer>
    void numbers(std::string_view name, std::vector<Integer>& to, const Range& range) {
        const auto read_one = [&](const Setting& element, const std::string& path, Integer& value) {
            read_number(element, path, value, range);
        };
        elements(name, to, "an array of numbers [ 1, ... ]", read_one);
    }

    template <typename Enum, size_t kCount>
    void choice(std::string_view name, Enum& to, std::span<const Choice<Enum>, kCount> choices) {
        const Setting* const setting = find(name, Need::kOptional, "");
        if (setting == nullptr) {
            return;
        }
        std::string names;
        for (const auto& choice : choices) {
            if (setting->getType() == Setting::TypeString && choice.name == setting->c_str()) {
                to = choice.value;
                return;
            }
            names += fmt::format("{}\"{}\"", names.empty() ? "" : " or ", choice.name);
        }
        report_.expected(*setting, path_of(name), names);
    }

    void flag(std::string_view name, bool& to) {
        const Setting* const setting = find(name, Need::kOptional, "");
        if (setting == nullptr) {
            return;
        }
        if (setting->getType() == Setting::TypeBoolean) {
            to = static_cast<bool>(*setting);
        } else {
            report_.expected(*setting, path_of(name), "true or false");
        }
    }

    template <typename Struct>
    void group(std::string_view name, Struct& to) {
        if (const Setting* const setting = find(name, Need::kOptional, "")) {
            read(*setting, path_of(name), to, report_);
        }
    }

    template <typename Struct>
    void list(std::string_view name, std::vector<Struct>& to) {
        const auto read_one = [&](const Setting& element, const std::string& path, Struct& value) {
            read(element, path, value, report_);
        };
        elements(name, to, "a list ( { ... }, ... )", read_one);
    }

  private:
    Reader(const Setting& group, const std::string& path, Report& report)
        : group_(group), path_(path), report_(report) {}

    [[nodiscard]] std::string path_of(std::string_view name) const {
        return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
    }

    // The setting called `name`, or nullptr, which is reported if it is needed.
    const Setting* find(std::string_view name, Need need, std::string_view expected) {
        known_.push_back(name);
        for (int i = 0; i < group_.getLength(); ++i) {
            if (group_[i].getName() == name) {
                report_.lines[path_of(name)] = group_[i].getSourceLine();
                return &group_[i];
            }
        }
        if (need == Need::kRequired) {
            report_.add(group_, path_of(name), fmt::format("missing; expected {}", expected));
        }
        return nullptr;
    }

    template <typename T>
    void read_text(const Setting& setting,
                   const std::string& path,
                   T& to,
                   const TextForm<T>& form) {
        if (setting.getType() != Setting::TypeString || !form.read(setting.c_str(), to)) {
            report_.expected(setting, path, form.expected);
        }
    }

    template <typename Integer>
    void read_number(const Setting& setting,
                     const std::string& path,
                     Integer& to,
                     const Range& range) {
        const auto value = integer(setting);
        if (value && is_within(range, *value)) {
            to = static_cast<Integer>(*value);
        } else {
            report_.expected(setting, path, describe(range));
        }
    }

    // An element that cannot be read is kept as T{}, so that indexes stay what they are in the
    // file.
    template <typename T, typename ReadOne>
    void elements(std::string_view name,
                  std::vector<T>& to,
                  std::string_view expected,
                  const ReadOne& read_one) {
        const Setting* const setting = find(name, Need::kOptional, "");
        if (setting == nullptr) {
            return;
        }
        const std::string path = path_of(name);
        if (!setting->isArray() && !setting->isList()) {
            report_.expected(*setting, path, expected);
            return;
        }
        to.assign(static_cast<size_t>(setting->getLength()), T{});
        for (int i = 0; i < setting->getLength(); ++i) {
            const std::string element_path = fmt::format("{}[{}]", path, i);
            report_.lines[element_path] = (*setting)[i].getSourceLine();
            read_one((*setting)[i], element_path, to[static_cast<size_t>(i)]);
        }
    }

    void report_unknown() {
        for (int i = 0; i < group_.getLength(); ++i) {
            const Setting& setting = group_[i];
            if (std::find(known_.begin(), known_.end(), setting.getName()) == known_.end()) {
                report_.add(setting,
                            path_of(setting.getName()),
                            unknown_setting(setting.getName(), known_));
            }
        }
    }

    const Setting& group_;
    const std::string& path_;
    Report& report_;
    std::vector<std::string_view> known_;
};

// The paths that could not be read: a mistake that follows from one of them would only confuse.
class Unread {
  public:
    explicit Unread(const std::vector<Report::Problem>& problems) {
        for (const auto& problem : problems) {
            paths_.insert(problem.path);
        }
    }

    [[nodiscard]] bool explains(const Finding& finding) const {
        return has_around(finding.path) || std::any_of(finding.premises.begin(),
                                                       finding.premises.end(),
                                                       [&](const std::string& premise) {
                                                           return has_around(premise) ||
                                                                  has_within(premise);
                                                       });
    }

  private:
    // The setting itself or one that it stands in.
    [[nodiscard]] bool has_around(const std::string& path) const {
        for (size_t end = path.size(); end != std::string::npos && end > 0;
             end = path.find_last_of(".[", end - 1)) {
            if (paths_.contains(path.substr(0, end))) {
                return true;
            }
        }
        return false;
    }
    [[nodiscard]] bool has_within(const std::string& path) const {
        return std::any_of(kSeparators.begin(), kSeparators.end(), [&](char separator) {
            const std::string start = path + separator;
            const auto first = paths_.lower_bound(start);
            return first != paths_.end() && first->starts_with(start);
        });
    }

    static constexpr std::string_view kSeparators = ".[";
    std::set<std::string> paths_;
};

// The line of a setting, or of the nearest one around it that the file has.
unsigned line_of(std::string path, const Report& report) {
    while (!path.empty()) {
        if (const auto line = report.lines.find(path); line != report.lines.end()) {
            return line->second;
        }
        path.resize(path.find_last_of(".[") == std::string::npos ? 0 : path.find_last_of(".["));
    }
    return 1;
}

void add_findings(const Model& model, const Vocabulary& vocabulary, Report& report) {
    const Unread unread(report.problems);
    for (const Finding& finding : validate(model, vocabulary)) {
        if (!unread.explains(finding)) {
            report.problems.push_back(
                {line_of(finding.path, report), finding.path, finding.message});
        }
    }
    std::stable_sort(report.problems.begin(),
                     report.problems.end(),
                     [](const auto& a, const auto& b) { return a.line < b.line; });
}

using InspectResult = tl::expected<Inspected, Diagnostics>;
enum class Risks { kLeaveOut, kTell };

InspectResult refuse(Diagnostic diagnostic) {
    return tl::unexpected(Diagnostics{std::move(diagnostic)});
}

Diagnostics risks_of(const Model& model, const Report& report, const Source& source) {
    Diagnostics risks;
    std::vector<std::pair<unsigned, Risk>> found;
    for (Risk& risk : lint(model)) {
        found.emplace_back(line_of(risk.path, report), std::move(risk));
    }
    std::stable_sort(
        found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (auto& [line, risk] : found) {
        Place place = source.place(line);
        risks.push_back({std::move(place.file),
                         place.line,
                         std::move(risk.path),
                         fmt::format("risk: {} [{}]", risk.message, risk.rule)});
    }
    return risks;
}

// libconfig's own complaint, with the line that it means.
Diagnostic syntax_error(const libconfig::ParseException& error, const Source& source) {
    const auto line = static_cast<unsigned>(std::max(error.getLine(), 1));
    const std::string_view what = error.getError() == std::string_view("memory exhausted")
                                      ? "nested too deeply"
                                      : error.getError();
    const std::string_view text = source.line_text(line);
    const Place place = source.place(line);
    return {place.file,
            place.line,
            "",
            fmt::format("{} at or before {}", what, text.empty() ? "the end" : quoted(text))};
}

// Puts every file of prefixes that a service names into the model; answers what is wrong with them.
Diagnostics read_prefix_files(Model& model) {
    Diagnostics diagnostics;
    std::set<std::string> names;
    for (const VirtualService& service : model.virtual_services) {
        names.insert(service.allow_file);
        names.insert(service.deny_file);
    }
    names.erase("");
    for (const std::string& name : names) {
        auto prefixes = read_prefix_file(name);
        if (prefixes) {
            model.prefix_files.put(name, std::move(*prefixes));
            continue;
        }
        for (auto& error : prefixes.error()) {
            diagnostics.push_back(
                {std::move(error.place.file), error.place.line, "", std::move(error.message)});
        }
    }
    return diagnostics;
}

InspectResult parse_source(const Source& source, const Vocabulary& vocabulary, Risks wanted) {
    libconfig::Config config;
    try {
        config.readString(source.text());
    } catch (const libconfig::ParseException& error) {
        return refuse(syntax_error(error, source));
    }
    Model model;
    Report report;
    Reader::read(config.getRoot(), "", model, report);
    add_findings(model, vocabulary, report);
    Diagnostics diagnostics = read_prefix_files(model);
    if (report.problems.empty() && diagnostics.empty()) {
        Diagnostics risks =
            wanted == Risks::kTell ? risks_of(model, report, source) : Diagnostics();
        return Inspected{std::move(model), std::move(risks)};
    }
    for (auto& problem : report.problems) {
        Place place = source.place(problem.line);
        diagnostics.push_back({std::move(place.file),
                               place.line,
                               std::move(problem.path),
                               std::move(problem.message)});
    }
    return tl::unexpected(std::move(diagnostics));
}

template <typename Read>
InspectResult parse(std::string_view name,
                    const Vocabulary& vocabulary,
                    Risks wanted,
                    const Read& read) {
    try {
        auto source = read();
        if (source) {
            return parse_source(*source, vocabulary, wanted);
        }
        Diagnostics diagnostics;
        for (auto& error : source.error()) {
            diagnostics.push_back(
                {std::move(error.place.file), error.place.line, "", std::move(error.message)});
        }
        return tl::unexpected(std::move(diagnostics));
    } catch (const std::exception& error) {
        return refuse({std::string(name), 0, "", error.what()});
    }
}

}  // namespace

std::string to_string(const Diagnostic& diagnostic) {
    std::string out = diagnostic.file;
    if (diagnostic.line > 0) {
        out += fmt::format(":{}", diagnostic.line);
    }
    if (!diagnostic.path.empty()) {
        out += fmt::format(": {}", diagnostic.path);
    }
    return fmt::format("{}: {}", out, diagnostic.message);
}

ParseResult parse_file(const std::string& path, const Vocabulary& vocabulary) {
    return parse(path, vocabulary, Risks::kLeaveOut, [&] { return Source::from_file(path); })
        .map([](Inspected&& inspected) { return std::move(inspected.model); });
}

InspectResult inspect_file(const std::string& path, const Vocabulary& vocabulary) {
    return parse(path, vocabulary, Risks::kTell, [&] { return Source::from_file(path); });
}

ParseResult parse_text(std::string_view text, std::string_view name, const Vocabulary& vocabulary) {
    return parse(name, vocabulary, Risks::kLeaveOut, [&] { return Source::from_text(text, name); })
        .map([](Inspected&& inspected) { return std::move(inspected.model); });
}

}  // namespace director::config
