#ifndef CCHECKSUM_H
#define CCHECKSUM_H

#include <stddef.h>
#include <stdint.h>

// The three CRCs that stores offer for whole objects: CRC-64/NVME, CRC-32C (Castagnoli), CRC-32 (IEEE 802.3). All are reflected,
// begin with all ones and end inverted, as in `x-amz-checksum-*`.
//
// All functions take and give finished values: that of no bytes is 0, and aspired_X(aspired_X(0, a), b) is that of a then b. Any
// length and alignment will do; a pointer to no bytes may be null. They may be called from all threads at once.

uint64_t aspired_crc64nvme(uint64_t crc, const void *data, size_t length);
uint32_t aspired_crc32c(uint32_t crc, const void *data, size_t length);
uint32_t aspired_crc32(uint32_t crc, const void *data, size_t length);

// The same, and a copy of the data in one pass over it; the two must not overlap.

uint64_t aspired_crc64nvme_copy(uint64_t crc, void *copy, const void *data, size_t length);

// The checksum of a then b, from that of a, that of b, and the length of b in bytes; takes some microseconds.

uint64_t aspired_crc64nvme_combine(uint64_t a, uint64_t b, uint64_t length_b);
uint32_t aspired_crc32c_combine(uint32_t a, uint32_t b, uint64_t length_b);
uint32_t aspired_crc32_combine(uint32_t a, uint32_t b, uint64_t length_b);

// What the functions above do on a machine without carry-less multiplication, for tests.

uint64_t aspired_crc64nvme_table(uint64_t crc, const void *data, size_t length);
uint32_t aspired_crc32c_table(uint32_t crc, const void *data, size_t length);
uint32_t aspired_crc32_table(uint32_t crc, const void *data, size_t length);

/// How this machine computes them: "vpclmulqdq" (64 bytes at once), "pclmulqdq", "pmull" (16) or "table".
const char *aspired_crc_method(void);

#endif
