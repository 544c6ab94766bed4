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
#elif defined(__arm__)
#define EDGEALGOS_FLASH __attribute__((aligned(4)))  // tables are read by words
#else
#define EDGEALGOS_FLASH
#endif

#define EDGEALGOS_NOINLINE __attribute__((noinline))
#if defined(__AVR__)  // a call costs, and there are few registers to save
#define EDGEALGOS_OP
#define EDGEALGOS_PART
#define EDGEALGOS_MAY_BE(known) true  // what the costs of its code were measured with
#else
#define EDGEALGOS_OP EDGEALGOS_NOINLINE
#define EDGEALGOS_PART __attribute__((always_inline))  // else frames have it in some programs, in others not
#define EDGEALGOS_MAY_BE(known) (known)
#endif

namespace edgealgos {

// ---- flash ----------------------------------------------------------------------------------------------------

#if defined(__AVR__)
inline uint8_t flash(const uint8_t *p) { return pgm_read_byte(p); }
inline int8_t flash(const int8_t *p) { return static_cast<int8_t>(pgm_read_byte(p)); }
inline uint16_t flash(const uint16_t *p) { return pgm_read_word(p); }
inline int16_t flash(const int16_t *p) { return static_cast<int16_t>(pgm_read_word(p)); }
inline int32_t flash(const int32_t *p) { return static_cast<int32_t>(pgm_read_dword(p)); }
inline float flash(const float *p) { return pgm_read_float(p); }
inline char flash(const char *p) { return static_cast<char>(pgm_read_byte(p)); }
inline const char *flash(const char *const *p) { return static_cast<const char *>(pgm_read_ptr(p)); }
#else
template <class T> inline T flash(const T *p) { return *p; }
#endif

}  // namespace edgealgos

@PRODUCTS@
@STRAIGHT_LINE@
namespace edgealgos {

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

// Shifts by a constant. avr-gcc loops over the bits at 8 cycles each; these take 2 to 4. Of 24 bits the fourth byte is
// neither read nor made.
#if defined(__AVR__)
template <int Count> struct Shift {
  static int16_t right(int16_t raw) {
    if (Count >= 8) return Shift<(Count >= 8 ? Count - 8 : 0)>::right(static_cast<int16_t>(raw >> 8));
    __asm__("asr %B0\n\t" "ror %A0\n\t" : "+r"(raw));
    return Shift<(Count > 0 ? Count - 1 : 0)>::right(raw);
  }
  static int32_t right(int32_t raw) {
    if (Count >= 8) return Shift<(Count >= 8 ? Count - 8 : 0)>::right(raw >> 8);
    __asm__("asr %D0\n\t" "ror %C0\n\t" "ror %B0\n\t" "ror %A0\n\t" : "+r"(raw));
    return Shift<(Count > 0 ? Count - 1 : 0)>::right(raw);
  }
  static int32_t right24(int32_t raw) {
    __asm__("asr %C0\n\t" "ror %B0\n\t" "ror %A0\n\t" : "+r"(raw));
    return Shift<(Count > 0 ? Count - 1 : 0)>::right24(raw);
  }
  static int16_t left(int16_t raw) {
    __asm__("lsl %A0\n\t" "rol %B0\n\t" : "+r"(raw));
    return Shift<(Count > 0 ? Count - 1 : 0)>::left(raw);
  }
  static int32_t left24(int32_t raw) {
    __asm__("lsl %A0\n\t" "rol %B0\n\t" "rol %C0\n\t" : "+r"(raw));
    return Shift<(Count > 0 ? Count - 1 : 0)>::left24(raw);
  }
};
template <> struct Shift<0> {
  template <class Acc> static Acc right(Acc raw) { return raw; }
  template <class Acc> static Acc left(Acc raw) { return raw; }
  static int32_t right24(int32_t raw) { return raw; }
  static int32_t left24(int32_t raw) { return raw; }
};

// raw >> Count, of which the caller knows that Bits bits hold it: no byte is shifted that does not matter, and to the
// left where a whole byte is nearer on that side.
template <int Count, int Bits> struct Narrowed {
  static const bool kWord = Count + Bits <= 16;  // sums of 16 bits
  static int16_t apply(int16_t raw) {
    if (Bits == 8 && Count >= 5 && Count <= 8)
      return static_cast<int8_t>(static_cast<uint16_t>(Shift<(Count >= 5 && Count <= 8 ? 8 - Count : 0)>::left(raw))
          >> 8);
    return Shift<Count>::right(raw);
  }
  static int16_t apply(int32_t raw) {
    if (kWord) return apply(static_cast<int16_t>(raw));
    if (Count >= 16) return Shift<(Count >= 16 ? Count - 16 : 0)>::right(static_cast<int16_t>(raw >> 16));
    if (Count >= 8) return Narrowed<(Count >= 8 ? Count - 8 : 0), Bits>::apply(raw >> 8);
    if (Count >= 4) return static_cast<int16_t>(Shift<(Count >= 4 && Count < 8 ? 8 - Count : 0)>::left24(raw) >> 8);
    return static_cast<int16_t>(Shift<(Count < 4 ? Count : 0)>::right24(raw));
  }
};
template <int Count> inline int32_t shift_right(int32_t raw) { return Shift<Count>::right(raw); }
template <int Count> inline int16_t shift_left(int16_t raw) { return Shift<Count>::left(raw); }
#else
template <int Count> inline int32_t shift_right(int32_t raw) { return raw >> Count; }
template <int Count> inline int16_t shift_left(int16_t raw) {
  return static_cast<int16_t>(static_cast<uint16_t>(raw) << Count);
}
template <int Count, int Bits> struct Narrowed {
  template <class Acc> static int16_t apply(Acc raw) { return static_cast<int16_t>(raw >> Count); }
};
#endif

// raw * 2^-Count, halves rounded up, saturated (before bits are lost); a negative Count multiplies. The caller has
// proven that half a unit fits on top of `raw`.
template <int Count, int Bits, bool Right = (Count > 0), bool Wide = (Bits > 16)> struct Rescale {
  typedef int16_t Out;
  template <class Acc> static int16_t apply(Acc raw) {
    return clipped(static_cast<Acc>(raw + (static_cast<Acc>(1) << (Count - 1))));
  }
  template <class Acc> static int16_t clipped(Acc sum) {
    if (Count + Bits < static_cast<int>(8 * sizeof(Acc))) {  // else it is never too large
      const Acc limit =
          static_cast<Acc>(static_cast<Acc>(1)
          << (Count + Bits < static_cast<int>(8 * sizeof(Acc)) ? Count + Bits - 1 : 0));
      const int16_t high = static_cast<int16_t>((static_cast<uint16_t>(1) << (Bits - 1)) - 1);
      if (sum >= limit) return high;
      if (sum < -limit) return static_cast<int16_t>(-high - 1);
    }
    return Narrowed<Count, Bits>::apply(sum);
  }
};
template <int Count, int Bits> struct Rescale<Count, Bits, false, false> {
  typedef int16_t Out;
  template <class Acc> static int16_t apply(Acc raw) {
    const int left = -Count < Bits ? -Count : 0;  // else all but 0 saturates
    const int16_t high = static_cast<int16_t>((static_cast<uint16_t>(1) << (Bits - 1)) - 1);
    const int16_t low = static_cast<int16_t>(-high - 1);
    if (raw > static_cast<Acc>(-Count < Bits ? high >> left : 0)) return high;
    if (raw < static_cast<Acc>(-Count < Bits ? low >> left : 0)) return low;
    return shift_left<(-Count < Bits ? -Count : 0)>(static_cast<int16_t>(raw));
  }
};
template <int Count, int Bits> struct Rescale<Count, Bits, true, true> {
  typedef int32_t Out;
  static int32_t apply(int32_t raw) {
    return saturate<Bits>((raw + (static_cast<int32_t>(1) << (Count - 1))) >> Count);
  }
};
template <int Count, int Bits> struct Rescale<Count, Bits, false, true> {
  typedef int32_t Out;
  static int32_t apply(int32_t raw) {
    const int left = -Count < Bits ? -Count : Bits - 1;
    const int32_t high = static_cast<int32_t>((static_cast<uint32_t>(1) << (Bits - 1)) - 1);
    const int32_t low = -high - 1;
    if (raw > (-Count < Bits ? high >> left : 0)) return high;
    if (raw < (-Count < Bits ? low >> left : 0)) return low;
    return static_cast<int32_t>(static_cast<uint32_t>(raw) << left);
  }
};

template <int Count, int Bits, class Acc> inline typename Rescale<Count, Bits>::Out rescale(Acc raw) {
  return Rescale<Count, Bits>::apply(raw);
}

@MATRICES@

@TILES@
@NIBBLES@
@CODEBOOKS@
namespace edgealgos {

// The next `count` rows of one matrix.
template <class Acc, class Rows, class V, class N>
EDGEALGOS_NOINLINE uint8_t next_of_all(Rows &rows, const V *vector, N columns, Acc *sums, uint8_t count) {
  for (uint8_t k = 0; k < count;)
    k = static_cast<uint8_t>(k + rows.next(vector, columns, sums + k, static_cast<uint8_t>(count - k)));
  return count;
}

// out = saturate((matrix * vector + bias) / 2^Count)
template <class Acc, int Count, int Bits, class Rows, class B, class V, class Out, class N>
EDGEALGOS_OP void matvec(Rows matrix, const B *bias, const V *vector, Out *out, uint16_t rows, N columns) {
  Acc sums[Rows::kAtOnce];
  for (uint16_t i = 0; i < rows;) {
    const uint8_t count = matrix.next(vector, columns, sums, static_cast<uint8_t>(rows - i > 255 ? 255 : rows - i));
#if defined(__AVR__)
    for (uint8_t k = 0; k < count; ++k, ++i)
      out[i] = static_cast<Out>(rescale<Count, Bits>(with_bias(sums[k], bias, i)));
#else  // an index would have to be cut to its 16 bits for each row
    round_rows<Acc, Count, Bits>(sums, bias, out, i, count);
    i = static_cast<uint16_t>(i + count);
#endif
  }
  barrier();
}

@BONSAI@

@PROTONN@

@RECURRENT@

// ---- element-wise ---------------------------------------------------------------------------------------------

// out = max(source, 0); the two may be one.
template <class T> EDGEALGOS_OP void rectify(const T *source, T *out, uint16_t size) {
  for (; size; --size, ++source, ++out) *out = *source < 0 ? 0 : *source;
  barrier();
}

// out = tanh(source) in Q0.7 of pre-activations with 12 fractional bits.
inline void tanh_vector(const int16_t *source, int8_t *out, uint16_t size) {
  for (; size; --size) *out++ = TableTanh::candidate(*source++);
  barrier();
}

// out = 1 / (1 + exp(-source)) with 8 fractional bits of pre-activations with 12.
inline void logistic_vector(const int16_t *source, int16_t *out, uint16_t size) {
  for (; size; --size) *out++ = TableTanh::gate(*source++);
  barrier();
}

template <int Bits> inline int16_t sum_of(int16_t a, int16_t b) {
  return Bits == 16 ? add_saturated(a, b) : saturate<Bits>(static_cast<int16_t>(a + b));
}
template <int Bits, class T> EDGEALGOS_OP void add(const T *a, const T *b, T *out, uint16_t size) {
  for (; size; --size) *out++ = static_cast<T>(sum_of<Bits>(*a++, *b++));
  barrier();
}

// A word (or scores) in another type; it stays a word where saturating the sum with the half changes nothing.
template <int Count, int Bits, bool Word = (Count > 0 && Count + Bits <= 16)> struct RescaleWord {
  static int16_t apply(int16_t raw) { return static_cast<int16_t>(rescale<Count, Bits>(static_cast<int32_t>(raw))); }
  static int32_t apply(int32_t raw) { return rescale<Count, Bits>(raw); }
};
template <int Count, int Bits> struct RescaleWord<Count, Bits, true> {
  static int16_t apply(int16_t raw) {
    const int16_t half = static_cast<int16_t>(1 << (Count - 1));
    const int16_t sum = add_saturated(raw, half);
    if (Count + Bits == 16) return Narrowed<Count, Bits>::apply(sum);
    return Rescale<Count, Bits>::clipped(sum);
  }
};

template <int Count, int Bits, class In, class Out>
EDGEALGOS_OP void rescale_vector(const In *in, Out *out, uint16_t size) {
  for (; size; --size) *out++ = static_cast<Out>(RescaleWord<Count, Bits>::apply(*in++));
  barrier();
}

// sums += x[0] * the next column of a matrix that is stored column by column; `position` is what lies before that
// column: [0] columns, [1] values. Behind the last column nothing happens. Null masks: every value is stored.
template <class W, class V, class Acc>
EDGEALGOS_OP void push_column(const uint8_t *masks, const W *values, const V *x, Acc *sums, int16_t *position,
                              uint8_t rows, uint16_t columns) {
  typedef typename Wrapping<Acc>::type Sum;
  const uint16_t column = static_cast<uint16_t>(position[0]);
  if (column >= columns) return;
  const uint8_t *bits = masks ? masks + static_cast<uint16_t>(column * ((rows + 7u) / 8u)) : masks;
  const W *value = values + static_cast<uint16_t>(position[1]);
  uint8_t mask = 0;
  for (uint8_t i = 0; i < rows; ++i) {
    if ((i & 7) == 0) mask = bits ? flash(bits++) : 0xFF;
    if (mask & 1) sums[i] = static_cast<Acc>(static_cast<Sum>(sums[i]) + product<Sum>(flash(value++), *x));
    mask = static_cast<uint8_t>(mask >> 1);
  }
  position[0] = static_cast<int16_t>(column + 1);
  position[1] = static_cast<int16_t>(value - values);
  barrier();
}

// out = saturate((sums + bias) / 2^Count)
template <int Count, int Bits, class Acc, class B, class Out>
void requantize(const Acc *sums, const B *bias, Out *out, uint8_t size) {
  for (uint8_t i = 0; i < size; ++i) out[i] = static_cast<Out>(rescale<Count, Bits>(with_bias(sums[i], bias, i)));
  barrier();
}

}  // namespace edgealgos

@SPECTRUM@
@FEATURES@
namespace edgealgos {
template <class T> inline void clear(T *p, uint16_t size) {
  for (uint16_t i = 0; i < size; ++i) p[i] = 0;
}

// How far the best score is above the second best, of a single score its magnitude: any difference of two fits.
EDGEALGOS_NOINLINE inline uint32_t margin(const int32_t *scores, uint8_t count) {
  const uint32_t first = static_cast<uint32_t>(scores[0]);
  if (count == 1) return scores[0] < 0 ? 0 - first : first;
  int32_t best = scores[0], second = scores[1];
  if (second > best) best = second, second = scores[0];
  for (uint8_t c = 2; c < count; ++c) {
    if (scores[c] > best) second = best, best = scores[c];
    else if (scores[c] > second) second = scores[c];
  }
  return static_cast<uint32_t>(best) - static_cast<uint32_t>(second);
}

// Keeps the scores of the larger margin: at the end of a window, or above the threshold; once there, `kept` stays.
EDGEALGOS_NOINLINE inline void keep_confident(const int32_t *scores, int32_t *kept, uint8_t count, bool window_ends,
                                              uint32_t threshold) {
  const uint32_t before = margin(kept, count), now = margin(scores, count);
  if (before > threshold || now <= before || (now <= threshold && !window_ends)) return;
  for (uint8_t c = 0; c < count; ++c) kept[c] = scores[c];
}

// Counts steps: 1, 2, ..., 2 period, and on from period + 1 again.
inline void count_step(int16_t *count, int16_t period) {
  *count = static_cast<int16_t>((*count == 2 * period ? period : *count) + 1);
}

// Clears a state where a window starts: every `period` steps from the step `first` on; false before that.
template <class T> bool start_window(const int16_t *count, int16_t first, int16_t period, T *state, uint8_t size) {
  if (*count <= first) return false;
  if (*count == first + period + 1) clear(state, size);
  return true;
}

// Whether the window under way ends with this step.
inline bool window_ends(const int16_t *count, int16_t first, int16_t period) {
  return *count == first + period || *count == first + 2 * period;
}

// The first largest score; of a single score: 1 where it is positive.
EDGEALGOS_NOINLINE inline uint8_t argmax(const int32_t *scores, uint8_t count) {
  if (count == 1) return scores[0] > 0 ? 1 : 0;
  uint8_t best = 0;
  int32_t top = *scores;
  for (uint8_t c = 1; c < count; ++c) {
    const int32_t score = *++scores;
    if (score > top) top = score, best = c;
  }
  return best;
}

// A product that is rounded before anything is added to it: a processor that multiplies and adds in one would round
// once.
inline float rounded(float product) {
#if !defined(__AVR__)  // there, both are functions
  __asm__("" : "+m"(product));
#endif
  return product;
}

// raw * 2^-Frac as a real number.
template <int Frac> inline float to_float(int32_t raw) {
  float real = static_cast<float>(raw);
  for (int i = 0; i < Frac; ++i) real *= 0.5f;
  for (int i = 0; i > Frac; --i) real *= 2.0f;
  return real;
}

}  // namespace edgealgos

@MOTION@
@FOREST@
@QUADRATIC@
@INSTANCES@
@COMMITTEE@
@CONV@
@PROBABILITY@
@DECIMALS@
#endif  // EDGEALGOS_RUNTIME_H
