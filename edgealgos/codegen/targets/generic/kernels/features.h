// Features of sound and motion as inputs of a model.
#ifndef EDGEALGOS_FEATURES_H
#define EDGEALGOS_FEATURES_H

#include <stdint.h>

namespace edgealgos {

// value >> count; an AVR shifts by one bit at a time, or moves bytes.
inline int32_t shifted_down(int32_t value, int8_t count) {
#ifdef __AVR__
  for (; count >= 8; count = static_cast<int8_t>(count - 8)) value >>= 8;
#endif
  return value >> count;
}

// Features into inputs of a model: out = clip((source * multiplier + addend) >> shift)
template <int Low, int High, class Out, class Size>
EDGEALGOS_OP void standardize(const int16_t *source, const int16_t *multiplier, const int32_t *addend,
                              const int8_t *shift, Out *out, Size size) {
  for (Size i = 0; i < size; ++i) {
    const int32_t sum = static_cast<int32_t>(source[i]) * flash(multiplier + i) + flash(addend + i);
    const int32_t raw = shifted_down(sum, flash(shift + i));
    out[i] = static_cast<Out>(raw < Low ? Low : raw > High ? High : raw);
  }
  barrier();
}

}  // namespace edgealgos

#endif  // EDGEALGOS_FEATURES_H
