#pragma once
#include <stddef.h>
#include <stdint.h>
uint64_t aspired_crc64nvme(uint64_t crc, const void *data, size_t length);
uint32_t aspired_crc32c(uint32_t crc, const void *data, size_t length);
uint32_t aspired_crc32(uint32_t crc, const void *data, size_t length);
uint64_t aspired_crc64nvme_combine(uint64_t a, uint64_t b, uint64_t length_b);
uint32_t aspired_crc32c_combine(uint32_t a, uint32_t b, uint64_t length_b);
uint32_t aspired_crc32_combine(uint32_t a, uint32_t b, uint64_t length_b);
