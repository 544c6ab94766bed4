// Comparisons with stored samples: kernel machines and nearest neighbours.
#ifndef EDGEALGOS_INSTANCES_H
#define EDGEALGOS_INSTANCES_H

#include <stdint.h>

namespace edgealgos {

// 2^15 * 2^-((i + 1/32) / 16), and 2^16 * 2^-(i / 256).
static const uint16_t kCoarseExp2[16] EDGEALGOS_FLASH = {
@COARSE_EXP2@};
static const uint16_t kFineExp2[16] EDGEALGOS_FLASH = {
@FINE_EXP2@};

#if defined(__AVR_HAVE_MUL__)
// a * b / 2^16, rounded down. 21 cycles.
EDGEALGOS_INLINE uint16_t upper_word(uint16_t a, uint16_t b) {
  uint16_t upper;
  uint8_t zero, low;
  __asm__("clr %[zero]\n\t" "mul %A[a], %A[b]\n\t" "mov %[low], r1\n\t"
          "mul %B[a], %B[b]\n\t" "movw %[upper], r0\n\t"
          "mul %A[a], %B[b]\n\t" "add %[low], r0\n\t" "adc %A[upper], r1\n\t" "adc %B[upper], %[zero]\n\t"
          "mul %B[a], %A[b]\n\t" "add %[low], r0\n\t" "adc %A[upper], r1\n\t" "adc %B[upper], %[zero]\n\t" "clr r1\n\t"
          : [upper] "=&r"(upper), [zero] "=&r"(zero), [low] "=&r"(low) : [a] "r"(a), [b] "r"(b) : "r0");
  return upper;
}
#else
inline uint16_t upper_word(uint16_t a, uint16_t b) {
  return static_cast<uint16_t>(static_cast<uint32_t>(a) * b >> 16);
}
#endif

// raw * 2^-Count within the range of a word.
template <int Count, class D> inline uint16_t to_word(D raw) {
  const uint8_t up = Count < 0 ? -Count : 0, down = Count < 0 ? 0 : Count;
  if (Count < 0) return raw > (0xffffu >> up) ? 0xffff : static_cast<uint16_t>(raw << up);
  const D shifted = static_cast<D>(static_cast<uint32_t>(raw) >> down);
  return shifted > 0xffff ? 0xffff : static_cast<uint16_t>(shifted);
}
template <int Count> inline int16_t to_signed_word(int32_t raw) {
  const int up = Count < 0 ? -Count : 0;
  if (Count < 0 && raw > (32767 >> up)) return 32767;
  if (Count < 0 && raw < (-32768 >> up)) return -32768;
  return static_cast<int16_t>(
      saturate<16>(Count < 0 ? raw * (static_cast<int32_t>(1) << up) : raw >> (Count < 0 ? 0 : Count)));
}

// exp(-gamma * distance) with 15 fractional bits; D holds every distance.
template <class D, int Down> struct Rbf {
  uint16_t factor;
  D length;
  explicit Rbf(uint16_t f) : factor(f), length(0) {}
  template <class V, class N> void begin(const V *x, N columns) {
    for (N i = 0; i < columns; ++i)
      length = static_cast<D>(length + static_cast<uint32_t>(static_cast<int32_t>(x[i]) * x[i]));
  }
  template <class Acc, class B> int16_t operator()(Acc sum, B norm) const {
    const D distance = static_cast<D>(length + static_cast<D>(norm) - static_cast<D>(2 * static_cast<D>(sum)));
    const uint16_t steps = upper_word(to_word<Down>(distance), factor);
    if (steps >= 4096) return 0;
    const uint8_t part = static_cast<uint8_t>(steps);
    const uint16_t coarse = flash(kCoarseExp2 + (part >> 4)), fine = flash(kFineExp2 + (part & 15));
    uint16_t kernel = upper_word(coarse, fine);
    for (uint8_t whole = static_cast<uint8_t>(steps >> 8); whole; --whole) kernel >>= 1;
    return static_cast<int16_t>(kernel);
  }
};

// ((gamma * product + coef0) / reach)^Degree with 15 fractional bits.
template <int Down, uint8_t Degree> struct Poly {
  int16_t factor;
  int32_t addend;
  Poly(int16_t f, int32_t a) : factor(f), addend(a) {}
  template <class V, class N> void begin(const V *, N) {}
  int16_t operator()(int32_t sum, int32_t norm) const {
    const int32_t product = static_cast<int32_t>(static_cast<uint32_t>(sum) + static_cast<uint32_t>(norm));
    const int16_t base = static_cast<int16_t>(
        saturate<16>((static_cast<int32_t>(to_signed_word<Down>(product)) * factor + addend) >> 14));
    int16_t power = base;
    for (uint8_t i = 1; i < Degree; ++i) {
      const int32_t next = (static_cast<int32_t>(power) * base) >> 15;
      power = static_cast<int16_t>(next > 32767 ? 32767 : next);
    }
    return power;
  }
};

// kernel * coefficient
inline int32_t weighted(int16_t kernel, int8_t coefficient) { return multiply(kernel, coefficient); }
inline int32_t weighted(int16_t kernel, int16_t coefficient) { return static_cast<int32_t>(kernel) * coefficient; }

// What a support vector adds to the sums of its class and every other one.
template <int Shift, class C> inline void add_term(int16_t kernel, const C *coefficient, int32_t *sum) {
  if (const C value = flash(coefficient)) *sum += weighted(kernel, value) >> Shift;
}
#if defined(__AVR_HAVE_MUL__)
// clang-format off
// The next coefficient; what it is worth, 24 bits, is added to the sum at X unless it is zero, and X goes on.
#define EDGEALGOS_KERNEL_TERM \
  "lpm %[c], Z+\n\t" "tst %[c]\n\t" "brne 2f\n\t" "adiw r26, 4\n\t" "rjmp 3f\n\t" \
  "2: muls %[c], %B[kernel]\n\t" "movw %[p], r0\n\t" "mulsu %[c], %A[kernel]\n\t" "sbc %[t], %[t]\n\t" \
  "add %A[p], r1\n\t" "adc %B[p], %[t]\n\t" "mov %[t], %B[p]\n\t" "lsl %[t]\n\t" "sbc %[t], %[t]\n\t" \
  "ld %[c], X\n\t" "add %[c], r0\n\t" "st X+, %[c]\n\t" "ld %[c], X\n\t" "adc %[c], %A[p]\n\t" "st X+, %[c]\n\t" \
  "ld %[c], X\n\t" "adc %[c], %B[p]\n\t" "st X+, %[c]\n\t" "ld %[c], X\n\t" "adc %[c], %[t]\n\t" "st X+, %[c]\n\t" \
  "3:\n\t"
// The same for bytes whose products are added as they are. 13 to 15 cycles a zero, 41 to 45 another coefficient.
EDGEALGOS_KERNEL void add_kernel_bytes(int16_t kernel, const int8_t *coefficients, int32_t *sum, uint8_t own,
                                       uint8_t classes) {
  sum += own - 1;
  uint16_t step = static_cast<uint16_t>(4 * (classes - 3)), p;
  uint8_t others = static_cast<uint8_t>(classes - 1 - own), c, t;
  __asm__ __volatile__("tst %[own]\n\t" "breq 4f\n\t"
                       "1: " EDGEALGOS_KERNEL_TERM
                       "add r26, %A[step]\n\t" "adc r27, %B[step]\n\t" "sbiw %[step], 4\n\t"
                       "dec %[own]\n\t" "brne 1b\n\t"
                       "4: adiw r26, 4\n\t" "tst %[others]\n\t" "breq 5f\n\t"
                       "1: " EDGEALGOS_KERNEL_TERM "dec %[others]\n\t" "brne 1b\n\t"
                       "5: clr r1\n\t"
                       : [c] "=&a"(c), [t] "=&r"(t), [p] "=&r"(p), [step] "+&w"(step), [own] "+&r"(own),
                         [others] "+&r"(others), "+&x"(sum), "+&z"(coefficients)
                       : [kernel] "a"(kernel)
                       : "r0", "memory");
}
// clang-format on
#endif

template <int Shift, class C>
EDGEALGOS_NOINLINE void add_kernel(int16_t kernel, const C *coefficients, int32_t *sum, uint8_t own, uint8_t classes) {
  sum += own - 1;
  uint8_t step = static_cast<uint8_t>(classes - 2);
  for (uint8_t left = own; left; --left, sum += step--) add_term<Shift>(kernel, coefficients++, sum);
  for (uint8_t left = static_cast<uint8_t>(classes - 1 - own); left; --left)
    add_term<Shift>(kernel, coefficients++, ++sum);
}

// How the terms of a vector are added: by the loop above, or that of bytes.
template <int Shift, class C> struct AddKernel {
  static void run(int16_t kernel, const C *coefficients, int32_t *sum, uint8_t own, uint8_t classes) {
    add_kernel<Shift>(kernel, coefficients, sum, own, classes);
  }
};
#if defined(__AVR_HAVE_MUL__)
template <> struct AddKernel<0, int8_t> {
  static void run(int16_t kernel, const int8_t *coefficients, int32_t *sum, uint8_t own, uint8_t classes) {
    add_kernel_bytes(kernel, coefficients, sum, own, classes);
  }
};
#endif

// out = bias + sum_j coefficients_j * kernel(product_j + norm_j), pair by pair.
template <class Acc, int Shift, class Kernel, class Rows, class B, class C, class V, class N>
EDGEALGOS_OP void kernel_sums(Kernel kernel, Rows matrix, const B *norms, const C *coefficients,
                              const int16_t *sections, const int32_t *bias, const V *x, int32_t *out, uint16_t pairs,
                              uint8_t classes, N columns) {
  for (uint16_t p = 0; p < pairs; ++p) out[p] = flash(bias + p);
  kernel.begin(x, columns);
  uint16_t all = 0;
  for (uint8_t c = 0; c < classes; ++c) all = static_cast<uint16_t>(all + flash(sections + c));
  Acc sums[Rows::kAtOnce];
  uint8_t own = 0;
  int16_t left = flash(sections);
  while (all) {
    const uint8_t count = matrix.next(x, columns, sums, static_cast<uint8_t>(all > 255 ? 255 : all));
    for (uint8_t k = 0; k < count; ++k) {
      while (!left) left = flash(sections + ++own);
      --left;
      if (const int16_t value = kernel(sums[k], flash(norms)))
        AddKernel<Shift, C>::run(value, coefficients, out, own, classes);
      ++norms;
      coefficients += classes - 1;
    }
    all = static_cast<uint16_t>(all - count);
  }
  barrier();
}

// Of each pair of classes the first one has a vote where its sum is positive, else the second.
inline void pair_votes(const int32_t *sums, int32_t *votes, uint8_t classes) {
  for (uint8_t c = 0; c < classes; ++c) votes[c] = 0;
  for (uint8_t a = 0; a < classes; ++a)
    for (uint8_t b = static_cast<uint8_t>(a + 1); b < classes; ++b) ++votes[*sums++ > 0 ? a : b];
  barrier();
}

// The nearest samples count alike: of classes their votes, else the sum of their values.
struct Alike {
  template <uint8_t Count, class L, class V, class N>
  static void tell(uint8_t, const int32_t *, const L *said, const V *, N, int32_t *out, uint8_t outputs) {
    for (uint8_t k = 0; k < Count; ++k) {
      if (outputs > 1) ++out[static_cast<uint16_t>(said[k])];
      else out[0] += said[k];
    }
  }
};

// They count by how near they are: shares of one, with 15 fractional bits.
struct ByDistance {
  template <uint8_t Count, class L, class V, class N>
  static void tell(uint8_t found, const int32_t *nearness, const L *said, const V *x, N columns, int32_t *out,
                   uint8_t outputs) {
    if (!found) return;
    uint32_t length = 0, total = 0;
    for (N i = 0; i < columns; ++i) length += static_cast<uint32_t>(static_cast<int32_t>(x[i]) * x[i]);
    uint8_t up = 0;  // even: roots then have 16 bits
    for (uint32_t farthest = length - static_cast<uint32_t>(nearness[found - 1]);
         up < 30 && farthest < 0x40000000u; farthest <<= 2) up += 2;
    uint16_t weights[Count], nearest = 0;
    for (uint8_t k = 0; k < found; ++k) {
      const uint16_t distance = root((length - static_cast<uint32_t>(nearness[k])) << up);
      if (!k) nearest = distance;
      weights[k] = distance ? static_cast<uint16_t>((static_cast<uint32_t>(nearest) << 15) / distance) : 0x8000;
      total += weights[k];
    }
    for (uint8_t k = 0; k < found; ++k) {
      const int32_t share = static_cast<int32_t>((static_cast<uint32_t>(weights[k]) << 15) / total);
      if (outputs > 1) out[static_cast<uint16_t>(said[k])] += share;
      else out[0] += share * said[k];
    }
  }
};

// What the nearest samples say.
template <class Acc, uint8_t Count, class Weigh, class Rows, class L, class V, class N>
EDGEALGOS_OP void neighbours(Rows matrix, const int32_t *norms, const L *values, const V *x, int32_t *out,
                             uint8_t outputs, uint16_t samples, N columns) {
  int32_t nearness[Count];
  L said[Count];
  uint8_t found = 0;
  Acc sums[Rows::kAtOnce];
  while (samples) {
    const uint8_t count = matrix.next(x, columns, sums, static_cast<uint8_t>(samples > 255 ? 255 : samples));
    for (uint8_t k = 0; k < count; ++k, ++norms, ++values) {
      const int32_t near = 2 * static_cast<int32_t>(sums[k]) - flash(norms);
      if (found == Count) {
        if (near <= nearness[Count - 1]) continue;
        --found;
      }
      uint8_t place = found++;
      for (; place && near > nearness[place - 1]; --place) {
        nearness[place] = nearness[place - 1];
        said[place] = said[place - 1];
      }
      nearness[place] = near;
      said[place] = flash(values);
    }
    samples = static_cast<uint16_t>(samples - count);
  }
  for (uint8_t c = 0; c < outputs; ++c) out[c] = 0;
  Weigh::template tell<Count>(found, nearness, said, x, columns, out, outputs);
  barrier();
}

}  // namespace edgealgos

#endif  // EDGEALGOS_INSTANCES_H
