#include "healthcheck/probes/http_client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <utility>

namespace director::healthcheck {

struct HttpClient::Transfer {
    HttpClient* client = nullptr;
    HttpReceiver* receiver = nullptr;
    CURL* easy = nullptr;
    curl_slist* headers = nullptr;
    curl_slist* connect_to = nullptr;
    Target target;
    std::string socket_error;
    std::array<char, CURL_ERROR_SIZE> error_text{};
    bool is_registered = false;  // with the multi handle
};

// curl's C interface has no exceptions to swallow: ours throw none but for lack of memory.
struct HttpClient::Callbacks {
    static int on_socket(CURL* /*easy*/, curl_socket_t fd, int what, void* user, void* known) {
        auto* client = static_cast<HttpClient*>(user);
        if (what == CURL_POLL_REMOVE) {
            client->poller_.forget(fd);
            return 0;
        }
        const auto readiness = static_cast<Readiness>(((what & CURL_POLL_IN) != 0 ? 1 : 0) |
                                                      ((what & CURL_POLL_OUT) != 0 ? 2 : 0));
        if (known != nullptr) {
            return client->poller_.change(client->seat_, fd, readiness) == 0 ? 0 : -1;
        }
        curl_multi_assign(client->multi_, fd, client);  // any pointer: it is known from now on
        return client->poller_.watch(client->seat_, fd, readiness) == 0 ? 0 : -1;
    }

    static int on_timer(CURLM* /*multi*/, long timeout_ms, void* user) {
        auto* client = static_cast<HttpClient*>(user);
        client->poller_.set_deadline(
            client->seat_,
            timeout_ms < 0 ? kNever : client->now_ + std::chrono::milliseconds(timeout_ms));
        return 0;
    }

    static curl_socket_t open_socket(void* user, curlsocktype /*purpose*/, curl_sockaddr* address) {
        auto* transfer = static_cast<Transfer*>(user);
        auto opened =
            transfer->client->sockets_.open(transfer->target, address->socktype, address->protocol);
        if (!opened) {
            transfer->socket_error = opened.error().message;
            return CURL_SOCKET_BAD;
        }
        return opened->release();
    }

    static size_t on_body(char* bytes, size_t size, size_t count, void* user) {
        auto* transfer = static_cast<Transfer*>(user);
        const size_t length = size * count;
        return transfer->receiver->on_page({bytes, length}) ? length : 0;
    }
};

void HttpClient::Cancel::operator()(Transfer* transfer) const {
    const std::unique_ptr<Transfer> owned(transfer);
    if (transfer->is_registered) {
        curl_multi_remove_handle(transfer->client->multi_, transfer->easy);
    }
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    curl_slist_free_all(transfer->connect_to);
}

Result<std::unique_ptr<HttpClient>> HttpClient::make(Poller& poller, Sockets& sockets) {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return failure("libcurl does not start");
    }
    std::unique_ptr<HttpClient> client(new HttpClient(poller, sockets));
    client->seat_ = poller.join(*client);
    client->multi_ = curl_multi_init();
    if (client->multi_ == nullptr) {
        return failure("libcurl: no memory");
    }
    curl_multi_setopt(client->multi_, CURLMOPT_SOCKETFUNCTION, &Callbacks::on_socket);
    curl_multi_setopt(client->multi_, CURLMOPT_SOCKETDATA, client.get());
    curl_multi_setopt(client->multi_, CURLMOPT_TIMERFUNCTION, &Callbacks::on_timer);
    curl_multi_setopt(client->multi_, CURLMOPT_TIMERDATA, client.get());
    curl_multi_setopt(client->multi_, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    return client;
}

HttpClient::~HttpClient() {
    curl_multi_cleanup(multi_);
    poller_.leave(seat_);
    curl_global_cleanup();
}

namespace {

std::string in_url(const Endpoint& endpoint) {
    return endpoint.address.is_ipv4() ? to_string(endpoint.address)
                                      : fmt::format("[{}]", to_string(endpoint.address));
}

curl_slist* list_of(std::initializer_list<std::string> lines) {
    curl_slist* list = nullptr;
    for (const std::string& line : lines) {
        list = curl_slist_append(list, line.c_str());
    }
    return list;
}

// keepalived's request and nothing else: no Accept, and Connection only where it has it.
curl_slist* headers_of(const HttpRequest& request) {
    const std::string host = fmt::format("Host: {}", request.host);
    if (request.version == HttpVersion::k10) {
        return list_of({host, "Accept:"});
    }
    return list_of({host, "Accept:", "Connection: close"});
}

}  // namespace

HttpClient::TransferPtr HttpClient::fetch(const HttpRequest& request,
                                          HttpReceiver& receiver,
                                          TimePoint now) {
    TransferPtr transfer(std::make_unique<Transfer>().release());
    transfer->client = this;
    transfer->receiver = &receiver;
    transfer->target = request.target;
    transfer->easy = curl_easy_init();
    if (transfer->easy == nullptr) {
        return nullptr;
    }
    const std::string address = in_url(request.target.to);
    const uint16_t port = request.target.to.port.host();
    // The name in the URL is what TLS sends as SNI and verifies; an address is sent by nobody.
    const std::string url = fmt::format("{}://{}:{}{}",
                                        request.tls ? "https" : "http",
                                        request.sni.empty() ? address : request.sni,
                                        port,
                                        request.path);
    transfer->headers = headers_of(request);
    transfer->connect_to = list_of({fmt::format("::{}:{}", address, port)});
    CURL* easy = transfer->easy;
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, transfer->connect_to);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "KeepAliveClient");
    curl_easy_setopt(
        easy,
        CURLOPT_HTTP_VERSION,
        request.version == HttpVersion::k11 ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_1_0);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");  // whatever the environment says
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, request.verify ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, request.verify ? 2L : 0L);
    if (!request.verify) {  // as TlsContexts: old servers count as working
        curl_easy_setopt(easy, CURLOPT_SSL_CIPHER_LIST, "DEFAULT:@SECLEVEL=0");
        curl_easy_setopt(easy, CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_0});
    }
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &Callbacks::open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer.get());
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Callbacks::on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer.get());
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error_text.data());
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer.get());
    now_ = now;
    transfer->is_registered = curl_multi_add_handle(multi_, easy) == CURLM_OK;
    return transfer->is_registered ? std::move(transfer) : nullptr;
}

void HttpClient::on_ready(int fd, Readiness readiness, TimePoint now) {
    const auto bits = static_cast<unsigned>(readiness);
    const int what =
        ((bits & 1U) != 0 ? CURL_CSELECT_IN : 0) | ((bits & 2U) != 0 ? CURL_CSELECT_OUT : 0);
    int running = 0;
    now_ = now;
    curl_multi_socket_action(multi_, fd, what, &running);
    take_finished(now);
}

void HttpClient::on_deadline(TimePoint now) {
    int running = 0;
    now_ = now;
    curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
    take_finished(now);
}

void HttpClient::take_finished(TimePoint now) {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        const CURLcode code = message->data.result;
        void* user = nullptr;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &user);
        auto* transfer = static_cast<Transfer*>(user);
        HttpResponse response;
        long status = 0;
        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
        response.status = static_cast<uint16_t>(status);
        response.arrived = code == CURLE_OK;
        response.is_unable = !transfer->socket_error.empty() || code == CURLE_OUT_OF_MEMORY;
        if (!response.arrived) {
            response.text = !transfer->socket_error.empty() ? transfer->socket_error
                            : transfer->error_text[0] != '\0'
                                ? std::string(transfer->error_text.data())
                                : std::string(curl_easy_strerror(code));
        }
        transfer->receiver->on_response(response, now);
    }
}

}  // namespace director::healthcheck
