// Rows of four-bit weights, two in a byte: AVR assembly with the C++ twin beside each, the same integers from both.
//
// A nibble is multiplied as the upper half of a byte, so that no sign has to be extended: the sum of a row is 16 times
// that of the four-bit numbers, and divided at its end. Without a multiplier it is not.
#ifndef EDGEALGOS_NIBBLES_H
#define EDGEALGOS_NIBBLES_H

#include <stdint.h>

namespace edgealgos {

// 2^kNibbleScale times a row's sum, and where the next row's weights begin.
struct NibbleSum {
  const uint8_t *next;
  int32_t sum;
};

#if defined(__AVR_HAVE_MUL__)

static const int kNibbleScale = 4;
static const uint16_t kNibbleColumns __attribute__((unused)) = 510;

// clang-format off
#define EDGEALGOS_NIBBLE_ADD "muls r18, r19\n\t" "sbc r18, r18\n\t" \
                             "add r22, r0\n\t" "adc r23, r1\n\t" "adc r24, r18\n\t"
// Two columns of a dense row: the lower nibble comes first. 23 cycles.
#define EDGEALGOS_NIBBLE_LOW "lpm r20, Z+\n\t" "mov r19, r20\n\t" "swap r19\n\t" "andi r19, 0xf0\n\t" \
                             "ld r18, X+\n\t" EDGEALGOS_NIBBLE_ADD
#define EDGEALGOS_NIBBLE_HIGH "mov r19, r20\n\t" "andi r19, 0xf0\n\t" "ld r18, X+\n\t" EDGEALGOS_NIBBLE_ADD
#define EDGEALGOS_NIBBLE_PAIR EDGEALGOS_NIBBLE_LOW EDGEALGOS_NIBBLE_HIGH
#define EDGEALGOS_NIBBLE_SIGN "mov r25, r24\n\t" "lsl r25\n\t" "sbc r25, r25\n\t" "clr r1\n\t"
// clang-format on

// A dense row of at most 511 columns (so many products cannot leave 24 bits, nor its pairs a byte); each row begins
// with a byte of its own. 12.3 cycles a column.
EDGEALGOS_KERNEL NibbleSum dot_nibbles(const uint8_t *row, const int8_t *vector, uint16_t columns) {
  register int32_t sum __asm__("r22") = 0;
  uint8_t pairs = static_cast<uint8_t>(columns >> 1);
  const uint8_t odd = columns & 1;
  __asm__ __volatile__("tst %[pairs]\n\t" "breq 2f\n\t"
                       "1:\n\t" EDGEALGOS_NIBBLE_PAIR "dec %[pairs]\n\t" "brne 1b\n\t"
                       "2: tst %[odd]\n\t" "breq 3f\n\t" EDGEALGOS_NIBBLE_LOW
                       "3:\n\t" EDGEALGOS_NIBBLE_SIGN
                       : "+r"(sum), [pairs] "+&l"(pairs), "+x"(vector), "+z"(row)
                       : [odd] "l"(odd)
                       : "r0", "r18", "r19", "r20", "memory");
  const NibbleSum result = {row, sum};
  return result;
}

// clang-format off
#define EDGEALGOS_NIBBLE_ADD32 EDGEALGOS_NIBBLE_ADD "adc r25, r18\n\t"
// The next nibble of a sparse row goes to r19; T says that r16 still holds one. 5 to 6 cycles.
#define EDGEALGOS_NIBBLE_NEXT "brts 6f\n\t" "lpm r16, Z+\n\t" "mov r19, r16\n\t" "swap r19\n\t" "set\n\t" \
                              "rjmp 7f\n\t" "6: mov r19, r16\n\t" "clt\n\t" "7: andi r19, 0xf0\n\t"
#define EDGEALGOS_NIBBLE_COLUMN(k) "sbrs r20, " #k "\n\t" "rjmp 8f\n\t" "ldd r18, Y+" #k "\n\t" \
                                   EDGEALGOS_NIBBLE_NEXT EDGEALGOS_NIBBLE_ADD32 "8:\n\t"
// clang-format on

// A bitmap row of at most 2040 columns: mask bytes (lowest bit: first column), and apart from them the nibbles of the
// bits that are set, each row's beginning with a byte of its own. 16 cycles a mask byte, and 3 a zero or 20 a weight
// unless the whole byte is zero.
EDGEALGOS_KERNEL NibbleSum dot_nibble_bitmap(const uint8_t *bits, const uint8_t *values, const int8_t *vector,
                                             uint16_t columns) {
  register const int8_t *x __asm__("r18") = vector;
  register uint8_t count __asm__("r21") = static_cast<uint8_t>((columns + 7) >> 3);
  register int32_t sum __asm__("r22") = 0;
  __asm__ __volatile__("push r28\n\t" "push r29\n\t" "movw r28, r18\n\t" "clt\n\t"
                       "2: movw r0, r30\n\t" "movw r30, r26\n\t" "lpm r20, Z+\n\t" "movw r26, r30\n\t"
                       "movw r30, r0\n\t"
                       "tst r20\n\t" "brne 3f\n\t" "rjmp 4f\n\t" "3:\n\t"
                       EDGEALGOS_NIBBLE_COLUMN(0) EDGEALGOS_NIBBLE_COLUMN(1) EDGEALGOS_NIBBLE_COLUMN(2)
                       EDGEALGOS_NIBBLE_COLUMN(3) EDGEALGOS_NIBBLE_COLUMN(4) EDGEALGOS_NIBBLE_COLUMN(5)
                       EDGEALGOS_NIBBLE_COLUMN(6) EDGEALGOS_NIBBLE_COLUMN(7)
                       "4: adiw r28, 8\n\t" "dec r21\n\t" "breq 5f\n\t" "rjmp 2b\n\t"
                       "5: pop r29\n\t" "pop r28\n\t" "clr r1\n\t"
                       : "+r"(sum), "+r"(count), "+r"(x), "+x"(bits), "+z"(values)
                       :
                       : "r0", "r16", "r20", "memory");
  const NibbleSum result = {values, sum};
  return result;
}

#elif defined(__AVR__)  // without a multiplier

// For each bit of a nibble there is a sum of 16 bits, to which inputs are added where the bit is set: 4 cycles, or 3
// where it is not. At the end each sum counts twice the one below it, that of the sign's bit negative.
// clang-format off
#define EDGEALGOS_PLANE(bit, k) "sbrs %[nibble], " #bit "\n\t" "rjmp .+4\n\t" \
                                "add %A[s" #k "], %[a]\n\t" "adc %B[s" #k "], %[sign]\n\t"
#define EDGEALGOS_LOWER_PLANES EDGEALGOS_PLANE(0, 0) EDGEALGOS_PLANE(1, 1) EDGEALGOS_PLANE(2, 2) EDGEALGOS_PLANE(3, 3)
#define EDGEALGOS_UPPER_PLANES EDGEALGOS_PLANE(4, 0) EDGEALGOS_PLANE(5, 1) EDGEALGOS_PLANE(6, 2) EDGEALGOS_PLANE(7, 3)
#define EDGEALGOS_SIGN_OF(a) "mov %[sign], " a "\n\t" "lsl %[sign]\n\t" "sbc %[sign], %[sign]\n\t"
#define EDGEALGOS_PLANE_INPUT "ld %[a], X+\n\t" EDGEALGOS_SIGN_OF("%[a]")
#define EDGEALGOS_TWICE_AND(k) EDGEALGOS_SIGN_OF("%B[s" #k "]") "lsl %A[t]\n\t" "rol %B[t]\n\t" "rol %C[t]\n\t" \
                        "add %A[t], %A[s" #k "]\n\t" "adc %B[t], %B[s" #k "]\n\t" "adc %C[t], %[sign]\n\t"
// clang-format on

struct NibblePlanes {
  int16_t s0, s1, s2, s3;

  EDGEALGOS_INLINE int32_t sum() const {
    int32_t t;
    uint8_t sign;
    __asm__(EDGEALGOS_SIGN_OF("%B[s3]") "clr %A[t]\n\t" "clr %B[t]\n\t" "clr %C[t]\n\t"
            "sub %A[t], %A[s3]\n\t" "sbc %B[t], %B[s3]\n\t" "sbc %C[t], %[sign]\n\t"
            EDGEALGOS_TWICE_AND(2) EDGEALGOS_TWICE_AND(1) EDGEALGOS_TWICE_AND(0)
            "mov %D[t], %C[t]\n\t" "lsl %D[t]\n\t" "sbc %D[t], %D[t]\n\t"
            : [t] "=&r"(t), [sign] "=&r"(sign) : [s0] "r"(s0), [s1] "r"(s1), [s2] "r"(s2), [s3] "r"(s3));
    return t;
  }
};

static const int kNibbleScale = 0;
static const uint16_t kNibbleColumns __attribute__((unused)) = 254;  // so many inputs cannot leave 16 bits

// A dense row of at most 255 columns; each row begins with a byte of its own. 22 cycles a column.
EDGEALGOS_KERNEL NibbleSum dot_nibbles(const uint8_t *row, const int8_t *vector, uint16_t columns) {
  NibblePlanes sums = {0, 0, 0, 0};
  uint8_t pairs = static_cast<uint8_t>(columns) >> 1, a, sign, nibble;
  const uint8_t odd = columns & 1;
  __asm__ __volatile__("tst %[pairs]\n\t" "breq 2f\n\t"
                       "1: lpm %[nibble], Z+\n\t" EDGEALGOS_PLANE_INPUT EDGEALGOS_LOWER_PLANES
                       EDGEALGOS_PLANE_INPUT EDGEALGOS_UPPER_PLANES "dec %[pairs]\n\t" "brne 1b\n\t"
                       "2: tst %[odd]\n\t" "breq 3f\n\t"
                       "lpm %[nibble], Z+\n\t" EDGEALGOS_PLANE_INPUT EDGEALGOS_LOWER_PLANES "3:\n\t"
                       : [s0] "+&r"(sums.s0), [s1] "+&r"(sums.s1), [s2] "+&r"(sums.s2), [s3] "+&r"(sums.s3),
                         [pairs] "+&r"(pairs), [a] "=&r"(a), [sign] "=&r"(sign), [nibble] "=&r"(nibble),
                         "+&x"(vector), "+&z"(row)
                       : [odd] "r"(odd)
                       : "memory");
  const NibbleSum result = {row, sums.sum()};
  return result;
}

// A bitmap row: mask bytes (lowest bit: first column), and apart from them the nibbles of the bits that are set, each
// row's beginning with a byte of its own. 14 cycles a mask byte, and 8 a zero or 29 a weight unless the whole byte is
// zero.
EDGEALGOS_KERNEL NibbleSum dot_nibble_bitmap(const uint8_t *bits, const uint8_t *values, const int8_t *vector,
                                             uint16_t columns) {
  int32_t sum = 0;
  uint8_t nibble = 0, upper = 0;  // whether the upper half of `nibble` comes next: all its bits say so
  for (uint8_t bytes = static_cast<uint8_t>((columns + 7) >> 3); bytes;) {
    NibblePlanes sums = {0, 0, 0, 0};
    uint8_t piece = bytes < kNibbleColumns / 8 ? bytes : kNibbleColumns / 8, a, sign, mask, left;
    bytes = static_cast<uint8_t>(bytes - piece);
    uint16_t other;
    __asm__ __volatile__("1: movw %[other], r30\n\t" "movw r30, %[bits]\n\t" "lpm %[mask], Z+\n\t"
                         "movw %[bits], r30\n\t" "movw r30, %[other]\n\t"
                         "tst %[mask]\n\t" "brne 2f\n\t" "adiw r26, 8\n\t" "rjmp 5f\n\t"
                         "2: ldi %[left], 8\n\t"
                         "3: ld %[a], X+\n\t" "lsr %[mask]\n\t" "brcc 4f\n\t" EDGEALGOS_SIGN_OF("%[a]")
                         "swap %[nibble]\n\t" "sbrs %[upper], 0\n\t" "lpm %[nibble], Z+\n\t" "com %[upper]\n\t"
                         EDGEALGOS_LOWER_PLANES
                         "4: dec %[left]\n\t" "brne 3b\n\t"
                         "5: dec %[piece]\n\t" "brne 1b\n\t"
                         : [s0] "+&r"(sums.s0), [s1] "+&r"(sums.s1), [s2] "+&r"(sums.s2), [s3] "+&r"(sums.s3),
                           [piece] "+&r"(piece), [bits] "+&r"(bits), [other] "=&r"(other), [mask] "=&r"(mask),
                           [left] "=&d"(left), [a] "=&r"(a), [sign] "=&r"(sign), [nibble] "+&r"(nibble),
                           [upper] "+&r"(upper), "+&x"(vector), "+&z"(values)
                         :
                         : "memory");
    sum += sums.sum();
  }
  const NibbleSum result = {values, sum};
  return result;
}

#else  // the same integers without such instructions

static const int kNibbleScale = 4;
static const uint16_t kNibbleColumns __attribute__((unused)) = 510;

// A nibble in the upper half of a byte times a byte.
inline int16_t nibble_product(uint8_t b, int8_t a) { return static_cast<int16_t>(static_cast<int8_t>(b) * a); }

EDGEALGOS_KERNEL NibbleSum dot_nibbles(const uint8_t *row, const int8_t *vector, uint16_t columns) {
  int32_t sum = 0;
#if defined(EDGEALGOS_OWN_NIBBLES) && EDGEALGOS_OWN_NIBBLES == 8
  for (; columns >= 8; columns = static_cast<uint16_t>(columns - 8), row += 4, vector += 8)
    sum = add_nibbles(sum, row, vector);
#elif defined(EDGEALGOS_OWN_NIBBLES)
  if (const uint16_t pairs = columns >> 1) {
    sum = add_nibbles(sum, row, vector, pairs);
    row += pairs, vector += 2 * pairs, columns &= 1;
  }
#endif
  for (uint16_t pairs = columns >> 1; pairs; --pairs, vector += 2) {
    const uint8_t pair = flash(row++);
    sum += nibble_product(static_cast<uint8_t>(pair << 4), vector[0]);
    sum += nibble_product(pair & 0xf0, vector[1]);
  }
  if (columns & 1) sum += nibble_product(static_cast<uint8_t>(flash(row++) << 4), *vector);
  const NibbleSum result = {row, sum};
  return result;
}

EDGEALGOS_KERNEL NibbleSum dot_nibble_bitmap(const uint8_t *bits, const uint8_t *values, const int8_t *vector,
                                             uint16_t columns) {
  int32_t sum = 0;
  bool high = false;
  uint8_t mask = 0;
  for (uint16_t j = 0; j < columns; ++j, mask = static_cast<uint8_t>(mask >> 1)) {
    if ((j & 7) == 0) mask = flash(bits++);
    if (!(mask & 1)) continue;
    const uint8_t pair = flash(values);
    sum += nibble_product(static_cast<uint8_t>(high ? pair & 0xf0 : pair << 4), vector[j]);
    if (high) ++values;
    high = !high;
  }
  const NibbleSum result = {values + high, sum};
  return result;
}

#endif

// A dense row of any length.
EDGEALGOS_KERNEL NibbleSum dot_nibbles_wide(const uint8_t *row, const int8_t *vector, uint16_t columns) {
  NibbleSum all = {row, 0};
  for (; columns; vector += kNibbleColumns) {
    const uint16_t piece = columns < kNibbleColumns ? columns : kNibbleColumns;
    const NibbleSum part = dot_nibbles(all.next, vector, piece);
    all.next = part.next;
    all.sum += part.sum;
    columns = static_cast<uint16_t>(columns - piece);
  }
  return all;
}

// Readers of rows, as DenseRows and BitmapRows are.
struct NibbleRows {
  enum { kAtOnce = 1 };
  const uint8_t *values;
  NibbleRows at(uint8_t block, uint8_t rows, uint16_t columns) const {
    const NibbleRows there =
        {values + static_cast<uint16_t>(block) * static_cast<uint16_t>(rows * ((columns + 1) >> 1))};
    return there;
  }
  template <class Acc> uint8_t next(const int8_t *vector, uint8_t columns, Acc *sums, uint8_t) {
    return took(dot_nibbles(values, vector, columns), sums);
  }
  template <class Acc> uint8_t next(const int8_t *vector, uint16_t columns, Acc *sums, uint8_t) {
    return took(dot_nibbles_wide(values, vector, columns), sums);
  }
  template <class Acc> uint8_t took(const NibbleSum &row, Acc *sums) {
    values = row.next;
    *sums = static_cast<Acc>(shift_right<kNibbleScale>(row.sum));
    return 1;
  }
};

struct NibbleBitmapRows {
  enum { kAtOnce = 1 };
  const uint8_t *bits;
  const uint8_t *values;
  const uint16_t *starts;  // of each block's values; null for a single matrix
  NibbleBitmapRows at(uint8_t block, uint8_t rows, uint16_t columns) const {
    const NibbleBitmapRows there =
        {bits + static_cast<uint16_t>(block) * static_cast<uint16_t>(rows * ((columns + 7) >> 3)),
                                    starts ? values + flash(starts + block) : values, starts};
    return there;
  }
  template <class Acc> uint8_t next(const int8_t *vector, uint16_t columns, Acc *sums, uint8_t) {
    const NibbleSum row = dot_nibble_bitmap(bits, values, vector, columns);
    values = row.next;
    bits += (columns + 7) >> 3;
    *sums = static_cast<Acc>(shift_right<kNibbleScale>(row.sum));
    return 1;
  }
};

inline NibbleRows nibbles(const uint8_t *values) {
  const NibbleRows rows = {values};
  return rows;
}
inline NibbleBitmapRows nibble_bitmap(const uint8_t *bits, const uint8_t *values, const uint16_t *starts = nullptr) {
  const NibbleBitmapRows rows = {bits, values, starts};
  return rows;
}

}  // namespace edgealgos

#endif  // EDGEALGOS_NIBBLES_H
