// What small objects take with libcurl and nothing of ours: one thread, libcurl's socket interface with epoll, the headers of a signed request
// (signed by nobody), each body written to a file that is made, synced and closed. No listing, no signature, no check, no record. For
// pull.py, which feeds it.
//
// libcurl URL CONNECTIONS LIST    LIST has lines of `/path bytes file`

#define _GNU_SOURCE
#include <curl/curl.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

enum { most = 64 << 10 };

struct transfer {
    CURL *easy;
    char path[2048], file[4096], *body;
    long size, have;
};

static CURLM *multi;
static FILE *list;
static const char *base;
static struct curl_slist *headers;
static int poller, running;
static long timer = -1;

static int watch(CURL *easy, curl_socket_t socket, int what, void *context, void *of_socket) {
    (void)easy, (void)context, (void)of_socket;
    struct epoll_event event = {.events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0), .data.fd = socket};
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(poller, EPOLL_CTL_DEL, socket, &event);
    } else if (epoll_ctl(poller, EPOLL_CTL_ADD, socket, &event) && (errno != EEXIST || epoll_ctl(poller, EPOLL_CTL_MOD, socket, &event))) {
        err(1, "epoll_ctl");
    }
    return 0;
}

static int set_timer(CURLM *of, long milliseconds, void *context) {
    (void)of, (void)context;
    timer = milliseconds;
    return 0;
}

static size_t header(char *bytes, size_t size, size_t count, void *context) {
    (void)bytes, (void)context;
    return size * count;
}

static size_t take(char *bytes, size_t size, size_t count, void *context) {
    struct transfer *transfer = context;
    if (transfer->have + (long)(size * count) > transfer->size) return 0;
    memcpy(transfer->body + transfer->have, bytes, size * count);
    transfer->have += size * count;
    return size * count;
}

/// Returns whether there was one.
static int begin(struct transfer *transfer) {
    char url[4096];
    if (fscanf(list, "%2047s %ld %4095s", transfer->path, &transfer->size, transfer->file) != 3) return 0;
    if (transfer->size > most) errx(1, "%s is not small", transfer->path);
    snprintf(url, sizeof url, "%s%s", base, transfer->path);
    transfer->have = 0;
    curl_easy_setopt(transfer->easy, CURLOPT_URL, url);
    curl_easy_setopt(transfer->easy, CURLOPT_BUFFERSIZE, transfer->size + 4096);
    if (curl_multi_add_handle(multi, transfer->easy)) errx(1, "a transfer was not begun");
    return 1;
}

static void end(struct transfer *transfer, CURLcode result) {
    long status = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (result || status != 200 || transfer->have != transfer->size) errx(1, "%s: %s, %ld", transfer->path, curl_easy_strerror(result), status);
    int file = open(transfer->file, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
    if (file < 0 || pwrite(file, transfer->body, transfer->have, 0) != transfer->have || fsync(file) || close(file)) err(1, "%s", transfer->file);
    curl_multi_remove_handle(multi, transfer->easy);
}

static struct transfer *made(void) {
    struct transfer *transfer = calloc(1, sizeof *transfer);
    transfer->body = malloc(most);
    CURL *easy = transfer->easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, header);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    return transfer;
}

int main(int argc, char **argv) {
    if (argc != 4) errx(64, "usage: libcurl URL CONNECTIONS LIST");
    base = argv[1];
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (!(list = fopen(argv[3], "r"))) err(1, "%s", argv[3]);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    const char *lines[] = {
        "If-None-Match: \"0123456789abcdef0123456789abcdef\"", "x-amz-checksum-mode: ENABLED", "x-amz-date: 20260101T000000Z",
        "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;if-match;x-amz-checksum-mode;x-amz-content-sha256;x-amz-date, "
        "Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "User-Agent: aspired/0", "Accept:"};
    for (size_t index = 0; index < sizeof lines / sizeof *lines; index++) headers = curl_slist_append(headers, lines[index]);
    poller = epoll_create1(EPOLL_CLOEXEC);
    multi = curl_multi_init();
    int connections = atoi(argv[2]);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)connections);
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer);
    int active = 0;
    for (int index = 0; index < connections; index++) active += begin(made());
    while (active > 0) {
        struct epoll_event events[64];
        int ready = epoll_wait(poller, events, 64, timer);
        if (ready < 0 && errno != EINTR) err(1, "epoll_wait");
        for (int index = 0; index < ready; index++) {
            unsigned came = events[index].events, failed = came & (EPOLLERR | EPOLLHUP);
            int bits = (came & EPOLLIN || failed ? CURL_CSELECT_IN : 0) | (came & EPOLLOUT || failed ? CURL_CSELECT_OUT : 0);
            curl_multi_socket_action(multi, events[index].data.fd, bits, &running);
        }
        if (timer == 0 || ready <= 0) {
            timer = -1;
            curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
        }
        int left;
        for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));) {
            if (message->msg != CURLMSG_DONE) continue;
            struct transfer *transfer;
            CURLcode result = message->data.result;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
            end(transfer, result);
            active += begin(transfer) - 1;
        }
    }
    return 0;
}
