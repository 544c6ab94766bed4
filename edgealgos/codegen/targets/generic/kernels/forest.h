// Sums over trees: every test is made once, then each tree is walked from its root to a leaf.
#ifndef EDGEALGOS_FOREST_H
#define EDGEALGOS_FOREST_H

#include <stdint.h>

namespace edgealgos {

template <bool Wide> struct Number { typedef int16_t Type; };
template <> struct Number<true> { typedef int32_t Type; };

// What holds so many bytes, all that a number has bits in.
#if defined(__AVR_HAVE_MUL__)  // whose costs were measured with it
template <uint8_t Bytes> struct Window { typedef uint64_t Type; };
#else
template <uint8_t Bytes> struct Window { typedef uint32_t Type; };
template <> struct Window<5> { typedef uint64_t Type; };
#if defined(__AVR__)
template <> struct Window<2> { typedef uint16_t Type; };
#endif
#endif

// One of eight bits; avr-gcc would count up to it.
inline uint8_t bit_mask(uint8_t place) {
  uint8_t mask = place & 1 ? 2 : 1;
  if (place & 2) mask = static_cast<uint8_t>(mask << 2);
  if (place & 4) mask = static_cast<uint8_t>(mask << 4);
  return mask;
}

#if defined(__AVR_HAVE_MUL__)
// What lies from bit `index * width` on, 16 bits or what is left of 24; the caller masks the number. 50 to 90 cycles.
EDGEALGOS_KERNEL uint16_t bits_at(const uint8_t *bytes, uint16_t index, uint8_t width) {
  register const uint8_t *p __asm__("r30") = bytes;
  register uint16_t found __asm__("r24") = index;
  __asm__ __volatile__("mul r24, %[width]\n\t" "movw r18, r0\n\t" "mul r25, %[width]\n\t" "clr r20\n\t"
                       "add r19, r0\n\t" "adc r20, r1\n\t" "clr r1\n\t" "mov r21, r18\n\t" "andi r21, 7\n\t"
                       "lsr r20\n\t" "ror r19\n\t" "ror r18\n\t" "lsr r20\n\t" "ror r19\n\t" "ror r18\n\t"
                       "lsr r20\n\t" "ror r19\n\t" "ror r18\n\t" "add r30, r18\n\t" "adc r31, r19\n\t"
                       "lpm r24, Z+\n\t" "lpm r25, Z+\n\t" "lpm r18, Z\n\t"
                       "subi r21, 1\n\t" "brcs 2f\n\t"
                       "1: lsr r18\n\t" "ror r25\n\t" "ror r24\n\t" "subi r21, 1\n\t" "brcc 1b\n\t" "2:\n\t"
                       : "+r"(found), "+z"(p)
                       : [width] "r"(width)
                       : "r0", "r18", "r19", "r20", "r21");
  return found;
}
#endif

// Numbers of Width bits each, one behind the other, the lowest bit first.
template <uint8_t Width, bool Signed> struct Packed {
  const uint8_t *bytes;

  template <class Index> typename Number<(Width > 16 || (Width == 16 && !Signed))>::Type at(Index i) const {
    typedef typename Number<(Width > 16 || (Width == 16 && !Signed))>::Type Value;
#if defined(__AVR_HAVE_MUL__)
    if (Width <= 16) {
      const uint16_t word = bits_at(bytes, i, Width);
      const uint16_t top = static_cast<uint16_t>(1u << ((Width <= 16 ? Width : 16) - 1));
      const uint16_t number = word & static_cast<uint16_t>(top | (top - 1));
      return static_cast<Value>(Signed ? static_cast<uint16_t>((number ^ top) - top) : number);
    }
#endif
    const uint8_t bit = static_cast<uint8_t>(static_cast<uint8_t>(i & 7) * Width);
    const uint8_t *p = bytes + static_cast<Index>(i >> 3) * Width + (bit >> 3);
    const uint8_t shift = bit & 7;
    typedef typename Window<(Width + 14) / 8>::Type Bits;
    Bits window = flash(p);
    for (uint8_t read = 8; read < shift + Width; read = static_cast<uint8_t>(read + 8))
      window |= static_cast<Bits>(flash(++p)) << read;
    const uint32_t top = static_cast<uint32_t>(1) << (Width - 1);
    const uint32_t number = static_cast<uint32_t>(window >> shift) & (top | (top - 1));
    return static_cast<Value>(Signed ? (number ^ top) - top : number);
  }
};
template <> struct Packed<1, false> {
  const uint8_t *bytes;
  template <class Index> uint8_t at(Index i) const { return flash(bytes + (i >> 3)) & bit_mask(i & 7) ? 1 : 0; }
};

// All of them are zero, and flash holds none.
template <bool Signed> struct Packed<0, Signed> {
  const uint8_t *bytes;
  template <class Index> uint8_t at(Index) const { return 0; }
};
template <uint8_t Width, bool Signed> inline Packed<Width, Signed> packed(const uint8_t *bytes) {
  const Packed<Width, Signed> numbers = {bytes};
  return numbers;
}

// The same number everywhere.
struct Always {
  uint16_t number;
  template <class Index> uint16_t at(Index) const { return number; }
};

// Zero everywhere, of no bytes.
struct Never {
  template <class Index> uint8_t at(Index) const { return 0; }
};

// Numbers in RAM.
template <class V> struct Vector {
  const V *numbers;
  template <class Index> V at(Index i) const { return numbers[i]; }
};
template <class V> inline Vector<V> vector(const V *numbers) {
  const Vector<V> all = {numbers};
  return all;
}

// How many of the bits from the one to before the other are set.
inline uint8_t ones(uint8_t byte) {
  byte = static_cast<uint8_t>(byte - ((byte >> 1) & 0x55));
  byte = static_cast<uint8_t>((byte & 0x33) + ((byte >> 2) & 0x33));
  return static_cast<uint8_t>((byte + (byte >> 4)) & 0x0f);
}
template <class Index> Index ones_between(Packed<1, false> bits, Index from, Index to) {
  if (from == to) return 0;
  Index byte = from >> 3;
  const Index last = static_cast<Index>(to - 1) >> 3;
  uint8_t part = static_cast<uint8_t>(flash(bits.bytes + byte) & (0xff << (from & 7)));
  Index count = 0;
  for (; byte != last; part = flash(bits.bytes + ++byte)) count = static_cast<Index>(count + ones(part));
  return static_cast<Index>(count + ones(static_cast<uint8_t>(part & (0xff >> (7 - ((to - 1) & 7))))));
}
template <class Index> Index ones_between(Packed<0, false>, Index, Index) { return 0; }

template <class Features, class Partners, class Counts, class Cuts, class Tests, class Inner, class Sizes, class Leaves>
struct Trees {
  Features features;
  Partners partners;
  Counts counts;
  Cuts cuts;
  Tests tests;
  Inner inner;
  Sizes sizes;
  Leaves leaves;
};
template <class F, class P, class C, class K, class T, class I, class S, class L>
inline Trees<F, P, C, K, T, I, S, L> trees(F features, P partners, C counts, K cuts, T tests, I inner, S sizes,
                                           L leaves) {
  const Trees<F, P, C, K, T, I, S, L> all = {features, partners, counts, cuts, tests, inner, sizes, leaves};
  return all;
}

// Half of x + y or x - y, rounded down.
inline int8_t half(int16_t sum) { return static_cast<int8_t>(sum >> 1); }
inline int16_t half(int32_t sum) { return static_cast<int16_t>(sum >> 1); }
inline int8_t half_of_pair(int8_t x, int8_t y, bool minus) { return half(static_cast<int16_t>(minus ? x - y : x + y)); }
inline int16_t half_of_pair(int16_t x, int16_t y, bool minus) {
  return half(minus ? static_cast<int32_t>(x) - y : static_cast<int32_t>(x) + y);
}

// One bit a test: whether its feature is below its cut.
template <class T, class X> EDGEALGOS_OP void make_tests(const T &t, uint16_t used, const X *x, uint8_t *below) {
  uint16_t test = 0;
  uint8_t mask = 1;
  *below = 0;
  for (uint16_t u = 0; u < used; ++u) {
    X value = x[static_cast<uint16_t>(t.features.at(u))];
    if (const uint16_t partner = static_cast<uint16_t>(t.partners.at(u)))
      value = half_of_pair(value, x[((partner + 1) >> 1) - 1], partner & 1);
    for (uint16_t left = static_cast<uint16_t>(t.counts.at(u)); left; --left) {
      if (!mask) mask = 1, *++below = 0;
      if (value < t.cuts.at(test++)) *below |= mask;
      mask = static_cast<uint8_t>(mask << 1);
    }
  }
}

// Which of its leaves a tree answers with, whose nodes begin at `first`.
template <class Index, class T> EDGEALGOS_PART inline Index leaf_of(const T &t, const uint8_t *below, Index first) {
  Index node = first, flag = static_cast<Index>(2 * first), inner = 0;
  for (;;) {
    const uint16_t test = static_cast<uint16_t>(t.tests.at(node));
    const bool left = below[test >> 3] & bit_mask(test & 7);
    const Index side = static_cast<Index>(2 * node + (left ? 0 : 1));
    inner = static_cast<Index>(inner + ones_between(t.inner, flag, side));
    flag = side;
    if (!t.inner.at(side)) return static_cast<Index>(side - 2 * first - inner);
    node = static_cast<Index>(first + 1 + inner);
  }
}

// By how much the largest score is above the second one; of one score how far it is from zero.
inline int32_t lead(const int32_t *scores, uint8_t outputs) {
  int32_t best = scores[0];
  if (outputs == 1) return best < 0 ? -best : best;
  int32_t second = scores[1];
  for (uint8_t k = 1; k < outputs; ++k) {
    if (scores[k] > best) second = best, best = scores[k];
    else if (k == 1 || scores[k] > second) second = scores[k];
  }
  return best - second;
}

// scores[k] = bias_k + start_k + the numbers of the leaves of its trees, of one output until it is decided.
template <class Acc, class Index, uint16_t Tests, class T, class G, class B, class S, class X, class R = Never>
void forest(const T &t, uint16_t largest, uint16_t used, G groups, B bias, S start, const X *x, int32_t *scores,
            uint8_t outputs, R rests = R()) {
  uint8_t below[(Tests + 7) / 8];
  make_tests(t, used, x, below);
  Index node = 0, leaf = 0;
  uint16_t tree = 0;
  for (uint8_t k = 0; k < outputs; ++k) {
    Acc sum = static_cast<Acc>(static_cast<Acc>(bias.at(k)) + start.at(k));
    for (uint16_t left = static_cast<uint16_t>(groups.at(k)); left; --left) {
      const Index size = static_cast<Index>(largest - static_cast<uint16_t>(t.sizes.at(tree++)));
      sum = static_cast<Acc>(sum + t.leaves.at(static_cast<Index>(leaf + leaf_of<Index>(t, below, node))));
      if (const int32_t rest = static_cast<int32_t>(rests.at(static_cast<Index>(tree - 1))))
        if (sum > rest || sum < -rest) break;
      node = static_cast<Index>(node + size);
      leaf = static_cast<Index>(leaf + size + 1);
    }
    scores[k] = sum;
  }
  barrier();
}

// scores = bias + start + the rows that the leaves of trees name, until the largest is decided.
template <class Index, uint16_t Tests, class T, class V, class B, class S, class X, class R = Never>
void forest_of_rows(const T &t, uint16_t largest, uint16_t used, uint16_t count, const V *rows, B bias, S start,
                    const X *x, int32_t *scores, uint8_t outputs, R rests = R()) {
  uint8_t below[(Tests + 7) / 8];
  make_tests(t, used, x, below);
  for (uint8_t k = 0; k < outputs; ++k) scores[k] = static_cast<int32_t>(bias.at(k)) + start.at(k);
  Index node = 0, leaf = 0;
  for (uint16_t tree = 0; tree < count; ++tree) {
    const Index size = static_cast<Index>(largest - static_cast<uint16_t>(t.sizes.at(tree)));
    const V *row =
        rows + static_cast<Index>(t.leaves.at(static_cast<Index>(leaf + leaf_of<Index>(t, below, node)))) * outputs;
    for (uint8_t k = 0; k < outputs; ++k) scores[k] += flash(row + k);
    if (const int32_t rest = static_cast<int32_t>(rests.at(tree)))
      if (lead(scores, outputs) > rest) break;
    node = static_cast<Index>(node + size);
    leaf = static_cast<Index>(leaf + size + 1);
  }
  barrier();
}

}  // namespace edgealgos
#endif  // EDGEALGOS_FOREST_H
