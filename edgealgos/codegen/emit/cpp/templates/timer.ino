// ${name}.ino: an interrupt reads analogue pins ${rate} times a second to the microsecond; loop() asks the model.
//
// What may be called where: the interrupt only takes a reading. push(), predict() and scores() are called in loop()
// alone, for they share variables: called in the interrupt as well, both callers would get wrong answers. A sketch that
// must call them in both places holds a ${name}::Guard around each call in loop(); interrupts wait as long as it lives.
// Timer 1 is taken (no Servo, no PWM at pins 9 and 10). Open the Serial Monitor at ${baud} baud.
#include "${name}_model.h"

static const uint8_t kPins[] PROGMEM = {
${pins}
};
static const uint16_t kRate = ${rate};  // readings a second, as in the data that the model learnt from: 4 to 2,000

static volatile int16_t latest[sizeof kPins];
static volatile bool waiting;   // there is a reading that loop() has not taken
static volatile uint16_t lost;  // readings that it did not take in time

${tell}

${take}

ISR(TIMER1_COMPA_vect) {
  if (waiting) ++lost;
  for (uint8_t i = 0; i < sizeof kPins; ++i) latest[i] = analogRead(pgm_read_byte(kPins + i));
  waiting = true;
}

void setup() {
  Serial.begin(${baud});
  Serial.println(F("# ${name} ready"));
  restart();
  noInterrupts();
  TCCR1A = 0;
  TCCR1B = _BV(WGM12) | _BV(CS11) | _BV(CS10);  // counts to OCR1A, 64 clock cycles a step
  TCNT1 = 0;
  OCR1A = F_CPU / 64 / kRate - 1;
  TIMSK1 = _BV(OCIE1A);
  interrupts();
}

void loop() {
  int16_t reading[sizeof kPins];
  {
    const ${name}::Guard guard;  // the interrupt does not write while this reads
    if (!waiting) return;
    for (uint8_t i = 0; i < sizeof kPins; ++i) reading[i] = latest[i];
    waiting = false;
  }
  take(reading);
}
