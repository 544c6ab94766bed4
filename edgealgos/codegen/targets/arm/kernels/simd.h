// Inner loops of the kernels for ARM processors that multiply two pairs of halfwords at once (ARMv6, ARMv7E-M, ARMv8-M
// with DSP): assembly that says the same in ARM and in Thumb-2 code.
//
// A word of four bytes becomes two pairs of halfwords by sxtb16, which takes the even bytes or, turned by a byte, the
// odd ones; smlad adds both products of two pairs to a sum. Instructions are those of the loop alone.
#ifndef EDGEALGOS_SIMD_H
#define EDGEALGOS_SIMD_H

#if defined(__ARM_FEATURE_SIMD32)

#define EDGEALGOS_OWN_DOT
#define EDGEALGOS_OWN_TILES
#define EDGEALGOS_OWN_NIBBLES 8

// clang-format off
#define EDGEALGOS_PAIRS(even, odd) "sxtb16 " even ", " odd "\n\t" "sxtb16 " odd ", " odd ", ror #8\n\t"
#define EDGEALGOS_ROW(sum, word) \
  EDGEALGOS_PAIRS("r3", word) "smlad " sum ", r3, r12, " sum "\n\t" "smlad " sum ", " word ", lr, " sum "\n\t"
#define EDGEALGOS_TILE                                                                                    \
  "ldr lr, [r1], #4\n\t" "ldmia r0!, {r8, r9, r10, r11}\n\t" EDGEALGOS_PAIRS("r12", "lr")                 \
  EDGEALGOS_ROW("r4", "r8") EDGEALGOS_ROW("r5", "r9") EDGEALGOS_ROW("r6", "r10") EDGEALGOS_ROW("r7", "r11")
// clang-format on

// Four rows side by side, in tiles of four columns: four words a tile, a row each. What is left of the columns becomes a
// word padded with zeros. 20 instructions a tile, and 2 every second one. All registers are used, so that they are saved
// here.
EDGEALGOS_KERNEL void dot_tiles(const int8_t *tiles, const int8_t *vector, uint16_t columns, int32_t *sums) {
  const int8_t *end = vector + columns;
  uint32_t rest = 0;
  for (uint32_t left = columns & 3; left; --left) rest = rest << 8 | static_cast<uint8_t>(*--end);
  register const int8_t *weights __asm__("r0") = tiles;
  register const int8_t *x __asm__("r1") = vector;
  register uint32_t groups __asm__("r2") = columns >> 2;
  register int32_t *out __asm__("r3") = sums;
  register const uint32_t *last __asm__("r12") = columns & 3 ? &rest : nullptr;
  __asm__ __volatile__("push {r3, r4, r5, r6, r7, r8, r9, r10, r11, r12, lr}\n\t"
                       "movs r4, #0\n\t" "mov r5, r4\n\t" "mov r6, r4\n\t" "mov r7, r4\n\t"
                       "lsrs r2, r2, #1\n\t" "bcc 2f\n\t"
                       "1:\n\t" EDGEALGOS_TILE
                       "2: cmp r2, #0\n\t" "beq 4f\n\t"
                       "3:\n\t" EDGEALGOS_TILE EDGEALGOS_TILE "subs r2, r2, #1\n\t" "bne 3b\n\t"
                       "4: ldr r1, [sp, #36]\n\t" "str r2, [sp, #36]\n\t" "cmp r1, #0\n\t" "bne 1b\n\t"
                       "pop {r3}\n\t" "stmia r3, {r4, r5, r6, r7}\n\t"
                       "pop {r4, r5, r6, r7, r8, r9, r10, r11, r12, lr}\n\t"
                       : "+r"(weights), "+r"(x), "+r"(groups), "+r"(out), "+r"(last)
                       :
                       : "cc", "memory");
}

// clang-format off
#define EDGEALGOS_FOUR \
  "ldr %[a], [%[row]], #4\n\t" "ldr %[b], [%[x]], #4\n\t" "sxtb16 %[c], %[a]\n\t" "sxtb16 %[d], %[b]\n\t" \
  "sxtb16 %[a], %[a], ror #8\n\t" "sxtb16 %[b], %[b], ror #8\n\t" "smlad %[sum], %[c], %[d], %[sum]\n\t" \
  "smlad %[sum], %[a], %[b], %[sum]\n\t"
// clang-format on

// A dense row: 2.25 instructions a column.
EDGEALGOS_KERNEL int32_t dot32(const int8_t *row, const int8_t *vector, uint16_t columns) {
  int32_t sum = 0;
  uint32_t groups = columns >> 2, a, b, c, d;
  if (groups)
    __asm__ __volatile__("lsrs %[n], %[n], #1\n\t" "bcc 1f\n\t" EDGEALGOS_FOUR "cmp %[n], #0\n\t" "beq 2f\n\t"
                         "1:\n\t" EDGEALGOS_FOUR EDGEALGOS_FOUR "subs %[n], %[n], #1\n\t" "bne 1b\n\t" "2:\n\t"
                         : [sum] "+&r"(sum), [n] "+&r"(groups), [row] "+&r"(row), [x] "+&r"(vector), [a] "=&r"(a),
                           [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d)
                         :
                         : "cc", "memory");
  for (uint8_t i = 0; i < (columns & 3); ++i) sum += row[i] * vector[i];
  return sum;
}
inline int16_t dot16(const int8_t *row, const int8_t *vector, uint16_t columns) {
  return static_cast<int16_t>(dot32(row, vector, columns));
}

inline uint32_t word_at(const void *p) {
  uint32_t word;
  __builtin_memcpy(&word, p, 4);  // wherever it lies: these processors load it
  return word;
}
inline uint32_t even_bytes(uint32_t word) {
  __asm__("sxtb16 %0, %0" : "+r"(word));
  return word;
}
inline uint32_t odd_bytes(uint32_t word) {
  __asm__("sxtb16 %0, %0, ror #8" : "+r"(word));
  return word;
}
inline uint32_t lower_halves(uint32_t a, uint32_t b) { return (a & 0xFFFF) | b << 16; }
inline uint32_t upper_halves(uint32_t a, uint32_t b) { return a >> 16 | (b & 0xFFFF0000u); }
inline int32_t add_pairs(int32_t sum, uint32_t a, uint32_t b) {
  __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(a), "r"(b));
  return sum;
}

// 16 times the products of eight weights of half a byte, the lower half of a byte first. 20 instructions.
inline int32_t add_nibbles(int32_t sum, const uint8_t *row, const int8_t *vector) {
  const uint32_t mask = 0xF0F0F0F0u, both = word_at(row), first = word_at(vector), second = word_at(vector + 4);
  const uint32_t low = both << 4 & mask, high = both & mask;
  const uint32_t a = even_bytes(first), b = odd_bytes(first), c = even_bytes(second), d = odd_bytes(second);
  sum = add_pairs(sum, even_bytes(low), lower_halves(a, c));
  sum = add_pairs(sum, odd_bytes(low), upper_halves(a, c));
  sum = add_pairs(sum, even_bytes(high), lower_halves(b, d));
  return add_pairs(sum, odd_bytes(high), upper_halves(b, d));
}

#endif

#endif  // EDGEALGOS_SIMD_H
