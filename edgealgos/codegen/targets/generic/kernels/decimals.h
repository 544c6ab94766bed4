// Decimal numbers into device inputs, by integers alone.
#ifndef EDGEALGOS_DECIMALS_H
#define EDGEALGOS_DECIMALS_H

#include <stdint.h>

namespace edgealgos {

// Inputs are ((((steps - zero) << 8) - fraction) * multiplier >> 32) >> shift, rounded, where a step is 10^-decimals;
// without a shift they are steps - zero.
struct DecimalScale {
  int32_t zero;
  uint8_t fraction;
  int32_t multiplier;
  uint8_t shift;
  uint8_t decimals;
};

inline DecimalScale scale_at(const DecimalScale *p) {
  const DecimalScale scale = {flash(&p->zero), flash(&p->fraction), flash(&p->multiplier), flash(&p->shift),
                              flash(&p->decimals)};
  return scale;
}

// value / 10, rounded down
inline int32_t tenth(int32_t value) { return value < 0 ? -((9 - value) / 10) : value / 10; }

// digits * 10^-decimals in steps of 10^-wanted, halves rounded up, saturated.
inline int32_t decimal_steps(int32_t digits, uint8_t decimals, uint8_t wanted) {
  for (; decimals > wanted; --decimals) digits = tenth(decimals - 1 == wanted ? digits + 5 : digits);
  for (; decimals < wanted; ++decimals)
    digits = digits > INT32_MAX / 10 ? INT32_MAX : digits < -(INT32_MAX / 10) ? -INT32_MAX : digits * 10;
  return digits;
}

inline int32_t decimal_input(int32_t digits, uint8_t decimals, const DecimalScale &scale) {
  const int32_t steps = decimal_steps(digits, decimals, scale.decimals), far = static_cast<int32_t>(1) << 22;
  const int32_t distance = steps > scale.zero + far ? far : steps < scale.zero - far ? -far : steps - scale.zero;
  if (scale.shift == 0) return distance;
  const int64_t product = static_cast<int64_t>(distance * 256 - scale.fraction) * scale.multiplier;
  int32_t input = static_cast<int32_t>(product >> 32);
  for (uint8_t left = scale.shift; left; --left) input = (input + (left == 1)) >> 1;
  return input;
}

}  // namespace edgealgos

#endif  // EDGEALGOS_DECIMALS_H
