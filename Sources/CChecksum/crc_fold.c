#include "crc.h"

#include <string.h>

// Folding: "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction" (Gopal and others, Intel, 2009), in its
// reflected form.
//
// 16 bytes are a polynomial V = F x^64 + S, with F in the first eight bytes, S in the others. What counts of them is their
// remainder mod P, so that they may be replaced by anything congruent. V lies d bits ahead of other 16 bytes W: V x^d + W is
// congruent to F (x^(d+64) mod P) + S (x^d mod P) + W, two carry-less products and two additions that fit 128 bits. Eight lanes
// of 16 bytes go through the message side by side, since a product takes several cycles but one can begin at each; then they
// are folded into one, and its 16 bytes, now congruent to all of the message, are divided by P, as Barrett did it: the quotient of
// polynomials is exactly the product with that of x^128, less its lower half. A table would do, too, but of 16 KiB from a network it is
// no longer in the cache.

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#define FOLDS __attribute__((target("pclmul")))
typedef __m128i lane;

const char *crc_folding_method(void) {
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_PCLMUL) ? "pclmulqdq" : NULL;
}

FOLDS static inline lane load(const void *bytes) {
    return _mm_loadu_si128(bytes);
}

FOLDS static inline void store(void *bytes, lane value) {
    _mm_storeu_si128(bytes, value);
}

FOLDS static inline lane add(lane a, lane b) {
    return _mm_xor_si128(a, b);
}

FOLDS static inline lane pair(uint64_t first, uint64_t second) {
    return _mm_set_epi64x((long long)second, (long long)first);
}

FOLDS static inline lane multiply_firsts(lane a, lane b) {
    return _mm_clmulepi64_si128(a, b, 0x00);
}

FOLDS static inline lane multiply_seconds(lane a, lane b) {
    return _mm_clmulepi64_si128(a, b, 0x11);
}

#elif defined(__aarch64__) && defined(__linux__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

#include <arm_neon.h>
#include <sys/auxv.h>

#define FOLDS __attribute__((target("+crypto")))
typedef uint64x2_t lane;

const char *crc_folding_method(void) {
    unsigned long hwcap_pmull = 1UL << 4;  // HWCAP_PMULL of <asm/hwcap.h>, which is not everywhere
    return getauxval(AT_HWCAP) & hwcap_pmull ? "pmull" : NULL;
}

FOLDS static inline lane load(const void *bytes) {
    return vreinterpretq_u64_u8(vld1q_u8(bytes));
}

FOLDS static inline void store(void *bytes, lane value) {
    vst1q_u8(bytes, vreinterpretq_u8_u64(value));
}

FOLDS static inline lane add(lane a, lane b) {
    return veorq_u64(a, b);
}

FOLDS static inline lane pair(uint64_t first, uint64_t second) {
    return vcombine_u64(vcreate_u64(first), vcreate_u64(second));
}

FOLDS static inline lane multiply_firsts(lane a, lane b) {
    return vreinterpretq_u64_p128(vmull_p64((poly64_t)vgetq_lane_u64(a, 0), (poly64_t)vgetq_lane_u64(b, 0)));
}

FOLDS static inline lane multiply_seconds(lane a, lane b) {
    return vreinterpretq_u64_p128(vmull_high_p64(vreinterpretq_p64_u64(a), vreinterpretq_p64_u64(b)));
}

#endif

#ifdef FOLDS

FOLDS static inline lane fold(lane value, lane factors, lane next) {
    return add(add(multiply_firsts(value, factors), multiply_seconds(value, factors)), next);
}

/// Loads 16 bytes, and stores them where they are wanted, too: while they are at hand that costs next to nothing.
FOLDS static inline lane take(const uint8_t *bytes, uint8_t *copy) {
    lane value = load(bytes);
    if (copy != NULL) store(copy, value);
    return value;
}

/// The halves of a lane.
struct words {
    uint64_t first, second;
};

FOLDS static inline struct words words(lane value) {
    struct words words;
    store(&words, value);
    return words;
}

FOLDS static inline struct words multiply(uint64_t a, uint64_t b) {
    return words(multiply_firsts(pair(a, 0), pair(b, 0)));
}

/// The register after the 16 bytes, from a register of 0: what is left of them x^width. A polynomial that is narrower than 64 bits is widened
/// by a power of x, and with it what is left, so that its register is in the lower bits.
FOLDS static inline uint64_t reduce(const struct crc *crc, lane all) {
    struct words value = words(all);
    struct words ahead = multiply(value.first, crc->reduce.ahead);
    ahead.first ^= value.second;
    // Products lie one bit too far in 128 bits.
    uint64_t quotient = ahead.first ^ multiply(ahead.first, crc->reduce.quotient).first << 1;
    struct words multiple = multiply(quotient, crc->polynomial);
    return ahead.second ^ (multiple.second << 1 | multiple.first >> 63);
}

/// `copy` is known where this is inlined, so that there are two loops of which neither asks.
FOLDS __attribute__((always_inline)) static inline uint64_t update(
    const struct crc *crc, uint64_t reg, const uint8_t *bytes, uint8_t *copy, size_t length) {
    lane lanes[CRC_LANES];
    size_t at = 0;
    for (int i = 0; i < CRC_LANES; i++, at += 16) lanes[i] = take(bytes + at, copy != NULL ? copy + at : NULL);
    // As in a table's step, what the register holds is added to the bytes that come next.
    lanes[0] = add(lanes[0], pair(reg, 0));

    lane factors = pair(crc->fold_lanes.first, crc->fold_lanes.second);
    for (; length - at >= 16 * CRC_LANES; at += 16 * CRC_LANES) {
        for (int i = 0; i < CRC_LANES; i++) {
            lanes[i] = fold(lanes[i], factors, take(bytes + at + 16 * i, copy != NULL ? copy + at + 16 * i : NULL));
        }
    }

    factors = pair(crc->fold_block.first, crc->fold_block.second);
    lane all = lanes[0];
    for (int i = 1; i < CRC_LANES; i++) all = fold(all, factors, lanes[i]);
    for (; length - at >= 16; at += 16) all = fold(all, factors, take(bytes + at, copy != NULL ? copy + at : NULL));

    reg = reduce(crc, all);
    if (copy != NULL) memcpy(copy + at, bytes + at, length - at);
    return crc_update_by_table(crc, reg, bytes + at, length - at);
}

FOLDS uint64_t crc_update_by_folding(const struct crc *crc, uint64_t reg, const uint8_t *bytes, size_t length) {
    return update(crc, reg, bytes, NULL, length);
}

FOLDS uint64_t crc_copy_by_folding(const struct crc *crc, uint64_t reg, const uint8_t *bytes, uint8_t *copy, size_t length) {
    return update(crc, reg, bytes, copy, length);
}

#else

const char *crc_folding_method(void) {
    return NULL;
}

uint64_t crc_update_by_folding(const struct crc *crc, uint64_t reg, const uint8_t *bytes, size_t length) {
    return crc_update_by_table(crc, reg, bytes, length);
}

uint64_t crc_copy_by_folding(const struct crc *crc, uint64_t reg, const uint8_t *bytes, uint8_t *copy, size_t length) {
    memcpy(copy, bytes, length);
    return crc_update_by_table(crc, reg, bytes, length);
}

#endif
