#include "CChecksum.h"
#include "crc.h"

#include <string.h>

static struct crc crc64nvme, crc32c, crc32;

/// As crc_folding_method() and crc_folds_wide() say, which ask the processor each time.
static const char *folding_method;
static bool folds_wide;

/// Before main: tables and factors follow from the polynomials in about 0.1 ms, so that no constant stands here that nobody can
/// check, and no call has to ask whether they are there.
__attribute__((constructor)) static void prepare(void) {
    crc_prepare(&crc64nvme, 64, 0x9A6C9329AC4BC9B5);  // NVM Express NVM Command Set Specification, "64b CRC"
    crc_prepare(&crc32c, 32, 0x82F63B78);             // RFC 3720 section 12.1
    crc_prepare(&crc32, 32, 0xEDB88320);              // IEEE 802.3 section 3.2.9
    folding_method = crc_folding_method();
    folds_wide = folding_method != NULL && crc_folds_wide();
}

/// By whatever is fastest here; `copy` may be NULL.
static uint64_t update(const struct crc *crc, uint64_t finished, const uint8_t *bytes, uint8_t *copy, size_t length) {
    uint64_t reg = finished ^ crc->ones;
    // Of a single block there is nothing to fold.
    if (folds_wide && length >= 2 * CRC_WIDE_BLOCK) {
        uint8_t block[CRC_WIDE_BLOCK];
        size_t taken = crc_fold_wide(crc, reg, bytes, copy, length, block);
        reg = crc_update_by_folding(crc, 0, block, sizeof block);
        bytes += taken;
        length -= taken;
        if (copy != NULL) copy += taken;
    }
    if (folding_method != NULL && length >= CRC_FOLD_MINIMUM) {
        reg = copy != NULL ? crc_copy_by_folding(crc, reg, bytes, copy, length) : crc_update_by_folding(crc, reg, bytes, length);
    } else {
        if (copy != NULL && length > 0) memcpy(copy, bytes, length);
        reg = crc_update_by_table(crc, reg, bytes, length);
    }
    return reg ^ crc->ones;
}

static uint64_t update_by_table(const struct crc *crc, uint64_t finished, const void *data, size_t length) {
    return crc_update_by_table(crc, finished ^ crc->ones, data, length) ^ crc->ones;
}

uint64_t aspired_crc64nvme(uint64_t crc, const void *data, size_t length) {
    return update(&crc64nvme, crc, data, NULL, length);
}

uint64_t aspired_crc64nvme_copy(uint64_t crc, void *copy, const void *data, size_t length) {
    return update(&crc64nvme, crc, data, copy, length);
}

uint32_t aspired_crc32c(uint32_t crc, const void *data, size_t length) {
    return (uint32_t)update(&crc32c, crc, data, NULL, length);
}

uint32_t aspired_crc32(uint32_t crc, const void *data, size_t length) {
    return (uint32_t)update(&crc32, crc, data, NULL, length);
}

uint64_t aspired_crc64nvme_combine(uint64_t a, uint64_t b, uint64_t length_b) {
    return crc_combine(&crc64nvme, a, b, length_b);
}

uint32_t aspired_crc32c_combine(uint32_t a, uint32_t b, uint64_t length_b) {
    return (uint32_t)crc_combine(&crc32c, a, b, length_b);
}

uint32_t aspired_crc32_combine(uint32_t a, uint32_t b, uint64_t length_b) {
    return (uint32_t)crc_combine(&crc32, a, b, length_b);
}

uint64_t aspired_crc64nvme_table(uint64_t crc, const void *data, size_t length) {
    return update_by_table(&crc64nvme, crc, data, length);
}

uint32_t aspired_crc32c_table(uint32_t crc, const void *data, size_t length) {
    return (uint32_t)update_by_table(&crc32c, crc, data, length);
}

uint32_t aspired_crc32_table(uint32_t crc, const void *data, size_t length) {
    return (uint32_t)update_by_table(&crc32, crc, data, length);
}

const char *aspired_crc_method(void) {
    if (folds_wide) return "vpclmulqdq";
    return folding_method != NULL ? folding_method : "table";
}
