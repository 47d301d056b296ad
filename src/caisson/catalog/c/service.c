/* A service in C: `service PORT KEYFILE`.

   GET /healthz answers `ok`; POST /seal answers the HMAC-SHA256 of the body, in hex, under the key in KEYFILE. TLS 1.2 or
   newer only; a fixed number of threads; a request has at most 64 KiB and ten seconds. */

#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { THREADS = 8, MOST_HEAD = 8192, MOST_BODY = 65536, MOST_KEY = 256, SECONDS = 10 };

static unsigned char key[MOST_KEY];
static size_t key_size;
static SSL_CTX *context;
static int listening;

static void die(const char *what) {
    fprintf(stderr, "service: %s\n", what);
    exit(1);
}

static void read_key(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL || (key_size = fread(key, 1, sizeof key, file)) == 0)
        die("the key cannot be read");
    if (fgetc(file) != EOF)
        die("the key is too long");
    fclose(file);
}

static void answer(SSL *tls, const char *status, const char *text) {
    char head[256];
    int size = snprintf(head, sizeof head,
                        "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", status,
                        strlen(text));
    if (SSL_write(tls, head, size) == size)
        SSL_write(tls, text, (int)strlen(text));
}

static void seal(SSL *tls, const unsigned char *body, size_t size) {
    unsigned char code[EVP_MAX_MD_SIZE];
    unsigned int code_size = 0;
    char text[2 * EVP_MAX_MD_SIZE + 2];
    if (HMAC(EVP_sha256(), key, (int)key_size, body, size, code, &code_size) == NULL) {
        answer(tls, "500 Internal Server Error", "no seal\n");
        return;
    }
    for (unsigned int i = 0; i < code_size; i++)
        snprintf(text + 2 * i, 3, "%02x", code[i]);
    strcat(text, "\n");
    answer(tls, "200 OK", text);
}

/* Give the length that the head announces, or -1. */
static long announced(const char *head) {
    for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n")) {
        static const char name[] = "content-length:";
        if (strncasecmp(line + 2, name, sizeof name - 1) == 0) {
            char *end;
            long length = strtol(line + 2 + sizeof name - 1, &end, 10);
            return *end == '\r' && length >= 0 && length <= MOST_BODY ? length : -1;
        }
    }
    return -1;
}

static void serve(SSL *tls) {
    static const char post[] = "POST /seal ";
    char buffer[MOST_HEAD + MOST_BODY + 1];
    size_t size = 0;
    char *body = NULL;
    while (body == NULL) {
        if (size >= MOST_HEAD)
            return;
        int got = SSL_read(tls, buffer + size, (int)(MOST_HEAD - size));
        if (got <= 0)
            return;
        size += (size_t)got;
        buffer[size] = '\0';
        body = strstr(buffer, "\r\n\r\n");
    }
    body[2] = '\0';
    body += 4;
    if (strncmp(buffer, "GET /healthz ", 13) == 0) {
        answer(tls, "200 OK", "ok\n");
        return;
    }
    if (strncmp(buffer, post, sizeof post - 1) != 0) {
        answer(tls, "404 Not Found", "not found\n");
        return;
    }
    long length = announced(buffer);
    if (length < 0) {
        answer(tls, "400 Bad Request", "a length of at most 65536 is needed\n");
        return;
    }
    size_t have = size - (size_t)(body - buffer);
    while (have < (size_t)length) {
        int got = SSL_read(tls, body + have, (int)((size_t)length - have));
        if (got <= 0)
            return;
        have += (size_t)got;
    }
    seal(tls, (unsigned char *)body, (size_t)length);
}

static void *work(void *unused) {
    (void)unused;
    for (;;) {
        int connection = accept(listening, NULL, NULL);
        if (connection < 0)
            continue;
        struct timeval patience = {.tv_sec = SECONDS};
        setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        SSL *tls = SSL_new(context);
        if (tls != NULL && SSL_set_fd(tls, connection) == 1 && SSL_accept(tls) == 1) {
            serve(tls);
            SSL_shutdown(tls);
        }
        SSL_free(tls);
        ERR_clear_error();
        close(connection);
    }
    return NULL;
}

int main(int argc, char **argv) {
    if (argc != 3)
        die("usage: service PORT KEYFILE");
    read_key(argv[2]);

    /* One thread waits for the end; the others never see the signal. */
    sigset_t endings;
    sigemptyset(&endings);
    sigaddset(&endings, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &endings, NULL);
    signal(SIGPIPE, SIG_IGN);

    context = SSL_CTX_new(TLS_server_method());
    if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
        SSL_CTX_use_certificate_chain_file(context, "/run/caisson/tls/certificate.pem") != 1 ||
        SSL_CTX_use_PrivateKey_file(context, "/run/caisson/tls/key.pem", SSL_FILETYPE_PEM) != 1)
        die("the certificate or its key cannot be used");

    int yes = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_ANY)};
    listening = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (listening < 0 || bind(listening, (struct sockaddr *)&address, sizeof address) != 0 || listen(listening, 64) != 0)
        die("the port cannot be listened on");

    for (int i = 0; i < THREADS; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, work, NULL) != 0)
            die("no thread can be made");
    }
    int ending;
    sigwait(&endings, &ending);
    return 0;
}
