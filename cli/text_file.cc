#include "cli/text_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace director::cli {

void TextFile::Closer::operator()(std::FILE* file) const {
    if (file != stdout) {
        (void)std::fclose(file);
    }
}

TextFile::TextFile(std::string path, std::FILE* file)
    : path_(std::move(path)), file_(file), buffer_(std::make_unique<diagnostics::TextBuffer>()) {}

Result<TextFile> TextFile::create(const std::string& path) {
    std::FILE* const file = path == "-" ? stdout : std::fopen(path.c_str(), "we");
    if (file == nullptr) {
        return failure(fmt::format("{}: {}", path, std::strerror(errno)));
    }
    return TextFile(path, file);
}

void TextFile::flush() {
    has_failed_ |= std::fwrite(buffer_->data(), 1, buffer_->size(), file_.get()) != buffer_->size();
    buffer_->clear();
}

Result<void> TextFile::close() {
    flush();
    has_failed_ |= std::fflush(file_.get()) != 0;
    if (has_failed_) {
        return failure(fmt::format("{}: cannot be written: {}", path_, std::strerror(errno)));
    }
    return {};
}

}  // namespace director::cli
