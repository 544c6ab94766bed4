// Kernels of ProtoNN. Read as a part of edgealgos_runtime.h.
#ifndef EDGEALGOS_PROTONN_H
#define EDGEALGOS_PROTONN_H

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

#endif
