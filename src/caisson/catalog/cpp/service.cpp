// A service in C++: `service PORT KEYFILE`.
//
// GET /healthz answers `ok`; POST /seal answers the HMAC-SHA256 of the body, in hex, under the key in KEYFILE. TLS 1.2 or
// newer only; a fixed number of threads; a request has at most 64 KiB and ten seconds.

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <algorithm>
#include <charconv>
#include <csignal>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <strings.h>
#include <thread>

namespace {

constexpr int threads = 8;
constexpr std::size_t most_head = 8192;
constexpr std::size_t most_body = 65536;
constexpr time_t patience = 10;

struct Tls {
    SSL *raw;
    explicit Tls(SSL *made) : raw(made) {}
    ~Tls() { SSL_free(raw); }
    Tls(const Tls &) = delete;
    Tls &operator=(const Tls &) = delete;

    std::string read(std::size_t most) const {
        std::string text(most, '\0');
        int got = SSL_read(raw, text.data(), static_cast<int>(most));
        if (got <= 0)
            throw std::runtime_error("the client hung up");
        text.resize(static_cast<std::size_t>(got));
        return text;
    }

    void write(const std::string &text) const { SSL_write(raw, text.data(), static_cast<int>(text.size())); }
};

std::string answer(std::string_view status, const std::string &text) {
    return "HTTP/1.1 " + std::string(status) + "\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(text.size()) +
           "\r\nConnection: close\r\n\r\n" + text;
}

std::string seal(const std::string &key, const std::string &body) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> code{};
    unsigned int size = 0;
    if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char *>(body.data()),
             body.size(), code.data(), &size) == nullptr)
        throw std::runtime_error("no seal");
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (unsigned int i = 0; i < size; i++) {
        text += digits[code[i] >> 4];
        text += digits[code[i] & 15];
    }
    return text + "\n";
}

// The length that the head announces; more than is taken, if it announces none.
std::size_t announced(std::string_view head) {
    constexpr std::string_view name = "content-length:";
    for (auto at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at + 2)) {
        auto line = head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
        if (line.size() < name.size() || strncasecmp(line.data(), name.data(), name.size()) != 0)
            continue;
        line.remove_prefix(std::min(line.find_first_not_of(' ', name.size()), line.size()));
        std::size_t length = 0;
        auto [end, error] = std::from_chars(line.begin(), line.end(), length);
        return error == std::errc() && end == line.end() ? length : most_body + 1;
    }
    return most_body + 1;
}

std::string serve(const Tls &tls, const std::string &key) {
    std::string text;
    std::size_t end;
    while ((end = text.find("\r\n\r\n")) == std::string::npos) {
        if (text.size() >= most_head)
            return answer("431 Request Header Fields Too Large", "the head is too long\n");
        text += tls.read(most_head - text.size());
    }
    auto head = text.substr(0, end + 2), body = text.substr(end + 4);
    if (head.starts_with("GET /healthz "))
        return answer("200 OK", "ok\n");
    if (!head.starts_with("POST /seal "))
        return answer("404 Not Found", "not found\n");
    auto length = announced(head);
    if (length > most_body)
        return answer("400 Bad Request", "a length of at most 65536 is needed\n");
    while (body.size() < length)
        body += tls.read(length - body.size());
    return answer("200 OK", seal(key, body.substr(0, length)));
}

void work(int listening, SSL_CTX *context, const std::string &key) {
    for (;;) {
        int connection = accept(listening, nullptr, nullptr);
        if (connection < 0)
            continue;
        timeval time{.tv_sec = patience, .tv_usec = 0};
        setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
        setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
        try {
            Tls tls(SSL_new(context));
            if (tls.raw != nullptr && SSL_set_fd(tls.raw, connection) == 1 && SSL_accept(tls.raw) == 1) {
                tls.write(serve(tls, key));
                SSL_shutdown(tls.raw);
            }
        } catch (const std::runtime_error &) { // a client that goes away is no business of the others
        }
        ERR_clear_error();
        close(connection);
    }
}

std::string read_key(const char *path) {
    std::ifstream file(path, std::ios::binary);
    std::string key{std::istreambuf_iterator<char>(file), {}};
    if (key.empty())
        throw std::runtime_error("the key cannot be read");
    return key;
}

SSL_CTX *make_context() {
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == nullptr || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
        SSL_CTX_use_certificate_chain_file(context, "/run/caisson/tls/certificate.pem") != 1 ||
        SSL_CTX_use_PrivateKey_file(context, "/run/caisson/tls/key.pem", SSL_FILETYPE_PEM) != 1)
        throw std::runtime_error("the certificate or its key cannot be used");
    return context;
}

int listen_on(const char *port) {
    int yes = 1, listening = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(std::stoi(port)));
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (listening < 0 || bind(listening, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0 || listen(listening, 64) != 0)
        throw std::runtime_error("the port cannot be listened on");
    return listening;
}

} // namespace

int main(int argc, char **argv) try {
    if (argc != 3)
        throw std::runtime_error("usage: service PORT KEYFILE");
    auto key = read_key(argv[2]);

    // One thread waits for the end; the others never see the signal.
    sigset_t endings;
    sigemptyset(&endings);
    sigaddset(&endings, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &endings, nullptr);
    std::signal(SIGPIPE, SIG_IGN);

    auto *context = make_context();
    int listening = listen_on(argv[1]);
    for (int i = 0; i < threads; i++)
        std::thread(work, listening, context, key).detach();
    int ending;
    sigwait(&endings, &ending);
    _exit(0); // the other threads hold what a destructor would take away
} catch (const std::exception &error) {
    std::cerr << "service: " << error.what() << "\n";
    return 1;
}
