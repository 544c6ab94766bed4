// ${name}.ino: listens to a microphone amplifier at pin A0 and prints what the model makes of it.
//
// Open the Serial Monitor at ${baud} baud.
#include "${name}_model.h"
#include "microphone.h"

static int16_t hop[microphone::kHop];

${tell}

${take}

void setup() {
  Serial.begin(${baud});
  Serial.println(F("# ${name} ready"));
  restart();
  microphone::begin();
}

void loop() {
  if (microphone::read_hop(hop)) take(hop);
}
