// Inner loops of the kernels for an AVR without a multiplier (ATtiny): products of bytes by shifting and adding.
//
// A product is made from its upper end: for each bit of the weight, lowest first, the factor is added to the upper byte
// of the product, which then moves down by a bit; at the sign's bit it is subtracted, and where the factor is negative
// the weight is taken from the upper byte. Every bit takes 4 cycles, whether it is set or not.
#ifndef EDGEALGOS_WITHOUT_MUL_H
#define EDGEALGOS_WITHOUT_MUL_H

#if defined(__AVR__)

// clang-format off
#define EDGEALGOS_BIT(k) "sbrc %[b], " #k "\n\t" "add %B[p], %[a]\n\t" "ror %B[p]\n\t" "ror %A[p]\n\t"
#define EDGEALGOS_UPPER_BITS EDGEALGOS_BIT(4) EDGEALGOS_BIT(5) EDGEALGOS_BIT(6)
#define EDGEALGOS_SIGN_BIT "sbrc %[b], 7\n\t" "sub %B[p], %[a]\n\t" "ror %B[p]\n\t" "ror %A[p]\n\t"
#define EDGEALGOS_NO_PRODUCT "clr %A[p]\n\t" "sub %B[p], %B[p]\n\t"  // and no carry
#define EDGEALGOS_LOWER_BITS EDGEALGOS_BIT(0) EDGEALGOS_BIT(1) EDGEALGOS_BIT(2) EDGEALGOS_BIT(3)
#define EDGEALGOS_NEGATIVE_FACTOR "sbrc %[a], 7\n\t" "sub %B[p], %[b]\n\t"
// p = a * b, signed bytes; 36 cycles.
#define EDGEALGOS_SHIFT_AND_ADD \
  EDGEALGOS_NO_PRODUCT EDGEALGOS_LOWER_BITS EDGEALGOS_UPPER_BITS EDGEALGOS_SIGN_BIT EDGEALGOS_NEGATIVE_FACTOR
#define EDGEALGOS_SUM16 "add %A[sum], %A[p]\n\t" "adc %B[sum], %B[p]\n\t"
#define EDGEALGOS_SUM32 "mov %[a], %B[p]\n\t" "lsl %[a]\n\t" "sbc %[a], %[a]\n\t" EDGEALGOS_SUM16 \
                        "adc %C[sum], %[a]\n\t" "adc %D[sum], %[a]\n\t"
#define EDGEALGOS_EACH_COLUMN(code) "1: ld %[a], X+\n\t" "lpm %[b], Z+\n\t" code "sbiw %[count], 1\n\t" "brne 1b\n\t"
#define EDGEALGOS_EACH_FOURTH(code) "1: ld %[a], X+\n\t" "lpm %[b], Z\n\t" "adiw r30, 4\n\t" code \
                                    "dec %[count]\n\t" "brne 1b\n\t"
// clang-format on

EDGEALGOS_INLINE int16_t byte_product(int8_t b, int8_t a) {
  int16_t p;
  __asm__(EDGEALGOS_SHIFT_AND_ADD : [p] "=&r"(p) : [a] "r"(a), [b] "r"(b));
  return p;
}

// A signed byte times an unsigned one, and two unsigned ones.
EDGEALGOS_INLINE int16_t byte_product(int8_t b, uint8_t a) {
  int16_t p;
  __asm__(EDGEALGOS_NO_PRODUCT EDGEALGOS_LOWER_BITS EDGEALGOS_UPPER_BITS EDGEALGOS_SIGN_BIT
          : [p] "=&r"(p) : [a] "r"(a), [b] "r"(b));
  return p;
}
EDGEALGOS_INLINE uint16_t byte_product(uint8_t b, uint8_t a) {
  uint16_t p;
  __asm__(EDGEALGOS_NO_PRODUCT EDGEALGOS_LOWER_BITS EDGEALGOS_UPPER_BITS EDGEALGOS_BIT(7)
          : [p] "=&r"(p) : [a] "r"(a), [b] "r"(b));
  return p;
}

// A dense row: 47 cycles a column.
EDGEALGOS_KERNEL int16_t dot16(const int8_t *row, const int8_t *vector, uint16_t columns) {
  int16_t sum = 0, p;
  uint8_t a, b;
  __asm__ __volatile__(EDGEALGOS_EACH_COLUMN(EDGEALGOS_SHIFT_AND_ADD EDGEALGOS_SUM16)
                       : [sum] "+&r"(sum), [count] "+&w"(columns), [a] "=&r"(a), [b] "=&r"(b), [p] "=&r"(p),
                         "+&x"(vector), "+&z"(row)
                       :
                       : "memory");
  return sum;
}

// The same with an exact sum: 52 cycles a column.
EDGEALGOS_KERNEL int32_t dot32(const int8_t *row, const int8_t *vector, uint16_t columns) {
  int32_t sum = 0;
  int16_t p;
  uint8_t a, b;
  __asm__ __volatile__(EDGEALGOS_EACH_COLUMN(EDGEALGOS_SHIFT_AND_ADD EDGEALGOS_SUM32)
                       : [sum] "+&r"(sum), [count] "+&w"(columns), [a] "=&r"(a), [b] "=&r"(b), [p] "=&r"(p),
                         "+&x"(vector), "+&z"(row)
                       :
                       : "memory");
  return sum;
}

inline int32_t dot24(const int8_t *row, const int8_t *vector, uint16_t columns) { return dot32(row, vector, columns); }

// A row of four side by side, column by column: 48 cycles a column, 53 with an exact sum.
EDGEALGOS_KERNEL int16_t dot_fourth16(const int8_t *row, const int8_t *vector, uint8_t columns) {
  int16_t sum = 0, p;
  uint8_t a, b;
  __asm__ __volatile__(EDGEALGOS_EACH_FOURTH(EDGEALGOS_SHIFT_AND_ADD EDGEALGOS_SUM16)
                       : [sum] "+&r"(sum), [count] "+&r"(columns), [a] "=&r"(a), [b] "=&r"(b), [p] "=&r"(p),
                         "+&x"(vector), "+&z"(row)
                       :
                       : "memory");
  return sum;
}
EDGEALGOS_KERNEL int32_t dot_fourth32(const int8_t *row, const int8_t *vector, uint8_t columns) {
  int32_t sum = 0;
  int16_t p;
  uint8_t a, b;
  __asm__ __volatile__(EDGEALGOS_EACH_FOURTH(EDGEALGOS_SHIFT_AND_ADD EDGEALGOS_SUM32)
                       : [sum] "+&r"(sum), [count] "+&r"(columns), [a] "=&r"(a), [b] "=&r"(b), [p] "=&r"(p),
                         "+&x"(vector), "+&z"(row)
                       :
                       : "memory");
  return sum;
}
inline void dot_block(const int8_t *weights, const int8_t *vector, uint8_t columns, int16_t *sums) {
  for (uint8_t k = 0; k < 4; ++k) sums[k] = dot_fourth16(weights + k, vector, columns);
}
inline void dot_block(const int8_t *weights, const int8_t *vector, uint8_t columns, int32_t *sums) {
  for (uint8_t k = 0; k < 4; ++k) sums[k] = dot_fourth32(weights + k, vector, columns);
}

// clang-format off
#define EDGEALGOS_NEXT_INDEXED(code)                                                                  \
  "lpm %[left], Z+\n\t" "tst %[left]\n\t" "breq 2f\n\t"                                             \
  "1: lpm %[a], Z+\n\t" "add r26, %[a]\n\t" "adc r27, r1\n\t" "ld %[a], X\n\t" "lpm %[b], Z+\n\t" code \
  "dec %[left]\n\t" "brne 1b\n\t" "2:\n\t"
// clang-format on

// An indexed row: 50 cycles a weight, 55 with an exact sum; nothing a zero.
EDGEALGOS_KERNEL SparseSum16 dot_indexed16(const int8_t *row, const int8_t *vector, uint8_t) {
  int16_t sum = 0, p;
  uint8_t a, b, left;
  __asm__ __volatile__(EDGEALGOS_NEXT_INDEXED(EDGEALGOS_SHIFT_AND_ADD EDGEALGOS_SUM16)
                       : [sum] "+&r"(sum), [left] "=&r"(left), [a] "=&r"(a), [b] "=&r"(b), [p] "=&r"(p),
                         "+&x"(vector),
                         "+&z"(row)
                       :
                       : "memory");
  const SparseSum16 result = {row, sum};
  return result;
}
EDGEALGOS_KERNEL SparseSum32 dot_indexed32(const int8_t *row, const int8_t *vector, uint8_t) {
  int32_t sum = 0;
  int16_t p;
  uint8_t a, b, left;
  __asm__ __volatile__(EDGEALGOS_NEXT_INDEXED(EDGEALGOS_SHIFT_AND_ADD EDGEALGOS_SUM32)
                       : [sum] "+&r"(sum), [left] "=&r"(left), [a] "=&r"(a), [b] "=&r"(b), [p] "=&r"(p),
                         "+&x"(vector),
                         "+&z"(row)
                       :
                       : "memory");
  const SparseSum32 result = {row, sum};
  return result;
}

// clang-format off
// Mask bytes come from one place of flash and weights from another; lpm reads at Z alone.
#define EDGEALGOS_NEXT_MASK "movw %[other], r30\n\t" "movw r30, %[bits]\n\t" "lpm %[mask], Z+\n\t" \
                            "movw %[bits], r30\n\t" "movw r30, %[other]\n\t"
#define EDGEALGOS_EACH_MASKED(code)                                                                              \
  "1:\n\t" EDGEALGOS_NEXT_MASK "tst %[mask]\n\t" "brne 2f\n\t" "adiw r26, 8\n\t" "rjmp 5f\n\t"               \
  "2: ldi %[left], 8\n\t"                                                                                      \
  "3: ld %[a], X+\n\t" "lsr %[mask]\n\t" "brcc 4f\n\t" "lpm %[b], Z+\n\t" code                              \
  "4: dec %[left]\n\t" "brne 3b\n\t"                                                                          \
  "5: dec %[bytes]\n\t" "brne 1b\n\t"
// clang-format on

// A bitmap row: mask bytes (lowest bit: first column), and apart from them the weights of the bits that are set;
// `values` moves past the row's own. 14 cycles a mask byte, and 8 a zero or 48 a weight unless the whole byte is zero.
EDGEALGOS_KERNEL SparseSum16 dot_bitmap16(const uint8_t *bits, const int8_t *values, const int8_t *vector,
                                          uint8_t bytes) {
  int16_t sum = 0, p;
  uint16_t other;
  uint8_t a, b, mask, left;
  __asm__ __volatile__(EDGEALGOS_EACH_MASKED(EDGEALGOS_SHIFT_AND_ADD EDGEALGOS_SUM16)
                       : [sum] "+&r"(sum), [bytes] "+&r"(bytes), [bits] "+&r"(bits), [other] "=&r"(other),
                         [mask] "=&r"(mask), [left] "=&d"(left), [a] "=&r"(a), [b] "=&r"(b), [p] "=&r"(p),
                         "+&x"(vector),
                         "+&z"(values)
                       :
                       : "memory");
  const SparseSum16 result = {values, sum};
  return result;
}
EDGEALGOS_KERNEL SparseSum32 dot_bitmap32(const uint8_t *bits, const int8_t *values, const int8_t *vector,
                                          uint8_t bytes) {
  int32_t sum = 0;
  int16_t p;
  uint16_t other;
  uint8_t a, b, mask, left;
  __asm__ __volatile__(EDGEALGOS_EACH_MASKED(EDGEALGOS_SHIFT_AND_ADD EDGEALGOS_SUM32)
                       : [sum] "+&r"(sum), [bytes] "+&r"(bytes), [bits] "+&r"(bits), [other] "=&r"(other),
                         [mask] "=&r"(mask), [left] "=&d"(left), [a] "=&r"(a), [b] "=&r"(b), [p] "=&r"(p),
                         "+&x"(vector),
                         "+&z"(values)
                       :
                       : "memory");
  const SparseSum32 result = {values, sum};
  return result;
}
inline int16_t bitmap_row16(const uint8_t *bits, const int8_t *&values, const int8_t *vector, uint8_t mask_bytes) {
  const SparseSum16 row = dot_bitmap16(bits, values, vector, mask_bytes);
  values = row.next;
  return row.sum;
}
inline int32_t bitmap_row32(const uint8_t *bits, const int8_t *&values, const int8_t *vector, uint8_t mask_bytes) {
  const SparseSum32 row = dot_bitmap32(bits, values, vector, mask_bytes);
  values = row.next;
  return row.sum;
}

// |z - b|^2 of vectors of 7 bits, 65535 if it is more; once the high byte of the sum is above `far` the rest is left
// out.
EDGEALGOS_KERNEL uint16_t squared_distance7(const int8_t *prototype, const int8_t *z, uint8_t width, uint8_t far) {
  uint16_t sum = 0;
  for (; width && static_cast<uint8_t>(sum >> 8) <= far; --width) {
    const int8_t difference = static_cast<int8_t>(*z++ - flash(prototype++));
    const uint16_t square = static_cast<uint16_t>(byte_product(difference, difference));
    sum = static_cast<uint16_t>(sum + square);
    if (sum < square) return 0xFFFF;
  }
  return sum;
}

// A word times a byte, exactly; out of line, as it is long.
EDGEALGOS_KERNEL int32_t multiply(int16_t a, int8_t b) {
  const int8_t high = static_cast<int8_t>(a >> 8);
  return static_cast<int32_t>(byte_product(high, b)) * 256 + byte_product(b, static_cast<uint8_t>(a));
}
EDGEALGOS_KERNEL int32_t multiply(int16_t a, uint8_t b) {
  const int8_t high = static_cast<int8_t>(a >> 8);
  return static_cast<int32_t>(byte_product(high, b)) * 256 + byte_product(b, static_cast<uint8_t>(a));
}

inline int16_t scale_by_byte(int16_t a, uint8_t b) { return static_cast<int16_t>((multiply(a, b) + 128) >> 8); }

#endif

#endif  // EDGEALGOS_WITHOUT_MUL_H
