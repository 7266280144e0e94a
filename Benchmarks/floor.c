// What receiving and writing alone takes: every connection has a thread, which asks for a part, receives into one buffer and writes from
// it. No listing, no signature, no check of anything, no sync: less than any copier can do. As `checked` it computes a checksum of what it
// writes: less than any can do that verifies. For pull.py, which feeds it.
//
// floor PORT AUTHORITY|- CONNECTIONS PART_BYTES LIST [checked]    LIST has lines of `/path bytes file`

#define _GNU_SOURCE
#include "CChecksum.h"

#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { objects_most = 200000, gathered = 1 << 20 };

struct object {
    char *path;
    long size;
    int file;
};

static struct object *objects;
static int count, port;
static long part_size;
static bool checks;
static SSL_CTX *tls;

static pthread_mutex_t taking = PTHREAD_MUTEX_INITIALIZER;
static int next_object;
static long next_offset;

static struct object *take(long *from, long *to) {
    struct object *object = NULL;
    pthread_mutex_lock(&taking);
    if (next_object < count) {
        object = &objects[next_object];
        *from = next_offset;
        *to = next_offset = object->size - next_offset > part_size ? next_offset + part_size : object->size;
        if (next_offset == object->size) next_object++, next_offset = 0;
    }
    pthread_mutex_unlock(&taking);
    return object;
}

struct connection {
    int socket;
    SSL *session;
};

static struct connection dial(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct connection made = {socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), NULL};
    if (connect(made.socket, (struct sockaddr *)&address, sizeof address)) err(1, "connect");
    if (tls) {
        made.session = SSL_new(tls);
        SSL_set_fd(made.session, made.socket);
        if (SSL_connect(made.session) != 1) errx(1, "the handshake failed");
    }
    return made;
}

static long receive(struct connection *from, char *into, long room) {
    long got = from->session ? SSL_read(from->session, into, room) : recv(from->socket, into, room, 0);
    if (got <= 0) errx(1, "the connection ended early");
    return got;
}

static void *work(void *unused) {
    struct connection connection = dial();
    char *buffer = aligned_alloc(4096, gathered), request[1024];
    long from, to;
    uint64_t checksum = 0;
    for (struct object *object; (object = take(&from, &to));) {
        int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nRange: bytes=%ld-%ld\r\n\r\n",
                              object->path, port, from, to - 1);
        if ((connection.session ? SSL_write(connection.session, request, length) : send(connection.socket, request, length, 0)) != length)
            errx(1, "a request was not sent");
        long have = 0;
        char *body = NULL;
        while (!body) {
            have += receive(&connection, buffer + have, gathered - have);
            body = memmem(buffer, have, "\r\n\r\n", 4);
        }
        if (memcmp(buffer, "HTTP/1.1 206", 12)) errx(1, "%.*s", (int)(body - buffer), buffer);
        body += 4;
        have -= body - buffer;
        memmove(buffer, body, have);
        while (from < to) {
            while (have < gathered && from + have < to) have += receive(&connection, buffer + have, gathered - have);
            if (checks) checksum = aspired_crc64nvme(checksum, buffer, have);
            if (pwrite(object->file, buffer, have, from) != have) err(1, "pwrite");
            from += have;
            have = 0;
        }
    }
    (void)checksum;
    return unused;
}

int main(int argc, char **argv) {
    checks = argc == 7 && !strcmp(argv[6], "checked");
    if (argc != 6 && !checks) errx(64, "usage: floor PORT AUTHORITY|- CONNECTIONS PART_BYTES LIST [checked]");
    port = atoi(argv[1]);
    part_size = atol(argv[4]);
    if (strcmp(argv[2], "-")) {
        tls = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
        if (SSL_CTX_load_verify_locations(tls, argv[2], NULL) != 1) errx(1, "no authority in %s", argv[2]);
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    FILE *list = fopen(argv[5], "r");
    if (!list) err(1, "%s", argv[5]);
    objects = calloc(objects_most, sizeof *objects);
    char path[4096], file[4096];
    for (long size; count < objects_most && fscanf(list, "%4095s %ld %4095s", path, &size, file) == 3; count++) {
        int opened = open(file, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
        if (opened < 0 || ftruncate(opened, size)) err(1, "%s", file);
        objects[count] = (struct object){strdup(path), size, opened};
    }
    int connections = atoi(argv[3]);
    pthread_t *threads = calloc(connections, sizeof *threads);
    for (int index = 0; index < connections; index++)
        if (pthread_create(&threads[index], NULL, work, NULL)) errx(1, "no thread");
    for (int index = 0; index < connections; index++) pthread_join(threads[index], NULL);
    return 0;
}
