#include "microphone.h"

#include <avr/interrupt.h>
#include <avr/io.h>
#include <util/atomic.h>

namespace microphone {
namespace {

constexpr uint8_t kRing = kHop + kSlack;
static_assert(kHop % 4 == 0 && kSlack % 4 == 0 && kHop + kSlack < 256, "four samples share a byte of high bits");

// Timer 0 ticks 31.25 times from one sample to the next: four samples are a whole number of ticks.
constexpr uint8_t kTicksPerFour = F_CPU / 64 * 4 / kRate;
constexpr uint8_t kTicksPerSample = kTicksPerFour / 4;
constexpr uint8_t kTicksLeftOver = kTicksPerFour % 4;
static_assert(F_CPU / 64 * 4 % kRate == 0, "");
constexpr uint8_t kConversionTicks = 14;  // from its start to its result
constexpr uint8_t kMargin = 4;            // results come this early at most, by the rounding of timer 0
constexpr uint8_t kLostTicks = 24;        // a result this late is that of the next conversion

constexpr uint8_t kConverterOn = _BV(ADEN) | _BV(ADPS2) | _BV(ADPS1);  // at 250 kHz: done after 54 us

volatile uint8_t low_bytes[kRing];       // bits 0..7 of each sample
volatile uint8_t high_bits[kRing / 4];   // bits 8..9 of four samples, the first one on top
volatile uint8_t head;                   // where the next sample goes
uint8_t tail;                            // the oldest sample
uint8_t high_pending;                    // high bits of the samples since the last full four
uint8_t due;                             // when the last result was expected, by timer 0
uint16_t lost_count;
uint16_t last_average = 32768;           // 64 times the moving average of the codes

// 64 * code - average, saturated; then the average takes the code in. 
__attribute__((optimize("O2"), always_inline)) inline int16_t without_average(uint8_t high, uint8_t low,
                                                                              uint16_t &average) {
  const uint16_t scaled = ((uint16_t)high << 8 | low) << 6;
  const bool is_above = scaled >= average;
  const uint16_t distance = is_above ? scaled - average : average - scaled;
  const int16_t size = distance > INT16_MAX >> kGain ? INT16_MAX : distance << kGain;
  average += ((uint16_t)high << 8 | low) - (average >> 6);
  return is_above ? size : -size;
}

// Every fourth sample is a tick longer, be it lost or not.
inline void count_lost() {
  if (++lost_count % 4 == 0) due += kTicksLeftOver;
}

inline uint8_t waiting(uint8_t end) { return end >= tail ? end - tail : end + kRing - tail; }

}  // namespace

void begin() {
  DIDR0 = _BV(ADC0D);
  ADMUX = _BV(REFS0) | _BV(MUX3) | _BV(MUX2) | _BV(MUX1) | _BV(MUX0);
  ADCSRA = kConverterOn | _BV(ADSC);
  loop_until_bit_is_clear(ADCSRA, ADSC);  // the first conversion takes longer; it sees ground
  ADMUX = _BV(REFS0);                     // A0 against the supply
  ADCSRB = _BV(ADTS2) | _BV(ADTS0);       // started by timer 1, compare match B
  TCCR1A = 0;
  TCCR1B = _BV(WGM12) | _BV(CS10);        // counts to OCR1A
  OCR1A = OCR1B = F_CPU / kRate - 1;
  ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
    TCNT1 = 0;
    TIFR1 = _BV(OCF1B);
    ADCSRA = kConverterOn | _BV(ADATE) | _BV(ADIF) | _BV(ADIE);
    due = TCNT0 + kConversionTicks - kMargin;
  }
}

__attribute__((optimize("O2"))) bool read_hop(int16_t *hop) {
  if (waiting(head) < kHop) return false;
  uint16_t average = last_average;
  for (uint8_t fours = kHop / 4; fours; --fours) {
    uint8_t at = tail, high = high_bits[at / 4];
    for (uint8_t i = 4; i; --i) {
      *hop++ = without_average(high >> 6, low_bytes[at++], average);
      high <<= 2;
    }
    tail = at == kRing ? 0 : at;
  }
  last_average = average;
  return true;
}

uint16_t lost() {
  ATOMIC_BLOCK(ATOMIC_RESTORESTATE) { return lost_count; }
  return 0;  // not reached
}

}  // namespace microphone

using namespace microphone;

// What the interrupt does; it runs when a sample was lost or is lost now.
extern "C" __attribute__((signal, used)) void __vector_of_lost_samples() {
  TIFR1 = _BV(OCF1B);  // the next match starts a conversion only if this flag is clear
  uint8_t low = ADCL, high = ADCH;
  due += kTicksPerSample;
  for (int16_t late = (uint8_t)(TCNT0 - due); late >= kLostTicks; late -= kTicksPerSample) {
    count_lost();
    due += kTicksPerSample;
  }
  uint8_t at = head, next = at + 1;
  if (next == kRing) next = 0;
  if (next == tail) {
    count_lost();
    return;
  }
  head = next;
  low_bytes[at] = low;
  high |= (uint8_t)(high_pending << 2);
  high_pending = high;
  if (at % 4 == 3) {
    high_bits[at / 4] = high;
    due += kTicksLeftOver;
  }
}

// The same where nothing is lost, in half the time and a third of the stack.
ISR(ADC_vect, ISR_NAKED) {
  asm volatile(
      "push r24                     \n"
      "in   r24, %[sreg]            \n"
      "push r24                     \n"
      "push r25                     \n"
      "push r30                     \n"
      "push r31                     \n"
      "lds  r24, %[due]             \n"
      "subi r24, -%[ticks]          \n"
      "in   r25, %[timer]           \n"
      "sub  r25, r24                \n"
      "cpi  r25, %[lost_ticks]      \n"
      "brsh 4f                      \n"  // late
      "lds  r30, %[head]            \n"
      "mov  r31, r30                \n"
      "inc  r31                     \n"
      "cpi  r31, %[ring]            \n"
      "brne 1f                      \n"
      "clr  r31                     \n"
      "1: lds r25, %[tail]          \n"
      "cp   r31, r25                \n"
      "breq 4f                      \n"  // full
      "sts  %[head], r31            \n"
      "clr  r31                     \n"
      "subi r30, lo8(-(%[low]))     \n"
      "sbci r31, hi8(-(%[low]))     \n"
      "lds  r25, %[adcl]            \n"
      "st   Z, r25                  \n"
      "lds  r25, %[pending]         \n"
      "lsl  r25                     \n"
      "lsl  r25                     \n"
      "lds  r31, %[adch]            \n"
      "or   r25, r31                \n"
      "sts  %[pending], r25         \n"
      "subi r30, lo8(%[low])        \n"  // the place again
      "mov  r31, r30                \n"
      "com  r31                     \n"
      "andi r31, 3                  \n"
      "brne 2f                      \n"
      "lsr  r30                     \n"  // the last one of four
      "lsr  r30                     \n"
      "subi r30, lo8(-(%[high]))    \n"
      "sbci r31, hi8(-(%[high]))    \n"
      "st   Z, r25                  \n"
      "subi r24, -%[left_over]      \n"
      "2: sts %[due], r24           \n"
      "ldi  r24, %[match]           \n"
      "out  %[flags], r24           \n"
      "pop  r31                     \n"
      "pop  r30                     \n"
      "pop  r25                     \n"
      "pop  r24                     \n"
      "out  %[sreg], r24            \n"
      "pop  r24                     \n"
      "reti                         \n"
      "4: pop r31                   \n"
      "pop  r30                     \n"
      "pop  r25                     \n"
      "pop  r24                     \n"
      "out  %[sreg], r24            \n"
      "pop  r24                     \n"
      "jmp  __vector_of_lost_samples\n"
      :
      : [sreg] "I"(_SFR_IO_ADDR(SREG)), [timer] "I"(_SFR_IO_ADDR(TCNT0)), [flags] "I"(_SFR_IO_ADDR(TIFR1)),
        [adcl] "i"(_SFR_MEM_ADDR(ADCL)), [adch] "i"(_SFR_MEM_ADDR(ADCH)), [match] "M"(_BV(OCF1B)), [due] "i"(&due),
        [head] "i"(&head), [tail] "i"(&tail), [low] "i"(low_bytes), [high] "i"(high_bits),
        [pending] "i"(&high_pending), [ring] "M"((int)kRing), [ticks] "M"(kTicksPerSample),
        [left_over] "M"(kTicksLeftOver), [lost_ticks] "M"(kLostTicks));
}
