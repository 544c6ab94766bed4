// Inner loops of the kernels in AVR assembly; their C++ twins, the same integers from both, are in products.h.
//
// Weights are int8 in flash, vectors int8 in RAM. A name ends in the bits of the sum: 16 wraps at 16 bits (the caller
// has proven that it does not have to), 32 is exact. Cycles (ATmega328P) are those of the loop alone.
#ifndef EDGEALGOS_AVR_KERNELS_H
#define EDGEALGOS_AVR_KERNELS_H

#include <stdint.h>

#define EDGEALGOS_INLINE __attribute__((always_inline)) inline
#define EDGEALGOS_KERNEL __attribute__((noinline)) inline

namespace edgealgos {

#if defined(__AVR_HAVE_MUL__)

// clang-format off
// Two bytes multiplied into r1:r0, and that added to a sum. muls leaves the sign of the product in the carry flag, so
// `sbc` makes the third byte of it (in a factor that is done with): a sum of 24 bits costs two cycles more.
#define EDGEALGOS_ADD16 "muls %[a], %[b]\n\t" "add %A[sum], r0\n\t" "adc %B[sum], r1\n\t"
#define EDGEALGOS_ADD24 "muls %[a], %[b]\n\t" "sbc %[a], %[a]\n\t" \
                        "add %A[sum], r0\n\t" "adc %B[sum], r1\n\t" "adc %C[sum], %[a]\n\t"
#define EDGEALGOS_LOAD "ld %[a], X+\n\t" "lpm %[b], Z+\n\t"
#define EDGEALGOS_TWICE(code) code code

// `code` for each of `count` columns (at most 2047): for one, two and four of the rest, then eight at a time.
#define EDGEALGOS_UNROLLED(code)                                                                             \
  "sbrs %A[count], 0\n\t" "rjmp 1f\n\t" code                                                                 \
  "1: sbrs %A[count], 1\n\t" "rjmp 2f\n\t" EDGEALGOS_TWICE(code)                                             \
  "2: sbrs %A[count], 2\n\t" "rjmp 3f\n\t" EDGEALGOS_TWICE(EDGEALGOS_TWICE(code))                            \
  "3: lsr %B[count]\n\t" "ror %A[count]\n\t" "lsr %B[count]\n\t" "ror %A[count]\n\t" "lsr %B[count]\n\t"    \
  "ror %A[count]\n\t" "breq 5f\n\t"                                                                          \
  "4:\n\t" EDGEALGOS_TWICE(EDGEALGOS_TWICE(EDGEALGOS_TWICE(code)))                                           \
  "dec %A[count]\n\t" "brne 4b\n\t"                                                                          \
  "5: clr r1\n\t"
// clang-format on

// A dense row of at most 2047 columns. 9.4 cycles a column.
EDGEALGOS_KERNEL int16_t dot16(const int8_t *row, const int8_t *vector, uint16_t columns) {
  int16_t sum = 0;
  uint8_t a, b;
  __asm__ __volatile__(EDGEALGOS_UNROLLED(EDGEALGOS_LOAD EDGEALGOS_ADD16)
                       : [sum] "+r"(sum), [count] "+r"(columns), [a] "=&d"(a), [b] "=&d"(b), "+x"(vector), "+z"(row)
                       :
                       : "r0", "memory");
  return sum;
}

// A dense row of at most 511 columns: so many products cannot leave 24 bits. 11.4 cycles a column.
EDGEALGOS_KERNEL int32_t dot24(const int8_t *row, const int8_t *vector, uint16_t columns) {
  int32_t sum = 0;
  uint8_t a, b;
  __asm__ __volatile__(EDGEALGOS_UNROLLED(EDGEALGOS_LOAD EDGEALGOS_ADD24)
                       "mov %D[sum], %C[sum]\n\t" "lsl %D[sum]\n\t" "sbc %D[sum], %D[sum]\n\t"
                       : [sum] "+r"(sum), [count] "+r"(columns), [a] "=&d"(a), [b] "=&d"(b), "+x"(vector), "+z"(row)
                       :
                       : "r0", "memory");
  return sum;
}

// A dense row of any length.
EDGEALGOS_KERNEL int32_t dot32(const int8_t *row, const int8_t *vector, uint16_t columns) {
  uint32_t sum = 0;
  for (; columns > 504; columns -= 504, row += 504, vector += 504)
    sum += static_cast<uint32_t>(dot24(row, vector, 504));
  return static_cast<int32_t>(sum + static_cast<uint32_t>(dot24(row, vector, columns)));
}

// A row whose length is known to be short.
EDGEALGOS_INLINE int32_t dot32(const int8_t *row, const int8_t *vector, uint8_t columns) {
  return dot24(row, vector, columns);
}

// clang-format off
#define EDGEALGOS_ADD16_TO(low, high) "lpm r17, Z+\n\t" "muls r16, r17\n\t" "add " low ", r0\n\t" "adc " high ", r1\n\t"
#define EDGEALGOS_FOUR16 "ld r16, X+\n\t" EDGEALGOS_ADD16_TO("r8", "r9") EDGEALGOS_ADD16_TO("r10", "r11") \
                         EDGEALGOS_ADD16_TO("r12", "r13") EDGEALGOS_ADD16_TO("r14", "r15")
// clang-format on

// Four rows at once, their weights side by side in each column: so each input is loaded once for four products.
// sums[4 i + k] is row k of block i. 7.9 cycles a product and 34 a block.
EDGEALGOS_KERNEL void dot_blocks16(const int8_t *weights, const int8_t *vector, uint8_t columns, int16_t *sums,
                                   uint8_t blocks) {
  register const int8_t *x __asm__("r18") = vector;
  register int16_t *out __asm__("r20") = sums;
  register uint8_t width __asm__("r22") = columns;
  register uint8_t left __asm__("r23") = blocks;
  __asm__ __volatile__("push r28\n\t" "push r29\n\t" "movw r28, r20\n\t"
                       "1: movw r26, r18\n\t" "clr r8\n\t" "clr r9\n\t"
                       "movw r10, r8\n\t" "movw r12, r8\n\t" "movw r14, r8\n\t"
                       "mov r24, r22\n\t" "lsr r24\n\t" "brcc 2f\n\t" EDGEALGOS_FOUR16
                       "2: tst r24\n\t" "breq 4f\n\t"
                       "3:\n\t" EDGEALGOS_TWICE(EDGEALGOS_FOUR16)
                       "dec r24\n\t" "brne 3b\n\t"
                       "4: st Y+, r8\n\t" "st Y+, r9\n\t" "st Y+, r10\n\t" "st Y+, r11\n\t"
                       "st Y+, r12\n\t" "st Y+, r13\n\t" "st Y+, r14\n\t" "st Y+, r15\n\t"
                       "dec r23\n\t" "breq 5f\n\t" "rjmp 1b\n\t"
                       "5: pop r29\n\t" "pop r28\n\t" "clr r1\n\t"
                       : "+r"(left), "+z"(weights)
                       : "r"(x), "r"(out), "r"(width)
                       : "r0", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "r16", "r17", "r24", "r26", "r27",
                         "memory");
}

// clang-format off
#define EDGEALGOS_ADD24_TO(low, middle, high) "lpm r17, Z+\n\t" "muls r16, r17\n\t" "sbc r17, r17\n\t" \
                                              "add " low ", r0\n\t" "adc " middle ", r1\n\t" "adc " high ", r17\n\t"
#define EDGEALGOS_FOUR24 "ld r16, X+\n\t" EDGEALGOS_ADD24_TO("r2", "r3", "r4") EDGEALGOS_ADD24_TO("r5", "r6", "r7") \
                         EDGEALGOS_ADD24_TO("r8", "r9", "r10") EDGEALGOS_ADD24_TO("r11", "r12", "r13")
#define EDGEALGOS_STORE24(low, middle, high) "st Y+, " low "\n\t" "st Y+, " middle "\n\t" "st Y+, " high "\n\t" \
                                             "lsl " high "\n\t" "sbc " high ", " high "\n\t" "st Y+, " high "\n\t"
// clang-format on

// The same with exact sums (255 products cannot leave 24 bits). 9.9 cycles a product.
EDGEALGOS_KERNEL void dot_blocks24(const int8_t *weights, const int8_t *vector, uint8_t columns, int32_t *sums,
                                   uint8_t blocks) {
  register const int8_t *x __asm__("r18") = vector;
  register int32_t *out __asm__("r20") = sums;
  register uint8_t width __asm__("r22") = columns;
  register uint8_t left __asm__("r23") = blocks;
  __asm__ __volatile__("push r28\n\t" "push r29\n\t" "movw r28, r20\n\t"
                       "1: movw r26, r18\n\t" "clr r2\n\t" "clr r3\n\t" "movw r4, r2\n\t" "movw r6, r2\n\t"
                       "movw r8, r2\n\t" "movw r10, r2\n\t" "movw r12, r2\n\t" "mov r24, r22\n\t"
                       "3:\n\t" EDGEALGOS_FOUR24
                       "dec r24\n\t" "brne 3b\n\t"
                       EDGEALGOS_STORE24("r2", "r3", "r4") EDGEALGOS_STORE24("r5", "r6", "r7")
                       EDGEALGOS_STORE24("r8", "r9", "r10") EDGEALGOS_STORE24("r11", "r12", "r13")
                       "dec r23\n\t" "brne 1b\n\t"
                       "pop r29\n\t" "pop r28\n\t" "clr r1\n\t"
                       : "+r"(left), "+z"(weights)
                       : "r"(x), "r"(out), "r"(width)
                       : "r0", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "r13", "r16", "r17",
                         "r24", "r26", "r27", "memory");
}

// clang-format off
// One column of a bitmap row: its bit says whether a weight follows. 3 cycles a zero, else 7 and those of `add`.
#define EDGEALGOS_COLUMN(k, add) "sbrs r20, " #k "\n\t" "rjmp 1f\n\t" "ldd r18, Y+" #k "\n\t" "lpm r19, Z+\n\t" \
                                 add "1:\n\t"
#define EDGEALGOS_COLUMNS(add) \
  EDGEALGOS_COLUMN(0, add) EDGEALGOS_COLUMN(1, add) EDGEALGOS_COLUMN(2, add) EDGEALGOS_COLUMN(3, add) \
  EDGEALGOS_COLUMN(4, add) EDGEALGOS_COLUMN(5, add) EDGEALGOS_COLUMN(6, add) EDGEALGOS_COLUMN(7, add)
// Mask bytes come from X, weights from Z (lpm knows no other), the vector from Y. Y may be the frame pointer, which no
// constraint can ask for: it is saved here, and the registers are fixed so that no operand lies in it.
#define EDGEALGOS_BITMAP(if_zero, add) \
  "push r28\n\t" "push r29\n\t" "movw r28, r18\n\t"                                                             \
  "2: movw r0, r30\n\t" "movw r30, r26\n\t" "lpm r20, Z+\n\t" "movw r26, r30\n\t" "movw r30, r0\n\t"            \
  "tst r20\n\t" if_zero EDGEALGOS_COLUMNS(add)                                     \
  "4: adiw r28, 8\n\t" "dec r21\n\t" "breq 5f\n\t" "rjmp 2b\n\t"                                                \
  "5: pop r29\n\t" "pop r28\n\t" "clr r1\n\t"
#define EDGEALGOS_NEAR "breq 4f\n\t"
#define EDGEALGOS_FAR "brne 3f\n\t" "rjmp 4f\n\t" "3:\n\t"
#define EDGEALGOS_BITMAP_ADD16 "muls r18, r19\n\t" "add r24, r0\n\t" "adc r25, r1\n\t"
#define EDGEALGOS_BITMAP_ADD32 "muls r18, r19\n\t" "sbc r18, r18\n\t" \
                               "add r22, r0\n\t" "adc r23, r1\n\t" "adc r24, r18\n\t" "adc r25, r18\n\t"
// clang-format on

// A bitmap row of at most 2040 columns: mask bytes (lowest bit: first column), and apart from them the weights of the
// bits that are set; `values` moves past the row's own. 15 cycles a mask byte, and 3 a zero or 11 a weight unless the
// whole byte is zero.
EDGEALGOS_INLINE int16_t bitmap_row16(const uint8_t *bits, const int8_t *&values, const int8_t *vector,
                                      uint8_t mask_bytes) {
  register const int8_t *x __asm__("r18") = vector;
  register uint8_t count __asm__("r21") = mask_bytes;
  register int16_t sum __asm__("r24") = 0;
  __asm__ __volatile__(EDGEALGOS_BITMAP(EDGEALGOS_NEAR, EDGEALGOS_BITMAP_ADD16)
                       : "+r"(sum), "+r"(count), "+r"(x), "+x"(bits), "+z"(values)
                       :
                       : "r0", "r20", "memory");
  return sum;
}

// The same with an exact sum: 16 cycles a mask byte, 14 a weight.
EDGEALGOS_INLINE int32_t bitmap_row32(const uint8_t *bits, const int8_t *&values, const int8_t *vector,
                                      uint8_t mask_bytes) {
  register const int8_t *x __asm__("r18") = vector;
  register uint8_t count __asm__("r21") = mask_bytes;
  register int32_t sum __asm__("r22") = 0;
  __asm__ __volatile__(EDGEALGOS_BITMAP(EDGEALGOS_FAR, EDGEALGOS_BITMAP_ADD32)
                       : "+r"(sum), "+r"(count), "+r"(x), "+x"(bits), "+z"(values)
                       :
                       : "r0", "r20", "memory");
  return sum;
}

// clang-format off
#define EDGEALGOS_NEXT_INDEXED(far) "lpm %[a], Z+\n\t" "add r26, %[a]\n\t" far "ld %[a], X\n\t" "lpm %[b], Z+\n\t"
#define EDGEALGOS_FAR_COLUMN "adc r27, %[zero]\n\t"
#define EDGEALGOS_EACH_INDEXED(code)                                                                           \
  "sbrs %[count], 0\n\t" "rjmp 1f\n\t" code                                                             \
  "1: sbrs %[count], 1\n\t" "rjmp 2f\n\t" EDGEALGOS_TWICE(code)                                         \
  "2: lsr %[count]\n\t" "lsr %[count]\n\t" "breq 4f\n\t"                                               \
  "3:\n\t" EDGEALGOS_TWICE(EDGEALGOS_TWICE(code))                                                        \
  "dec %[count]\n\t" "brne 3b\n\t"                                                                      \
  "4:\n\t"
// A vector that lies within 256 bytes of one page is stepped through by the lower byte of its address alone.
#define EDGEALGOS_INDEXED(add)                                                                            \
  "clr %[zero]\n\t" "lpm %[count], Z+\n\t" "mov %[a], %[columns]\n\t" "add %[a], r26\n\t" "brcc 5f\n\t"  \
  "rjmp 6f\n\t" "5:\n\t" EDGEALGOS_EACH_INDEXED(EDGEALGOS_NEXT_INDEXED("") add) "rjmp 7f\n\t"                         \
  "6:\n\t" EDGEALGOS_EACH_INDEXED(EDGEALGOS_NEXT_INDEXED(EDGEALGOS_FAR_COLUMN) add) "7: clr r1\n\t"
// clang-format on

// An indexed row: a byte that says how many weights follow, and each of them behind the number of columns to go on
// (the first: from column 0). 13.8 cycles a weight, or 14.8 where the vector crosses a page; nothing a zero.
EDGEALGOS_KERNEL SparseSum16 dot_indexed16(const int8_t *row, const int8_t *vector, uint8_t columns) {
  int16_t sum = 0;
  uint8_t a, b, count, zero;
  __asm__ __volatile__(EDGEALGOS_INDEXED(EDGEALGOS_ADD16)
                       : [sum] "+&r"(sum), [count] "=&r"(count), [a] "=&d"(a), [b] "=&d"(b), [zero] "=&r"(zero),
                         "+&x"(vector), "+&z"(row)
                       : [columns] "r"(columns)
                       : "r0", "memory");
  const SparseSum16 result = {row, sum};
  return result;
}

// The same with an exact sum (255 products cannot leave 24 bits): two cycles more a weight.
EDGEALGOS_KERNEL SparseSum32 dot_indexed32(const int8_t *row, const int8_t *vector, uint8_t columns) {
  int32_t sum = 0;
  uint8_t a, b, count, zero;
  __asm__ __volatile__(EDGEALGOS_INDEXED(EDGEALGOS_ADD24)
                       "mov %D[sum], %C[sum]\n\t" "lsl %D[sum]\n\t" "sbc %D[sum], %D[sum]\n\t"
                       : [sum] "+&r"(sum), [count] "=&r"(count), [a] "=&d"(a), [b] "=&d"(b), [zero] "=&r"(zero),
                         "+&x"(vector), "+&z"(row)
                       : [columns] "r"(columns)
                       : "r0", "memory");
  const SparseSum32 result = {row, sum};
  return result;
}

// clang-format off
#define EDGEALGOS_SQUARE "ld %[a], X+\n\t" "lpm %[b], Z+\n\t" "sub %[a], %[b]\n\t" "muls %[a], %[a]\n\t" \
                         "add %A[sum], r0\n\t" "adc %B[sum], r1\n\t" "brcs 8f\n\t"
// clang-format on

// |z - b|^2 of vectors of 7 bits (a difference fits in a byte), 65535 if it is more. Once the high byte of the sum is
// above `far` the rest may be left out: the caller takes all such sums for "far". 12.3 cycles an element.
EDGEALGOS_KERNEL uint16_t squared_distance7(const int8_t *prototype, const int8_t *z, uint8_t width, uint8_t far) {
  uint16_t sum = 0;
  uint8_t a, b;
  __asm__ __volatile__("sbrs %[count], 0\n\t" "rjmp 1f\n\t" EDGEALGOS_SQUARE
                       "1: sbrs %[count], 1\n\t" "rjmp 2f\n\t" EDGEALGOS_TWICE(EDGEALGOS_SQUARE)
                       "2: lsr %[count]\n\t" "lsr %[count]\n\t" "breq 9f\n\t"
                       "3: cp %[far], %B[sum]\n\t" "brcs 9f\n\t"
                       EDGEALGOS_TWICE(EDGEALGOS_TWICE(EDGEALGOS_SQUARE))
                       "dec %[count]\n\t" "brne 3b\n\t" "rjmp 9f\n\t"
                       "8: ldi %A[sum], 0xff\n\t" "ldi %B[sum], 0xff\n\t"
                       "9: clr r1\n\t"
                       // early clobbers: `far` may have the value of `width`, and must not share its register
                       : [sum] "+&d"(sum), [count] "+&r"(width), [a] "=&d"(a), [b] "=&d"(b), "+&x"(z),
                         "+&z"(prototype)
                       : [far] "r"(far)
                       : "r0", "memory");
  return sum;
}

// scores[c] += weights[c] * factor. 38 cycles a score.
EDGEALGOS_KERNEL void add_scaled(const int8_t *weights, uint16_t factor, int32_t *scores, uint8_t count) {
  uint8_t weight, top, t;
  uint16_t middle;
  __asm__ __volatile__("tst %[count]\n\t" "breq 2f\n\t"
                       "1: lpm %[weight], Z+\n\t"
                       "mulsu %[weight], %B[factor]\n\t" "movw %[middle], r0\n\t"
                       "mulsu %[weight], %A[factor]\n\t" "sbc %[top], %[top]\n\t"
                       "add %A[middle], r1\n\t" "adc %B[middle], %[top]\n\t"
                       "mov %[top], %B[middle]\n\t" "lsl %[top]\n\t" "sbc %[top], %[top]\n\t"
                       "ld %[t], Y\n\t" "add %[t], r0\n\t" "st Y+, %[t]\n\t"
                       "ld %[t], Y\n\t" "adc %[t], %A[middle]\n\t" "st Y+, %[t]\n\t"
                       "ld %[t], Y\n\t" "adc %[t], %B[middle]\n\t" "st Y+, %[t]\n\t"
                       "ld %[t], Y\n\t" "adc %[t], %[top]\n\t" "st Y+, %[t]\n\t"
                       "dec %[count]\n\t" "brne 1b\n\t"
                       "clr r1\n\t"
                       "2:\n\t"
                       : [weight] "=&a"(weight), [top] "=&r"(top), [middle] "=&r"(middle), [t] "=&r"(t),
                         [count] "+r"(count), "+y"(scores), "+z"(weights)
                       : [factor] "a"(factor)
                       : "r0", "memory");
}

// A word times a byte, exactly. 12 and 11 cycles.
inline int32_t multiply(int16_t a, int8_t b) {
  int32_t product;
  __asm__("muls %B[a], %[b]\n\t" "mov %B[p], r0\n\t" "mov %C[p], r1\n\t"
          "mulsu %[b], %A[a]\n\t" "sbc %D[p], %D[p]\n\t" "mov %A[p], r0\n\t"
          "add %B[p], r1\n\t" "adc %C[p], %D[p]\n\t"
          "mov %D[p], %C[p]\n\t" "lsl %D[p]\n\t" "sbc %D[p], %D[p]\n\t" "clr r1\n\t"
          : [p] "=&r"(product) : [a] "a"(a), [b] "a"(b) : "r0");
  return product;
}

inline int32_t multiply(int16_t a, uint8_t b) {
  int32_t product;
  __asm__("mulsu %B[a], %[b]\n\t" "mov %B[p], r0\n\t" "mov %C[p], r1\n\t" "clr %D[p]\n\t"
          "mul %A[a], %[b]\n\t" "mov %A[p], r0\n\t"
          "add %B[p], r1\n\t" "adc %C[p], %D[p]\n\t"
          "sbrc %C[p], 7\n\t" "com %D[p]\n\t" "clr r1\n\t"
          : [p] "=&r"(product) : [a] "a"(a), [b] "a"(b) : "r0");
  return product;
}

// a + b, saturated. 7 cycles.
EDGEALGOS_INLINE int16_t add_saturated(int16_t a, int16_t b) {
  __asm__("add %A[a], %A[b]\n\t" "adc %B[a], %B[b]\n\t" "brvc 1f\n\t"
          // Overflow has turned the sign: 0x7FFF where the sum looks negative, else 0x8000.
          "lsl %B[a]\n\t" "sbc %A[a], %A[a]\n\t" "mov %B[a], %A[a]\n\t" "subi %B[a], 0x80\n\t"
          "1:\n\t"
          : [a] "+d"(a) : [b] "r"(b));
  return a;
}

// b * 2^Shift for 0 <= Shift <= 8: always fits.
template <int Shift> EDGEALGOS_INLINE int16_t shifted_byte(int8_t b) {
  if (Shift == 8) return static_cast<int16_t>(static_cast<uint16_t>(static_cast<uint8_t>(b)) << 8);
  return static_cast<int16_t>(b * static_cast<uint8_t>(1 << (Shift & 7)));  // a multiplier is faster than a loop
}

// (a * b + 128) / 256, rounded down: always fits. 13 cycles.
EDGEALGOS_INLINE int16_t scale_by_byte(int16_t a, uint8_t b) {
  int16_t scaled;
  __asm__("mulsu %B[a], %[b]\n\t" "movw %A[p], r0\n\t"
          "mul %A[a], %[b]\n\t" "lsl r0\n\t" "clr r0\n\t"
          "adc %A[p], r1\n\t" "adc %B[p], r0\n\t" "clr r1\n\t"
          : [p] "=&r"(scaled) : [a] "a"(a), [b] "a"(b) : "r0");
  return scaled;
}

// (a + 16) / 32 rounded down, saturated to a byte. 17 cycles.
EDGEALGOS_INLINE int8_t hard_tanh_byte(int16_t a) {
  if (a >= 4080) return 127;
  if (a < -4112) return -128;
  uint16_t up = static_cast<uint16_t>(a + 16);
  __asm__("lsl %A[u]\n\t" "rol %B[u]\n\t" "lsl %A[u]\n\t" "rol %B[u]\n\t" "lsl %A[u]\n\t" "rol %B[u]\n\t"
          : [u] "+r"(up));
  return static_cast<int8_t>(up >> 8);
}

#endif

}  // namespace edgealgos

#endif  // EDGEALGOS_AVR_KERNELS_H
