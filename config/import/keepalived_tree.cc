#include "config/import/keepalived_tree.h"

#include <fmt/format.h>

#include <cctype>
#include <utility>

namespace director::config {
namespace {

constexpr size_t kDepthMax = 32;

struct Word {
    std::string text;
    bool is_quoted = false;
};

bool is_blank(char c) {
    return std::isspace(static_cast<unsigned char>(c)) != 0;
}

// Words by blanks; "..." is one, whatever stands in it but for \" and \\.
std::vector<Word> words_of(std::string_view line) {
    std::vector<Word> words;
    size_t i = 0;
    while (i < line.size()) {
        if (is_blank(line[i])) {
            ++i;
            continue;
        }
        Word word;
        if (line[i] == '"') {
            word.is_quoted = true;
            for (++i; i < line.size() && line[i] != '"'; ++i) {
                // Backslashes stay for split_command(), but for the one that saves a quotation
                // mark.
                if (line[i] == '\\' && i + 1 < line.size() && line[i + 1] == '"') {
                    ++i;
                }
                word.text += line[i];
            }
            ++i;
        } else {
            while (i < line.size() && !is_blank(line[i]) && line[i] != '"') {
                word.text += line[i++];
            }
        }
        words.push_back(std::move(word));
    }
    return words;
}

// "VI_1{" is "VI_1 {".
std::vector<Word> with_braces_apart(std::vector<Word> words) {
    if (words.empty() || words.back().is_quoted) {
        return words;
    }
    std::string& last = words.back().text;
    if (last.size() > 1 && last.back() == '{') {
        last.pop_back();
        words.push_back({"{", false});
    }
    return words;
}

class Parser {
  public:
    void line(const KeepalivedLine& line) {
        Statement open;
        open.place = line.place;
        for (Word& word : with_braces_apart(words_of(line.text))) {
            const bool is_brace = !word.is_quoted && (word.text == "{" || word.text == "}");
            if (!is_brace) {
                open.words.push_back(std::move(word.text));
            } else if (word.text == "{") {
                finish(open);
                begin_block(line.place);
            } else {
                finish(open);
                end_block(line.place);
            }
        }
        finish(open);
    }

    [[nodiscard]] KeepalivedTree take() {
        if (!stack_.empty()) {
            error(
                stack_.back().place,
                fmt::format("\"{}\": its block is not closed by \"}}\"", stack_.back().keyword()));
        }
        while (!stack_.empty()) {
            close();
        }
        return std::move(tree_);
    }

  private:
    void error(const Place& place, std::string message) {
        tree_.notes.push_back({place, Gravity::kError, std::move(message)});
    }
    std::vector<Statement>& current() {
        return stack_.empty() ? tree_.statements : stack_.back().block;
    }
    void finish(Statement& open) {
        if (!open.words.empty()) {
            const Place place = open.place;
            current().push_back(std::exchange(open, Statement{}));
            open.place = place;
        }
    }
    void begin_block(const Place& place) {
        std::vector<Statement>& siblings = current();
        if (siblings.empty() || siblings.back().has_block || stack_.size() >= kDepthMax) {
            error(
                place,
                stack_.size() >= kDepthMax ? "blocks too deep" : "\"{\" without a word before it");
            // Its end must find something to end.
            Statement nameless;
            nameless.place = place;
            nameless.words = {"{"};
            siblings.push_back(std::move(nameless));
        }
        Statement owner = std::move(siblings.back());
        siblings.pop_back();
        owner.has_block = true;
        stack_.push_back(std::move(owner));
    }
    void end_block(const Place& place) {
        if (stack_.empty()) {
            error(place, "\"}\" without a block to close");
            return;
        }
        close();
    }
    void close() {
        Statement closed = std::move(stack_.back());
        stack_.pop_back();
        if (closed.keyword() != "{") {
            current().push_back(std::move(closed));
        }
    }

    KeepalivedTree tree_;
    std::vector<Statement> stack_;  // open blocks, outermost first
};

}  // namespace

KeepalivedTree parse_keepalived(const std::vector<KeepalivedLine>& lines) {
    Parser parser;
    for (const KeepalivedLine& line : lines) {
        parser.line(line);
    }
    return parser.take();
}

std::vector<std::string> split_command(std::string_view text) {
    std::vector<std::string> words;
    std::string word;
    bool is_in_word = false;
    char quote = '\0';
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
            word += text[++i];
            is_in_word = true;
        } else if (quote != '\0' ? c == quote : c == '"' || c == '\'') {
            quote = quote == '\0' ? c : '\0';
            is_in_word = true;
        } else if (quote == '\0' && is_blank(c)) {
            if (std::exchange(is_in_word, false)) {
                words.push_back(std::exchange(word, {}));
            }
        } else {
            word += c;
            is_in_word = true;
        }
    }
    if (is_in_word) {
        words.push_back(std::move(word));
    }
    return words;
}

}  // namespace director::config
