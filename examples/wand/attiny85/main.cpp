// A magic wand: an analog accelerometer (ADXL335) on an ATtiny85, three LEDs that tell wing, ring and slope.
//
//   x: PB2 (ADC1)   y: PB4 (ADC2)   z: PB3 (ADC3)   LEDs: PB0 and PB1, both for "slope"
//
// 25 times a second the three axes are read and pushed; when the wand has been still for half a second after a movement,
// the model is asked what the last two seconds were. At 8 MHz, from the internal oscillator (fuse CKDIV8 off).
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>

#include "wand_model.h"

static const uint8_t kAxes[3] = {1, 2, 3};  // channels of the converter
static const int16_t kZero = 512;           // reading at rest, half of the supply
static const int16_t kHundredthsOfG = 98;   // the sensor's 330 mV per g at 3.3 V are 102 readings: times 98 / 100
static const uint8_t kStill = 12;           // samples of rest that end a gesture
static const int16_t kMoved = 30;           // change between two samples that is a movement

static volatile uint8_t ticks;

ISR(TIMER0_COMPA_vect) { ++ticks; }

// 125 ticks a second; five of them are a sample.
static void startClock() {
  TCCR0A = _BV(WGM01);
  TCCR0B = _BV(CS02);  // 8 MHz / 256
  OCR0A = 249;
  TIMSK = _BV(OCIE0A);
}

static int16_t readAxis(uint8_t channel) {
  ADMUX = channel;
  ADCSRA = _BV(ADEN) | _BV(ADSC) | _BV(ADPS2) | _BV(ADPS1);
  while (ADCSRA & _BV(ADSC)) {
  }
  return static_cast<int16_t>((static_cast<int32_t>(static_cast<int16_t>(ADC) - kZero) * kHundredthsOfG) / 100);
}

static void tell(uint8_t gesture) {
  static const uint8_t kLeds[] = {_BV(PB0), _BV(PB1), _BV(PB0) | _BV(PB1), 0};  // wing, ring, slope, none
  PORTB = static_cast<uint8_t>((PORTB & ~(_BV(PB0) | _BV(PB1))) | kLeds[gesture & 3]);
}

int main() {
  static wand::input_t sample[wand::kFeatureCount];
  int16_t before[3] = {0, 0, 0};
  uint8_t still = kStill, moving = 0;
  DDRB = _BV(PB0) | _BV(PB1);
  startClock();
  sei();
  for (;;) {
    while (ticks < 5) sleep_mode();
    ticks = 0;
    bool moved = false;
    for (uint8_t i = 0; i < 3; ++i) {
      const int16_t now = readAxis(kAxes[i]);
      const int16_t change = static_cast<int16_t>(now - before[i]);
      if (change > kMoved || change < -kMoved) moved = true;
      sample[i] = before[i] = now;
    }
    wand::push(sample);
    if (moved) {
      still = 0;
      moving = 1;
    } else if (still < kStill) {
      ++still;
    } else if (moving) {
      moving = 0;
      tell(wand::predict());
    }
  }
}
