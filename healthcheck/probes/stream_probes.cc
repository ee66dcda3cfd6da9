#include "healthcheck/probes/stream_probes.h"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <cerrno>

namespace director::healthcheck {

// --- TCP ---

void TcpProbe::begin(TimePoint now) {
    auto opened = tools().sockets.open(target(), SOCK_STREAM, IPPROTO_TCP);
    if (!opened) {
        unable(now, opened.error().message);
        return;
    }
    socket_ = std::move(*opened);
    // The answer to the SYN is all that we want. With the acknowledgement held back and a reset at
    // close(), the server's application never sees a connection, and nothing stays in TIME-WAIT, of
    // which 5,000 checks a second would hold 300,000.
    const int off = 0;
    const linger reset{1, 0};
    setsockopt(socket_.get(), IPPROTO_TCP, TCP_QUICKACK, &off, sizeof(off));
    setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    const SocketAddress address(target().to);
    if (::connect(socket_.get(), address.get(), address.length) != 0 && errno != EINPROGRESS) {
        fail_by_errno(now, "connect", errno);
        return;
    }
    static_cast<void>(watch(now, socket_.get(), Readiness::kWrite));
}

void TcpProbe::on_ready(int /*fd*/, Readiness /*readiness*/, TimePoint now) {
    if (const int error = socket_error(socket_.get()); error != 0) {
        fail_by_errno(now, "connect", error);
    } else {
        pass(now);
    }
}

// --- TLS ---

void TlsContexts::Free::operator()(ssl_ctx_st* context) const {
    SSL_CTX_free(context);
}

Result<TlsContexts> TlsContexts::make() {
    TlsContexts contexts;
    contexts.lenient_.reset(SSL_CTX_new(TLS_client_method()));
    contexts.verifying_.reset(SSL_CTX_new(TLS_client_method()));
    if (!contexts.lenient_ || !contexts.verifying_) {
        return failure("OpenSSL: no context for TLS checks");
    }
    // Whether a server works is the question, not whether its cryptography is of this year.
    SSL_CTX_set_security_level(contexts.lenient(), 0);
    SSL_CTX_set_min_proto_version(contexts.lenient(), TLS1_VERSION);
    SSL_CTX_set_verify(contexts.verifying(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_default_verify_paths(contexts.verifying());
    return contexts;
}

void TlsProbe::Free::operator()(ssl_st* session) const {
    SSL_free(session);
}

void TlsProbe::begin(TimePoint now) {
    static_cast<void>(connect(now, socket_, SOCK_STREAM, IPPROTO_TCP, Readiness::kWrite));
}

bool TlsProbe::make_session() {
    const TlsCheck& check = sort<TlsCheck>();
    session_.reset(SSL_new(check.verify ? contexts_.verifying() : contexts_.lenient()));
    if (!session_ || SSL_set_fd(session_.get(), socket_.get()) != 1) {
        return false;
    }
    std::string name = check.sni;  // SSL_set_tlsext_host_name is a macro with a cast of C's
    return (name.empty() || SSL_ctrl(session_.get(),
                                     SSL_CTRL_SET_TLSEXT_HOSTNAME,
                                     TLSEXT_NAMETYPE_host_name,
                                     name.data()) == 1) &&
           (!check.verify || SSL_set1_host(session_.get(), name.c_str()) == 1);
}

void TlsProbe::on_ready(int fd, Readiness /*readiness*/, TimePoint now) {
    if (!session_) {
        if (const int error = socket_error(fd); error != 0) {
            fail_by_errno(now, "connect", error);
            return;
        }
        if (!make_session()) {
            unable(now, "OpenSSL: no session");
            return;
        }
    }
    ERR_clear_error();
    const int done = SSL_connect(session_.get());
    if (done == 1) {
        pass(now);
        return;
    }
    const int error = SSL_get_error(session_.get(), done);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        static_cast<void>(tools().poller.change(
            seat(), fd, error == SSL_ERROR_WANT_READ ? Readiness::kRead : Readiness::kWrite));
        return;
    }
    if (const long verdict = SSL_get_verify_result(session_.get());
        sort<TlsCheck>().verify && verdict != X509_V_OK) {
        fail(now, fmt::format("certificate: {}", X509_verify_cert_error_string(verdict)));
        return;
    }
    const char* reason = ERR_reason_error_string(ERR_peek_error());
    fail(now, fmt::format("TLS handshake: {}", reason != nullptr ? reason : "the server ended it"));
}

// --- SMTP ---

void SmtpProbe::begin(TimePoint now) {
    dialogue_ = SmtpDialogue(sort<SmtpCheck>().helo_name);
    static_cast<void>(connect(now, socket_, SOCK_STREAM, IPPROTO_TCP, Readiness::kWrite));
}

void SmtpProbe::on_ready(int fd, Readiness /*readiness*/, TimePoint now) {
    if (!connected_) {
        if (const int error = socket_error(fd); error != 0) {
            fail_by_errno(now, "connect", error);
            return;
        }
        connected_ = true;
        static_cast<void>(tools().poller.change(seat(), fd, Readiness::kRead));
        return;
    }
    std::array<char, 512> bytes{};
    const ssize_t count = ::recv(fd, bytes.data(), bytes.size(), 0);
    if (count > 0) {
        follow(dialogue_.on_bytes({bytes.data(), static_cast<size_t>(count)}), now);
    } else if (count == 0) {
        fail(now, "the server closed the connection");
    } else if (errno != EAGAIN && errno != EINTR) {
        fail_by_errno(now, "recv", errno);
    }
}

void SmtpProbe::follow(SmtpStep step, TimePoint now) {
    // A command of a line fits any send buffer that is empty: the server has answered all before.
    if (!step.send.empty() &&
        ::send(socket_.get(), step.send.data(), step.send.size(), MSG_NOSIGNAL) < 0) {
        fail_by_errno(now, "send", errno);
    } else if (step.verdict == SmtpStep::Verdict::kPassed) {
        pass(now);
    } else if (step.verdict == SmtpStep::Verdict::kFailed) {
        fail(now, std::move(step.text));
    }
}

}  // namespace director::healthcheck
