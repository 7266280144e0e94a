#include "crc.h"

// Folding as in crc_fold.c, with four times 16 bytes in each lane: AVX-512 multiplies and adds as many in one instruction. It goes on for
// as long as whole blocks of lanes come; the last block, congruent to all that went before it, is left to whoever folds narrowly.

#if defined(__x86_64__)

#include <immintrin.h>

#define FOLDS_WIDE __attribute__((target("avx512f,vpclmulqdq")))

bool crc_folds_wide(void) {
    // Asks for the system's support of the registers, too.
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("vpclmulqdq");
}

/// `copy` is known where this is inlined.
FOLDS_WIDE __attribute__((always_inline)) static inline __m512i take(const uint8_t *bytes, uint8_t *copy) {
    __m512i value = _mm512_loadu_si512(bytes);
    if (copy != NULL) _mm512_storeu_si512(copy, value);
    return value;
}

FOLDS_WIDE __attribute__((always_inline)) static inline size_t fold(
    const struct crc *crc, uint64_t reg, const uint8_t *bytes, uint8_t *copy, size_t length, uint8_t *block) {
    enum { width = CRC_WIDE_BLOCK / CRC_LANES, sum_of_three = 0x96 };
    __m512i lanes[CRC_LANES];
    size_t at = 0;
    for (int i = 0; i < CRC_LANES; i++, at += width) lanes[i] = take(bytes + at, copy != NULL ? copy + at : NULL);
    lanes[0] = _mm512_xor_si512(lanes[0], _mm512_zextsi128_si512(_mm_cvtsi64_si128((long long)reg)));

    __m512i factors = _mm512_broadcast_i32x4(
        _mm_set_epi64x((long long)crc->fold_wide.second, (long long)crc->fold_wide.first));
    for (; length - at >= CRC_WIDE_BLOCK; at += CRC_WIDE_BLOCK) {
        for (int i = 0; i < CRC_LANES; i++) {
            __m512i next = take(bytes + at + width * i, copy != NULL ? copy + at + width * i : NULL);
            __m512i firsts = _mm512_clmulepi64_epi128(lanes[i], factors, 0x00);
            __m512i seconds = _mm512_clmulepi64_epi128(lanes[i], factors, 0x11);
            lanes[i] = _mm512_ternarylogic_epi64(firsts, seconds, next, sum_of_three);
        }
    }
    for (int i = 0; i < CRC_LANES; i++) _mm512_storeu_si512(block + width * i, lanes[i]);
    return at;
}

FOLDS_WIDE size_t crc_fold_wide(
    const struct crc *crc, uint64_t reg, const uint8_t *bytes, uint8_t *copy, size_t length, uint8_t *block) {
    return copy != NULL ? fold(crc, reg, bytes, copy, length, block) : fold(crc, reg, bytes, NULL, length, block);
}

#else

bool crc_folds_wide(void) {
    return false;
}

size_t crc_fold_wide(
    const struct crc *crc, uint64_t reg, const uint8_t *bytes, uint8_t *copy, size_t length, uint8_t *block) {
    (void)crc, (void)reg, (void)bytes, (void)copy, (void)length, (void)block;
    return 0;
}

#endif
