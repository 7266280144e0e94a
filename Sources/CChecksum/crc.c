#include "crc.h"

/// a * x mod P.
static inline uint64_t times_x(const struct crc *crc, uint64_t a) {
    return (a >> 1) ^ (a & 1 ? crc->polynomial : 0);
}

/// a * b mod P.
static uint64_t multiply(const struct crc *crc, uint64_t a, uint64_t b) {
    uint64_t product = 0;
    // From x^0 of a upwards, while b is multiplied by x at each step.
    for (uint64_t coefficient = 1ULL << (crc->width - 1); coefficient != 0; coefficient >>= 1) {
        if (a & coefficient) product ^= b;
        b = times_x(crc, b);
    }
    return product;
}

/// base^exponent mod P.
static uint64_t power(const struct crc *crc, uint64_t base, uint64_t exponent) {
    uint64_t result = 1ULL << (crc->width - 1);
    for (; exponent != 0; exponent >>= 1) {
        if (exponent & 1) result = multiply(crc, result, base);
        base = multiply(crc, base, base);
    }
    return result;
}

uint64_t crc_combine(const struct crc *crc, uint64_t a, uint64_t b, uint64_t length_b) {
    // The register after a goes on through as many zero bytes as b has, which multiplies it by x^8 for each; b's own register
    // adds to that. Beginning with all ones and inverting at the end cancel out. x^8 is the base so that no length overflows.
    uint64_t zero_byte = 1ULL << (crc->width - 9);
    return multiply(crc, a, power(crc, zero_byte, length_b)) ^ b;
}

/// Eight bytes, the first one lowest; compilers make one load of it.
static inline uint64_t load(const uint8_t *bytes) {
    uint64_t word = 0;
    for (int i = 0; i < 8; i++) word |= (uint64_t)bytes[i] << (8 * i);
    return word;
}

uint64_t crc_update_by_table(const struct crc *crc, uint64_t reg, const uint8_t *bytes, size_t length) {
    for (; length >= CRC_SLICES; bytes += CRC_SLICES, length -= CRC_SLICES) {
        uint64_t word = load(bytes) ^ reg;
        reg = 0;
        for (int i = 0; i < CRC_SLICES; i++) reg ^= crc->table[CRC_SLICES - 1 - i][word >> (8 * i) & 0xFF];
    }
    for (; length > 0; bytes++, length--) reg = crc->table[0][(reg ^ *bytes) & 0xFF] ^ (reg >> 8);
    return reg;
}

/// x^exponent mod P.
static uint64_t power_of_x(const struct crc *crc, unsigned exponent) {
    return power(crc, 1ULL << (crc->width - 2), exponent);
}

/// The factors that crc_fold.c moves 128 bits ahead with, by that many bits.
static struct crc_factors factors(const struct crc *crc, unsigned distance) {
    // One less than the power that is meant, since the product of two reflected 64-bit factors lies one bit too far in 128 bits.
    unsigned narrower = 64 - crc->width;
    return (struct crc_factors){
        .first = power_of_x(crc, distance + 64 - 1) << narrower,
        .second = power_of_x(crc, distance - 1) << narrower,
    };
}

/// x^128 divided by D = P x^(64 - width), without its first term, x^64: long division.
static uint64_t quotient(const struct crc *crc) {
    // Of what is left after that first term, the 64 highest powers: those of D below x^64, highest power in the lowest bit.
    uint64_t rest = crc->polynomial, quotient = 0;
    for (int bit = 0; bit < 64; bit++) {
        quotient |= (rest & 1) << bit;
        rest = times_x(crc, rest);
    }
    return quotient;
}

void crc_prepare(struct crc *crc, unsigned width, uint64_t polynomial) {
    crc->width = width;
    crc->polynomial = polynomial;
    crc->ones = UINT64_MAX >> (64 - crc->width);
    for (unsigned byte = 0; byte < 256; byte++) {
        uint64_t reg = byte;
        for (int bit = 0; bit < 8; bit++) reg = times_x(crc, reg);
        crc->table[0][byte] = reg;
    }
    for (int slice = 1; slice < CRC_SLICES; slice++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            uint64_t reg = crc->table[slice - 1][byte];
            crc->table[slice][byte] = crc->table[0][reg & 0xFF] ^ (reg >> 8);
        }
    }
    crc->fold_block = factors(crc, 128);
    crc->fold_lanes = factors(crc, 128 * CRC_LANES);
    crc->fold_wide = factors(crc, 8 * CRC_WIDE_BLOCK);
    // As in `factors`, one less than 128; of a narrower polynomial the remainder by D, which is x^(64 - width) times one by P.
    crc->reduce.ahead = power_of_x(crc, 127 - (64 - crc->width));
    crc->reduce.quotient = quotient(crc);
}
