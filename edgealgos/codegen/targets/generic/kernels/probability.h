// How likely each class is, by integers.
#ifndef EDGEALGOS_PROBABILITY_H
#define EDGEALGOS_PROBABILITY_H

#include <stdint.h>

namespace edgealgos {

// 2^15 * e^-below, to 7 bits; `below` has Frac fractional bits of units that Factor says, 16 of them count as infinite.
template <int Frac, uint16_t Factor> inline uint16_t likelihood(uint32_t below) {
  enum { whole = Frac <= -4 ? 0 : Frac >= 28 ? 32 : Frac + 4, up = Frac < 12 && Frac > -4 ? 12 - Frac : 0 };
  if (whole == 0 ? below > 0 : whole < 32 && below >> (whole & 31)) return 0;
  const uint16_t fine = static_cast<uint16_t>(below >> (Frac > 12 ? Frac - 12 : 0) << up);    // 12 fractional bits
  const uint16_t steps = static_cast<uint16_t>(static_cast<uint32_t>(fine) * Factor >> 16);  // 64ths of powers of two
  if (steps >> 6 >= 16) return 0;
  const uint16_t mantissa = static_cast<uint16_t>(flash(kExp2 + (steps & 63)) << 8);
  return static_cast<uint16_t>(mantissa >> (steps >> 6));
}

// A score, so far from zero at most that sums of two are numbers of 32 bits.
inline int32_t held(int32_t score) {
  const int32_t most = INT32_C(1) << 30;
  return score > most ? most : score < -most ? -most : score;
}
inline int16_t held(int16_t score) { return score; }

// By how much the second of two classes leads, or is behind.
inline int32_t lead(uint32_t gap, bool ahead) {
  const uint32_t most = UINT32_C(1) << 30;
  const int32_t far = static_cast<int32_t>(gap > most ? most : gap);
  return ahead ? far : -far;
}

// e^score; of two classes what the logistic function makes of the second one's lead.
template <int Frac, uint16_t Factor, int32_t Offset> struct Softmax {
  static uint16_t side(uint32_t gap, bool ahead, bool second) {
    if (Offset) {
      const int32_t moved = lead(gap, ahead) + Offset;
      ahead = moved > 0;
      gap = static_cast<uint32_t>(ahead ? moved : -moved);
    }
    return likelihood<Frac, Factor>(ahead == second ? 0 : gap);
  }
  static uint16_t part(int32_t score, int32_t best) {
    return likelihood<Frac, Factor>(static_cast<uint32_t>(best) - static_cast<uint32_t>(score));
  }
};

// The logistic function of each score by itself; where all are below zero, as multiples of e^best.
template <int Frac, uint16_t Factor, int32_t Offset> struct Logistic : Softmax<Frac, Factor, Offset> {
  static uint16_t part(int32_t score, int32_t best) {
    const int32_t above = held(score) + Offset, top = held(best) + Offset;
    const uint32_t whole = static_cast<uint32_t>(flash(kExp2)) << 8;
    const uint32_t other = likelihood<Frac, Factor>(static_cast<uint32_t>(above < 0 ? -above : above));
    const uint32_t own = above >= 0 ? whole
                                    : likelihood<Frac, Factor>(static_cast<uint32_t>(top < 0 ? top : 0) -
                                                               static_cast<uint32_t>(above));
    return static_cast<uint16_t>((own << 15) / (whole + other));
  }
};

// What of a score is between 0 and Span; of two classes what the second one's lead is of it, and the rest.
template <int32_t Span, uint8_t Shift, int32_t Offset> struct Shares {
  static uint16_t part(int32_t score, int32_t) {
    const int32_t above = held(score) + Offset;
    return static_cast<uint16_t>((above < 0 ? 0 : above > Span ? Span : above) >> Shift);
  }
  static uint16_t side(uint32_t gap, bool ahead, bool second) {
    const uint16_t share = part(lead(gap, ahead), 0);
    return second ? share : static_cast<uint16_t>((Span >> Shift) - share);
  }
};

// The share of a class in 256ths (255 at most): of what Link makes of the scores of all.
template <class Link, uint8_t Count, class Score> uint8_t probability(const Score *scores, uint8_t index) {
  const uint8_t classes = Count == 1 ? 2 : Count;
  const Score first = Count == 1 ? 0 : scores[0], second = scores[Count == 2];
  const bool ahead = second > first;
  const uint32_t before = static_cast<uint32_t>(first), after = static_cast<uint32_t>(second);
  Score best = scores[0];
  for (uint8_t c = 1; c < Count; ++c) best = scores[c] > best ? scores[c] : best;
  uint32_t sum = 0, own = 0;
  for (uint8_t c = 0; c < classes; ++c) {
    const uint16_t part =
        classes == 2 ? Link::side(ahead ? after - before : before - after, ahead, c) : Link::part(scores[c], best);
    sum += part;
    if (c == index) own = part;
  }
  if (!sum) return index < classes ? (256 + classes / 2) / classes : 0;
  const uint32_t share = (own * 256 + sum / 2) / sum;
  return static_cast<uint8_t>(share > 255 ? 255 : share);
}

// The best class if it is at least Below / 256 likely, else 255.
template <class Link, uint8_t Count, uint8_t Below, class Score> uint8_t if_sure(const Score *scores, uint8_t best) {
  return probability<Link, Count>(scores, best) < Below ? 255 : best;
}

}  // namespace edgealgos

#endif  // EDGEALGOS_PROBABILITY_H
