#include "config/import/shell_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>
#include <utility>

namespace director::config {
namespace {

constexpr size_t kLengthMax = 65536;
constexpr size_t kBytesMax = size_t{64} << 20;

bool is_blank(char c) {
    return std::isspace(static_cast<unsigned char>(c)) != 0;
}
bool is_name(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// "NAME=": the length of the name; 0 if it is no definition.
size_t defined_name(std::string_view word) {
    const auto* const end =
        std::find_if(word.begin(), word.end(), [](char c) { return !is_name(c); });
    const bool is_definition = end != word.end() && *end == '=' && end != word.begin() &&
                               std::isdigit(static_cast<unsigned char>(word.front())) == 0;
    return is_definition ? static_cast<size_t>(end - word.begin()) : 0;
}

// Whoever calls a program by a variable calls it by its name in capitals.
std::string program_of(std::string_view variable) {
    for (const std::string_view name : {"ipvsadm", "iptables", "ip6tables", "sysctl", "ip"}) {
        const bool is_it = std::equal(
            name.begin(), name.end(), variable.begin(), variable.end(), [](char a, char b) {
                return a == std::tolower(static_cast<unsigned char>(b));
            });
        if (is_it) {
            return std::string(name);
        }
    }
    return "";
}

// Reads lines in turn; what a line defines holds for those after it.
class Reader {
  public:
    explicit Reader(std::string name) : name_(std::move(name)) {}

    void read(std::string_view text) {
        while (!text.empty() && !is_over_) {
            ++line_;
            place_line_ = line_;
            std::string whole;
            for (bool goes_on = true; goes_on;) {
                const size_t end = std::min(text.find('\n'), text.size());
                std::string_view one = text.substr(0, end);
                text.remove_prefix(std::min(end + 1, text.size()));
                goes_on = one.ends_with('\\') && !text.empty();
                whole += goes_on ? one.substr(0, one.size() - 1) : one;
                line_ += goes_on ? 1 : 0;
                if (whole.size() > kLengthMax) {
                    end_with(fmt::format("a line of more than {} characters", kLengthMax));
                    return;
                }
            }
            take_line(whole);
        }
    }
    [[nodiscard]] ShellCommands take() { return std::move(out_); }

  private:
    void take_line(const std::string& whole) {
        if (!here_end_.empty()) {
            take_here_line(whole);
            return;
        }
        line_text_ = whole;
        for (at_ = 0; at_ < line_text_.size() && !is_over_;) {
            take_character();
        }
        end_command();
    }

    // A line of a here-document belongs to the command that reads it.
    void take_here_line(const std::string& whole) {
        const size_t first = whole.find_first_not_of('\t');
        if (whole == here_end_ ||
            (first != std::string::npos && whole.substr(first) == here_end_)) {
            here_end_.clear();
            return;
        }
        Reader lines(name_);
        lines.line_ = place_line_ - 1;
        lines.variables_ = variables_;
        lines.read(whole);
        if (out_.commands.empty()) {
            return;
        }
        for (ShellCommand& line : lines.out_.commands) {
            out_.commands.back().lines.push_back(std::move(line));
        }
    }

    void take_character() {
        const char c = line_text_[at_];
        if (is_blank(c)) {
            end_word();
            ++at_;
        } else if (c == '#' && !has_word_) {
            at_ = line_text_.size();
        } else if (c == '\'') {
            take_quoted();
        } else if (c == '"') {
            take_double_quoted();
        } else if (c == '\\') {
            has_word_ = true;
            word_ += at_ + 1 < line_text_.size() ? line_text_.substr(at_ + 1, 1) : "";
            at_ += 2;
        } else if (c == '$' || c == '`') {
            const std::string value = expansion();
            if (defined_name(word_) != 0) {
                put(value);
            } else {
                put_in_words(value);
            }
        } else if (c == ';' || c == '&' || c == '|') {
            end_command();
            ++at_;
        } else if (c == '(' || c == ')') {
            take_parenthesis();
        } else if (c == '<' || c == '>') {
            take_redirection();
        } else {
            put(line_text_.substr(at_++, 1));
        }
    }

    void take_quoted() {
        const size_t close = line_text_.find('\'', at_ + 1);
        if (close == std::string::npos) {
            lost("a quotation mark that does not close in its line");
        }
        const size_t end = std::min(close, line_text_.size());
        put(line_text_.substr(at_ + 1, end - at_ - 1));
        has_word_ = true;
        at_ = end + 1;
    }
    void take_double_quoted() {
        has_word_ = true;
        for (++at_; at_ < line_text_.size() && line_text_[at_] != '"';) {
            const char c = line_text_[at_];
            const char next = at_ + 1 < line_text_.size() ? line_text_[at_ + 1] : '\0';
            if (c == '\\' && (next == '"' || next == '\\' || next == '$' || next == '`')) {
                put(std::string(1, next));
                at_ += 2;
            } else if (c == '$' || c == '`') {
                put(expansion());
            } else {
                put(line_text_.substr(at_++, 1));
            }
        }
        if (at_ >= line_text_.size()) {
            lost("a quotation mark that does not close in its line");
        }
        ++at_;
    }

    // What stands for the expansion that begins here.
    std::string expansion() {
        const size_t begin = at_++;
        if (line_text_[begin] == '`' || (at_ < line_text_.size() && line_text_[at_] == '(')) {
            const char close = line_text_[begin] == '`' ? '`' : ')';
            at_ = std::min(line_text_.find(close, at_), line_text_.size() - 1) + 1;
            unknown_ = line_text_.substr(begin, at_ - begin);
            return "";
        }
        const bool has_brace = at_ < line_text_.size() && line_text_[at_] == '{';
        at_ += has_brace ? 1U : 0U;
        const size_t first = at_;
        while (at_ < line_text_.size() && is_name(line_text_[at_])) {
            ++at_;
        }
        const std::string name = line_text_.substr(first, at_ - first);
        if (has_brace) {
            const size_t close = std::min(line_text_.find('}', at_), line_text_.size() - 1);
            const bool is_plain = close == at_;
            at_ = close + 1;
            if (!is_plain) {
                unknown_ = line_text_.substr(begin, at_ - begin);
                return "";
            }
        } else if (name.empty()) {
            at_ += at_ < line_text_.size() ? 1U : 0U;  // $1, $@, $?
        }
        const auto found = variables_.find(name);
        if (found != variables_.end()) {
            return found->second;
        }
        std::string program = program_of(name);
        if (program.empty()) {
            unknown_ = line_text_.substr(begin, at_ - begin);
        }
        return program;
    }

    void take_parenthesis() {
        const bool opens = line_text_[at_] == '(';
        const bool is_function = opens && line_text_.compare(at_, 2, "()") == 0;
        ++at_;
        if (is_function) {
            lost(
                fmt::format("{}(): a function; its lines are read where they stand, as if it were "
                            "called once",
                            word_));
            ++at_;
        } else if (opens || depth_ > 0) {
            depth_ += opens ? 1 : -1;
            end_command();
            return;
        }
        // "start)" of a case, or a function's name: nothing that runs.
        words_.clear();
        word_.clear();
        has_word_ = false;
    }

    void take_redirection() {
        const char direction = line_text_[at_];
        const bool is_number =
            !word_.empty() && std::all_of(word_.begin(), word_.end(), [](char c) {
                return std::isdigit(static_cast<unsigned char>(c)) != 0;
            });
        if (is_number) {
            word_.clear();  // of a descriptor, as in 2>/dev/null
            has_word_ = false;
        }
        end_word();
        size_t signs = 0;
        while (at_ < line_text_.size() && line_text_[at_] == direction) {
            ++at_;
            ++signs;
        }
        if (at_ < line_text_.size() && (line_text_[at_] == '&' || line_text_[at_] == '-')) {
            ++at_;
        }
        if (is_number) {
            direction_ = '2';
        } else {
            direction_ = direction == '<' && signs > 1 ? 'h' : direction;
        }
    }

    void put(const std::string& text) {
        word_ += text;
        has_word_ = has_word_ || !text.empty();
        bytes_ += text.size();
        if (word_.size() > kLengthMax || bytes_ > kBytesMax) {
            end_with("definitions that grow without end");
        }
    }
    // An expansion outside quotation marks is as many words as it has.
    void put_in_words(const std::string& value) {
        for (const char c : value) {
            if (is_blank(c)) {
                end_word();
            } else {
                put(std::string(1, c));
            }
        }
    }

    void end_word() {
        if (!has_word_) {
            return;
        }
        switch (std::exchange(direction_, '\0')) {
            case '>':
                output_ = word_;
                break;
            case '<':
                input_ = word_;
                break;
            case 'h':
                next_here_end_ = word_;
                break;
            case '2':
                break;
            default:
                words_.push_back(word_);
        }
        word_.clear();
        has_word_ = false;
    }

    void end_command() {
        end_word();
        drop_shell_words();
        take_definitions();
        const std::string unknown = std::exchange(unknown_, "");
        if (!words_.empty() && !unknown.empty()) {
            lost(
                fmt::format("{}: not known before the script runs; import what `ipvsadm -S -n` "
                            "prints behind it instead, or write the value",
                            unknown));
            // Whose words are not known is not guessed.
        } else if (!words_.empty()) {
            out_.commands.push_back({{name_, place_line_},
                                     std::move(words_),
                                     std::move(output_),
                                     std::move(input_),
                                     {}});
            here_end_ = next_here_end_;
        }
        words_.clear();
        output_.clear();
        input_.clear();
        next_here_end_.clear();
        direction_ = '\0';
    }

    // Words of the shell's own before a command, and those of programs that run another one.
    void drop_shell_words() {
        static const std::set<std::string, std::less<>> kSilent{
            "then", "else", "do", "done", "fi", "esac", "{", "}", "!", "sudo", "exec", "command"};
        static const std::set<std::string, std::less<>> kDeciding{"if", "elif", "while", "until"};
        static const std::set<std::string, std::less<>> kWhole{"for", "case", "select", "function"};
        while (!words_.empty()) {
            const std::string& first = words_.front();
            if (kWhole.contains(first)) {
                lost(fmt::format("{}: not run; its lines are read once, where they stand", first));
                words_.clear();
                unknown_.clear();
                return;
            }
            const bool decides = kDeciding.contains(first);
            if (decides) {
                lost(
                    fmt::format("{}: not decided here; all of its lines are imported: take out "
                                "what does not hold",
                                first));
            }
            if (!decides && !kSilent.contains(first)) {
                return;
            }
            words_.erase(words_.begin());
        }
    }

    void take_definitions() {
        static const std::set<std::string, std::less<>> kDefining{"export", "readonly", "local"};
        while (!words_.empty()) {
            const std::string& first = words_.front();
            const size_t length = defined_name(first);
            if (length == 0 && !kDefining.contains(first)) {
                return;
            }
            if (length != 0 && unknown_.empty()) {
                variables_[first.substr(0, length)] = first.substr(length + 1);
            }
            words_.erase(words_.begin());
        }
        // A value that is not known makes whoever uses it unknown, not the definition.
    }

    void lost(std::string message) {
        out_.notes.push_back({{name_, place_line_}, Gravity::kLoss, std::move(message)});
    }
    void end_with(std::string message) {
        out_.notes.push_back({{name_, line_}, Gravity::kError, std::move(message)});
        is_over_ = true;
    }

    std::string name_;
    ShellCommands out_;
    std::map<std::string, std::string> variables_;
    int line_ = 0;        // of the text, counted from 1
    int place_line_ = 0;  // where the line that goes on began
    std::string line_text_;
    size_t at_ = 0;
    size_t bytes_ = 0;
    bool is_over_ = false;
    int depth_ = 0;  // of parentheses

    // Of the command that is being read.
    std::vector<std::string> words_;
    std::string word_;
    bool has_word_ = false;
    char direction_ = '\0';  // of the redirection whose file comes next; 'h': here-document
    std::string output_;
    std::string input_;
    std::string unknown_;  // an expansion that only a shell knows
    std::string next_here_end_;
    std::string here_end_;  // in a here-document: the word that ends it
};

}  // namespace

ShellCommands read_shell_text(std::string_view text, const std::string& name) {
    Reader reader(name);
    reader.read(text);
    return reader.take();
}

bool looks_like_rules(std::string_view text) {
    constexpr std::array<std::string_view, 6> kBlocks{
        "global_defs", "vrrp_", "virtual_server", "static_", "include", "track_file"};
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        while (!line.empty() && is_blank(line.front())) {
            line.remove_prefix(1);
        }
        if (line.starts_with("#!") || line.starts_with("-") || line.starts_with("$IPVSADM") ||
            line.starts_with("${IPVSADM")) {
            return true;
        }
        const std::string_view first = line.substr(0, std::min(line.find(' '), line.size()));
        if (first == "ipvsadm" || first.ends_with("/ipvsadm") || line.starts_with("IPVSADM=")) {
            return true;
        }
        const bool is_block =
            std::any_of(kBlocks.begin(), kBlocks.end(), [&](std::string_view block) {
                return line.starts_with(block);
            });
        if (is_block) {
            return false;
        }
    }
    return false;
}

}  // namespace director::config
