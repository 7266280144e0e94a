// Checks CChecksum on whatever machine it is built for: `check METHOD` fails unless the published values come out, by METHOD
// ("vpclmulqdq", "pclmulqdq", "pmull", "table") and by table alike; `check METHOD bench` then measures.

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "CChecksum.h"

static int failures;

static void expect(bool holds, const char *what, size_t length, size_t offset) {
    if (holds) return;
    if (failures++ < 20) fprintf(stderr, "wrong: %s of %zu bytes at %zu\n", what, length, offset);
}

// SplitMix64: the same in every run.
static uint64_t dice(void) {
    static uint64_t state;
    uint64_t word = state += 0x9E3779B97F4A7C15;
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9;
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB;
    return word ^ (word >> 31);
}

/// By definition, bit by bit; the polynomial reflected.
static uint64_t by_definition(uint64_t polynomial, uint64_t ones, const uint8_t *bytes, size_t length) {
    uint64_t reg = ones;
    for (size_t i = 0; i < length; i++) {
        reg ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) reg = (reg >> 1) ^ (reg & 1 ? polynomial : 0);
    }
    return reg ^ ones;
}

static void published(void) {
    const char *digits = "123456789";
    expect(aspired_crc64nvme(0, digits, 9) == 0xAE8B14860A799888, "CRC-64/NVME", 9, 0);
    expect(aspired_crc32c(0, digits, 9) == 0xE3069283, "CRC-32C", 9, 0);
    expect(aspired_crc32(0, digits, 9) == 0xCBF43926, "CRC-32", 9, 0);
    // The digits are fewer than multiplication takes: these are not. NVM Express, "64b CRC" examples, and RFC 3720 B.4.
    static uint8_t block[4096];
    expect(aspired_crc64nvme(0, block, sizeof block) == 0x6482D367EB22B64E, "CRC-64/NVME of zeros", sizeof block, 0);
    memset(block, 0xFF, sizeof block);
    expect(aspired_crc64nvme(0, block, sizeof block) == 0xC0DDBA7302ECA3AC, "CRC-64/NVME of ones", sizeof block, 0);
}

static void compare(const uint8_t *bytes, size_t length, size_t offset) {
    uint64_t crc = dice();
    const uint8_t *at = bytes + offset;
    expect(aspired_crc64nvme(crc, at, length) == aspired_crc64nvme_table(crc, at, length), "CRC-64/NVME", length, offset);
    uint8_t *copy = malloc(length + 2);
    memset(copy, 0xA5, length + 2);
    expect(aspired_crc64nvme_copy(crc, copy + 1, at, length) == aspired_crc64nvme(crc, at, length), "copied CRC-64/NVME", length, offset);
    expect(memcmp(copy + 1, at, length) == 0 && copy[0] == 0xA5 && copy[length + 1] == 0xA5, "the copy", length, offset);
    free(copy);
    expect(aspired_crc32c(crc, at, length) == aspired_crc32c_table(crc, at, length), "CRC-32C", length, offset);
    expect(aspired_crc32(crc, at, length) == aspired_crc32_table(crc, at, length), "CRC-32", length, offset);
    size_t cut = length == 0 ? 0 : dice() % length;
    uint64_t left = aspired_crc64nvme(0, at, cut), right = aspired_crc64nvme(0, at + cut, length - cut);
    uint64_t joined = aspired_crc64nvme_combine(left, right, length - cut);
    expect(joined == aspired_crc64nvme(0, at, length), "combined CRC-64/NVME", length, offset);
}

static void against_table(uint8_t *bytes, size_t size) {
    for (size_t length = 0; length <= 2600; length++) compare(bytes, length, dice() % 64);
    for (size_t offset = 0; offset < 64; offset++) {
        for (size_t length = 120; length < 300; length += 13) compare(bytes, length, offset);
        for (size_t length = 1020; length < 1700; length += 53) compare(bytes, length, offset);
    }
    for (int i = 0; i < 20; i++) {
        size_t length = dice() % size;
        compare(bytes, length, dice() % (size - length));
    }
    for (size_t length = 0; length < 400; length++) {
        uint64_t crc64 = by_definition(0x9A6C9329AC4BC9B5, UINT64_MAX, bytes, length);
        expect(aspired_crc64nvme(0, bytes, length) == crc64, "CRC-64/NVME, by definition,", length, 0);
        expect(aspired_crc32c(0, bytes, length) == by_definition(0x82F63B78, UINT32_MAX, bytes, length), "CRC-32C", length, 0);
        expect(aspired_crc32(0, bytes, length) == by_definition(0xEDB88320, UINT32_MAX, bytes, length), "CRC-32", length, 0);
    }
}

// MARK: - Speed

static double seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static uint64_t sink;
static uint8_t *copy;

static void crc64(const uint8_t *bytes, size_t size) { sink ^= aspired_crc64nvme(sink, bytes, size); }
static void crc32c(const uint8_t *bytes, size_t size) { sink ^= aspired_crc32c((uint32_t)sink, bytes, size); }
static void crc32(const uint8_t *bytes, size_t size) { sink ^= aspired_crc32((uint32_t)sink, bytes, size); }
static void table(const uint8_t *bytes, size_t size) { sink ^= aspired_crc64nvme_table(sink, bytes, size); }
static void copying(const uint8_t *bytes, size_t size) {
    memcpy(copy, bytes, size);
    sink ^= copy[sink % size];
}

/// The best of many rounds, since others use this machine too. Pieces as curl hands them out, 16 KiB, of a buffer of 1 MiB.
static void measure(const char *name, void (*pass)(const uint8_t *, size_t), const uint8_t *bytes, size_t size) {
    const size_t piece = 16 << 10;
    double best = 1e9;
    for (int round = 0; round < 60; round++) {
        double start = seconds();
        for (int turn = 0; turn < 8; turn++) {
            for (size_t offset = 0; offset + piece <= size; offset += piece) pass(bytes + offset, piece);
        }
        double took = (seconds() - start) / 8;
        if (took < best) best = took;
    }
    printf("  %-24s %5.1f GB/s\n", name, (double)(size - size % piece) / best / 1e9);
}

int main(int count, char **arguments) {
    const size_t size = 1 << 20;
    uint8_t *bytes = malloc(size);
    copy = malloc(size);
    if (count < 2 || bytes == NULL || copy == NULL) return 64;
    for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)dice();
    if (strcmp(aspired_crc_method(), arguments[1]) != 0) {
        fprintf(stderr, "computed by %s, not by %s\n", aspired_crc_method(), arguments[1]);
        return 1;
    }
    published();
    against_table(bytes, size);
    if (failures != 0) {
        fprintf(stderr, "%d wrong values by %s\n", failures, arguments[1]);
        return 1;
    }
    printf("%s: published values, definition and table agree\n", arguments[1]);
    if (count > 2 && strcmp(arguments[2], "bench") == 0) {
        measure("CRC-64/NVME", crc64, bytes, size);
        measure("CRC-32C", crc32c, bytes, size);
        measure("CRC-32", crc32, bytes, size);
        measure("CRC-64/NVME by table", table, bytes, size);
        measure("memcpy", copying, bytes, size);
    }
    free(bytes);
    free(copy);
    return 0;
}
