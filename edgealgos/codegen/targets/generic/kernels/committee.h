// What several models hold likely, added up: shares by integers of 15 fractional bits.
#ifndef EDGEALGOS_COMMITTEE_H
#define EDGEALGOS_COMMITTEE_H

#include <stdint.h>

namespace edgealgos {

// 2^31 / word of a word with its highest bit set: two steps of Newton's method from the best line.
inline uint16_t reciprocal(uint16_t word) {
  uint16_t found = static_cast<uint16_t>(UINT32_C(92521) - upper_word(word, 61681));
  for (uint8_t step = 0; step < 2; ++step)
    found = static_cast<uint16_t>(upper_word(found, static_cast<uint16_t>(0u - upper_word(word, found))) << 1);
  return found;
}

// e^-below, with 15 fractional bits.
template <int Shift, uint16_t Factor> inline uint16_t vanishing(uint32_t below) {
  return static_cast<uint16_t>(Rbf<uint32_t, Shift>(Factor)(0, below));
}

// 2^31 / (1 + e^-|score|): the logistic function of the score's magnitude, with 16 fractional bits.
template <int Shift, uint16_t Factor> EDGEALGOS_NOINLINE uint16_t logistic_of_magnitude(int32_t score) {
  const uint32_t magnitude = score < 0 ? 0 - static_cast<uint32_t>(score) : static_cast<uint32_t>(score);
  return reciprocal(static_cast<uint16_t>(32768u + vanishing<Shift, Factor>(magnitude)));
}

// e^score, as multiples of that of the best.
template <int Shift, uint16_t Factor> struct SoftmaxParts {
  static uint16_t part(int32_t score, int32_t best) {
    return vanishing<Shift, Factor>(static_cast<uint32_t>(best) - static_cast<uint32_t>(score));
  }
};

// The logistic function of each score by itself; where all are below zero, as multiples of e^best.
template <int Shift, uint16_t Factor> struct LogisticParts {
  static uint16_t part(int32_t score, int32_t best) {
    const uint32_t top = best < 0 ? static_cast<uint32_t>(best) : 0;
    const uint16_t own = vanishing<Shift, Factor>(score < 0 ? top - static_cast<uint32_t>(score) : 0);
    return upper_word(own, logistic_of_magnitude<Shift, Factor>(score));
  }
};

// Of each model the shares of its classes, added to those of the others.
template <class Parts>
void sum_shares(const int32_t *scores, int32_t *out, uint8_t members, uint8_t classes) {
  for (uint8_t c = 0; c < classes; ++c) out[c] = 0;
  for (; members; --members, scores += classes) {
    int32_t best = scores[0];
    for (uint8_t c = 1; c < classes; ++c) best = scores[c] > best ? scores[c] : best;
    uint32_t total = 0;
    for (uint8_t c = 0; c < classes; ++c) total += Parts::part(scores[c], best);
    uint8_t up = 0, down = 0;
    for (; total < 32768u; ++up) total <<= 1;
    for (; total > 65535u; ++down) total >>= 1;
    const uint16_t inverse = reciprocal(static_cast<uint16_t>(total));
    for (uint8_t c = 0; c < classes; ++c)
      out[c] += (static_cast<uint32_t>(upper_word(Parts::part(scores[c], best), inverse)) << up) >> down;
  }
  barrier();
}

// Of each model of two classes by how much the second one's share leads, added to those of the others.
template <int Shift, uint16_t Factor> void sum_leads(const int32_t *scores, int32_t *out, uint8_t members) {
  int32_t sum = 0;
  for (; members; --members, ++scores) {
    const uint16_t ahead = static_cast<uint16_t>(logistic_of_magnitude<Shift, Factor>(*scores) - 32768u);
    sum += *scores > 0 ? static_cast<int32_t>(ahead) : -static_cast<int32_t>(ahead);
  }
  *out = sum;
  barrier();
}

}  // namespace edgealgos

#endif  // EDGEALGOS_COMMITTEE_H
