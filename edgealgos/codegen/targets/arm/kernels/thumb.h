// Inner loops of the kernels for ARM processors with Thumb code alone (Cortex-M0): assembly.
//
// A load that extends a sign takes two registers as its address, and only the lower eight registers can multiply: sums
// lie in the upper ones, and weights are taken out of words of four.
#ifndef EDGEALGOS_THUMB_H
#define EDGEALGOS_THUMB_H

#if defined(__thumb__) && !defined(__thumb2__) && __ARM_ARCH >= 6

#define EDGEALGOS_OWN_DOT
#define EDGEALGOS_OWN_WORDS
#define EDGEALGOS_OWN_NIBBLES 2

// clang-format off
#define EDGEALGOS_TIMES(sum, register) "muls " register ", r6\n\t" "add " sum ", " register "\n\t"
// The four weights of a word, a row each, times the input in r6; the word is used up.
#define EDGEALGOS_COLUMN_OF_FOUR(word)                                                                     \
  "sxtb r5, " word "\n\t" EDGEALGOS_TIMES("r8", "r5")                                                      \
  "lsls r5, " word ", #16\n\t" "asrs r5, r5, #24\n\t" EDGEALGOS_TIMES("r9", "r5")                          \
  "lsls r5, " word ", #8\n\t" "asrs r5, r5, #24\n\t" EDGEALGOS_TIMES("r10", "r5")                          \
  "asrs " word ", " word ", #24\n\t" EDGEALGOS_TIMES("r11", word)
// clang-format on

// sums[k] = row k times the vector, of four rows side by side, column by column, in words. 33 instructions two columns.
EDGEALGOS_KERNEL void dot_words(const int8_t *words, const int8_t *vector, uint32_t columns, int32_t *sums) {
  register const int8_t *weights __asm__("r0") = words;
  register const int8_t *end __asm__("r1") = vector + (columns & ~1u);
  register uint32_t left __asm__("r2") = columns;
  register int32_t *out __asm__("r3") = sums;
  __asm__ __volatile__(".syntax unified\n\t"
                       "push {r3, r4, r5, r6, r7}\n\t"
                       "mov r4, r8\n\t" "mov r5, r9\n\t" "mov r6, r10\n\t" "mov r7, r11\n\t" "push {r4, r5, r6, r7}\n\t"
                       "movs r4, #0\n\t" "mov r8, r4\n\t" "mov r9, r4\n\t" "mov r10, r4\n\t" "mov r11, r4\n\t"
                       "lsrs r5, r2, #1\n\t" "sbcs r3, r3\n\t"  // all ones: no column is left over
                       "lsls r2, r5, #1\n\t" "negs r2, r2\n\t" "beq 2f\n\t"
                       "mov r12, r3\n\t" "adds r3, r1, #1\n\t"
                       "1: ldmia r0!, {r4, r7}\n\t"
                       "ldrsb r6, [r1, r2]\n\t" EDGEALGOS_COLUMN_OF_FOUR("r4")
                       "ldrsb r6, [r3, r2]\n\t" EDGEALGOS_COLUMN_OF_FOUR("r7")
                       "adds r2, r2, #2\n\t" "bne 1b\n\t"
                       "mov r3, r12\n\t"
                       "2: cmp r3, #0\n\t" "bne 3f\n\t"
                       "ldmia r0!, {r4}\n\t" "ldrsb r6, [r1, r2]\n\t" EDGEALGOS_COLUMN_OF_FOUR("r4")
                       "3: mov r0, r8\n\t" "mov r1, r9\n\t" "mov r2, r10\n\t" "mov r3, r11\n\t"
                       "pop {r4, r5, r6, r7}\n\t"
                       "mov r8, r4\n\t" "mov r9, r5\n\t" "mov r10, r6\n\t" "mov r11, r7\n\t"
                       "pop {r4}\n\t" "stmia r4!, {r0, r1, r2, r3}\n\t"
                       "pop {r4, r5, r6, r7}\n\t"
                       ".syntax divided\n\t"
                       : "+r"(weights), "+r"(end), "+r"(left), "+r"(out)
                       :
                       : "r12", "cc", "memory");
}

inline void dot_words(const int8_t *words, const int8_t *vector, uint32_t columns, int32_t *sums, uint8_t blocks) {
  for (; blocks; --blocks, words += 4 * columns, sums += 4) dot_words(words, vector, columns, sums);
}

// clang-format off
// The four weights of a word, each 128 more than it is, times the input in r6: a multiplication makes two products.
#define EDGEALGOS_PAIRS_OF(words, even, odd)                                                               \
  "ldmia " words "!, {r4}\n\t" "eors r4, r2\n\t" "lsrs r5, r4, #8\n\t"                                     \
  "ands r4, r7\n\t" EDGEALGOS_TIMES(even, "r4") "ands r5, r7\n\t" EDGEALGOS_TIMES(odd, "r5")
#define EDGEALGOS_COLUMN_OF_EIGHT(place)                                                                   \
  "movs r6, #" place "\n\t" "ldrsb r6, [r1, r6]\n\t" "add r12, r6\n\t"                                     \
  EDGEALGOS_PAIRS_OF("r0", "r8", "r9") EDGEALGOS_PAIRS_OF("r3", "r10", "r11")
// clang-format on

// Sums of rows 0 and 2, and of rows 1 and 3.
inline void store_pairs(uint32_t even, uint32_t odd, int16_t *sums) {
  sums[0] = static_cast<int16_t>(even);
  sums[1] = static_cast<int16_t>(odd);
  sums[2] = static_cast<int16_t>((even - static_cast<uint32_t>(sums[0])) >> 16);
  sums[3] = static_cast<int16_t>((odd - static_cast<uint32_t>(sums[1])) >> 16);
}

// One or two such blocks where sums fit 16 bits: two sums a register. 45 instructions two columns of eight rows.
EDGEALGOS_KERNEL void dot_words(const int8_t *words, const int8_t *vector, uint32_t columns, int16_t *sums,
                                uint8_t blocks) {
  register const int8_t *first __asm__("r0") = words;
  register const int8_t *x __asm__("r1") = vector;
  register uint32_t left __asm__("r2") = columns;
  register const int8_t *second __asm__("r3") = blocks == 1 ? words : words + 4 * columns;
  register uint32_t even __asm__("r8") = 0;
  register uint32_t odd __asm__("r9") = 0;
  register uint32_t next_even __asm__("r10") = 0;
  register uint32_t next_odd __asm__("r11") = 0;
  register uint32_t inputs __asm__("r12") = 0;
  __asm__ __volatile__(".syntax unified\n\t"
                       "push {r7}\n\t"
                       "adds r4, r1, r2\n\t" "mov lr, r4\n\t"  // where the vector ends
                       "movs r7, #255\n\t" "lsls r5, r7, #16\n\t" "orrs r7, r5\n\t"
                       "movs r4, r2\n\t" "beq 3f\n\t"
                       "movs r2, #128\n\t" "lsls r5, r2, #8\n\t" "orrs r2, r5\n\t" "lsls r5, r2, #16\n\t"
                       "orrs r2, r5\n\t"  // 128 in each byte
                       "lsrs r4, r4, #1\n\t" "bcc 1f\n\t" "subs r1, r1, #1\n\t" "b 2f\n\t"  // one column alone
                       "1:\n\t" EDGEALGOS_COLUMN_OF_EIGHT("0")
                       "2:\n\t" EDGEALGOS_COLUMN_OF_EIGHT("1") "adds r1, r1, #2\n\t" "cmp r1, lr\n\t" "bne 1b\n\t"
                       "3: pop {r7}\n\t"
                       ".syntax divided\n\t"
                       : "+r"(first), "+r"(x), "+r"(left), "+r"(second), "+r"(even), "+r"(odd), "+r"(next_even),
                         "+r"(next_odd), "+r"(inputs)
                       :
                       : "r4", "r5", "r6", "lr", "cc", "memory");
  const uint32_t too_much = inputs * 0x00800080u;
  store_pairs(even - too_much, odd - too_much, sums);
  if (blocks != 1) store_pairs(next_even - too_much, next_odd - too_much, sums + 4);
}

// clang-format off
#define EDGEALGOS_TWO                                                                                      \
  "ldrsb %[a], [%[row], %[n]]\n\t" "ldrsb %[b], [%[x], %[n]]\n\t" "muls %[a], %[b]\n\t" "add %[sum], %[a]\n\t" \
  "ldrsb %[a], [%[row2], %[n]]\n\t" "ldrsb %[b], [%[x2], %[n]]\n\t" "muls %[a], %[b]\n\t" "add %[sum], %[a]\n\t" \
  "adds %[n], %[n], #2\n\t"
// clang-format on

// A dense row: 4.75 instructions a column.
EDGEALGOS_KERNEL int32_t dot32(const int8_t *row, const int8_t *vector, uint16_t columns) {
  register int32_t sum __asm__("r8") = 0;  // the lower registers are taken
  int32_t a, b;
  const uint32_t pairs = columns & ~1u;
  int32_t left = -static_cast<int32_t>(pairs);
  const int8_t *row_end = row + pairs, *vector_end = vector + pairs;
  if (left)
    __asm__ __volatile__(".syntax unified\n\t"
                         "lsls %[a], %[n], #30\n\t" "beq 1f\n\t" EDGEALGOS_TWO "beq 2f\n\t"
                         "1:\n\t" EDGEALGOS_TWO EDGEALGOS_TWO "bne 1b\n\t" "2:\n\t"
                         ".syntax divided\n\t"
                         : [sum] "+&r"(sum), [n] "+&l"(left), [a] "=&l"(a), [b] "=&l"(b)
                         : [row] "l"(row_end), [x] "l"(vector_end), [row2] "l"(row_end + 1), [x2] "l"(vector_end + 1)
                         : "cc", "memory");
  if (columns & 1) sum += *row_end * *vector_end;
  return sum;
}
inline int16_t dot16(const int8_t *row, const int8_t *vector, uint16_t columns) {
  return static_cast<int16_t>(dot32(row, vector, columns));
}

// 16 times the products of two weights of half a byte, the lower half first, for each byte of a row. 7 instructions
// each.
inline int32_t add_nibbles(int32_t sum, const uint8_t *row, const int8_t *vector, uint16_t pairs) {
  register int32_t total __asm__("r8") = sum;  // the lower registers are taken
  int32_t half = 0, byte, x, column = -2 * static_cast<int32_t>(pairs), place = 0;
  __asm__ __volatile__(".syntax unified\n\t"
                       "1: ldrsb %[a], [%[row], %[j]]\n\t" "adds %[j], %[j], #1\n\t"
                       "lsls %[b], %[a], #28\n\t" "asrs %[b], %[b], #24\n\t"
                       "ldrsb %[x], [%[end], %[n]]\n\t" "muls %[b], %[x]\n\t" "add %[sum], %[b]\n\t"
                       "adds %[n], %[n], #1\n\t" "asrs %[a], %[a], #4\n\t" "lsls %[a], %[a], #4\n\t"
                       "ldrsb %[x], [%[end], %[n]]\n\t" "muls %[a], %[x]\n\t" "add %[sum], %[a]\n\t"
                       "adds %[n], %[n], #1\n\t" "bne 1b\n\t"
                       ".syntax divided\n\t"
                       : [sum] "+&r"(total), [a] "=&l"(byte), [b] "=&l"(half), [x] "=&l"(x), [j] "+&l"(place),
                         [n] "+&l"(column)
                       : [row] "l"(row), [end] "l"(vector + 2 * pairs)
                       : "cc", "memory");
  return total;
}

#endif

#endif  // EDGEALGOS_THUMB_H
