// Layers over rows of a picture in AVR assembly: sums become bytes in registers. Read as a part of conv.h.
#ifndef EDGEALGOS_LAYERS_H
#define EDGEALGOS_LAYERS_H

#if defined(__AVR_HAVE_MUL__)

// clang-format off
// The byte that a sum becomes; its own lower byte goes.
#define EDGEALGOS_TO_BYTE(low, high, byte)                                                                       \
  "mov " byte ", " high "\n\t"                                                                                   \
  ".if %[rectify]\n\t" "cpi " byte ", %[top]\n\t" "brlo 7f\n\t"                                                 \
  "ldi " byte ", %[most]\n\t" "sbrc " high ", 7\n\t" "ldi " byte ", 0\n\t" "rjmp 8f\n\t" "7:\n\t"                   \
  ".elseif %[top] < 128\n\t" "subi " byte ", lo8(-(%[top]))\n\t" "cpi " byte ", 2 * %[top]\n\t" "brlo 7f\n\t"       \
  "ldi " byte ", %[most]\n\t" "sbrc " high ", 7\n\t" "ldi " byte ", lo8(-1 - %[most])\n\t" "rjmp 8f\n\t"            \
  "7: subi " byte ", %[top]\n\t" ".endif\n\t"                                                                  \
  ".if %[shift] == 4\n\t" "swap " byte "\n\t" "swap " low "\n\t" "mov r0, " byte "\n\t"                          \
  "eor " byte ", " low "\n\t" "andi " byte ", 15\n\t" "eor " byte ", r0\n\t"                                    \
  ".elseif %[shift] < 4\n\t" ".rept %[shift]\n\t" "asr " byte "\n\t" "ror " low "\n\t" ".endr\n\t"               \
  "mov " byte ", " low "\n\t" ".elseif %[shift] < 9\n\t"                                                       \
  ".rept 8 - %[shift]\n\t" "lsl " low "\n\t" "rol " byte "\n\t" ".endr\n\t"                                   \
  ".else\n\t" ".rept %[shift] - 8\n\t" "asr " byte "\n\t" ".endr\n\t" ".endif\n\t" "8:\n\t"
// clang-format on

// clang-format off
#define EDGEALGOS_TIMES(weight, low, high) "muls r25, " weight "\n\t" "add " low ", r0\n\t" "adc " high ", r1\n\t"
#define EDGEALGOS_GO_ON(way) "add r30, %A[" way "]\n\t" "adc r31, %B[" way "]\n\t"
#define EDGEALGOS_EACH_OF_3(code) code("r16", "r17", "r18") EDGEALGOS_GO_ON("down")                      \
                                  code("r19", "r20", "r21") EDGEALGOS_GO_ON("further")                    \
                                  code("r22", "r23", "r24") EDGEALGOS_GO_ON("next")
// The sum in r2 and r3 is done.
#define EDGEALGOS_PUT EDGEALGOS_TO_BYTE("r2", "r3", "r28") "st X, r28\n\t"                                         \
                      "subi r26, lo8(-(%[apart]))\n\t" "sbci r27, hi8(-(%[apart]))\n\t"
// A column ends one sum, goes on with the next, begins the one after that.
#define EDGEALGOS_COLUMN_OF_3(first, second, third)                                                          \
  "ld r25, Z\n\t" EDGEALGOS_TIMES(third, "r2", "r3") EDGEALGOS_TIMES(second, "r4", "r5")                    \
  EDGEALGOS_TIMES(first, "r6", "r7")
// The same before any sum ends.
#define EDGEALGOS_EARLY_OF_3(first, second, third)                                                           \
  "ld r25, Z\n\t" EDGEALGOS_TIMES(second, "r4", "r5") EDGEALGOS_TIMES(first, "r6", "r7")
#define EDGEALGOS_BY_1                                                                                       \
  "movw r4, r14\n\t" ".rept %[skipped]\n\t" "movw r6, r14\n\t" EDGEALGOS_EACH_OF_3(EDGEALGOS_EARLY_OF_3)    \
  "movw r2, r4\n\t" "movw r4, r6\n\t" ".endr\n\t"                                                           \
  ".if %[skipped] == 0\n\t" "movw r2, r14\n\t" ".endif\n\t"                                                \
  ".if %[columns]\n\t" "ldi r29, %[columns]\n\t"                                                           \
  "2: movw r6, r14\n\t" EDGEALGOS_EACH_OF_3(EDGEALGOS_COLUMN_OF_3) EDGEALGOS_PUT                            \
  "movw r2, r4\n\t" "movw r4, r6\n\t" "dec r29\n\t" "breq 4f\n\t" "rjmp 2b\n\t" "4:\n\t" ".endif\n\t"     \
  ".if %[behind] > 0\n\t" EDGEALGOS_PUT ".endif\n\t"                                                      \
  ".if %[behind] > 1\n\t" "movw r2, r4\n\t" EDGEALGOS_PUT ".endif\n\t"
// Two columns: the first ends a sum and begins the next, the second goes on with that.
#define EDGEALGOS_FIRST_OF_3(first, second, third)                                                           \
  ".if %[left]\n\t" "ld r25, Z\n\t" ".else\n\t" "ld r25, Z\n\t" EDGEALGOS_TIMES(first, "r4", "r5")         \
  "ldd r25, Z + %[apart]\n\t" ".endif\n\t" EDGEALGOS_TIMES(second, "r4", "r5")
#define EDGEALGOS_PAIR_OF_3(first, second, third)                                                            \
  "ld r25, Z\n\t" EDGEALGOS_TIMES(third, "r2", "r3") EDGEALGOS_TIMES(first, "r4", "r5")                     \
  "ldd r25, Z + %[apart]\n\t" EDGEALGOS_TIMES(second, "r4", "r5")
#define EDGEALGOS_LAST_OF_3(first, second, third) "ld r25, Z\n\t" EDGEALGOS_TIMES(third, "r2", "r3")
#define EDGEALGOS_BY_2                                                                                       \
  "movw r4, r14\n\t" EDGEALGOS_EACH_OF_3(EDGEALGOS_FIRST_OF_3)                                              \
  ".if %[left]\n\t" "sbiw r30, %[apart]\n\t" ".endif\n\t"                                                 \
  ".if %[columns]\n\t" "ldi r29, %[columns]\n\t"                                                           \
  "2: movw r2, r4\n\t" "movw r4, r14\n\t" EDGEALGOS_EACH_OF_3(EDGEALGOS_PAIR_OF_3) EDGEALGOS_PUT           \
  "dec r29\n\t" "breq 4f\n\t" "rjmp 2b\n\t" "4:\n\t" ".endif\n\t" "movw r2, r4\n\t"                            \
  ".if %[behind]\n\t" EDGEALGOS_EACH_OF_3(EDGEALGOS_LAST_OF_3) ".endif\n\t" EDGEALGOS_PUT
// For each channel its weights go to r16 to r24, its bias and half a unit to r14 and r15; Z goes from row to row. How
// many channels are left, and where the next weights and the next bias are, lies on the stack.
#define EDGEALGOS_CHANNELS(code)                                                                             \
  "push r28\n\t" "push r29\n\t" "push %A[bias]\n\t" "push %B[bias]\n\t"                                     \
  "push %A[weights]\n\t" "push %B[weights]\n\t" "ldi r28, %[channels]\n\t"                                 \
  "1: movw r2, r30\n\t" "pop r31\n\t" "pop r30\n\t"                                                        \
  "lpm r16, Z+\n\t" "lpm r17, Z+\n\t" "lpm r18, Z+\n\t" "lpm r19, Z+\n\t" "lpm r20, Z+\n\t"                 \
  "lpm r21, Z+\n\t" "lpm r22, Z+\n\t" "lpm r23, Z+\n\t" "lpm r24, Z+\n\t" "movw r4, r30\n\t"                \
  "pop r31\n\t" "pop r30\n\t" "lpm r14, Z+\n\t" "lpm r15, Z+\n\t"                                         \
  "push r30\n\t" "push r31\n\t" "push r4\n\t" "push r5\n\t" "push r28\n\t"                                 \
  "ldi r28, lo8(1 << (%[shift] - 1))\n\t" "add r14, r28\n\t"                                               \
  "ldi r28, hi8(1 << (%[shift] - 1))\n\t" "adc r15, r28\n\t"                                               \
  "movw r30, r2\n\t" code                                                                                  \
  "subi r26, lo8(%[back])\n\t" "sbci r27, hi8(%[back])\n\t"                                                \
  "subi r30, lo8(%[home])\n\t" "sbci r31, hi8(%[home])\n\t"                                                \
  "pop r28\n\t" "dec r28\n\t" "breq 9f\n\t" "rjmp 1b\n\t"                                                 \
  "9: pop r0\n\t" "pop r0\n\t" "pop r0\n\t" "pop r0\n\t" "pop r29\n\t" "pop r28\n\t" "clr r1\n\t"
// clang-format on

// Kernels of 3 x 3 over bytes, by one position or two: the weights of a channel stay in registers, each value is
// loaded once. 7.8 or 8.1 cycles a product and some 100 a channel.
template <int Count, int Bits, bool Rectify, uint8_t Stride, uint8_t Left, uint8_t Width, uint8_t Channels,
          uint8_t Positions>
struct EachChannel<int16_t, Count, Bits, Rectify, 3, 3, Stride, Left, Width, Channels, Positions, int8_t, int8_t,
                   int16_t, int8_t, true> {
  enum {
    kTop = Count + Bits > 16 ? 128 : 1 << (Count + Bits < 9 ? 0 : Count + Bits - 9),
    kBack = Positions * Channels - 1,
    kSkipped = 2 - Left,
    kColumns = Width < Positions + kSkipped ? Width : Positions + kSkipped,
    kBehind = Positions - (kColumns - kSkipped),
    kEnd = 2 * Positions - Left,  // the column that ends the last sum
    kInside = kEnd < Width
  };
  EDGEALGOS_NOINLINE static void apply(RingRows<3, int8_t> &rows, const int8_t *weights, const int16_t *bias,
                                       int8_t *out) {
    const int8_t *first = rows.row[0];
    const int16_t down = static_cast<int16_t>(rows.row[1] - first);
    const int16_t further = static_cast<int16_t>(rows.row[2] - rows.row[1]);
    const int16_t next = static_cast<int16_t>(first - rows.row[2] + Stride * Channels);
    // weights and bias are in r16 to r19: the others of their class are taken, as those of the three ways below r16
    if (Stride == 1)
      __asm__ __volatile__(EDGEALGOS_CHANNELS(EDGEALGOS_BY_1)
                           : [weights] "+a"(weights), [bias] "+a"(bias), "+x"(out), "+z"(first)
                           : [down] "l"(down), [further] "l"(further), [next] "l"(next), [shift] "n"(Count),
                             [rectify] "n"(Rectify), [top] "n"(kTop), [most] "n"((1 << (Bits - 1)) - 1),
                             [channels] "n"(Channels), [apart] "n"(Channels), [back] "n"(kBack),
                             [home] "n"(kColumns * Channels - 1), [columns] "n"(kColumns - kSkipped),
                             [skipped] "n"(kSkipped), [behind] "n"(kBehind)
                           : "r0", "r2", "r3", "r4", "r5", "r6", "r7", "r14", "r15", "r20", "r21", "r22", "r23",
                             "r24", "r25", "memory");
    else
      __asm__ __volatile__(EDGEALGOS_CHANNELS(EDGEALGOS_BY_2)
                           : [weights] "+a"(weights), [bias] "+a"(bias), "+x"(out), "+z"(first)
                           : [down] "l"(down), [further] "l"(further), [next] "l"(next), [shift] "n"(Count),
                             [rectify] "n"(Rectify), [top] "n"(kTop), [most] "n"((1 << (Bits - 1)) - 1),
                             [channels] "n"(Channels), [apart] "n"(Channels), [back] "n"(kBack),
                             [home] "n"((kEnd + (kInside ? 2 : 0)) * Channels - 1),
                             [columns] "n"(Positions - 1), [left] "n"(Left), [behind] "n"(kInside)
                           : "r0", "r2", "r3", "r4", "r5", "r6", "r7", "r14", "r15", "r20", "r21", "r22", "r23",
                             "r24", "r25", "memory");
  }
};

// clang-format off
// One weight times the values of two positions.
#define EDGEALGOS_AT_BOTH(multiply, weight, low, high, low2, high2)                                          \
  multiply " r16, " weight "\n\t" "add " low ", r0\n\t" "adc " high ", r1\n\t"                               \
  multiply " r17, " weight "\n\t" "add " low2 ", r0\n\t" "adc " high2 ", r1\n\t"
#define EDGEALGOS_BYTE_AT_BOTH(...) "lpm r18, Z+\n\t" EDGEALGOS_AT_BOTH("muls", "r18", __VA_ARGS__)
#define EDGEALGOS_LOW_AT_BOTH(...) "lpm r19, Z+\n\t" "mov r18, r19\n\t" "andi r18, 15\n\t"                   \
                                   EDGEALGOS_AT_BOTH("mulsu", "r18", __VA_ARGS__)
#define EDGEALGOS_HIGH_AT_BOTH(...) "swap r19\n\t" "andi r19, 15\n\t"                                        \
                                    EDGEALGOS_AT_BOTH("mulsu", "r19", __VA_ARGS__)
#define EDGEALGOS_VALUES_OF_BOTH                                                                             \
  "ld r16, Y+\n\t" ".if %[second]\n\t" "ldd r17, Y + %[channels] - 1\n\t" ".else\n\t" "mov r17, r16\n\t" ".endif\n\t"
// A row of results at both positions, unless the last block has no such row.
#define EDGEALGOS_ROW_OF_BOTH(row, low, high, low2, high2)                                                   \
  ".if %[rest] == " row "\n\t" "cpi r21, 1\n\t" "brne 4f\n\t" "rjmp 5f\n\t" "4:\n\t" ".endif\n\t"                  \
  "lpm r22, Z+\n\t" "lpm r23, Z+\n\t" "add " low ", r22\n\t" "adc " high ", r23\n\t"                         \
  EDGEALGOS_TO_BYTE(low, high, "r20") "st X+, r20\n\t"                                                       \
  ".if %[second]\n\t" "add " low2 ", r22\n\t" "adc " high2 ", r23\n\t"                                       \
  EDGEALGOS_TO_BYTE(low2, high2, "r20") "st Y+, r20\n\t" ".endif\n\t"
#define EDGEALGOS_FOUR_OF_BOTH(first, second)                                                                \
  first("r2", "r3", "r10", "r11") second("r4", "r5", "r12", "r13")                                           \
  first("r6", "r7", "r14", "r15") second("r8", "r9", "r24", "r25")
// clang-format on

// Two positions side by side share each weight of four rows, whose sums begin with half a unit. Of nibbles that are 8
// too large, 8 times the sum of the values is taken off first. 6.4 or 6.6 cycles a product and some 22 a result.
template <int Count, int Bits, bool Rectify, uint8_t Channels, uint8_t Outputs, uint8_t Positions, bool Nibbles,
          class W>
EDGEALGOS_NOINLINE void both_positions(const W *weights, const int16_t *bias, const int8_t *source, int8_t *out) {
  enum {
    kTop = Count + Bits > 16 ? 128 : 1 << (Count + Bits < 9 ? 0 : Count + Bits - 9),
    kBlocks = (Outputs + 3) / 4,
    kTable = kBlocks * Channels * (Nibbles ? 2 : 4),
    kOdd = Positions > 1 && Positions % 2  // the last two are those that are side by side then
  };
  __asm__ __volatile__(
      "push r28\n\t" "push r29\n\t" "movw r28, %A[source]\n\t" "movw r22, %A[bias]\n\t" "ldi r21, %[pairs]\n\t"
      "9: push r21\n\t" "ldi r24, lo8(1 << (%[shift] - 1))\n\t" "ldi r25, hi8(1 << (%[shift] - 1))\n\t"
      ".if %[nibbles]\n\t" "movw r2, r24\n\t" "movw r10, r24\n\t" "ldi r18, 8\n\t" "ldi r20, %[channels]\n\t"
      "1:\n\t" EDGEALGOS_VALUES_OF_BOTH
      "mulsu r16, r18\n\t" "sub r2, r0\n\t" "sbc r3, r1\n\t" "mulsu r17, r18\n\t" "sub r10, r0\n\t" "sbc r11, r1\n\t"
      "dec r20\n\t" "brne 1b\n\t" "subi r28, lo8(%[channels])\n\t" "sbci r29, hi8(%[channels])\n\t"
      "push r3\n\t" "push r2\n\t" "push r11\n\t" "push r10\n\t" ".endif\n\t"
      "ldi r21, %[blocks]\n\t"
      "2: .if %[nibbles]\n\t" "pop r10\n\t" "pop r11\n\t" "pop r2\n\t" "pop r3\n\t"
      "push r3\n\t" "push r2\n\t" "push r11\n\t" "push r10\n\t"
      ".else\n\t" "ldi r24, lo8(1 << (%[shift] - 1))\n\t" "ldi r25, hi8(1 << (%[shift] - 1))\n\t"
      "movw r2, r24\n\t" "movw r10, r24\n\t" ".endif\n\t"
      "movw r4, r2\n\t" "movw r6, r2\n\t" "movw r8, r2\n\t" "movw r12, r10\n\t" "movw r14, r10\n\t" "movw r24, r10\n\t"
      "ldi r20, %[channels]\n\t"
      "3:\n\t" EDGEALGOS_VALUES_OF_BOTH
      ".if %[nibbles]\n\t" EDGEALGOS_FOUR_OF_BOTH(EDGEALGOS_LOW_AT_BOTH, EDGEALGOS_HIGH_AT_BOTH)
      ".else\n\t" EDGEALGOS_FOUR_OF_BOTH(EDGEALGOS_BYTE_AT_BOTH, EDGEALGOS_BYTE_AT_BOTH) ".endif\n\t"
      "dec r20\n\t" "breq 4f\n\t" "rjmp 3b\n\t"
      "4: movw r16, r28\n\t" "movw r18, r30\n\t" "movw r30, r22\n\t"
      "movw r28, r26\n\t" "subi r28, lo8(-(%[outputs]))\n\t" "sbci r29, hi8(-(%[outputs]))\n\t"
      EDGEALGOS_ROW_OF_BOTH("4", "r2", "r3", "r10", "r11") EDGEALGOS_ROW_OF_BOTH("1", "r4", "r5", "r12", "r13")
      EDGEALGOS_ROW_OF_BOTH("2", "r6", "r7", "r14", "r15") EDGEALGOS_ROW_OF_BOTH("3", "r8", "r9", "r24", "r25")
      "5: movw r22, r30\n\t" "movw r30, r18\n\t" "movw r28, r16\n\t"
      "subi r28, lo8(%[channels])\n\t" "sbci r29, hi8(%[channels])\n\t" "dec r21\n\t" "breq 6f\n\t" "rjmp 2b\n\t"
      "6: .if %[nibbles]\n\t" "pop r0\n\t" "pop r0\n\t" "pop r0\n\t" "pop r0\n\t" ".endif\n\t"
      "subi r22, lo8(2 * %[outputs])\n\t" "sbci r23, hi8(2 * %[outputs])\n\t"
      "subi r30, lo8(%[table])\n\t" "sbci r31, hi8(%[table])\n\t"
      "subi r26, lo8(-(%[outputs]))\n\t" "sbci r27, hi8(-(%[outputs]))\n\t"
      "subi r28, lo8(-(2 * %[channels]))\n\t" "sbci r29, hi8(-(2 * %[channels]))\n\t"
      "pop r21\n\t" "dec r21\n\t" "brne 4f\n\t" "rjmp 7f\n\t"
      "4: .if %[odd]\n\t" "cpi r21, 1\n\t" "brne 6f\n\t" "subi r28, lo8(%[channels])\n\t"
      "sbci r29, hi8(%[channels])\n\t" "subi r26, lo8(%[outputs])\n\t" "sbci r27, hi8(%[outputs])\n\t" "6:\n\t"
      ".endif\n\t"
      "rjmp 9b\n\t"
      "7: pop r29\n\t" "pop r28\n\t" "clr r1\n\t"
      : [source] "+a"(source), [bias] "+a"(bias), "+x"(out), "+z"(weights)
      : [shift] "n"(Count), [rectify] "n"(Rectify), [top] "n"(kTop), [most] "n"((1 << (Bits - 1)) - 1),
        [channels] "n"(Channels), [outputs] "n"(Outputs), [pairs] "n"((Positions + 1) / 2), [blocks] "n"(kBlocks),
        [table] "n"(kTable), [second] "n"(Positions > 1), [odd] "n"(kOdd), [nibbles] "n"(Nibbles),
        [rest] "n"(Outputs % 4)
      : "r0", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "r20", "r21",
        "r22", "r23", "r24", "r25", "memory");
}

#endif

#endif  // EDGEALGOS_LAYERS_H
