// A motion sensor on the two-wire bus, by its registers: MPU-6050, LSM6DS3 or LSM9DS1; knows no models.
//
// Readings are the sensor's own counts: 8,192 (MPU-6050) or 8,197 (the others) for 1 g at 4 g, and 16.4 or 14.3 for a
// degree a second at 2,000 degrees a second.
#ifndef EDGEALGOS_IMU_H
#define EDGEALGOS_IMU_H

#include <Arduino.h>
#include <Wire.h>

namespace imu {

constexpr uint8_t kAxes = 6;  // acceleration x, y, z, rotation x, y, z

struct Sensor {
  char name[9];
  uint8_t address, otherAddress;           // as one of its pins says
  uint8_t identityRegister, identity;
  uint8_t settings[5][2];                  // registers and what is written there; ends with register 0
  uint8_t first, count;                    // registers that are read at once
  uint8_t acceleration, rotation;          // where the six of each lie among them
  bool highByteFirst;
};

static const Sensor kSensors[] PROGMEM = {
    // Woken; 44 Hz low pass; 1,000 readings a second; 2,000 degrees a second; 4 g.
    {"MPU-6050", 0x68, 0x69, 0x75, 0x68, {{0x6B, 0x01}, {0x1A, 3}, {0x1B, 0x18}, {0x1C, 0x08}, {0, 0}}, 0x3B, 14, 0,
        8, true},
    // 104 readings a second at 4 g and 2,000 degrees a second; a reading is not changed while it is read.
    {"LSM6DS3", 0x6A, 0x6B, 0x0F, 0x69, {{0x12, 0x44}, {0x10, 0x48}, {0x11, 0x4C}, {0, 0}, {0, 0}}, 0x22, 12, 6, 0,
        false},
    // 119 readings a second, else the same.
    {"LSM9DS1", 0x6B, 0x6A, 0x0F, 0x68, {{0x22, 0x44}, {0x10, 0x78}, {0x20, 0x70}, {0, 0}, {0, 0}}, 0x18, 22, 16, 0,
        false},
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
