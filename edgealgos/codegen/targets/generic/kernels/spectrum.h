// Sound: frames of a stream, their power spectrum, and the logarithm of its energy in bands; AVR assembly with its C++
// twin.
//
// A frame is in block floating point: 16-bit mantissas and one exponent behind them. Cycles (ATmega328P) are those of
// the loop alone.
#ifndef EDGEALGOS_SPECTRUM_H
#define EDGEALGOS_SPECTRUM_H

#include <stdint.h>

namespace edgealgos {

// round(256 * log2(1 + (i + 1/2) / 64)): the fraction of a logarithm.
static const uint8_t kLog2[64] EDGEALGOS_FLASH = {
@LOG2@};

#if defined(__AVR_HAVE_MUL__)
@AVR_SPECTRUM@
#else  // the same integers in C++

inline void turn(int16_t *x, int16_t c, int16_t s) {
  const int32_t re = x[0], im = x[1];
  x[0] = static_cast<int16_t>((re * c + im * s) >> 16);
  x[1] = static_cast<int16_t>((im * c - re * s) >> 16);
}

inline void add_halves(int16_t *a, int16_t *b, int16_t re, int16_t im) {
  const int32_t half_re = a[0] >> 1, half_im = a[1] >> 1;
  a[0] = static_cast<int16_t>(half_re + re);
  a[1] = static_cast<int16_t>(half_im + im);
  b[0] = static_cast<int16_t>(half_re - re);
  b[1] = static_cast<int16_t>(half_im - im);
}

// Quarter: a quarter turn on, multiplied by -j.
template <bool Quarter>
void turned_butterflies(int16_t *a, int16_t *b, uint8_t count, uint16_t stride, const int16_t *turns, uint8_t angles) {
  for (uint8_t j = 0; j < angles; ++j) {
    turns += 4u * count;
    uint16_t at = static_cast<uint16_t>(2 * j);
    for (uint8_t left = count; left; --left, at = static_cast<uint16_t>(at + stride / 2)) {
      turn(b + at, flash(turns), flash(turns + 1));
      const int16_t re = b[at], im = b[at + 1];
      add_halves(a + at, b + at, Quarter ? im : re, Quarter ? static_cast<int16_t>(-re) : im);
    }
  }
}
inline void butterflies(int16_t *a, int16_t *b, uint8_t count, uint16_t stride, const int16_t *turns,
                        uint8_t angles) {
  turned_butterflies<false>(a, b, count, stride, turns, angles);
}
inline void butterflies_quarter(int16_t *a, int16_t *b, uint8_t count, uint16_t stride, const int16_t *turns,
                                uint8_t angles) {
  turned_butterflies<true>(a, b, count, stride, turns, angles);
}
inline void butterflies_plain(int16_t *a, int16_t *b, uint8_t count, uint16_t stride) {
  for (; count; --count, a += stride / 2, b += stride / 2)
    add_halves(a, b, static_cast<int16_t>(b[0] >> 1), static_cast<int16_t>(b[1] >> 1));
}
inline void butterflies_plain_quarter(int16_t *a, int16_t *b, uint8_t count, uint16_t stride) {
  for (; count; --count, a += stride / 2, b += stride / 2)
    add_halves(a, b, static_cast<int16_t>(b[1] >> 1), static_cast<int16_t>(-(b[0] >> 1)));
}

inline void first_stages(int16_t *z, uint8_t count) {
  butterflies_plain(z, z + 2, static_cast<uint8_t>(2 * count), 8);
  butterflies_plain(z, z + 4, count, 16);
  butterflies_plain_quarter(z + 2, z + 6, count, 16);
}

inline uint32_t squared(int16_t re, int16_t im) {
  return static_cast<uint32_t>(static_cast<int32_t>(re) * re) + static_cast<uint32_t>(static_cast<int32_t>(im) * im);
}

inline int16_t multiply_high(int16_t a, int16_t b) { return static_cast<int16_t>(static_cast<int32_t>(a) * b >> 16); }

inline uint32_t weighted(uint32_t power, uint8_t weight) {
  return (power >> 7) * weight + ((power & 127) * weight >> 7);
}

#endif

// `count` mantissas times `scale` and a window, forwards or backwards through it; where the next ones are.
template <int Step> int16_t *weighted_by(int16_t *out, const int16_t *window, int16_t scale, uint16_t count) {
  for (; count; --count, ++out, window += Step) {
    *out = multiply_high(static_cast<int16_t>(*out * scale), flash(window));
  }
  return out;
}

// The last kept + hop samples, less Emphasis/256 of the sample before each, shifted up together by as many bits as they
// have room (at most Most) and weighted by a window, of which flash holds the first half and the middle; behind the
// mantissas their exponent. history: the last raw sample, hops so far, then the `kept` samples before the next hop.
// False until Needed hops are there.
template <uint8_t Emphasis, uint8_t Most, int16_t Needed>
EDGEALGOS_NOINLINE bool frame(const int16_t *hop, int16_t *history, const int16_t *window, int16_t *out,
                              uint16_t hop_size,
                              uint16_t kept, uint16_t size) {
  const uint16_t length = static_cast<uint16_t>(kept + hop_size);
  int16_t *const past = history + 2;
  int16_t *fresh = out;
  uint16_t bits = 0;  // of all magnitudes
  for (uint16_t i = 0; i < kept; ++i) {
    const int16_t now = past[i];
    *fresh++ = now;
    bits |= static_cast<uint16_t>(now < 0 ? ~now : now);
  }
  int16_t previous = history[0];
  for (uint16_t i = 0; i < hop_size; ++i) {
    const int16_t now = *hop++;
    const int16_t flat = Emphasis ? add_saturated(now, static_cast<int16_t>(-scale_by_byte(previous, Emphasis))) : now;
    *fresh++ = flat;
    bits |= static_cast<uint16_t>(flat < 0 ? ~flat : flat);
    previous = now;
  }
  history[0] = previous;
  const int16_t *next = out + hop_size;
  for (uint16_t i = 0; i < kept; ++i) past[i] = *next++;
  if (history[1] < Needed) ++history[1];
  barrier();
  if (history[1] < Needed) return false;

  uint8_t shift = 0;
  for (; shift < Most && bits < 0x4000; ++shift) bits = static_cast<uint16_t>(bits << 1);
  // (Where all 15 bits are zero it does not matter.)
  const int16_t scale = static_cast<int16_t>(static_cast<uint16_t>(1) << shift);
  const uint16_t half = length >> 1;
  out = weighted_by<1>(out, window, scale, half);
  out = weighted_by<-1>(out, window + half, scale, half);
  for (uint16_t i = length; i < size; ++i) *out++ = 0;
  *out++ = shift;
  *out = 0;
  barrier();
  return true;
}

// The order in which a fast Fourier transform takes its points: bits of the index reversed.
template <uint8_t Bits> void reverse_bits(int16_t *z) {
  const uint8_t last = static_cast<uint8_t>((static_cast<uint16_t>(1) << Bits) - 1);
  uint8_t j = 0;
  for (uint8_t i = 0; i != last; ++i) {
    if (i < j) {
      int16_t *const p = z + 2u * i, *const q = z + 2u * j;
      const int16_t re = p[0], im = p[1];
      p[0] = q[0], p[1] = q[1], q[0] = re, q[1] = im;
    }
    uint8_t bit = static_cast<uint8_t>(last / 2 + 1);  // j + 1 with the carry going down
    for (; bit & j; bit = static_cast<uint8_t>(bit >> 1)) j = static_cast<uint8_t>(j ^ bit);
    j = static_cast<uint8_t>(j | bit);
  }
}

// Z_k = 2^-Bits sum_n z_n exp(-2 pi j n k / 2^Bits) of complex z in place. turns: cosine and sine of k/2^(Bits + 1)
// turns, for a quarter of a turn. The caller has proven that no sum leaves 16 bits.
template <uint8_t Bits> EDGEALGOS_NOINLINE void fourier(int16_t *z, const int16_t *turns) {
  reverse_bits<Bits>(z);
  const uint16_t points = static_cast<uint16_t>(1) << Bits;
  uint8_t count = static_cast<uint8_t>(points >> 2);
  first_stages(z, count);
  for (uint16_t half = 4; half < points; half = static_cast<uint16_t>(half << 1)) {
    count = static_cast<uint8_t>(count >> 1);
    const uint16_t stride = static_cast<uint16_t>(8 * half);  // bytes from group to group
    int16_t *const far = z + 2 * half, *const quarter = z + half;
    butterflies_plain(z, far, count, stride);
    butterflies_plain_quarter(quarter, quarter + 2 * half, count, stride);
    const uint8_t angles = static_cast<uint8_t>((half >> 1) - 1);
    butterflies(z + 2, far + 2, count, stride, turns, angles);
    butterflies_quarter(quarter + 2, quarter + 2 * half + 2, count, stride, turns, angles);
  }
}

inline void put(int16_t *place, uint32_t power) { __builtin_memcpy(place, &power, sizeof power); }

// Power |X_k|^2 of the 2^(Bits + 1) real samples of a frame, plus a floor that depends on its exponent, in place of the
// samples: bins 0 to 2^Bits - 1, then the exponent. Pairs of samples are transformed as complex numbers, and of two
// bins of that, k and 2^Bits - k, come two bins of the spectrum.
template <uint8_t Bits>
EDGEALGOS_NOINLINE void power_spectrum(int16_t *z, const int16_t *turns, const int32_t *floors) {
  const uint16_t points = static_cast<uint16_t>(1) << Bits;
  fourier<Bits>(z, turns);
  const uint8_t exponent = static_cast<uint8_t>(z[2 * points]);
  put(z + 2 * points, exponent);
  const uint32_t least = static_cast<uint32_t>(flash(floors + exponent));
  put(z, squared(static_cast<int16_t>(z[0] + z[1]), 0) + least);
  put(z + points, squared(z[points], z[points + 1]) + least);
  int16_t *p = z, *q = z + 2 * points;
  for (uint16_t k = points / 2 - 1; k; --k) {
    p += 2, q -= 2, turns += 2;
    int16_t odd[2] = {static_cast<int16_t>(p[1] + q[1]), static_cast<int16_t>(q[0] - p[0])};
    const int16_t re = static_cast<int16_t>((p[0] + q[0]) >> 1), im = static_cast<int16_t>((p[1] - q[1]) >> 1);
    turn(odd, flash(turns), flash(turns + 1));
    put(p, squared(static_cast<int16_t>(re + odd[0]), static_cast<int16_t>(im + odd[1])) + least);
    put(q, squared(static_cast<int16_t>(re - odd[0]), static_cast<int16_t>(im - odd[1])) + least);
  }
  barrier();
}

// 256 log2(value), at most 0.02 octaves off; of 0 as of 1.
EDGEALGOS_NOINLINE inline int16_t log2_of(uint32_t value) {
  if (value == 0) return 0;
  uint8_t whole = 31;
  for (; value < 0x01000000u; whole = static_cast<uint8_t>(whole - 8)) value <<= 8;
  uint8_t top = static_cast<uint8_t>(value >> 24), next = static_cast<uint8_t>(value >> 16);
  for (; top < 0x80; --whole) {
    top = static_cast<uint8_t>(top << 1 | next >> 7);
    next = static_cast<uint8_t>(next << 1);
  }
  return static_cast<int16_t>(static_cast<uint16_t>(whole) << 8 | flash(kLog2 + (top >> 1 & 63)));
}

// out = 256 log2 of the energy in overlapping triangular bands, in units of squared samples. edges: the bins where the
// triangles' corners lie; weights: of each bin in the triangle that rises there, the rest of 128 in the one that falls.
template <int16_t Offset>
EDGEALGOS_NOINLINE void log_bands(const int32_t *power, const int16_t *edges, const int8_t *weights, int16_t *out,
                                  uint8_t bands, uint16_t points) {
  const int16_t offset = static_cast<int16_t>(Offset - static_cast<int16_t>(power[points] << 9));
  uint32_t begun = 0;
  power += flash(edges);
  for (uint8_t s = 0; s <= bands; ++s, ++edges) {
    uint32_t rising = 0, all = 0;
    for (uint16_t left = static_cast<uint16_t>(flash(edges + 1) - flash(edges)); left; --left) {
      const uint32_t bin = static_cast<uint32_t>(*power++);
      rising += weighted(bin, static_cast<uint8_t>(flash(weights++)));
      all += bin;
    }
    if (s) *out++ = static_cast<int16_t>(log2_of(begun + all - rising) + offset);
    begun = rising;
  }
  barrier();
}

// out = saturate(bands - Share / 256 of their levels), which follow them with a time constant of 2^Slowness frames and
// begin with the first; levels: times 2^Slowness, and last whether there was a frame.
template <uint16_t Share, int Slowness>
EDGEALGOS_NOINLINE void normalize_bands(const int16_t *bands, int32_t *levels, int16_t *out, uint8_t count) {
  const bool first = levels[count] == 0;
  levels[count] = 1;
  for (uint8_t b = 0; b < count; ++b, ++levels) {
    const int16_t now = bands[b];
    *levels = first ? static_cast<int32_t>(now) * (int32_t(1) << Slowness) : *levels + now - (*levels >> Slowness);
    const int32_t level = *levels >> Slowness;
    const int32_t rest = now - ((static_cast<int32_t>(Share) * level + 128) >> 8);
    out[b] = static_cast<int16_t>(rest > INT16_MAX ? INT16_MAX : rest < INT16_MIN ? INT16_MIN : rest);
  }
  barrier();
}

}  // namespace edgealgos

#endif  // EDGEALGOS_SPECTRUM_H
