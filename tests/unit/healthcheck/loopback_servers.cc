#include "tests/unit/healthcheck/loopback_servers.h"

#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "common/assert.h"
#include "healthcheck/probes/sockets.h"

namespace director::healthcheck::test {
namespace {

Endpoint endpoint_of(const sockaddr_storage& storage) {
    if (storage.ss_family == AF_INET) {
        sockaddr_in address{};
        std::memcpy(&address, &storage, sizeof(address));
        return {Ipv4Address{Be32{address.sin_addr.s_addr}}, Be16{address.sin_port}};
    }
    sockaddr_in6 address{};
    std::memcpy(&address, &storage, sizeof(address));
    return {IpAddress::load_ipv6(address.sin6_addr.s6_addr), Be16{address.sin6_port}};
}

struct Bound {
    OwnedFd fd;
    Endpoint endpoint;
};

Bound bind_to(const char* address, int type) {
    const Endpoint wanted{*IpAddress::parse(address), Be16()};
    Bound bound;
    bound.fd = OwnedFd(::socket(
        wanted.address.is_ipv4() ? AF_INET : AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const SocketAddress place(wanted);
    DIRECTOR_ASSERT(::bind(bound.fd.get(), place.get(), place.length) == 0);
    sockaddr_storage storage{};
    socklen_t length = sizeof(storage);
    auto* raw = reinterpret_cast<sockaddr*>(&storage);  // NOLINT: the sockets API
    DIRECTOR_ASSERT(::getsockname(bound.fd.get(), raw, &length) == 0);
    bound.endpoint = endpoint_of(storage);
    return bound;
}

// A context with a certificate that nobody has signed but itself.
SSL_CTX* make_tls_context() {
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* name = X509_get_subject_name(certificate);
    const std::array<unsigned char, 4> text{'t', 'e', 's', 't'};
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text.data(), text.size(), -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_sign(certificate, key, EVP_sha256());
    DIRECTOR_ASSERT(SSL_CTX_use_certificate(context, certificate) == 1);
    DIRECTOR_ASSERT(SSL_CTX_use_PrivateKey(context, key) == 1);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return context;
}

}  // namespace

StreamServer::StreamServer(Talk talk, Tls tls, const char* address) : talk_(std::move(talk)) {
    Bound bound = bind_to(address, SOCK_STREAM);
    listener_ = std::move(bound.fd);
    endpoint_ = bound.endpoint;
    DIRECTOR_ASSERT(::listen(listener_.get(), 64) == 0);
    context_ = tls == Tls::kYes ? make_tls_context() : nullptr;
}

StreamServer::~StreamServer() {
    connections_.clear();
    SSL_CTX_free(context_);
}

void StreamServer::FreeTls::operator()(ssl_st* session) const {
    SSL_free(session);
}

std::vector<int> StreamServer::fds() const {
    std::vector<int> list;
    if (listener_.is_open()) {
        list.push_back(listener_.get());
    }
    for (const auto& connection : connections_) {
        list.push_back(connection->fd.get());
    }
    return list;
}

void StreamServer::serve() {
    accept_all();
    for (const auto& connection : connections_) {
        advance(*connection);
    }
    std::erase_if(connections_, [](const auto& connection) { return connection->is_over; });
}

void StreamServer::accept_all() {
    while (listener_.is_open()) {
        sockaddr_storage storage{};
        socklen_t length = sizeof(storage);
        auto* raw = reinterpret_cast<sockaddr*>(&storage);  // NOLINT: the sockets API
        OwnedFd fd(::accept4(listener_.get(), raw, &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!fd.is_open()) {
            return;
        }
        ++accepted;
        client = endpoint_of(storage);
        auto connection = std::make_unique<Connection>();
        connection->fd = std::move(fd);
        if (context_ != nullptr) {
            connection->tls.reset(SSL_new(context_));
            SSL_set_fd(connection->tls.get(), connection->fd.get());
        }
        connections_.push_back(std::move(connection));
    }
}

bool StreamServer::shake_hands(Connection& connection) {
    if (!connection.tls || SSL_is_init_finished(connection.tls.get()) == 1) {
        return true;
    }
    const int done = SSL_accept(connection.tls.get());
    if (const char* name = SSL_get_servername(connection.tls.get(), TLSEXT_NAMETYPE_host_name)) {
        server_name = name;
    }
    const int error = SSL_get_error(connection.tls.get(), done);
    connection.is_over = done != 1 && error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE;
    return done == 1;
}

long StreamServer::read(Connection& connection, char* bytes, size_t size) {
    if (!connection.tls) {
        return ::recv(connection.fd.get(), bytes, size, 0);
    }
    const int count = SSL_read(connection.tls.get(), bytes, static_cast<int>(size));
    if (count > 0) {
        return count;
    }
    const bool waits = SSL_get_error(connection.tls.get(), count) == SSL_ERROR_WANT_READ;
    errno = waits ? EAGAIN : ECONNRESET;
    return waits ? -1 : 0;
}

void StreamServer::advance(Connection& connection) {
    if (!shake_hands(connection)) {
        return;
    }
    if (connection.said == 0) {
        say(connection);
    }
    std::array<char, 4096> bytes{};
    while (!connection.is_over) {
        const long count = read(connection, bytes.data(), bytes.size());
        if (count <= 0) {
            connection.is_over = count == 0 || errno != EAGAIN;
            return;
        }
        connection.received.append(bytes.data(), static_cast<size_t>(count));
        received = connection.received;
        say(connection);
    }
}

void StreamServer::say(Connection& connection) {
    ++connection.said;
    const Say say = talk_(connection.received);
    if (!say.text.empty()) {
        const int size = static_cast<int>(say.text.size());
        if (connection.tls) {
            DIRECTOR_ASSERT(SSL_write(connection.tls.get(), say.text.data(), size) == size);
        } else {
            static_cast<void>(
                ::send(connection.fd.get(), say.text.data(), say.text.size(), MSG_NOSIGNAL));
        }
    }
    if (say.close) {
        if (connection.tls) {
            SSL_shutdown(connection.tls.get());
        }
        ::shutdown(connection.fd.get(), SHUT_WR);
    }
}

DatagramServer::DatagramServer(Reply reply, const char* address) : reply_(std::move(reply)) {
    Bound bound = bind_to(address, SOCK_DGRAM);
    fd_ = std::move(bound.fd);
    endpoint_ = bound.endpoint;
}

void DatagramServer::serve() {
    while (true) {
        std::array<uint8_t, 2048> bytes{};
        sockaddr_storage storage{};
        socklen_t length = sizeof(storage);
        auto* raw = reinterpret_cast<sockaddr*>(&storage);  // NOLINT: the sockets API
        const ssize_t count = ::recvfrom(fd_.get(), bytes.data(), bytes.size(), 0, raw, &length);
        if (count < 0) {
            return;
        }
        requests.emplace_back(bytes.begin(), bytes.begin() + count);
        for (const Bytes& reply : reply_(requests.back())) {
            DIRECTOR_ASSERT(::sendto(fd_.get(), reply.data(), reply.size(), 0, raw, length) >= 0);
        }
    }
}

}  // namespace director::healthcheck::test
