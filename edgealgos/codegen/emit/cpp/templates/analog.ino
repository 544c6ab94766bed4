// ${name}.ino: reads analogue pins ${rate} times a second and prints what the model makes of them.
//
// Open the Serial Monitor at ${baud} baud. The model has learnt from what analogRead() gives, 0 to 1023.
#include "${name}_model.h"

static const uint8_t kPins[] PROGMEM = {
${pins}
};
static const uint16_t kRate = ${rate};  // readings a second, as in the data that the model learnt from
static const uint32_t kPeriod = 1000000UL / kRate;

${tell}

${take}

void setup() {
  Serial.begin(${baud});
  Serial.println(F("# ${name} ready"));
  restart();
}

void loop() {
  static uint32_t last;
  if (micros() - last < kPeriod) return;
  last += kPeriod;
  int16_t reading[sizeof kPins];
  for (uint8_t i = 0; i < sizeof kPins; ++i) reading[i] = analogRead(pgm_read_byte(kPins + i));
  take(reading);
}
