// A motion sensor on the two-wire bus, by its registers: ${titles}; knows no models.
//
// Readings are the sensor's own counts at these ranges, as those that the model has learnt from.
#ifndef EDGEALGOS_IMU_H
#define EDGEALGOS_IMU_H

#include <Arduino.h>
#include <Wire.h>

namespace imu {

constexpr uint8_t kAxes = ${axes};  // acceleration x, y, z${and_rotation}

struct Sensor {
  char name[9];
  uint8_t address, otherAddress;           // as one of its pins says
  uint8_t identityRegister, identity;
  uint8_t settings[5][2];                  // registers and what is written there; ends with register 0
  uint8_t first, count;                    // registers that are read at once
  uint8_t acceleration, rotation;          // where the six of each lie among them
  bool highByteFirst;
};

// At ${ranges}.
static const Sensor kSensors[] PROGMEM = {
${sensors}
};

static Sensor sensor;    // the one that answers
static uint8_t address;

inline bool writeRegister(uint8_t place, uint8_t value) {
  Wire.beginTransmission(address);
  Wire.write(place);
  Wire.write(value);
  return Wire.endTransmission() == 0;
}

inline bool readRegisters(uint8_t place, uint8_t *bytes, uint8_t count) {
  Wire.beginTransmission(address);
  Wire.write(place);
  if (Wire.endTransmission(false) != 0 || Wire.requestFrom(address, count) != count) return false;
  while (count--) *bytes++ = static_cast<uint8_t>(Wire.read());
  return true;
}

// Whether the sensor answers at this address, and takes its settings.
inline bool setUp(uint8_t at) {
  uint8_t identity;
  address = at;
  if (!readRegisters(sensor.identityRegister, &identity, 1) || identity != sensor.identity) return false;
  for (uint8_t i = 0; i < 5 && sensor.settings[i][0]; ++i)
    if (!writeRegister(sensor.settings[i][0], sensor.settings[i][1])) return false;
  return true;
}

// Looks for a sensor; its name, or null.
inline const char *begin() {
  Wire.begin();
  Wire.setClock(400000);
#if defined(WIRE_HAS_TIMEOUT)
  Wire.setWireTimeout(5000, true);  // a sensor that holds the bus does not hold the sketch
#endif
  for (uint8_t i = 0; i < sizeof kSensors / sizeof kSensors[0]; ++i) {
    memcpy_P(&sensor, kSensors + i, sizeof sensor);
    if (setUp(sensor.address) || setUp(sensor.otherAddress)) return sensor.name;
  }
  return nullptr;
}

// The latest reading; false if the sensor does not answer.
inline bool read(int16_t axes[kAxes]) {
  uint8_t bytes[22];
  if (!readRegisters(sensor.first, bytes, sensor.count)) return false;
  for (uint8_t i = 0; i < kAxes; ++i) {
    const uint8_t at = static_cast<uint8_t>(i < 3 ? sensor.acceleration + 2 * i : sensor.rotation + 2 * (i - 3));
    const uint8_t first = bytes[at], second = bytes[at + 1];
    axes[i] = static_cast<int16_t>(sensor.highByteFirst ? first << 8 | second : second << 8 | first);
  }
  return true;
}

}  // namespace imu

#endif  // EDGEALGOS_IMU_H
