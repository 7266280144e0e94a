#ifndef CRC_H
#define CRC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The inside of all three CRCs, which differ in nothing but their polynomial and its width.
//
// Bits are reflected: of a register as wide as the polynomial, the highest bit is the coefficient of x^0 and the lowest that of
// the highest power, so that the first bit of a message is the lowest bit of its first byte. A register is not a finished value:
// it begins as all ones and is inverted at the end.

/// Two factors that move 128 bits of a message ahead by some distance (crc_fold.c).
struct crc_factors {
    uint64_t first, second;
};

/// The wide block is what all lanes of crc_fold_wide.c hold, in bytes.
enum { CRC_SLICES = 8, CRC_LANES = 8, CRC_WIDE_BLOCK = 64 * CRC_LANES };

struct crc {
    unsigned width;
    uint64_t polynomial;
    /// What a register begins as, and what inverts it at the end.
    uint64_t ones;
    /// [k][b] is the register after the byte b and k zero bytes, from a register of 0.
    uint64_t table[CRC_SLICES][256];
    struct crc_factors fold_block, fold_lanes, fold_wide;
    /// What crc_fold.c makes a register of 16 bytes with: a factor that moves 64 bits ahead by 128, and x^128 divided by P, widened to 64
    /// bits by a power of x, without the quotient's term x^64.
    struct {
        uint64_t ahead, quotient;
    } reduce;
};

/// Derives everything from the polynomial, which is given reflected and without its term x^width.
void crc_prepare(struct crc *crc, unsigned width, uint64_t polynomial);

/// The register after the bytes, by table: eight bytes a step.
uint64_t crc_update_by_table(const struct crc *crc, uint64_t reg, const uint8_t *bytes, size_t length);

/// The finished value of a then b from those of both.
uint64_t crc_combine(const struct crc *crc, uint64_t a, uint64_t b, uint64_t length_b);

/// The fewest bytes that crc_update_by_folding takes.
enum { CRC_FOLD_MINIMUM = 16 * CRC_LANES };

/// What the carry-less multiplication of this machine is called. NULL if it has none: crc_update_by_folding must not be called.
const char *crc_folding_method(void);

/// The register after the bytes, by carry-less multiplication.
uint64_t crc_update_by_folding(const struct crc *crc, uint64_t reg, const uint8_t *bytes, size_t length);

/// The same, and a copy of the bytes, which must not overlap them.
uint64_t crc_copy_by_folding(const struct crc *crc, uint64_t reg, const uint8_t *bytes, uint8_t *copy, size_t length);

/// Whether this machine has carry-less multiplication of 64 bytes at once: else crc_fold_wide must not be called.
bool crc_folds_wide(void);

/// Goes through at least one and as many whole wide blocks of the bytes as there are, and copies them, unless `copy` is NULL: the two
/// must not overlap. `block` is then a wide block whose register, begun as 0, is that after all of them.
/// Returns how many bytes those were.
size_t crc_fold_wide(
    const struct crc *crc, uint64_t reg, const uint8_t *bytes, uint8_t *copy, size_t length, uint8_t *block);

#endif
