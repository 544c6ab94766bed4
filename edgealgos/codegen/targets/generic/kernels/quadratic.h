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
void square_sums(const int32_t *bias, const int16_t *vector, int32_t *out, uint8_t outputs, uint16_t each) {
  for (uint8_t c = 0; c < outputs; ++c) {
    int32_t sum = flash(bias + c);
    for (uint16_t j = 0; j < each; ++j, ++vector) sum -= (static_cast<int32_t>(*vector) * *vector) >> Shift;
    out[c] = sum;
  }
  barrier();
}

// out = bias - sum_j factor_j 2^-shift_j (vector_j - mean_j)^2, of several less the largest of them.
template <int Up, int Down, uint8_t Outputs, class V>
void normal_scores(const int16_t *means, const int16_t *factors, const int8_t *shifts, const int32_t *bias,
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

}  // namespace edgealgos

#endif  // EDGEALGOS_QUADRATIC_H
