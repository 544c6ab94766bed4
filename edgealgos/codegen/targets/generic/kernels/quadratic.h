// Scores of normal distributions.
#ifndef EDGEALGOS_QUADRATIC_H
#define EDGEALGOS_QUADRATIC_H

#include <stdint.h>

namespace edgealgos {

inline int32_t saturate32(int64_t raw) {
  return raw > INT32_MAX ? INT32_MAX : raw < INT32_MIN ? INT32_MIN : static_cast<int32_t>(raw);
}

// out = bias - the sum of so many squares
template <int Shift>
EDGEALGOS_OP void square_sums(const int32_t *bias, const int16_t *vector, int32_t *out, uint8_t outputs,
                              uint16_t each) {
  for (uint8_t c = 0; c < outputs; ++c) {
    int32_t sum = flash(bias + c);
    for (uint16_t j = 0; j < each; ++j, ++vector) sum -= (static_cast<int32_t>(*vector) * *vector) >> Shift;
    out[c] = sum;
  }
  barrier();
}

// out = bias - sum_j factor_j 2^-shift_j (vector_j - mean_j)^2, of several less the largest of them.
template <int Up, int Down, uint8_t Outputs, class V>
EDGEALGOS_OP void normal_scores(const int16_t *means, const int16_t *factors, const int8_t *shifts, const int32_t *bias,
                                const V *vector, int32_t *out, uint16_t width) {
  int64_t sums[Outputs], best = 0;
  for (uint8_t c = 0; c < Outputs; ++c) {
    int64_t sum = flash(bias + c);
    for (uint16_t j = 0; j < width; ++j, ++means, ++factors, ++shifts) {
      const int32_t distance = static_cast<int32_t>(vector[j]) * (static_cast<int32_t>(1) << Up) - flash(means);
      const uint32_t square = static_cast<uint32_t>(distance) * static_cast<uint32_t>(distance);
      const uint64_t term = static_cast<uint64_t>(square) * static_cast<uint16_t>(flash(factors));
      const int16_t down = static_cast<int16_t>(flash(shifts) + Down);
      sum -= static_cast<int64_t>(down < 0 ? term << -down : down > 63 ? 0 : term >> down);
    }
    sums[c] = sum;
    if (c == 0 || sum > best) best = sum;
  }
  for (uint8_t c = 0; c < Outputs; ++c) out[c] = saturate32(Outputs > 1 ? sums[c] - best : sums[c]);
  barrier();
}

// Products that fit a word: of bytes whole, of words the upper half.
inline int16_t pair_product(int8_t a, int8_t b) { return static_cast<int16_t>(static_cast<int16_t>(a) * b); }
inline int16_t pair_product(int16_t a, int16_t b) {
  return static_cast<int16_t>((static_cast<int32_t>(a) * b) >> 16);
}
inline int16_t beside_products(int8_t a) { return static_cast<int16_t>(a * 128); }
inline int16_t beside_products(int16_t a) { return static_cast<int16_t>(a >> 1); }

// out = the vector, widened, and the products of pairs of its elements
template <class I, class V>
EDGEALGOS_OP void pair_products(const I *first, const I *second, const V *x, int16_t *out, uint16_t width,
                                uint16_t pairs) {
  for (uint16_t i = 0; i < width; ++i) *out++ = beside_products(x[i]);
  for (uint16_t k = 0; k < pairs; ++k) *out++ = pair_product(x[flash(first + k)], x[flash(second + k)]);
  barrier();
}

// The root of a number, rounded down, bit by bit.
inline uint16_t root(uint32_t number) {
  uint32_t rest = number, found = 0;
  for (uint32_t bit = static_cast<uint32_t>(1) << 30; bit; bit >>= 2) {
    const uint32_t tried = found + bit;
    found >>= 1;
    if (rest >= tried) {
      rest -= tried;
      found += bit;
    }
  }
  return static_cast<uint16_t>(found);
}

template <class V> inline uint16_t magnitude(V x) {
  return x < 0 ? static_cast<uint16_t>(-static_cast<int32_t>(x)) : static_cast<uint16_t>(x);
}

// The sum of magnitudes, the sum of squares, the largest magnitude.
template <class V> uint32_t norm_l1(const V *x, uint16_t size) {
  uint32_t sum = 0;
  for (; size; --size) sum += magnitude(*x++);
  return sum;
}
template <class V> struct Squared {
  uint32_t sum;
};
template <class V> Squared<V> norm_l2(const V *x, uint16_t size) {
  Squared<V> found = {0};
  for (; size; --size, ++x) found.sum += static_cast<uint32_t>(static_cast<int32_t>(*x) * *x);
  return found;
}
template <class V> uint32_t norm_max(const V *x, uint16_t size) {
  uint16_t most = 0;
  for (; size; --size, ++x)
    if (magnitude(*x) > most) most = magnitude(*x);
  return most;
}

// out = x / norm with 14 fractional bits, of a norm with so many.
template <class V>
EDGEALGOS_OP void normalize(uint32_t norm, const V *x, int16_t *out, uint16_t size, uint8_t frac = 0) {
  int8_t down = static_cast<int8_t>(17 - frac);
  uint16_t factor = 0;
  if (norm) {
    for (; norm > 0xffff; norm >>= 1) ++down;
    for (; norm < 0x8000; norm <<= 1) --down;
    const uint32_t whole = 0x80000000u / norm;
    factor = whole > 0xffff ? 0xffff : static_cast<uint16_t>(whole);
  }
  if (down < 0) down = 0;
  if (down > 31) down = 31;
  for (; size; --size, ++x) {
    const int32_t product = static_cast<int32_t>(*x) * static_cast<int32_t>(factor);
    *out++ = static_cast<int16_t>(saturate<16>(product >> down));
  }
  barrier();
}
template <class V> EDGEALGOS_OP void normalize(Squared<V> squares, const V *x, int16_t *out, uint16_t size) {
  uint8_t frac = 0;
  if (squares.sum)
    for (; squares.sum < 0x40000000u; squares.sum <<= 2) ++frac;
  normalize(static_cast<uint32_t>(root(squares.sum)), x, out, size, frac);
}

}  // namespace edgealgos

#endif  // EDGEALGOS_QUADRATIC_H
