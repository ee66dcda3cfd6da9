// keepalived's notify FIFOs: one line for each change of an instance, a group, a real server or a
// virtual service, in the order in which they happened, for whoever reads. Nobody need: a line that
// finds the FIFO full is lost, and nothing ever waits. Control-plane thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "config/model.h"
#include "controlplane/daemon/programs.h"

namespace director::daemon {

class NotifyFifo {
  public:
    // Makes the FIFO, with mode 0600, unless there is one.
    [[nodiscard]] static Result<NotifyFifo> open(const std::string& path);
    NotifyFifo(NotifyFifo&& other) noexcept;
    NotifyFifo& operator=(NotifyFifo&& other) noexcept;
    NotifyFifo(const NotifyFifo&) = delete;
    NotifyFifo& operator=(const NotifyFifo&) = delete;
    // Removes the FIFO if it was made here and still is that one.
    ~NotifyFifo();

    // False: there was no room for the whole line, and nothing was written.
    [[nodiscard]] bool write(std::string_view line);

  private:
    NotifyFifo() = default;
    void close();

    std::string path_;
    int fd_ = -1;
    bool is_made_here_ = false;
};

// All three of a configuration, with the programs that read them.
class NotifyFifos {
  public:
    explicit NotifyFifos(Programs& programs) : programs_(programs) {}

    // Those that stay keep what is written in them. A program is started with its FIFO, and gets
    // the path as its last argument.
    void configure(const config::Control& control);
    void tell_vrrp(std::string_view line);
    void tell_health(std::string_view line);

  private:
    struct Pipe {
        config::NotifyFifo settings;
        std::optional<NotifyFifo> fifo;
        bool is_full = false;
    };

    void configure(Pipe& pipe, uint64_t run, const config::NotifyFifo& settings);
    static void tell(Pipe& pipe, std::string_view line);

    Programs& programs_;
    Pipe all_;
    Pipe vrrp_;
    Pipe health_;
};

}  // namespace director::daemon
