#include "config/differences.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "config/edits.h"
#include "config/setting_text.h"
#include "config/settings.h"

namespace director::config {
namespace {

constexpr std::string_view kHidden = "***";

// What names an entry of a list; by its place where nothing does.
std::string label_of(const VirtualService& service, size_t /*place*/) {
    return to_string(key_of(service));
}
std::string label_of(const RealServer& server, size_t /*place*/) {
    return director::to_string(server.endpoint);
}
template <typename Struct>
std::string label_of(const Struct& entry, size_t place) {
    if constexpr (requires { std::string(entry.name); }) {
        return entry.name;
    } else {
        return std::to_string(place);
    }
}

struct Setting {
    std::string path;
    std::string value;
    bool is_default = false;
};

// Visits settings (settings.h) and lists each with its whole path.
class Lister {
  public:
    explicit Lister(std::string path) : path_(std::move(path)) {}

    template <typename T>
    void text(std::string_view name, T& value, const TextForm<T>& form, Need /*need*/) {
        add(name, quoted(form.write(value)));
    }
    template <typename T>
    void texts(std::string_view name, std::vector<T>& values, const TextForm<T>& form) {
        add(name, array_text(values, [&](const T& value) { return quoted(form.write(value)); }));
    }
    template <typename Integer>
    void number(std::string_view name, Integer& value, const Range& /*range*/, Need /*need*/) {
        add(name, fmt::format("{}", value));
    }
    template <typename Integer>
    void numbers(std::string_view name, std::vector<Integer>& values, const Range& /*range*/) {
        add(name, array_text(values, [](Integer value) { return fmt::format("{}", value); }));
    }
    template <typename Enum, size_t kCount>
    void choice(std::string_view name, Enum& value, std::span<const Choice<Enum>, kCount> choices) {
        add(name, quoted(choice_text(value, choices)));
    }
    void flag(std::string_view name, bool& value) { add(name, value ? "true" : "false"); }

    template <typename Struct>
    void group(std::string_view name, Struct& value) {
        take(Lister::all_of(path_of(name), value));
    }
    template <typename Struct>
    void list(std::string_view name, std::vector<Struct>& values) {
        for (size_t i = 0; i < values.size(); ++i) {
            const std::string path = fmt::format("{}[{}]", path_of(name), label_of(values[i], i));
            settings_.push_back({path, "{ }", false});  // that there is one
            take(Lister::all_of(path, values[i]));
        }
    }

    template <typename Struct>
    [[nodiscard]] static std::vector<Setting> all_of(const std::string& path, Struct& value) {
        Lister lister(path);
        visit_settings(value, lister);
        Struct nothing{};
        Lister defaults(path);
        visit_settings(nothing, defaults);
        std::map<std::string_view, std::string_view> by_path;
        for (const Setting& setting : defaults.settings_) {
            by_path.emplace(setting.path, setting.value);
        }
        for (Setting& setting : lister.settings_) {
            const auto found = by_path.find(setting.path);
            setting.is_default = found != by_path.end() && found->second == setting.value;
        }
        return std::move(lister.settings_);
    }

  private:
    [[nodiscard]] std::string path_of(std::string_view name) const {
        return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
    }
    void add(std::string_view name, std::string value) {
        settings_.push_back({path_of(name), std::move(value), false});
    }
    void take(std::vector<Setting> settings) {
        std::move(settings.begin(), settings.end(), std::back_inserter(settings_));
    }

    std::string path_;
    std::vector<Setting> settings_;
};

// Without the services that both have alike: of ten thousand, few differ.
void forget_equal_services(Model& one, Model& other) {
    std::map<std::string, const VirtualService*> known;
    for (const VirtualService& service : one.virtual_services) {
        known.emplace(label_of(service, 0), &service);
    }
    std::set<std::string> equal;
    for (const VirtualService& service : other.virtual_services) {
        const std::string label = label_of(service, 0);
        const auto found = known.find(label);
        if (found != known.end() && *found->second == service) {
            equal.insert(label);
        }
    }
    for (Model* const model : {&one, &other}) {
        std::erase_if(model->virtual_services, [&equal](const VirtualService& service) {
            return equal.contains(label_of(service, 0));
        });
    }
}

bool is_secret(std::string_view path) {
    return path == "sync.key" || path.ends_with(".password");
}

}  // namespace

std::vector<Difference> differences(const Model& before, const Model& after) {
    Model one = before;
    Model other = after;
    forget_equal_services(one, other);
    const std::vector<Setting> old_ones = Lister::all_of("", one);
    const std::vector<Setting> new_ones = Lister::all_of("", other);
    std::map<std::string_view, const Setting*> in_old;
    std::map<std::string_view, const Setting*> in_new;
    for (const Setting& setting : old_ones) {
        in_old.emplace(setting.path, &setting);
    }
    for (const Setting& setting : new_ones) {
        in_new.emplace(setting.path, &setting);
    }
    std::vector<Difference> found;
    for (const Setting& setting : old_ones) {
        const auto now = in_new.find(setting.path);
        if (now == in_new.end() && !setting.is_default) {
            found.push_back({setting.path, setting.value, ""});
        } else if (now != in_new.end() && now->second->value != setting.value) {
            found.push_back({setting.path, setting.value, now->second->value});
        }
    }
    for (const Setting& setting : new_ones) {
        if (!in_old.contains(setting.path) && !setting.is_default) {
            found.push_back({setting.path, "", setting.value});
        }
    }
    return found;
}

Model without_secrets(Model model) {
    const auto hide = [](std::string& secret) {
        if (!secret.empty()) {
            secret = kHidden;
        }
    };
    hide(model.sync.key);
    for (VrrpInstance& instance : model.vrrp_instances) {
        hide(instance.password);
    }
    return model;
}

void hide_secrets(std::vector<Difference>& differences) {
    for (Difference& difference : differences) {
        if (is_secret(difference.path)) {
            for (std::string* const value : {&difference.before, &difference.after}) {
                *value = value->empty() ? "" : quoted(kHidden);
            }
        }
    }
}

}  // namespace director::config
