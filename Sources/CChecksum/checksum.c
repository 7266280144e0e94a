#include "CChecksum.h"
#define CRC(name, type, poly) \
type name(type crc, const void *data, size_t length) { const uint8_t *p = data; crc = ~crc; \
  while (length--) { crc ^= *p++; for (int i = 0; i < 8; i++) crc = (crc >> 1) ^ ((type)poly & -(crc & 1)); } return ~crc; } \
type name##_combine(type a, type b, uint64_t n) { type crc = a; \
  for (uint64_t i = 0; i < n; i++) for (int k = 0; k < 8; k++) crc = (crc >> 1) ^ ((type)poly & -(crc & 1)); return crc ^ b; }
CRC(aspired_crc64nvme, uint64_t, 0x9A6C9329AC4BC9B5u)
CRC(aspired_crc32c, uint32_t, 0x82F63B78u)
CRC(aspired_crc32, uint32_t, 0xEDB88320u)
