// A terminal as a screen of lines: raw keys in, whole frames out, and the terminal as it was found
// whichever way the program ends. One at a time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/top_view.h"
#include "common/result.h"

namespace director::cli {

class Screen {
  public:
    // Failure: standard input or output is no terminal.
    [[nodiscard]] static Result<Screen> open();
    Screen(Screen&& other) noexcept;
    Screen(const Screen&) = delete;
    Screen& operator=(Screen&&) = delete;
    Screen& operator=(const Screen&) = delete;
    ~Screen();

    [[nodiscard]] ScreenSize size() const;
    void draw(const std::vector<std::string>& lines) const;

    // Waits for a key at most so long. Nothing: the time is over, or the screen has another size.
    [[nodiscard]] std::optional<KeyPress> wait_for_key(int milliseconds);
    // Somebody wants us to end.
    [[nodiscard]] bool is_ended() const;

  private:
    explicit Screen(bool is_open) : is_open_(is_open) {}

    bool is_open_ = false;
    std::string received_;  // bytes of keys that are not taken yet
};

// The first key in `bytes`, which loses it; nothing while it is incomplete. With `is_all`, nothing
// more comes: an escape is the Escape key then.
[[nodiscard]] std::optional<KeyPress> take_key(std::string& bytes, bool is_all);

}  // namespace director::cli
