// ${name}.ino: recognises motion: reads a sensor ${rate} times a second and prints what the model makes of it.
//
// The sensor, ${titles}, is on the two-wire bus (Uno: SDA is A4, SCL is A5) and measures up to
// ${ranges}. Open the Serial Monitor at ${baud} baud; lines that begin with '#' are about the sensor.
#include "${name}_model.h"
#include "imu.h"

static const uint16_t kRate = ${rate};  // readings a second, as in the recordings that the model learnt from
static const uint32_t kPeriod = 1000000UL / kRate;

${tell}

${take}

// Looks for the sensor, and says once what came of it.
static bool connect() {
  static bool told;
  const char *found = imu::begin();
  if (!found && told) return false;
  told = !found;
  Serial.print(F("# "));
  Serial.print(found ? found : "no sensor");
  Serial.println(found ? F(" is ready") : F(" answers: check its wires"));
  return found;
}

void setup() {
  Serial.begin(${baud});
  Serial.println(F("# ${name} ready"));
  restart();
}

void loop() {
  static uint32_t last;
  static bool works;
  if (!works) {
    works = connect();
    last = micros();
    return;
  }
  if (micros() - last < kPeriod) return;
  last += kPeriod;
  int16_t axes[imu::kAxes];
  if (imu::read(axes)) return take(axes);
  works = false;
  Serial.println(F("# the sensor does not answer"));
  restart();
}
