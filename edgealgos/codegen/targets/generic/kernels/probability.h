// How likely each class is, by integers.
#ifndef EDGEALGOS_PROBABILITY_H
#define EDGEALGOS_PROBABILITY_H

#include <stdint.h>

namespace edgealgos {

// 2^15 * e^-below, to 7 bits; `below` has Frac fractional bits, 16 and more is out of the question.
template <int Frac> inline uint16_t likelihood(uint32_t below) {
  enum { whole = Frac <= -4 ? 0 : Frac >= 28 ? 32 : Frac + 4, up = Frac < 12 && Frac > -4 ? 12 - Frac : 0 };
  if (whole == 0 ? below > 0 : whole < 32 && below >> (whole & 31)) return 0;
  const uint16_t fine = static_cast<uint16_t>(below >> (Frac > 12 ? Frac - 12 : 0) << up);  // 12 fractional bits
  const uint16_t steps = static_cast<uint16_t>(static_cast<uint32_t>(fine) * 1477 >> 16);   // 64ths of powers of two
  const uint16_t mantissa = static_cast<uint16_t>(flash(kExp2 + (steps & 63)) << 8);
  return static_cast<uint16_t>(mantissa >> (steps >> 6));
}

// The share of a class in 256ths (255 at most): softmax of the scores, of a single score its logistic function.
template <int Frac, class Score> uint8_t probability(const Score *scores, uint8_t count, uint8_t index) {
  const bool single = count == 1;
  Score best = single && scores[0] < 0 ? 0 : scores[0];
  for (uint8_t c = 1; c < count; ++c) best = scores[c] > best ? scores[c] : best;
  uint32_t sum = 0, own = 0;
  for (uint8_t c = 0; c < count + single; ++c) {
    const Score score = !single ? scores[c] : c ? scores[0] : 0;
    const uint16_t part = likelihood<Frac>(static_cast<uint32_t>(best) - static_cast<uint32_t>(score));
    sum += part;
    if (c == index) own = part;
  }
  const uint32_t share = (own * 256 + sum / 2) / sum;
  return static_cast<uint8_t>(share > 255 ? 255 : share);
}

// The best class if it is at least Below / 256 likely, else 255.
template <int Frac, uint8_t Below, class Score> uint8_t if_sure(const Score *scores, uint8_t count, uint8_t best) {
  return probability<Frac>(scores, count, best) < Below ? 255 : best;
}

}  // namespace edgealgos

#endif  // EDGEALGOS_PROBABILITY_H
