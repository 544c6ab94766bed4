// The accelerometer and gyroscope MPU-6050 at 100 samples a second, on the pins SDA and SCL (A4 and A5 of an Uno).
//
// The sensor keeps time and collects samples in its FIFO; the sketch takes them when it has time, up to 0.8 s later.
// Nothing here blocks for longer than 2 ms on an Uno, be the sensor missing, silent or holding the bus: its own 400 kHz
// two-wire master takes no RAM, where the Wire library would take a tenth of it. Boards without an AVR use that library.
#ifndef MPU6050_H
#define MPU6050_H

#include <Arduino.h>
#include <stdint.h>

namespace mpu6050 {

constexpr uint8_t kAddress = 0x68;            // 0x69 with AD0 high
constexpr uint8_t kAxes = 6;                  // acceleration x, y, z, rotation x, y, z
constexpr uint8_t kAccelerationRange = 0x08;  // +-4 g: 8192 is 1 g
constexpr uint8_t kRotationRange = 0x18;      // +-2000 degrees a second: 16.4 is 1 degree a second

enum Event : uint8_t {
  kNothing,   // no sample yet
  kSample,    // a sample
  kReady,     // works, or works again: samples follow; what is known of earlier ones is out of date
  kSilent,    // does not answer, or no longer measures; it is tried again, ten times a second
  kStuck,     // repeats itself: it is set up anew until it does not
  kOverflow,  // was not asked for too long, samples are lost; others follow
};

// Asks the sensor, and puts a sample into `axes` if there is one. To be called often.
Event poll(int16_t axes[kAxes]);

// "ready", "does not answer" and so on.
const __FlashStringHelper *describe(Event event);

}  // namespace mpu6050

#endif
