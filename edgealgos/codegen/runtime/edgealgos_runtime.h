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
#else
#define EDGEALGOS_FLASH
#endif

#define EDGEALGOS_NOINLINE __attribute__((noinline))

@KERNELS@
namespace edgealgos {

// ---- flash ----------------------------------------------------------------------------------------------------

#if defined(__AVR__)
inline uint8_t flash(const uint8_t *p) { return pgm_read_byte(p); }
inline int8_t flash(const int8_t *p) { return static_cast<int8_t>(pgm_read_byte(p)); }
inline uint16_t flash(const uint16_t *p) { return pgm_read_word(p); }
inline int16_t flash(const int16_t *p) { return static_cast<int16_t>(pgm_read_word(p)); }
inline int32_t flash(const int32_t *p) { return static_cast<int32_t>(pgm_read_dword(p)); }
inline float flash(const float *p) { return pgm_read_float(p); }
inline const char *flash(const char *const *p) { return static_cast<const char *>(pgm_read_ptr(p)); }
#else
template <class T> inline T flash(const T *p) { return *p; }
#endif

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

// raw >> Count. avr-gcc loops over the bits at 8 cycles each; these are whole bytes first, then 4 cycles a bit.
#if defined(__AVR__)
template <int Count> struct ShiftRight {
  static int32_t apply(int32_t raw) {
    if (Count >= 8) return ShiftRight<(Count >= 8 ? Count - 8 : 0)>::apply(raw >> 8);
    __asm__("asr %D0\n\t" "ror %C0\n\t" "ror %B0\n\t" "ror %A0\n\t" : "+r"(raw));
    return ShiftRight<(Count > 0 ? Count - 1 : 0)>::apply(raw);
  }
  static int16_t apply(int16_t raw) {
    if (Count >= 8) return ShiftRight<(Count >= 8 ? Count - 8 : 0)>::apply(static_cast<int16_t>(raw >> 8));
    __asm__("asr %B0\n\t" "ror %A0\n\t" : "+r"(raw));
    return ShiftRight<(Count > 0 ? Count - 1 : 0)>::apply(raw);
  }
};
template <> struct ShiftRight<0> {
  template <class Acc> static Acc apply(Acc raw) { return raw; }
};
#else
template <int Count> struct ShiftRight {
  template <class Acc> static Acc apply(Acc raw) { return static_cast<Acc>(raw >> Count); }
};
#endif

// raw * 2^-Shift, halves rounded up, saturated; a negative Shift multiplies, and saturates before bits are lost.
template <int Shift, int Bits, bool Right = (Shift > 0)> struct Rescale {
  template <class Acc> static Acc apply(Acc raw) {
    return saturate<Bits>(ShiftRight<Shift>::apply(static_cast<Acc>(raw + (static_cast<Acc>(1) << (Shift - 1)))));
  }
};
template <int Shift, int Bits> struct Rescale<Shift, Bits, false> {
  template <class Acc> static int32_t apply(Acc raw) {
    const int left = -Shift > 31 ? 31 : -Shift;
    const int32_t high = static_cast<int32_t>((static_cast<uint32_t>(1) << (Bits - 1)) - 1);
    if (raw > (high >> left)) return high;
    if (raw < ((-high - 1) >> left)) return -high - 1;
    return static_cast<int32_t>(static_cast<uint32_t>(static_cast<int32_t>(raw)) << left);
  }
};

template <int Shift, int Bits, class Acc> inline int32_t rescale(Acc raw) {
  return Rescale<Shift, Bits>::apply(raw);
}

// ---- products -------------------------------------------------------------------------------------------------

// Unsigned twin of an accumulator: sums wrap instead of overflowing when inputs break the documented range.
template <class Acc> struct Wrapping;
template <> struct Wrapping<int16_t> { typedef uint16_t type; };
template <> struct Wrapping<int32_t> { typedef uint32_t type; };

// One row of a dense matrix times a vector: any widths in C++, bytes by the kernels above.
template <class Acc, class W, class V> struct Dot {
  typedef typename Wrapping<Acc>::type Sum;
  EDGEALGOS_NOINLINE static Acc dense(const W *row, const V *vector, uint16_t columns) {
    Sum sum = 0;
    for (uint16_t j = 0; j < columns; ++j) sum = static_cast<Sum>(sum + product(flash(row + j), vector[j]));
    return static_cast<Acc>(sum);
  }
  // One row of a bitmap matrix: a bit a column (lowest first), rows padded to bytes; `values` moves past the row's own.
  EDGEALGOS_NOINLINE static Acc bitmap(const uint8_t *bits, const W **values, const V *vector, uint16_t columns) {
    Sum sum = 0;
    const W *value = *values;
    uint8_t mask = 0;
    for (uint16_t j = 0; j < columns; ++j) {
      if ((j & 7) == 0) mask = flash(bits++);
      if (mask & 1) sum = static_cast<Sum>(sum + product(flash(value++), vector[j]));
      mask = static_cast<uint8_t>(mask >> 1);
    }
    *values = value;
    return static_cast<Acc>(sum);
  }
  static Sum product(W weight, V value) { return static_cast<Sum>(static_cast<int32_t>(weight) * value); }
};

template <> struct Dot<int16_t, int8_t, int8_t> {
  template <class N> static int16_t dense(const int8_t *row, const int8_t *vector, N columns) {
    return dot16(row, vector, columns);
  }
  static int16_t bitmap(const uint8_t *bits, const int8_t **values, const int8_t *vector, uint16_t columns) {
    const SparseSum16 row = dot_bitmap16(bits, *values, vector, columns);
    *values = row.next;
    return row.sum;
  }
};

template <> struct Dot<int32_t, int8_t, int8_t> {
  template <class N> static int32_t dense(const int8_t *row, const int8_t *vector, N columns) {
    return dot32(row, vector, columns);
  }
  static int32_t bitmap(const uint8_t *bits, const int8_t **values, const int8_t *vector, uint16_t columns) {
    const SparseSum32 row = dot_bitmap32(bits, *values, vector, columns);
    *values = row.next;
    return row.sum;
  }
};

// The rows of a matrix in the order of storage, whatever the storage: next() is one row times a vector.
// at() finds the first row of a block of equal matrices (the nodes of a tree).
template <class W> struct DenseRows {
  const W *values;
  DenseRows at(uint8_t block, uint8_t rows, uint16_t columns) const {
    const DenseRows there = {values + static_cast<uint16_t>(block) * rows * columns};
    return there;
  }
  template <class Acc, class V, class N> Acc next(const V *vector, N columns) {
    const Acc acc = Dot<Acc, W, V>::dense(values, vector, columns);
    values += columns;
    return acc;
  }
};

template <class W> struct BitmapRows {
  const uint8_t *bits;
  const W *values;
  const uint16_t *starts;  // of each block's values; null for a single matrix
  BitmapRows at(uint8_t block, uint8_t rows, uint16_t columns) const {
    const BitmapRows there = {bits + static_cast<uint16_t>(block) * rows * ((columns + 7) / 8),
                              starts ? values + flash(starts + block) : values, starts};
    return there;
  }
  template <class Acc, class V, class N> Acc next(const V *vector, N columns) {
    const Acc acc = Dot<Acc, W, V>::bitmap(bits, &values, vector, columns);
    bits += (columns + 7) / 8;
    return acc;
  }
};

template <class W> inline DenseRows<W> dense(const W *values) {
  const DenseRows<W> rows = {values};
  return rows;
}
template <class W>
inline BitmapRows<W> bitmap(const uint8_t *bits, const W *values, const uint16_t *starts = nullptr) {
  const BitmapRows<W> rows = {bits, values, starts};
  return rows;
}

}  // namespace edgealgos

@NIBBLES@
@CODEBOOKS@
namespace edgealgos {

// acc + bias[i], wrapping; a null bias is zero.
template <class Acc, class B> inline Acc with_bias(Acc acc, const B *bias, uint16_t i) {
  typedef typename Wrapping<Acc>::type U;
  return bias ? static_cast<Acc>(static_cast<U>(acc) + static_cast<U>(flash(bias + i))) : acc;
}

// out = saturate((matrix * vector + bias) / 2^Shift)
template <class Acc, int Shift, int Bits, class Rows, class V, class Out, class N>
void matvec(Rows matrix, const Acc *bias, const V *vector, Out *out, uint16_t rows, N columns) {
  for (uint16_t i = 0; i < rows; ++i) {
    const Acc acc = with_bias(matrix.template next<Acc>(vector, columns), bias, i);
    out[i] = static_cast<Out>(rescale<Shift, Bits>(acc));
  }
  barrier();
}

// ---- Bonsai ---------------------------------------------------------------------------------------------------

// scores = bias + sum over one path of w * t, w = int16(W_k z), t = Q0.7(V_k z); left child where branches_k z > 0.
template <class Acc, int ShiftW, int ShiftV, int Depth, class RowsW, class RowsV, class W, class V>
void tree_walk(RowsW weights, RowsV gates, const W *branches, const int32_t *bias, const V *z, int32_t *scores,
               uint8_t outputs, uint8_t width) {
  for (uint8_t c = 0; c < outputs; ++c) scores[c] = bias ? flash(bias + c) : 0;
  uint8_t node = 0;
  for (uint8_t level = 0;; ++level) {
    RowsW row_w = weights.at(node, outputs, width);
    RowsV row_v = gates.at(node, outputs, width);
    for (uint8_t c = 0; c < outputs; ++c) {
      const int8_t t = static_cast<int8_t>(rescale<ShiftV, 8>(row_v.template next<Acc>(z, width)));
      const int16_t w = static_cast<int16_t>(rescale<ShiftW, 16>(row_w.template next<Acc>(z, width)));
      scores[c] += multiply(w, t);
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
  return Frac > 6 ? d >> (Frac > 6 ? Frac - 6 : 0) : d << (Frac > 6 ? 0 : 6 - Frac);
}

// 2^-(steps / 64) as a mantissa of 7 bits, for a common exponent.
inline int8_t exp2_mantissa(uint16_t steps, uint8_t exponent) {
  if (steps >= 1024) return 0;
  const uint8_t shift = static_cast<uint8_t>((static_cast<uint16_t>(steps << 2) >> 8) - exponent);
  if (shift > 7) return 0;
  const uint8_t half = static_cast<uint8_t>((1u << shift) >> 1);
  return static_cast<int8_t>(static_cast<uint8_t>(flash(kExp2 + (steps & 63)) + half) >> shift);
}

// scores = bias + sum_j labels_cj * 2^-|z - prototypes_j|^2, the kernels in block floating point.
template <class Acc, int Frac, int Count, class Rows>
void prototype_score(const int8_t *prototypes, Rows labels, const int32_t *bias, const int8_t *z, int32_t *scores,
                     uint8_t outputs, uint8_t width) {
  const uint8_t far = Frac >= 12 ? 255 : Frac <= 4 ? 0 : static_cast<uint8_t>((16 << (Frac < 12 ? Frac : 0)) / 256 - 1);
  uint16_t steps[Count];
  uint16_t nearest = 1024;
  for (uint8_t j = 0; j < Count; ++j, prototypes += width) {
    steps[j] = distance_steps<Frac>(squared_distance7(prototypes, z, width, far));
    if (steps[j] < nearest) nearest = steps[j];
  }
  const uint8_t exponent = static_cast<uint8_t>(nearest >> 6);
  int8_t *const kernels = reinterpret_cast<int8_t *>(steps);  // overtakes nothing: half as wide
  for (uint8_t j = 0; j < Count; ++j) {
    const int8_t kernel = exp2_mantissa(steps[j], exponent);
    barrier();
    kernels[j] = kernel;
  }
  for (uint8_t c = 0; c < outputs; ++c) {
    const int32_t sum = labels.template next<Acc>(kernels, static_cast<uint8_t>(Count));
    const int32_t score = static_cast<int32_t>(static_cast<uint32_t>(sum) << 9) >> exponent;
    scores[c] = bias ? score + flash(bias + c) : score;
  }
  barrier();
}

// ---- FastGRNN and FastRNN -------------------------------------------------------------------------------------

// tanh at (i + 1/2) / 32 in Q0.7.
static const int8_t kTanh[128] EDGEALGOS_FLASH = {
@TANH@};

// Non-linearities of a pre-activation with 12 fractional bits.
struct HardTanh {
  static int8_t candidate(int16_t a) { return static_cast<int8_t>(rescale<5, 8>(static_cast<int32_t>(a))); }
  static uint8_t gate(int16_t a) {
    const int32_t g = (static_cast<int32_t>(a) + 4096 + 16) >> 5;
    return static_cast<uint8_t>(g < 0 ? 0 : g > 255 ? 255 : g);
  }
};
struct TableTanh {
  static int8_t candidate(int16_t a) {
    const uint16_t magnitude = static_cast<uint16_t>(a < 0 ? -static_cast<int32_t>(a) : a) >> 7;
    const int8_t t = flash(kTanh + (magnitude > 127 ? 127 : magnitude));
    return static_cast<int8_t>(a < 0 ? -t : t);
  }
  static uint8_t gate(int16_t a) { return static_cast<uint8_t>(128 + candidate(static_cast<int16_t>(a >> 1))); }
};

// a + bias * 2^Shift, saturated.
template <int Shift, class B> inline int16_t biased(int16_t a, const B *bias, uint8_t i) {
  return static_cast<int16_t>(saturate<16>(a + static_cast<int32_t>(flash(bias + i)) * (static_cast<int32_t>(1) << Shift)));
}

// h = g c + s h with g = zeta (1 - s) + nu; zeta, nu and s have 8 fractional bits, c is Q0.7, h is Q0.15.
template <class Tanh, int ShiftZ, int ShiftH, class B>
void gated_update(const int16_t *preactivation, const B *bias_z, const B *bias_h, uint8_t zeta, uint8_t nu, int16_t *h,
                  uint8_t units) {
  for (uint8_t i = 0; i < units; ++i) {
    const uint8_t s = Tanh::gate(biased<ShiftZ>(preactivation[i], bias_z, i));
    const int8_t c = Tanh::candidate(biased<ShiftH>(preactivation[i], bias_h, i));
    const uint32_t mix = (static_cast<uint32_t>(zeta) * (256u - s) + (static_cast<uint32_t>(nu) << 8) + 128u) >> 8;
    const uint8_t g = static_cast<uint8_t>(mix > 255u ? 255u : mix);
    const int32_t kept = (multiply(h[i], s) + 128) >> 8;
    h[i] = static_cast<int16_t>(saturate<16>(static_cast<int32_t>(static_cast<int16_t>(g * c)) + kept));
  }
  barrier();
}

// h = alpha c + beta h; alpha, beta and h are Q0.15, c is Q0.7.
template <class Tanh, int ShiftH, class B>
void leaky_update(const int16_t *preactivation, const B *bias_h, int16_t alpha, int16_t beta, int16_t *h, uint8_t units) {
  for (uint8_t i = 0; i < units; ++i) {
    const int8_t c = Tanh::candidate(biased<ShiftH>(preactivation[i], bias_h, i));
    const int32_t fresh = (static_cast<int32_t>(alpha) * c + 64) >> 7;
    const int32_t kept = (static_cast<int32_t>(beta) * h[i] + 16384) >> 15;
    h[i] = static_cast<int16_t>(saturate<16>(fresh + kept));
  }
  barrier();
}

// ---- element-wise ---------------------------------------------------------------------------------------------

template <int Bits, class T> void add(const T *a, const T *b, T *out, uint16_t size) {
  for (uint16_t i = 0; i < size; ++i) out[i] = static_cast<T>(saturate<Bits>(static_cast<int32_t>(a[i]) + b[i]));
  barrier();
}

template <int Shift, int Bits, class In, class Out> void rescale_vector(const In *in, Out *out, uint16_t size) {
  for (uint16_t i = 0; i < size; ++i) out[i] = static_cast<Out>(rescale<Shift, Bits>(static_cast<int32_t>(in[i])));
  barrier();
}

// The first largest score; of a single score: 1 where it is positive.
EDGEALGOS_NOINLINE inline uint8_t argmax(const int32_t *scores, uint8_t count) {
  if (count == 1) return scores[0] > 0 ? 1 : 0;
  uint8_t best = 0;
  for (uint8_t c = 1; c < count; ++c)
    if (scores[c] > scores[best]) best = c;
  return best;
}

// raw * 2^-Frac as a real number.
template <int Frac> inline float to_float(int32_t raw) {
  float real = static_cast<float>(raw);
  for (int i = 0; i < Frac; ++i) real *= 0.5f;
  for (int i = 0; i > Frac; --i) real *= 2.0f;
  return real;
}

template <class T> inline void clear(T *p, uint16_t size) {
  for (uint16_t i = 0; i < size; ++i) p[i] = 0;
}

}  // namespace edgealgos

#endif  // EDGEALGOS_RUNTIME_H
