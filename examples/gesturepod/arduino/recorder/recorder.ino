// Prints what an MPU-6050 measures: 100 lines a second at 115200 baud, "milliseconds,ax,ay,az,gx,gy,gz".
// Lines that begin with # are remarks: the sensor is ready, does not answer, is stuck, or was not read in time.
#include <avr/sleep.h>

#include "mpu6050.h"

void setup() {
  Serial.begin(115200);
  Serial.println(F("# recorder: ms,ax,ay,az,gx,gy,gz at 100 Hz, 8192 is 1 g, 16.4 is 1 degree/s"));
}

void loop() {
  int16_t axes[mpu6050::kAxes];
  const mpu6050::Event event = mpu6050::poll(axes);
  if (event == mpu6050::kNothing) {
    sleep_mode();  // until the clock ticks, a millisecond at most
    return;
  }
  if (event != mpu6050::kSample) {
    Serial.print(F("# sensor "));
    Serial.println(mpu6050::describe(event));
    return;
  }
  Serial.print(millis());
  for (int16_t axis : axes) {
    Serial.print(',');
    Serial.print(axis);
  }
  Serial.println();
}
