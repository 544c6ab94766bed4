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

// clang-format off
// Signed words multiplied into, added to, or taken from four bytes; r15 is zero. mulsu leaves its sign in the carry
// flag.
#define EDGEALGOS_CROSS(ah, bl, p1, p2, p3) \
  "mulsu " ah ", " bl "\n\t" "sbc " p3 ", r15\n\t" "add " p1 ", r0\n\t" "adc " p2 ", r1\n\t" "adc " p3 ", r15\n\t"
#define EDGEALGOS_PRODUCT(al, ah, bl, bh, p0, p1, p2, p3)                                       \
  "muls " ah ", " bh "\n\t" "movw " p2 ", r0\n\t" "mul " al ", " bl "\n\t" "movw " p0 ", r0\n\t" \
  EDGEALGOS_CROSS(ah, bl, p1, p2, p3) EDGEALGOS_CROSS(bh, al, p1, p2, p3)
#define EDGEALGOS_PLUS_PRODUCT(al, ah, bl, bh, p0, p1, p2, p3)                                  \
  "muls " ah ", " bh "\n\t" "add " p2 ", r0\n\t" "adc " p3 ", r1\n\t"                            \
  "mul " al ", " bl "\n\t" "add " p0 ", r0\n\t" "adc " p1 ", r1\n\t" "adc " p2 ", r15\n\t" "adc " p3 ", r15\n\t" \
  EDGEALGOS_CROSS(ah, bl, p1, p2, p3) EDGEALGOS_CROSS(bh, al, p1, p2, p3)
#define EDGEALGOS_MINUS_CROSS(ah, bl, p1, p2, p3) \
  "mulsu " ah ", " bl "\n\t" "adc " p3 ", r15\n\t" "sub " p1 ", r0\n\t" "sbc " p2 ", r1\n\t" "sbc " p3 ", r15\n\t"
#define EDGEALGOS_MINUS_PRODUCT(al, ah, bl, bh, p0, p1, p2, p3)                                 \
  "muls " ah ", " bh "\n\t" "sub " p2 ", r0\n\t" "sbc " p3 ", r1\n\t"                            \
  "mul " al ", " bl "\n\t" "sub " p0 ", r0\n\t" "sbc " p1 ", r1\n\t" "sbc " p2 ", r15\n\t" "sbc " p3 ", r15\n\t" \
  EDGEALGOS_MINUS_CROSS(ah, bl, p1, p2, p3) EDGEALGOS_MINUS_CROSS(bh, al, p1, p2, p3)
// r5:r4 and r9:r8: real and imaginary part of half of r19..r16 turned by the angle of r23..r20 (cosine, sine).
#define EDGEALGOS_TURN                                                              \
  EDGEALGOS_PRODUCT("r16", "r17", "r20", "r21", "r2", "r3", "r4", "r5")             \
  EDGEALGOS_PLUS_PRODUCT("r18", "r19", "r22", "r23", "r2", "r3", "r4", "r5")        \
  EDGEALGOS_PRODUCT("r18", "r19", "r20", "r21", "r6", "r7", "r8", "r9")             \
  EDGEALGOS_MINUS_PRODUCT("r16", "r17", "r22", "r23", "r6", "r7", "r8", "r9")
// Twice the high byte times the low byte of a word, added to the three upper bytes of a sum.
#define EDGEALGOS_ADD_CROSS "add %B[s], r0\n\t" "adc %C[s], r1\n\t" "adc %D[s], %[zero]\n\t"
#define EDGEALGOS_TWICE_CROSS(x)                                                                     \
  "mulsu %B[" x "], %A[" x "]\n\t" "sbc %D[s], %[zero]\n\t" EDGEALGOS_ADD_CROSS "sbrc r1, 7\n\t"     \
  "dec %D[s]\n\t" EDGEALGOS_ADD_CROSS
// Half a word at Y plus and minus the word `t`: the sum to Y, the difference to Z; or the other way round.
#define EDGEALGOS_HALVES(at, tl, th, first, second)                                                                  \
  "ldd r24, Y+" at "\n\t" "ldd r25, Y+" at "+1\n\t" "asr r25\n\t" "ror r24\n\t" "movw r26, r24\n\t"                   \
  "add r26, " tl "\n\t" "adc r27, " th "\n\t" "std " first "+" at ", r26\n\t" "std " first "+" at "+1, r27\n\t"       \
  "sub r24, " tl "\n\t" "sbc r25, " th "\n\t" "std " second "+" at ", r24\n\t" "std " second "+" at "+1, r25\n\t"
// What a butterfly makes of the words at Z, turned by r23..r20 or halved, and of those at Y; r15 is zero.
#define EDGEALGOS_BUTTERFLY(turn, low, high, second)                                         \
  "ldd r16, Z+0\n\t" "ldd r17, Z+1\n\t" "ldd r18, Z+2\n\t" "ldd r19, Z+3\n\t" turn           \
  EDGEALGOS_HALVES("0", low, high, "Y", "Z") second                                          \
  "add r28, r10\n\t" "adc r29, r11\n\t" "add r30, r10\n\t" "adc r31, r11\n\t" "dec r14\n\t"
#define EDGEALGOS_BUTTERFLIES(butterfly)                                                                            \
  register int16_t *first __asm__("r24") = a;                                                                       \
  register uint16_t step __asm__("r10") = stride;                                                                   \
  register uint8_t left __asm__("r14") = count;                                                                     \
  __asm__ __volatile__("push r28\n\t" "push r29\n\t" "movw r28, r24\n\t"                                            \
                       "1: " butterfly "breq 2f\n\t" "rjmp 1b\n\t" "2: " "pop r29\n\t" "pop r28\n\t"                \
                       : "+r"(left), "+z"(b), "+r"(first)                                                           \
                       : "r"(step)                                                                                  \
                       : "r16", "r17", "r18", "r19", "r26", "r27", "memory")
// The same for one angle after the other, each 8 `count` bytes behind the last and a point further on. The stack holds
// `count`, above it the angles left, and where that angle began.
#define EDGEALGOS_TURNED_BUTTERFLIES(butterfly)                                                                     \
  register int16_t *first __asm__("r24") = a;                                                                       \
  register uint16_t step __asm__("r10") = stride;                                                                   \
  register const int16_t *angle __asm__("r12") = turns;                                                             \
  register uint8_t each __asm__("r20") = count;                                                                     \
  register uint8_t left __asm__("r21") = angles;                                                                    \
  __asm__ __volatile__("push r28\n\t" "push r29\n\t" "movw r28, r24\n\t" "clr r15\n\t" "push r20\n\t"               \
                       "1: pop r14\n\t" "push r14\n\t" "push r21\n\t"                                               \
                       "push r28\n\t" "push r29\n\t" "push r30\n\t" "push r31\n\t"                               \
                       "ldi r25, 8\n\t" "mul r14, r25\n\t" "add r12, r0\n\t" "adc r13, r1\n\t"                      \
                       "movw r24, r30\n\t" "movw r30, r12\n\t" "lpm r20, Z+\n\t" "lpm r21, Z+\n\t" "lpm r22, Z+\n\t" \
                       "lpm r23, Z\n\t" "movw r30, r24\n\t"                                                         \
                       "2: " butterfly "breq 3f\n\t" "rjmp 2b\n\t"                                                  \
                       "3: pop r31\n\t" "pop r30\n\t" "pop r29\n\t" "pop r28\n\t" "adiw r28, 4\n\t" "adiw r30, 4\n\t" \
                       "pop r21\n\t" "dec r21\n\t" "breq 4f\n\t" "rjmp 1b\n\t"                                      \
                       "4: pop r20\n\t" "pop r29\n\t" "pop r28\n\t" "clr r1\n\t"                                    \
                       : "+z"(b), "+r"(first), "+r"(angle), "+r"(each), "+r"(left)                                  \
                       : "r"(step)                                                                                  \
                       : "r0", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r14", "r15", "r16", "r17", "r18",   \
                         "r19", "r22", "r23", "r26", "r27", "memory")
// Words and their halves; a sum in place of one and the difference in place of the other.
#define EDGEALGOS_HALF(at, low, high) \
  "ldd " low ", Z+" at "\n\t" "ldd " high ", Z+" at "+1\n\t" "asr " high "\n\t" "ror " low "\n\t"
#define EDGEALGOS_HALVE(low, high) "asr " high "\n\t" "ror " low "\n\t"
#define EDGEALGOS_STORE(at, low, high) "std Z+" at ", " low "\n\t" "std Z+" at "+1, " high "\n\t"
#define EDGEALGOS_CROSSED(al, ah, bl, bh)                                                                  \
  "movw r18, " al "\n\t" "sub r18, " bl "\n\t" "sbc r19, " bh "\n\t" "add " al ", " bl "\n\t" "adc " ah ", " bh "\n\t" \
  "movw " bl ", r18\n\t"
// clang-format on

// For each of `angles` angles, (c, s) behind `turns`, `count` butterflies, each `stride` bytes behind the last:
// t = b (c - js) / 2^16, then a/2 + t to a and a/2 - t to b. 133 cycles each, and 52 an angle.
EDGEALGOS_KERNEL void butterflies(int16_t *a, int16_t *b, uint8_t count, uint16_t stride, const int16_t *turns,
                                  uint8_t angles) {
  EDGEALGOS_TURNED_BUTTERFLIES(
      EDGEALGOS_BUTTERFLY(EDGEALGOS_TURN, "r4", "r5", EDGEALGOS_HALVES("2", "r8", "r9", "Y", "Z")));
}

// The same a quarter turn on: t is multiplied by -j.
EDGEALGOS_KERNEL void butterflies_quarter(int16_t *a, int16_t *b, uint8_t count, uint16_t stride,
                                          const int16_t *turns, uint8_t angles) {
  EDGEALGOS_TURNED_BUTTERFLIES(
      EDGEALGOS_BUTTERFLY(EDGEALGOS_TURN, "r8", "r9", EDGEALGOS_HALVES("2", "r4", "r5", "Z", "Y")));
}

// `count` butterflies for c = 1, s = 0, without a product: 57 cycles each.
#define EDGEALGOS_PLAIN EDGEALGOS_HALVE("r16", "r17") EDGEALGOS_HALVE("r18", "r19")
EDGEALGOS_KERNEL void butterflies_plain(int16_t *a, int16_t *b, uint8_t count, uint16_t stride) {
  EDGEALGOS_BUTTERFLIES(
      EDGEALGOS_BUTTERFLY(EDGEALGOS_PLAIN, "r16", "r17", EDGEALGOS_HALVES("2", "r18", "r19", "Y", "Z")));
}
EDGEALGOS_KERNEL void butterflies_plain_quarter(int16_t *a, int16_t *b, uint8_t count, uint16_t stride) {
  EDGEALGOS_BUTTERFLIES(
      EDGEALGOS_BUTTERFLY(EDGEALGOS_PLAIN, "r18", "r19", EDGEALGOS_HALVES("2", "r16", "r17", "Z", "Y")));
}

// The first two stages, whose butterflies have no product, of `count` times four points. 149 cycles each.
EDGEALGOS_KERNEL void first_stages(int16_t *z, uint8_t count) {
  register uint8_t left __asm__("r20") = count;
  __asm__ __volatile__(
      "1: " EDGEALGOS_HALF("0", "r2", "r3") EDGEALGOS_HALF("2", "r4", "r5") EDGEALGOS_HALF("4", "r6", "r7")
      EDGEALGOS_HALF("6", "r8", "r9") EDGEALGOS_HALF("8", "r10", "r11") EDGEALGOS_HALF("10", "r12", "r13")
      EDGEALGOS_HALF("12", "r14", "r15") EDGEALGOS_HALF("14", "r16", "r17")
      EDGEALGOS_CROSSED("r2", "r3", "r6", "r7") EDGEALGOS_CROSSED("r4", "r5", "r8", "r9")
      EDGEALGOS_CROSSED("r10", "r11", "r14", "r15") EDGEALGOS_CROSSED("r12", "r13", "r16", "r17")
      EDGEALGOS_HALVE("r2", "r3") EDGEALGOS_HALVE("r4", "r5") EDGEALGOS_HALVE("r6", "r7") EDGEALGOS_HALVE("r8", "r9")
      EDGEALGOS_HALVE("r10", "r11") EDGEALGOS_HALVE("r12", "r13") EDGEALGOS_HALVE("r14", "r15")
      EDGEALGOS_HALVE("r16", "r17")
      EDGEALGOS_CROSSED("r2", "r3", "r10", "r11") EDGEALGOS_CROSSED("r4", "r5", "r12", "r13")
      EDGEALGOS_CROSSED("r6", "r7", "r16", "r17") EDGEALGOS_CROSSED("r8", "r9", "r14", "r15")  // -j exchanges the parts
      EDGEALGOS_STORE("0", "r2", "r3") EDGEALGOS_STORE("2", "r4", "r5") EDGEALGOS_STORE("4", "r6", "r7")
      EDGEALGOS_STORE("6", "r14", "r15") EDGEALGOS_STORE("8", "r10", "r11") EDGEALGOS_STORE("10", "r12", "r13")
      EDGEALGOS_STORE("12", "r16", "r17") EDGEALGOS_STORE("14", "r8", "r9")
      "adiw r30, 16\n\t" "dec r20\n\t" "breq 2f\n\t" "rjmp 1b\n\t" "2:"
      : "+z"(z), "+r"(left)
      :
      : "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "r16", "r17", "r18",
        "r19", "memory");
}

// x (c - js) / 2^16, each part rounded down, in place. 105 cycles.
EDGEALGOS_INLINE void turn(int16_t *x, int16_t c, int16_t s) {
  register int16_t real __asm__("r20") = c;
  register int16_t imaginary __asm__("r22") = s;
  __asm__ __volatile__("clr r15\n\t" "ldd r16, Z+0\n\t" "ldd r17, Z+1\n\t" "ldd r18, Z+2\n\t" "ldd r19, Z+3\n\t"
                       EDGEALGOS_TURN
                       "std Z+0, r4\n\t" "std Z+1, r5\n\t" "std Z+2, r8\n\t" "std Z+3, r9\n\t" "clr r1\n\t"
                       :
                       : "z"(x), "r"(real), "r"(imaginary)
                       : "r0", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r15", "r16", "r17", "r18", "r19",
                         "memory");
}

// re^2 + im^2. 46 cycles.
EDGEALGOS_INLINE uint32_t squared(int16_t re, int16_t im) {
  uint32_t sum;
  uint8_t zero;
  __asm__("clr %[zero]\n\t"
          "mul %A[re], %A[re]\n\t" "movw %A[s], r0\n\t" "muls %B[re], %B[re]\n\t" "movw %C[s], r0\n\t"
          EDGEALGOS_TWICE_CROSS("re")
          "mul %A[im], %A[im]\n\t" "add %A[s], r0\n\t" "adc %B[s], r1\n\t" "adc %C[s], %[zero]\n\t"
          "adc %D[s], %[zero]\n\t"
          "muls %B[im], %B[im]\n\t" "add %C[s], r0\n\t" "adc %D[s], r1\n\t"
          EDGEALGOS_TWICE_CROSS("im") "clr r1\n\t"
          : [s] "=&r"(sum), [zero] "=&r"(zero) : [re] "a"(re), [im] "a"(im) : "r0");
  return sum;
}

// (a * b) / 2^16, rounded down. 19 cycles.
EDGEALGOS_INLINE int16_t multiply_high(int16_t a, int16_t b) {
  int16_t high;
  uint8_t low, zero;
  __asm__("clr %[zero]\n\t" "mul %A[a], %A[b]\n\t" "mov %[low], r1\n\t" "muls %B[a], %B[b]\n\t" "movw %A[p], r0\n\t"
          "mulsu %B[a], %A[b]\n\t" "sbc %B[p], %[zero]\n\t"
          "add %[low], r0\n\t" "adc %A[p], r1\n\t" "adc %B[p], %[zero]\n\t"
          "mulsu %B[b], %A[a]\n\t" "sbc %B[p], %[zero]\n\t"
          "add %[low], r0\n\t" "adc %A[p], r1\n\t" "adc %B[p], %[zero]\n\t" "clr r1\n\t"
          : [p] "=&r"(high), [low] "=&r"(low), [zero] "=&r"(zero) : [a] "a"(a), [b] "a"(b) : "r0");
  return high;
}

// (power * weight) / 2^7, rounded down; weight < 128. 21 cycles.
EDGEALGOS_INLINE uint32_t weighted(uint32_t power, uint8_t weight) {
  uint32_t share;
  uint8_t zero;
  __asm__("lsl %[w]\n\t" "clr %[zero]\n\t"
          "mul %B[p], %[w]\n\t" "movw %A[q], r0\n\t" "mul %D[p], %[w]\n\t" "movw %C[q], r0\n\t"
          "mul %A[p], %[w]\n\t" "add %A[q], r1\n\t" "adc %B[q], %[zero]\n\t" "adc %C[q], %[zero]\n\t"
          "adc %D[q], %[zero]\n\t"
          "mul %C[p], %[w]\n\t" "add %B[q], r0\n\t" "adc %C[q], r1\n\t" "adc %D[q], %[zero]\n\t" "clr r1\n\t"
          : [q] "=&r"(share), [zero] "=&r"(zero), [w] "+r"(weight) : [p] "r"(power) : "r0");
  return share;
}

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

inline void butterflies(int16_t *a, int16_t *b, uint8_t count, uint16_t stride, const int16_t *turns,
                        uint8_t angles) {
  for (uint8_t j = 0; j < angles; ++j) {
    turns += 4u * count;
    uint16_t at = static_cast<uint16_t>(2 * j);
    for (uint8_t left = count; left; --left, at = static_cast<uint16_t>(at + stride / 2)) {
      turn(b + at, flash(turns), flash(turns + 1));
      add_halves(a + at, b + at, b[at], b[at + 1]);
    }
  }
}
inline void butterflies_quarter(int16_t *a, int16_t *b, uint8_t count, uint16_t stride, const int16_t *turns,
                                uint8_t angles) {
  for (uint8_t j = 0; j < angles; ++j) {
    turns += 4u * count;
    uint16_t at = static_cast<uint16_t>(2 * j);
    for (uint8_t left = count; left; --left, at = static_cast<uint16_t>(at + stride / 2)) {
      turn(b + at, flash(turns), flash(turns + 1));
      add_halves(a + at, b + at, b[at + 1], static_cast<int16_t>(-b[at]));
    }
  }
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
