// The kernels of edgealgos: integer arithmetic of Bonsai, ProtoNN and FastGRNN models.
//
// Plain C++11, no heap, no recursion, no floating point. Every function states the integers it computes;
// the Python interpreter computes the same ones. Weights live in flash, vectors in RAM.
#ifndef EDGEALGOS_RUNTIME_H
#define EDGEALGOS_RUNTIME_H

#include <stdint.h>
#if defined(__AVR__)
#include <avr/pgmspace.h>
#define EDGEALGOS_FLASH PROGMEM
#elif defined(__arm__)
#define EDGEALGOS_FLASH __attribute__((aligned(4)))  // tables are read by words
#else
#define EDGEALGOS_FLASH
#endif

#define EDGEALGOS_NOINLINE __attribute__((noinline))
#if defined(__AVR__)  // a call costs, and there are few registers to save
#define EDGEALGOS_OP
#define EDGEALGOS_MAY_BE(known) true  // what the costs of its code were measured with
#else
#define EDGEALGOS_OP EDGEALGOS_NOINLINE
#define EDGEALGOS_MAY_BE(known) (known)
#endif

namespace edgealgos {

// ---- flash ----------------------------------------------------------------------------------------------------

#if defined(__AVR__)
inline uint8_t flash(const uint8_t *p) { return pgm_read_byte(p); }
inline int8_t flash(const int8_t *p) { return static_cast<int8_t>(pgm_read_byte(p)); }
inline uint16_t flash(const uint16_t *p) { return pgm_read_word(p); }
inline int16_t flash(const int16_t *p) { return static_cast<int16_t>(pgm_read_word(p)); }
inline int32_t flash(const int32_t *p) { return static_cast<int32_t>(pgm_read_dword(p)); }
inline float flash(const float *p) { return pgm_read_float(p); }
inline char flash(const char *p) { return static_cast<char>(pgm_read_byte(p)); }
inline const char *flash(const char *const *p) { return static_cast<const char *>(pgm_read_ptr(p)); }
#else
template <class T> inline T flash(const T *p) { return *p; }
#endif

}  // namespace edgealgos

@PRODUCTS@
@STRAIGHT_LINE@
namespace edgealgos {

// Scratch tensors of different types share memory; nothing may be moved from one kernel into the next.
inline void barrier() { __asm__ __volatile__("" ::: "memory"); }

// ---- rounding and saturation ----------------------------------------------------------------------------------

template <int Bits> inline int32_t saturate(int32_t raw) {
  const int32_t high = static_cast<int32_t>((static_cast<uint32_t>(1) << (Bits - 1)) - 1);
  return raw > high ? high : raw < -high - 1 ? -high - 1 : raw;
}
template <int Bits> inline int16_t saturate(int16_t raw) {
  const int16_t high = static_cast<int16_t>((static_cast<uint32_t>(1) << ((Bits < 16 ? Bits : 16) - 1)) - 1);
  return raw > high ? high : raw < -high - 1 ? static_cast<int16_t>(-high - 1) : raw;
}

// Shifts by a constant. avr-gcc loops over the bits at 8 cycles each; these take 2 to 4. Of 24 bits the fourth byte is
// neither read nor made.
#if defined(__AVR__)
template <int Count> struct Shift {
  static int16_t right(int16_t raw) {
    if (Count >= 8) return Shift<(Count >= 8 ? Count - 8 : 0)>::right(static_cast<int16_t>(raw >> 8));
    __asm__("asr %B0\n\t" "ror %A0\n\t" : "+r"(raw));
    return Shift<(Count > 0 ? Count - 1 : 0)>::right(raw);
  }
  static int32_t right(int32_t raw) {
    if (Count >= 8) return Shift<(Count >= 8 ? Count - 8 : 0)>::right(raw >> 8);
    __asm__("asr %D0\n\t" "ror %C0\n\t" "ror %B0\n\t" "ror %A0\n\t" : "+r"(raw));
    return Shift<(Count > 0 ? Count - 1 : 0)>::right(raw);
  }
  static int32_t right24(int32_t raw) {
    __asm__("asr %C0\n\t" "ror %B0\n\t" "ror %A0\n\t" : "+r"(raw));
    return Shift<(Count > 0 ? Count - 1 : 0)>::right24(raw);
  }
  static int16_t left(int16_t raw) {
    __asm__("lsl %A0\n\t" "rol %B0\n\t" : "+r"(raw));
    return Shift<(Count > 0 ? Count - 1 : 0)>::left(raw);
  }
  static int32_t left24(int32_t raw) {
    __asm__("lsl %A0\n\t" "rol %B0\n\t" "rol %C0\n\t" : "+r"(raw));
    return Shift<(Count > 0 ? Count - 1 : 0)>::left24(raw);
  }
};
template <> struct Shift<0> {
  template <class Acc> static Acc right(Acc raw) { return raw; }
  template <class Acc> static Acc left(Acc raw) { return raw; }
  static int32_t right24(int32_t raw) { return raw; }
  static int32_t left24(int32_t raw) { return raw; }
};

// raw >> Count, of which the caller knows that Bits bits hold it: no byte is shifted that does not matter, and to the
// left where a whole byte is nearer on that side.
template <int Count, int Bits> struct Narrowed {
  static const bool kWord = Count + Bits <= 16;  // sums of 16 bits
  static int16_t apply(int16_t raw) {
    if (Bits == 8 && Count >= 5 && Count <= 8)
      return static_cast<int8_t>(static_cast<uint16_t>(Shift<(Count >= 5 && Count <= 8 ? 8 - Count : 0)>::left(raw))
          >> 8);
    return Shift<Count>::right(raw);
  }
  static int16_t apply(int32_t raw) {
    if (kWord) return apply(static_cast<int16_t>(raw));
    if (Count >= 16) return Shift<(Count >= 16 ? Count - 16 : 0)>::right(static_cast<int16_t>(raw >> 16));
    if (Count >= 8) return Narrowed<(Count >= 8 ? Count - 8 : 0), Bits>::apply(raw >> 8);
    if (Count >= 4) return static_cast<int16_t>(Shift<(Count >= 4 && Count < 8 ? 8 - Count : 0)>::left24(raw) >> 8);
    return static_cast<int16_t>(Shift<(Count < 4 ? Count : 0)>::right24(raw));
  }
};
template <int Count> inline int32_t shift_right(int32_t raw) { return Shift<Count>::right(raw); }
template <int Count> inline int16_t shift_left(int16_t raw) { return Shift<Count>::left(raw); }
#else
template <int Count> inline int32_t shift_right(int32_t raw) { return raw >> Count; }
template <int Count> inline int16_t shift_left(int16_t raw) {
  return static_cast<int16_t>(static_cast<uint16_t>(raw) << Count);
}
template <int Count, int Bits> struct Narrowed {
  template <class Acc> static int16_t apply(Acc raw) { return static_cast<int16_t>(raw >> Count); }
};
#endif

// raw * 2^-Count, halves rounded up, saturated (before bits are lost); a negative Count multiplies. The caller has
// proven that half a unit fits on top of `raw`.
template <int Count, int Bits, bool Right = (Count > 0), bool Wide = (Bits > 16)> struct Rescale {
  typedef int16_t Out;
  template <class Acc> static int16_t apply(Acc raw) {
    return clipped(static_cast<Acc>(raw + (static_cast<Acc>(1) << (Count - 1))));
  }
  template <class Acc> static int16_t clipped(Acc sum) {
    if (Count + Bits < static_cast<int>(8 * sizeof(Acc))) {  // else it is never too large
      const Acc limit =
          static_cast<Acc>(static_cast<Acc>(1)
          << (Count + Bits < static_cast<int>(8 * sizeof(Acc)) ? Count + Bits - 1 : 0));
      const int16_t high = static_cast<int16_t>((static_cast<uint16_t>(1) << (Bits - 1)) - 1);
      if (sum >= limit) return high;
      if (sum < -limit) return static_cast<int16_t>(-high - 1);
    }
    return Narrowed<Count, Bits>::apply(sum);
  }
};
template <int Count, int Bits> struct Rescale<Count, Bits, false, false> {
  typedef int16_t Out;
  template <class Acc> static int16_t apply(Acc raw) {
    const int left = -Count < Bits ? -Count : 0;  // else all but 0 saturates
    const int16_t high = static_cast<int16_t>((static_cast<uint16_t>(1) << (Bits - 1)) - 1);
    const int16_t low = static_cast<int16_t>(-high - 1);
    if (raw > static_cast<Acc>(-Count < Bits ? high >> left : 0)) return high;
    if (raw < static_cast<Acc>(-Count < Bits ? low >> left : 0)) return low;
    return shift_left<(-Count < Bits ? -Count : 0)>(static_cast<int16_t>(raw));
  }
};
template <int Count, int Bits> struct Rescale<Count, Bits, true, true> {
  typedef int32_t Out;
  static int32_t apply(int32_t raw) {
    return saturate<Bits>((raw + (static_cast<int32_t>(1) << (Count - 1))) >> Count);
  }
};
template <int Count, int Bits> struct Rescale<Count, Bits, false, true> {
  typedef int32_t Out;
  static int32_t apply(int32_t raw) {
    const int left = -Count < Bits ? -Count : Bits - 1;
    const int32_t high = static_cast<int32_t>((static_cast<uint32_t>(1) << (Bits - 1)) - 1);
    const int32_t low = -high - 1;
    if (raw > (-Count < Bits ? high >> left : 0)) return high;
    if (raw < (-Count < Bits ? low >> left : 0)) return low;
    return static_cast<int32_t>(static_cast<uint32_t>(raw) << left);
  }
};

template <int Count, int Bits, class Acc> inline typename Rescale<Count, Bits>::Out rescale(Acc raw) {
  return Rescale<Count, Bits>::apply(raw);
}

// ---- products -------------------------------------------------------------------------------------------------

// Unsigned twin of an accumulator: sums wrap instead of overflowing when inputs break the documented range.
template <class Acc> struct Wrapping;
template <> struct Wrapping<int16_t> { typedef uint16_t type; };
template <> struct Wrapping<int32_t> { typedef uint32_t type; };

template <class Sum, class W, class V> inline Sum product(W weight, V value) {
  return static_cast<Sum>(static_cast<int32_t>(weight) * value);
}

// One row of a dense matrix times a vector: any widths in C++, bytes by the kernels above.
template <class Acc, class W, class V> struct Dot {
  typedef typename Wrapping<Acc>::type Sum;
  EDGEALGOS_NOINLINE static Acc dense(const W *row, const V *vector, uint16_t columns) {
    Sum sum = 0;
    for (uint16_t j = 0; j < columns; ++j) sum = static_cast<Sum>(sum + product<Sum>(flash(row + j), vector[j]));
    return static_cast<Acc>(sum);
  }
};
template <> struct Dot<int16_t, int8_t, int8_t> {
  template <class N> static int16_t dense(const int8_t *row, const int8_t *vector, N columns) {
    return dot16(row, vector, columns);
  }
};
template <> struct Dot<int32_t, int8_t, int8_t> {
  template <class N> static int32_t dense(const int8_t *row, const int8_t *vector, N columns) {
    return dot32(row, vector, columns);
  }
};

// One row of a bitmap matrix: a bit a column (lowest first), rows padded to bytes; `values` moves past the row's own.
template <class Acc, class W, class V> struct BitmapDot {
  typedef typename Wrapping<Acc>::type Sum;
  EDGEALGOS_NOINLINE static Acc row(const uint8_t *bits, const W **values, const V *vector, uint16_t columns) {
    Sum sum = 0;
    const W *value = *values;
    uint8_t mask = 0;
    for (uint16_t j = 0; j < columns; ++j) {
      if ((j & 7) == 0) mask = flash(bits++);
      if (mask & 1) sum = static_cast<Sum>(sum + product<Sum>(flash(value++), vector[j]));
      mask = static_cast<uint8_t>(mask >> 1);
    }
    *values = value;
    return static_cast<Acc>(sum);
  }
};
template <> struct BitmapDot<int16_t, int8_t, int8_t> {
  template <class N>
  EDGEALGOS_NOINLINE static int16_t row(const uint8_t *bits, const int8_t **values, const int8_t *vector, N columns) {
    return bitmap_row16(bits, *values, vector, static_cast<uint8_t>((columns + 7) >> 3));
  }
};
template <> struct BitmapDot<int32_t, int8_t, int8_t> {
  template <class N>
  EDGEALGOS_NOINLINE static int32_t row(const uint8_t *bits, const int8_t **values, const int8_t *vector, N columns) {
    return bitmap_row32(bits, *values, vector, static_cast<uint8_t>((columns + 7) >> 3));
  }
};

// One row of an indexed matrix, and where the next one begins.
template <class Acc> struct IndexedDot;
template <> struct IndexedDot<int16_t> {
  static SparseSum16 row(const int8_t *row, const int8_t *vector, uint8_t columns) {
    return dot_indexed16(row, vector, columns);
  }
};
template <> struct IndexedDot<int32_t> {
  static SparseSum32 row(const int8_t *row, const int8_t *vector, uint8_t columns) {
    return dot_indexed32(row, vector, columns);
  }
};

// Blocks of four rows.
template <class Acc> struct BlockDot;
template <> struct BlockDot<int16_t> {
  static void rows(const int8_t *weights, const int8_t *vector, uint8_t columns, int16_t *sums, uint8_t blocks) {
    dot_blocks16(weights, vector, columns, sums, blocks);
  }
};
template <> struct BlockDot<int32_t> {
  static void rows(const int8_t *weights, const int8_t *vector, uint8_t columns, int32_t *sums, uint8_t blocks) {
    dot_blocks24(weights, vector, columns, sums, blocks);
  }
};

// The rows of a matrix in the order of storage, whatever the storage: next() takes up to kAtOnce of the `left` rows
// that are left times a vector, and says how many it took. at() finds the first row of a block of equal matrices (the
// nodes of a tree).
template <class W> struct DenseRows {
  enum { kAtOnce = 1 };
  const W *values;
  DenseRows at(uint8_t node, uint8_t rows, uint16_t columns) const {
    const DenseRows there = {values + static_cast<uint16_t>(node) * static_cast<uint16_t>(rows * columns)};
    return there;
  }
  template <class Acc, class V, class N> uint8_t next(const V *vector, N columns, Acc *sums, uint8_t) {
    *sums = Dot<Acc, W, V>::dense(values, vector, columns);
    values += columns;
    return 1;
  }
};

// Four rows side by side, column by column; what is left of them below, row by row.
// Left: whether rows are left over.
template <bool Left> struct BlockRows {
  enum { kAtOnce = 8 };
  const int8_t *values;
  BlockRows at(uint8_t node, uint8_t rows, uint8_t columns) const {
    const BlockRows there = {values + static_cast<uint16_t>(node) * static_cast<uint16_t>(rows * columns)};
    return there;
  }
  template <class Acc> uint8_t next(const int8_t *vector, uint8_t columns, Acc *sums, uint8_t left) {
    if (EDGEALGOS_MAY_BE(Left) && left < 4) {
      *sums = Dot<Acc, int8_t, int8_t>::dense(values, vector, columns);
      values += columns;
      return 1;
    }
    const uint8_t blocks = left < kAtOnce ? 1 : 2;
    BlockDot<Acc>::rows(values, vector, columns, sums, blocks);
    values += static_cast<uint16_t>(blocks * static_cast<uint16_t>(4 * columns));
    return static_cast<uint8_t>(4 * blocks);
  }
};

template <class W> struct BitmapRows {
  enum { kAtOnce = 1 };
  const uint8_t *bits;
  const W *values;
  const uint16_t *starts;  // of each node's values; null for a single matrix
  BitmapRows at(uint8_t node, uint8_t rows, uint16_t columns) const {
    const BitmapRows there = {bits + static_cast<uint16_t>(node) * static_cast<uint16_t>(rows * ((columns + 7) >> 3)),
                              starts ? values + flash(starts + node) : values, starts};
    return there;
  }
  template <class Acc, class V, class N> uint8_t next(const V *vector, N columns, Acc *sums, uint8_t) {
    *sums = BitmapDot<Acc, W, V>::row(bits, &values, vector, columns);
    bits += (columns + 7) >> 3;
    return 1;
  }
};

// Rows of more columns than a kernel takes at once, piece by piece.
template <class W> struct WideBitmapRows {
  enum { kAtOnce = 1 };
  const uint8_t *bits;
  const W *values;
  template <class Acc, class V> uint8_t next(const V *vector, uint16_t columns, Acc *sums, uint8_t) {
    Acc sum = 0;
    while (columns) {
      const uint16_t piece = columns < 2040 ? columns : 2040;
      sum = static_cast<Acc>(sum + BitmapDot<Acc, W, V>::row(bits, &values, vector, piece));
      bits += (piece + 7) >> 3;
      vector += piece;
      columns = static_cast<uint16_t>(columns - piece);
    }
    *sums = sum;
    return 1;
  }
};

// Of each row how many weights it has, then each behind the number of columns to go on.
struct IndexedRows {
  enum { kAtOnce = 1 };
  const int8_t *values;
  const uint16_t *starts;  // of each node's rows; null for a single matrix
  IndexedRows at(uint8_t node, uint8_t, uint8_t) const {
    const IndexedRows there = {starts ? values + flash(starts + node) : values, starts};
    return there;
  }
  template <class Acc, class N> uint8_t next(const int8_t *vector, N columns, Acc *sums, uint8_t) {
    const auto row = IndexedDot<Acc>::row(values, vector, static_cast<uint8_t>(columns));
    values = row.next;
    *sums = row.sum;
    return 1;
  }
};

template <class W> inline DenseRows<W> dense(const W *values) {
  const DenseRows<W> rows = {values};
  return rows;
}
inline IndexedRows indexed(const int8_t *values, const uint16_t *starts = nullptr) {
  const IndexedRows rows = {values, starts};
  return rows;
}
template <bool Left> inline BlockRows<Left> blocks(const int8_t *values) {
  const BlockRows<Left> rows = {values};
  return rows;
}
template <class W> inline WideBitmapRows<W> wide_bitmap(const uint8_t *bits, const W *values) {
  const WideBitmapRows<W> rows = {bits, values};
  return rows;
}
template <class W>
inline BitmapRows<W> bitmap(const uint8_t *bits, const W *values, const uint16_t *starts = nullptr) {
  const BitmapRows<W> rows = {bits, values, starts};
  return rows;
}

}  // namespace edgealgos

@TILES@
@NIBBLES@
@CODEBOOKS@
namespace edgealgos {

// The next `count` rows of one matrix.
template <class Acc, class Rows, class V, class N>
EDGEALGOS_NOINLINE uint8_t next_of_all(Rows &rows, const V *vector, N columns, Acc *sums, uint8_t count) {
  for (uint8_t k = 0; k < count;)
    k = static_cast<uint8_t>(k + rows.next(vector, columns, sums + k, static_cast<uint8_t>(count - k)));
  return count;
}

// acc + bias[i], wrapping; a null bias is zero.
template <class Acc, class B> inline Acc with_bias(Acc acc, const B *bias, uint16_t i) {
  typedef typename Wrapping<Acc>::type U;
  return bias ? static_cast<Acc>(static_cast<U>(acc) + static_cast<U>(flash(bias + i))) : acc;
}

// out = saturate((matrix * vector + bias) / 2^Count)
template <class Acc, int Count, int Bits, class Rows, class B, class V, class Out, class N>
EDGEALGOS_OP void matvec(Rows matrix, const B *bias, const V *vector, Out *out, uint16_t rows, N columns) {
  Acc sums[Rows::kAtOnce];
  for (uint16_t i = 0; i < rows;) {
    const uint8_t count = matrix.next(vector, columns, sums, static_cast<uint8_t>(rows - i > 255 ? 255 : rows - i));
    for (uint8_t k = 0; k < count; ++k, ++i)
      out[i] = static_cast<Out>(rescale<Count, Bits>(with_bias(sums[k], bias, i)));
  }
  barrier();
}

// ---- Bonsai ---------------------------------------------------------------------------------------------------

// Rows of a node that are made before outputs are made of them.
template <class A, class B> struct AtOnce {
  enum { kA = A::kAtOnce, kB = B::kAtOnce };
  enum { kMost = static_cast<int>(kA) > static_cast<int>(kB) ? static_cast<int>(kA) : static_cast<int>(kB) };
  enum { kBoth = static_cast<int>(kMost) > 8 ? static_cast<int>(kMost) : 8 };
};

// scores += w * t, out of line because it needs all registers.
template <int ShiftW, int ShiftV, class Acc>
EDGEALGOS_NOINLINE void add_outputs(const Acc *sums_w, const Acc *sums_v, int32_t *scores, uint8_t count) {
  do {
    const int8_t t = static_cast<int8_t>(rescale<ShiftV, 8>(*sums_v++));
    *scores++ += multiply(rescale<ShiftW, 16>(*sums_w++), t);
  } while (--count);
}

// scores = bias + sum over one path of w * t, w = int16(W_k z), t = Q0.7(V_k z); left child where branches_k z > 0.
template <class Acc, int ShiftW, int ShiftV, int Depth, class RowsW, class RowsV, class W, class V>
EDGEALGOS_OP void tree_walk(RowsW weights, RowsV gates, const W *branches, const int32_t *bias, const V *z,
                            int32_t *scores, uint8_t outputs, uint8_t width) {
  for (uint8_t c = 0; c < outputs; ++c) scores[c] = bias ? flash(bias + c) : 0;
  uint8_t node = 0;
  for (uint8_t level = 0;; ++level) {
    RowsW row_w = weights.at(node, outputs, width);
    RowsV row_v = gates.at(node, outputs, width);
    Acc sums_w[AtOnce<RowsW, RowsV>::kBoth], sums_v[AtOnce<RowsW, RowsV>::kBoth];
    for (uint8_t c = 0; c < outputs;) {
      const uint8_t left = static_cast<uint8_t>(outputs - c);
      const uint8_t count =
          left < AtOnce<RowsW, RowsV>::kBoth ? left : static_cast<uint8_t>(AtOnce<RowsW, RowsV>::kBoth);
      next_of_all(row_w, z, width, sums_w, count);
      next_of_all(row_v, z, width, sums_v, count);
      add_outputs<ShiftW, ShiftV>(sums_w, sums_v, scores + c, count);
      c = static_cast<uint8_t>(c + count);
    }
    if (level == Depth) break;
    const bool left = Dot<Acc, W, V>::dense(branches + static_cast<uint16_t>(node) * width, z, width) > 0;
    node = static_cast<uint8_t>(2 * node + (left ? 1 : 2));
  }
  barrier();
}

// ---- ProtoNN --------------------------------------------------------------------------------------------------

// round(128 * 2^-((i + 1/2) / 64)): the mantissas of 2^-f for f in [0, 1).
static const uint8_t kExp2[64] EDGEALGOS_FLASH = {
@EXP2@};

// A squared distance of Frac fractional bits in steps of 1/64; 1024 and more (a distance of 16) is infinitely far.
template <int Frac> inline uint16_t distance_steps(uint16_t d) {
  if (Frac < 12 && d >= static_cast<uint16_t>(16u << (Frac < 12 ? Frac : 0))) return 1024;
  return static_cast<uint16_t>(Frac > 6 ? d >> (Frac > 6 ? Frac - 6 : 0) : d << (Frac > 6 ? 0 : 6 - Frac));
}

// 2^-(steps / 64) as a mantissa of 7 bits, for a common exponent.
inline int8_t exp2_mantissa(uint16_t steps, uint8_t exponent) {
  if (steps >= 1024) return 0;
  uint8_t shift = static_cast<uint8_t>((static_cast<uint16_t>(steps << 2) >> 8) - exponent);
  if (shift > 7) return 0;
  uint8_t mantissa = flash(kExp2 + (steps & 63));
  if (shift) {  // halves go up: the last bit that is shifted out is added
    if (--shift & 4) mantissa = static_cast<uint8_t>(mantissa >> 4);
    if (shift & 2) mantissa = static_cast<uint8_t>(mantissa >> 2);
    if (shift & 1) mantissa = static_cast<uint8_t>(mantissa >> 1);
    mantissa = static_cast<uint8_t>(static_cast<uint8_t>(mantissa + 1) >> 1);
  }
  return static_cast<int8_t>(mantissa);
}

// sum * 2^(Up - exponent), rounded down; exponents are at most 16.
template <int Up> inline int32_t shifted_sum(int32_t sum, uint8_t exponent) {
  int32_t raw = static_cast<int32_t>(static_cast<uint32_t>(sum) << (Up == 9 ? 8 : Up));
  if (Up == 9 && exponent-- == 0) return static_cast<int32_t>(static_cast<uint32_t>(raw) << 1);
  for (; exponent; --exponent) raw >>= 1;
  return raw;
}

// Prototypes row by row; their distances from z, those whose high byte is above `far` only that far.
struct PrototypeTable {
  const int8_t *values;
  template <class N> void distances(const int8_t *z, uint8_t width, uint8_t far, uint16_t *out, N count) const {
    const int8_t *prototype = values;
    for (; count; --count, prototype += width) *out++ = squared_distance7(prototype, z, width, far);
  }
};
inline PrototypeTable prototypes(const int8_t *values) {
  const PrototypeTable table = {values};
  return table;
}

// What counts so many.
template <bool Many> struct Counter { typedef uint8_t type; };
template <> struct Counter<true> { typedef uint16_t type; };

// scores = bias + sum_j labels_cj * 2^-|z - prototypes_j|^2, the kernels in block floating point.
template <class Acc, int Frac, int Up, int Count, class Prototypes, class Rows>
EDGEALGOS_OP void prototype_score(Prototypes prototypes, Rows labels, const int32_t *bias, const int8_t *z,
                                  int32_t *scores, uint8_t outputs, uint8_t width) {
  typedef typename Counter<(Count > 255)>::type N;
  const uint8_t far = Frac >= 12 ? 255 : Frac <= 4 ? 0 : static_cast<uint8_t>((16 << (Frac < 12 ? Frac : 0)) / 256 - 1);
  uint16_t steps[Count];
  uint16_t nearest = 1024;
  prototypes.distances(z, width, far, steps, static_cast<N>(Count));
  for (N j = 0; j < Count; ++j) {
    steps[j] = distance_steps<Frac>(steps[j]);
    if (steps[j] < nearest) nearest = steps[j];
  }
  const uint8_t exponent = static_cast<uint8_t>(nearest >> 6);
  int8_t *const kernels = reinterpret_cast<int8_t *>(steps);  // overtakes nothing: half as wide
  for (N j = 0; j < Count; ++j) {
    const int8_t kernel = exp2_mantissa(steps[j], exponent);
    barrier();
    kernels[j] = kernel;
  }
  Acc sums[Rows::kAtOnce];
  for (uint8_t c = 0; c < outputs;) {
    const uint8_t count = labels.next(kernels, static_cast<N>(Count), sums, static_cast<uint8_t>(outputs - c));
    for (uint8_t k = 0; k < count; ++k, ++c) {
      const int32_t score = shifted_sum<Up>(sums[k], exponent);
      scores[c] = bias ? score + flash(bias + c) : score;
    }
  }
  barrier();
}

// ---- FastGRNN and FastRNN -------------------------------------------------------------------------------------

// tanh at (i + 1/2) / 32 in Q0.7.
static const int8_t kTanh[128] EDGEALGOS_FLASH = {
@TANH@};

// Non-linearities of a pre-activation with 12 fractional bits.
struct HardTanh {
  static int8_t candidate(int16_t a) { return hard_tanh_byte(a); }
  // clip(((a + 4096) + 16) / 32, 0, 255)
  static uint8_t gate(int16_t a) { return static_cast<uint8_t>(static_cast<uint8_t>(hard_tanh_byte(a)) ^ 0x80); }
};
struct TableTanh {
  static int8_t candidate(int16_t a) {
    const uint16_t magnitude = a < 0 ? static_cast<uint16_t>(0u - static_cast<uint16_t>(a)) : static_cast<uint16_t>(a);
    const uint8_t index = magnitude >= 16384 ? 127 : static_cast<uint8_t>(static_cast<uint16_t>(magnitude << 1) >> 8);
    const int8_t t = flash(kTanh + index);
    return static_cast<int8_t>(a < 0 ? -t : t);
  }
  static uint8_t gate(int16_t a) {
    return static_cast<uint8_t>(static_cast<uint8_t>(candidate(static_cast<int16_t>(a >> 1))) ^ 0x80);
  }
};

// a + bias * 2^Left, saturated.
template <int Left, class B, bool Byte = (sizeof(B) == 1 && Left >= 0 && Left <= 8)> struct Biased {
  static int16_t apply(int16_t a, B bias) {
    return static_cast<int16_t>(saturate<16>(a + static_cast<int32_t>(bias) * (static_cast<int32_t>(1) << Left)));
  }
};
template <int Left, class B> struct Biased<Left, B, true> {
  static int16_t apply(int16_t a, B bias) { return add_saturated(a, shifted_byte<Left>(bias)); }
};

// h = g c + s h with g = zeta (1 - s) + nu; zeta, nu and s have 8 fractional bits, c is Q0.7, h is Q0.15.
template <class Tanh, int ShiftZ, int ShiftH, class B>
EDGEALGOS_OP void gated_update(const int16_t *preactivation, const B *bias_z, const B *bias_h, uint8_t zeta,
                               uint8_t nu, int16_t *h, uint8_t units) {
  do {
    const int16_t a = *preactivation++;
    const uint8_t s = Tanh::gate(Biased<ShiftZ, B>::apply(a, flash(bias_z++)));
    const int8_t c = Tanh::candidate(Biased<ShiftH, B>::apply(a, flash(bias_h++)));
    // zeta (256 - s) + 128 never leaves 16 bits; nu is a whole number of 256ths.
    const uint16_t most = static_cast<uint16_t>(static_cast<uint16_t>(zeta) << 8);
    const uint16_t open = static_cast<uint16_t>(most - static_cast<uint16_t>(zeta * s) + 128u);
    const uint8_t share = static_cast<uint8_t>(open >> 8);
    const uint8_t sum = static_cast<uint8_t>(share + nu);
    const uint8_t g = sum < nu ? 255 : sum;
    *h = add_saturated(static_cast<int16_t>(g * c), scale_by_byte(*h, s));
    ++h;
  } while (--units);
  barrier();
}

// h = alpha c + beta h; alpha, beta and h are Q0.15, c is Q0.7.
template <class Tanh, int ShiftH, class B>
EDGEALGOS_OP void leaky_update(const int16_t *preactivation, const B *bias_h, int16_t alpha, int16_t beta, int16_t *h,
                  uint8_t units) {
  for (uint8_t i = 0; i < units; ++i) {
    const int8_t c = Tanh::candidate(Biased<ShiftH, B>::apply(preactivation[i], flash(bias_h + i)));
    const int32_t fresh = shift_right<7>(multiply(alpha, c) + 64);
    const int32_t kept = shift_right<15>(static_cast<int32_t>(beta) * h[i] + 16384);
    h[i] = static_cast<int16_t>(saturate<16>(fresh + kept));
  }
  barrier();
}

// ---- element-wise ---------------------------------------------------------------------------------------------

// out = max(source, 0); the two may be one.
template <class T> EDGEALGOS_OP void rectify(const T *source, T *out, uint16_t size) {
  for (; size; --size, ++source, ++out) *out = *source < 0 ? 0 : *source;
  barrier();
}

// out = tanh(source) in Q0.7 of pre-activations with 12 fractional bits.
inline void tanh_vector(const int16_t *source, int8_t *out, uint16_t size) {
  for (; size; --size) *out++ = TableTanh::candidate(*source++);
  barrier();
}

// out = 1 / (1 + exp(-source)) with 8 fractional bits of pre-activations with 12.
inline void logistic_vector(const int16_t *source, int16_t *out, uint16_t size) {
  for (; size; --size) *out++ = TableTanh::gate(*source++);
  barrier();
}

template <int Bits> inline int16_t sum_of(int16_t a, int16_t b) {
  return Bits == 16 ? add_saturated(a, b) : saturate<Bits>(static_cast<int16_t>(a + b));
}
template <int Bits, class T> EDGEALGOS_OP void add(const T *a, const T *b, T *out, uint16_t size) {
  for (; size; --size) *out++ = static_cast<T>(sum_of<Bits>(*a++, *b++));
  barrier();
}

// A word (or scores) in another type; it stays a word where saturating the sum with the half changes nothing.
template <int Count, int Bits, bool Word = (Count > 0 && Count + Bits <= 16)> struct RescaleWord {
  static int16_t apply(int16_t raw) { return static_cast<int16_t>(rescale<Count, Bits>(static_cast<int32_t>(raw))); }
  static int32_t apply(int32_t raw) { return rescale<Count, Bits>(raw); }
};
template <int Count, int Bits> struct RescaleWord<Count, Bits, true> {
  static int16_t apply(int16_t raw) {
    const int16_t half = static_cast<int16_t>(1 << (Count - 1));
    const int16_t sum = add_saturated(raw, half);
    if (Count + Bits == 16) return Narrowed<Count, Bits>::apply(sum);
    return Rescale<Count, Bits>::clipped(sum);
  }
};

template <int Count, int Bits, class In, class Out>
EDGEALGOS_OP void rescale_vector(const In *in, Out *out, uint16_t size) {
  for (; size; --size) *out++ = static_cast<Out>(RescaleWord<Count, Bits>::apply(*in++));
  barrier();
}

// sums += x[0] * the next column of a matrix that is stored column by column; `position` is what lies before that
// column: [0] columns, [1] values. Behind the last column nothing happens. Null masks: every value is stored.
template <class W, class V, class Acc>
EDGEALGOS_OP void push_column(const uint8_t *masks, const W *values, const V *x, Acc *sums, int16_t *position,
                              uint8_t rows, uint16_t columns) {
  typedef typename Wrapping<Acc>::type Sum;
  const uint16_t column = static_cast<uint16_t>(position[0]);
  if (column >= columns) return;
  const uint8_t *bits = masks ? masks + static_cast<uint16_t>(column * ((rows + 7u) / 8u)) : masks;
  const W *value = values + static_cast<uint16_t>(position[1]);
  uint8_t mask = 0;
  for (uint8_t i = 0; i < rows; ++i) {
    if ((i & 7) == 0) mask = bits ? flash(bits++) : 0xFF;
    if (mask & 1)
      sums[i] =
          static_cast<Acc>(static_cast<Sum>(sums[i]) + static_cast<Sum>(static_cast<int32_t>(flash(value++)) * *x));
    mask = static_cast<uint8_t>(mask >> 1);
  }
  position[0] = static_cast<int16_t>(column + 1);
  position[1] = static_cast<int16_t>(value - values);
  barrier();
}

// out = saturate((sums + bias) / 2^Count)
template <int Count, int Bits, class Acc, class B, class Out>
void requantize(const Acc *sums, const B *bias, Out *out, uint8_t size) {
  for (uint8_t i = 0; i < size; ++i) out[i] = static_cast<Out>(rescale<Count, Bits>(with_bias(sums[i], bias, i)));
  barrier();
}

// Features into inputs of a model: out = clip((source * multiplier + addend) >> shift)
template <int Low, int High, class Out, class Size>
EDGEALGOS_OP void standardize(const int16_t *source, const int16_t *multiplier, const int32_t *addend,
                              const int8_t *shift, Out *out, Size size) {
  for (Size i = 0; i < size; ++i) {
    const int32_t raw =
        (static_cast<int32_t>(source[i]) * flash(multiplier + i) + flash(addend + i)) >> flash(shift + i);
    out[i] = static_cast<Out>(raw < Low ? Low : raw > High ? High : raw);
  }
  barrier();
}

}  // namespace edgealgos

@SPECTRUM@
namespace edgealgos {
template <class T> inline void clear(T *p, uint16_t size) {
  for (uint16_t i = 0; i < size; ++i) p[i] = 0;
}

// How far the best score is above the second best, of a single score its magnitude: any difference of two fits.
EDGEALGOS_NOINLINE inline uint32_t margin(const int32_t *scores, uint8_t count) {
  const uint32_t first = static_cast<uint32_t>(scores[0]);
  if (count == 1) return scores[0] < 0 ? 0 - first : first;
  int32_t best = scores[0], second = scores[1];
  if (second > best) best = second, second = scores[0];
  for (uint8_t c = 2; c < count; ++c) {
    if (scores[c] > best) second = best, best = scores[c];
    else if (scores[c] > second) second = scores[c];
  }
  return static_cast<uint32_t>(best) - static_cast<uint32_t>(second);
}

// Keeps the scores of the larger margin: at the end of a window, or above the threshold; once there, `kept` stays.
EDGEALGOS_NOINLINE inline void keep_confident(const int32_t *scores, int32_t *kept, uint8_t count, bool window_ends,
                                              uint32_t threshold) {
  const uint32_t before = margin(kept, count), now = margin(scores, count);
  if (before > threshold || now <= before || (now <= threshold && !window_ends)) return;
  for (uint8_t c = 0; c < count; ++c) kept[c] = scores[c];
}

// Counts steps: 1, 2, ..., 2 period, and on from period + 1 again.
inline void count_step(int16_t *count, int16_t period) {
  *count = static_cast<int16_t>((*count == 2 * period ? period : *count) + 1);
}

// Clears a state where a window starts: every `period` steps from the step `first` on; false before that.
template <class T> bool start_window(const int16_t *count, int16_t first, int16_t period, T *state, uint8_t size) {
  if (*count <= first) return false;
  if (*count == first + period + 1) clear(state, size);
  return true;
}

// Whether the window under way ends with this step.
inline bool window_ends(const int16_t *count, int16_t first, int16_t period) {
  return *count == first + period || *count == first + 2 * period;
}

// The first largest score; of a single score: 1 where it is positive.
EDGEALGOS_NOINLINE inline uint8_t argmax(const int32_t *scores, uint8_t count) {
  if (count == 1) return scores[0] > 0 ? 1 : 0;
  uint8_t best = 0;
  int32_t top = *scores;
  for (uint8_t c = 1; c < count; ++c) {
    const int32_t score = *++scores;
    if (score > top) top = score, best = c;
  }
  return best;
}

// A product that is rounded before anything is added to it: a processor that multiplies and adds in one would round
// once.
inline float rounded(float product) {
#if !defined(__AVR__)  // there, both are functions
  __asm__("" : "+m"(product));
#endif
  return product;
}

// raw * 2^-Frac as a real number.
template <int Frac> inline float to_float(int32_t raw) {
  float real = static_cast<float>(raw);
  for (int i = 0; i < Frac; ++i) real *= 0.5f;
  for (int i = 0; i > Frac; --i) real *= 2.0f;
  return real;
}

}  // namespace edgealgos

@MOTION@
@FOREST@
@INSTANCES@
@QUADRATIC@
@CONV@
@PROBABILITY@
@DECIMALS@
#endif  // EDGEALGOS_RUNTIME_H
