// The text of a configuration, with its includes in place, checked for what libconfig 1.5 would get
// wrong without a word:
//   - integers beyond 32 bits lose their upper half (4294967297 is read as 1): they get the `L`
//   that
//     makes libconfig read them whole;
//   - a comment that is never closed hides the rest of the file;
//   - ["a" "b"], a comma forgotten, is read as one string;
//   - a directory after @include ends the process (flex calls exit).
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace director::config {

struct Place {
    std::string file;
    int line = 0;  // 0: the file as a whole
};

struct SourceError {
    Place place;
    std::string message;
};

class Source {
  public:
    // Both return every error found on the way; the text is complete only if there is none.
    [[nodiscard]] static tl::expected<Source, std::vector<SourceError>> from_file(
        const std::string& path);
    // `@include` is an error: there is no directory that it could be relative to.
    [[nodiscard]] static tl::expected<Source, std::vector<SourceError>> from_text(
        std::string_view text, std::string_view name);

    // What libconfig reads: no NUL, no @include, ends with a line feed.
    [[nodiscard]] const std::string& text() const { return text_; }
    // Where a line of text() (1 is the first) came from. Lines past the end give the last one.
    [[nodiscard]] Place place(unsigned line) const;
    // That line as written, without blanks at its ends.
    [[nodiscard]] std::string_view line_text(unsigned line) const;

  private:
    friend class SourceReader;
    struct Line {
        size_t file;  // index into files_
        int number;
        size_t begin;  // offset in text_
    };

    std::string text_;
    std::vector<std::string> files_;
    std::vector<Line> lines_;
};

}  // namespace director::config
