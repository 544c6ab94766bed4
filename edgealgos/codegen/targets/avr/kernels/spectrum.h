// What a spectrum is made of, in AVR assembly; generic/kernels/spectrum.h has its C++ twin. Cycles (ATmega328P) are those
// of the loop alone.
#ifndef EDGEALGOS_AVR_SPECTRUM_H
#define EDGEALGOS_AVR_SPECTRUM_H

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

// The first two stages, whose butterflies have no product, of `count` times four points. 150 cycles each.
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

#endif  // EDGEALGOS_AVR_SPECTRUM_H
