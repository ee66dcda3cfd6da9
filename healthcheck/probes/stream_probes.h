// The checks that open a TCP connection and speak over it themselves: TCP, TLS, SMTP.
#pragma once

#include <memory>
#include <string>

#include "healthcheck/codecs/smtp_dialogue.h"
#include "healthcheck/probes/probe.h"

struct ssl_st;
struct ssl_ctx_st;

namespace director::healthcheck {

// The handshake completes.
class TcpProbe final : public Probe {
  public:
    using Probe::Probe;
    void begin(TimePoint now) override;
    void on_ready(int fd, Readiness readiness, TimePoint now) override;

  private:
    OwnedFd socket_;
};

// What TLS handshakes have in common, made once.
class TlsContexts {
  public:
    [[nodiscard]] static Result<TlsContexts> make();
    [[nodiscard]] ssl_ctx_st* lenient() const { return lenient_.get(); }
    [[nodiscard]] ssl_ctx_st* verifying() const { return verifying_.get(); }

  private:
    struct Free {
        void operator()(ssl_ctx_st* context) const;
    };
    std::unique_ptr<ssl_ctx_st, Free> lenient_;
    std::unique_ptr<ssl_ctx_st, Free> verifying_;
};

class TlsProbe final : public Probe {
  public:
    TlsProbe(ProbeTools& tools, const TlsContexts& contexts, const StartProbe& start, TimePoint now)
        : Probe(tools, start, now), contexts_(contexts) {}
    void begin(TimePoint now) override;
    void on_ready(int fd, Readiness readiness, TimePoint now) override;

  private:
    struct Free {
        void operator()(ssl_st* session) const;
    };
    [[nodiscard]] bool make_session();

    const TlsContexts& contexts_;
    OwnedFd socket_;
    std::unique_ptr<ssl_st, Free> session_;
};

class SmtpProbe final : public Probe {
  public:
    using Probe::Probe;
    void begin(TimePoint now) override;
    void on_ready(int fd, Readiness readiness, TimePoint now) override;

  private:
    void follow(SmtpStep step, TimePoint now);

    OwnedFd socket_;
    SmtpDialogue dialogue_;
    bool connected_ = false;
};

}  // namespace director::healthcheck
