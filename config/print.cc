#include "config/print.h"

#include <fmt/format.h>

#include <sstream>
#include <string_view>
#include <utility>

#include "config/setting_text.h"
#include "config/settings.h"

namespace director::config {
namespace {

enum class Which { kAll, kChanged };

// Visits a group's settings (settings.h), writing each as `name = value;`.
class Printer {
  public:
    explicit Printer(size_t depth, Which which = Which::kAll)
        : indent_(4 * depth, ' '), depth_(depth), which_(which) {}

    template <typename T>
    void text(std::string_view name, T& value, const TextForm<T>& form, Need need) {
        line(name, quoted(form.write(value)), need);
    }
    template <typename T>
    void texts(std::string_view name, std::vector<T>& values, const TextForm<T>& form) {
        line(name, array_text(values, [&](const T& value) { return quoted(form.write(value)); }));
    }
    template <typename Integer>
    void number(std::string_view name, Integer& value, const Range& /*range*/, Need need) {
        line(name, fmt::format("{}", value), need);
    }
    template <typename Integer>
    void numbers(std::string_view name, std::vector<Integer>& values, const Range& /*range*/) {
        line(name, array_text(values, [](Integer value) { return fmt::format("{}", value); }));
    }
    template <typename Enum, size_t kCount>
    void choice(std::string_view name, Enum& value, std::span<const Choice<Enum>, kCount> choices) {
        line(name, quoted(choice_text(value, choices)));
    }
    void flag(std::string_view name, bool& value) { line(name, value ? "true" : "false"); }

    template <typename Struct>
    void group(std::string_view name, Struct& value) {
        const std::string inside = settings_of(value);
        add(inside.empty() ? ""
                           : fmt::format("{}{}: {{\n{}{}}};\n", indent_, name, inside, indent_));
    }
    template <typename Struct>
    void list(std::string_view name, std::vector<Struct>& values) {
        if (values.empty()) {
            line(name, "( )");
            return;
        }
        std::string out = fmt::format("{}{} = (\n", indent_, name);
        for (size_t i = 0; i < values.size(); ++i) {
            Printer entry(depth_ + 1, which_);
            out += fmt::format("{}{{\n{}{}}}{}\n",
                               entry.indent_,
                               entry.settings_of(values[i]),
                               entry.indent_,
                               i + 1 < values.size() ? "," : "");
        }
        add(out + indent_ + ");\n");
    }

    // Every struct's settings come in the same order, so that item meets item.
    template <typename Struct>
    void forget_defaults() {
        Struct defaults;
        Printer other(depth_, which_);
        visit_settings(defaults, other);
        for (size_t i = 0; i < items_.size(); ++i) {
            if (!items_[i].is_required && items_[i].text == other.items_[i].text) {
                items_[i].text.clear();
            }
        }
    }

    [[nodiscard]] std::string take() {
        std::string out;
        for (const Item& item : items_) {
            out += item.text;
        }
        return out;
    }

  private:
    struct Item {
        std::string text;
        bool is_required = false;
    };

    void add(std::string text, Need need = Need::kOptional) {
        items_.push_back({std::move(text), need == Need::kRequired});
    }
    void line(std::string_view name, std::string_view value, Need need = Need::kOptional) {
        add(fmt::format("{}{} = {};\n", indent_, name, value), need);
    }

    // What stands between the braces of a group within this one.
    template <typename Struct>
    std::string settings_of(Struct& value) const {
        Printer inner(depth_ + 1, which_);
        visit_settings(value, inner);
        if (which_ == Which::kChanged) {
            inner.forget_defaults<Struct>();
        }
        return inner.take();
    }

    std::string indent_;
    size_t depth_;
    Which which_;
    std::vector<Item> items_;
};

// Visits a struct of defaults, describing each setting; goes into lists by one default element.
class Describer {
  public:
    Describer(std::string group, std::vector<SettingDescription>& out)
        : group_(std::move(group)), out_(out) {}

    template <typename T>
    void text(std::string_view name, T& value, const TextForm<T>& form, Need need) {
        add(name, "text", or_required(quoted(form.write(value)), need), form.expected);
    }
    template <typename T>
    void texts(std::string_view name, std::vector<T>& values, const TextForm<T>& form) {
        add(name,
            "array of text",
            array_text(values, [&](const T& value) { return quoted(form.write(value)); }),
            form.expected);
    }
    template <typename Integer>
    void number(std::string_view name, Integer& value, const Range& range, Need need) {
        add(name, "number", or_required(fmt::format("{}", value), need), describe(range));
    }
    template <typename Integer>
    void numbers(std::string_view name, std::vector<Integer>& values, const Range& range) {
        add(name,
            "array of numbers",
            array_text(values, [](Integer value) { return fmt::format("{}", value); }),
            describe(range));
    }
    template <typename Enum, size_t kCount>
    void choice(std::string_view name, Enum& value, std::span<const Choice<Enum>, kCount> choices) {
        std::string names;
        for (const auto& choice : choices) {
            names += (names.empty() ? "" : ", ") + quoted(choice.name);
        }
        add(name, "text", quoted(choice_text(value, choices)), names);
    }
    void flag(std::string_view name, bool& value) {
        add(name, "flag", value ? "true" : "false", "true, false");
    }
    template <typename Struct>
    void group(std::string_view name, Struct& value) {
        Describer inner(path_of(name), out_);
        visit_settings(value, inner);
    }
    template <typename Struct>
    void list(std::string_view name, std::vector<Struct>& /*values*/) {
        add(name, "list of groups", "( )", "");
        Struct element;
        Describer inner(path_of(name) + "[]", out_);
        visit_settings(element, inner);
    }

  private:
    [[nodiscard]] static std::string or_required(std::string text, Need need) {
        return need == Need::kRequired ? "required" : std::move(text);
    }
    [[nodiscard]] static std::string describe(const Range& range) {
        return fmt::format("{} to {}{}",
                           range.min,
                           range.max,
                           range.shape == Shape::kPowerOfTwo ? ", a power of two" : "");
    }
    [[nodiscard]] std::string path_of(std::string_view name) const {
        return group_.empty() ? std::string(name) : fmt::format("{}.{}", group_, name);
    }
    void add(std::string_view name,
             std::string_view type,
             std::string default_value,
             std::string_view values) {
        out_.push_back({group_,
                        std::string(name),
                        std::string(type),
                        std::move(default_value),
                        std::string(values)});
    }

    std::string group_;
    std::vector<SettingDescription>& out_;
};

std::string commented(const std::string& text) {
    std::istringstream stream(text);
    std::string out;
    for (std::string line; std::getline(stream, line);) {
        out += "# " + line + "\n";
    }
    return out;
}

// The lists' entries as they are by default, with values for what has to be given.
Model example_entries() {
    Port port;
    port.name = "outside";
    port.device = "0000:03:00.0";
    port.addresses = {{Ipv4Address::of(192, 0, 2, 2), 24}};
    Vlan vlan;
    vlan.id = 10;
    vlan.addresses = {{Ipv4Address::of(198, 51, 100, 2), 24}};
    port.vlans = {vlan};
    VirtualService service;
    service.endpoint = {Ipv4Address::of(192, 0, 2, 80), Be16::from_host(80)};
    RealServer server;
    server.endpoint = {Ipv4Address::of(198, 51, 100, 80), Be16::from_host(80)};
    service.real_servers = {server};
    HealthCheck check;
    check.type = CheckType::kHttp;
    check.http.urls = {CheckUrl{}};
    service.health.checks = {check};
    Model model;
    model.ports = {port};
    model.routes = {{{Ipv4Address{}, 0}, Ipv4Address::of(192, 0, 2, 1)}};
    LocalPool pool;
    pool.name = "outside";
    pool.addresses = {Ipv4Address::of(192, 0, 2, 3)};
    model.local_pools = {pool};
    SourceNat rule;
    rule.from = {Ipv4Address::of(198, 51, 100, 0), 24};
    rule.pool = pool.name;
    model.source_nat = {rule};
    VirtualService by_rules;
    by_rules.mark = 1;
    Match match;
    match.addresses = {Ipv4Address::of(192, 0, 2, 81), Ipv4Address::of(192, 0, 2, 89)};
    by_rules.match = {match};
    model.virtual_services = {service, by_rules};
    return model;
}

}  // namespace

std::string print(const Model& model) {
    Model copy = model;  // visitors take settings they may write to
    Printer printer(0);
    visit_settings(copy, printer);
    return printer.take();
}

std::string print_changes(const Model& model) {
    Model copy = model;
    Printer printer(0, Which::kChanged);
    visit_settings(copy, printer);
    printer.forget_defaults<Model>();
    return printer.take();
}

std::string print_defaults() {
    Model defaults;
    Printer groups(0);
    groups.group("control", defaults.control);
    groups.group("dataplane", defaults.dataplane);
    groups.group("timeouts", defaults.timeouts);
    groups.group("health_checks", defaults.health_checks);
    groups.group("sync", defaults.sync);
    groups.group("diagnostics", defaults.diagnostics);
    Model entries = example_entries();
    Printer lists(0);
    lists.list("ports", entries.ports);
    lists.list("routes", entries.routes);
    lists.list("local_pools", entries.local_pools);
    lists.list("virtual_services", entries.virtual_services);
    lists.list("source_nat", entries.source_nat);
    return "# Every setting and its default. These groups may be left out.\n" + groups.take() +
           "\n# The lists are empty by default. What an entry of each may hold, with its "
           "defaults:\n" +
           commented(lists.take());
}

std::vector<SettingDescription> describe_settings() {
    std::vector<SettingDescription> out;
    Model defaults;
    Describer describer("", out);
    visit_settings(defaults, describer);
    return out;
}

}  // namespace director::config
