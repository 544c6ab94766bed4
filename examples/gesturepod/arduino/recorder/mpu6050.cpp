#include "mpu6050.h"

#if !defined(__AVR__)
#include <Wire.h>
#endif

namespace {

// ---- the two-wire bus as its only master: 400 kHz, waiting, never for long -------------------------------------------

namespace bus {

#if defined(__AVR__)

constexpr uint8_t kStarted = 0x08, kRestarted = 0x10, kWriteAcknowledged = 0x18, kSentAcknowledged = 0x28,
                  kReadAcknowledged = 0x40;

uint8_t status() { return TWSR & 0xF8; }

// Begins a step and waits for its end: 23 us for a byte. After 0.5 ms the bus counts as dead.
bool step(uint8_t control) {
  TWCR = control | _BV(TWINT) | _BV(TWEN);
  for (uint16_t tries = F_CPU / 2000 / 8; tries; --tries)
    if (TWCR & _BV(TWINT)) return true;
  return false;
}

bool send(uint8_t byte, uint8_t expected) {
  TWDR = byte;
  return step(0) && status() == expected;
}

bool start(uint8_t expected) { return step(_BV(TWSTA)) && status() == expected; }

bool stop() {
  TWCR = _BV(TWINT) | _BV(TWSTO) | _BV(TWEN);
  for (uint8_t tries = 0xFF; tries; --tries)
    if (!(TWCR & _BV(TWSTO))) return true;
  return false;
}

// A sensor that lost count of the clock holds the data line until it has seen the rest of its byte.
void reset() {
  TWCR = 0;
  PORTC &= ~(_BV(PC4) | _BV(PC5));  // the modules have pull-ups: a pin is pulled low or let go
  for (uint8_t i = 0; i < 9; ++i) {
    DDRC |= _BV(PC5);
    delayMicroseconds(3);
    DDRC &= ~_BV(PC5);
    delayMicroseconds(3);
  }
  TWSR = 0;
  TWBR = (F_CPU / 400000 - 16) / 2;
}

bool begin() { return start(kStarted) && send(mpu6050::kAddress << 1, kWriteAcknowledged); }

bool write(uint8_t place, uint8_t value) {
  return begin() && send(place, kSentAcknowledged) && send(value, kSentAcknowledged) && stop();
}

bool read(uint8_t place, uint8_t *bytes, uint8_t count) {
  if (!begin() || !send(place, kSentAcknowledged)) return false;
  if (!start(kRestarted) || !send(mpu6050::kAddress << 1 | 1, kReadAcknowledged)) return false;
  for (; count; --count) {
    if (!step(count > 1 ? _BV(TWEA) : 0)) return false;
    *bytes++ = TWDR;
  }
  return stop();
}

#else  // boards with RAM to spare have a library for it

void reset() {
  Wire.begin();
  Wire.setClock(400000);
}

bool write(uint8_t place, uint8_t value) {
  Wire.beginTransmission(mpu6050::kAddress);
  Wire.write(place);
  Wire.write(value);
  return Wire.endTransmission() == 0;
}

bool read(uint8_t place, uint8_t *bytes, uint8_t count) {
  Wire.beginTransmission(mpu6050::kAddress);
  Wire.write(place);
  if (Wire.endTransmission(false) != 0 || Wire.requestFrom(mpu6050::kAddress, count) != count) return false;
  for (; count; --count) *bytes++ = static_cast<uint8_t>(Wire.read());
  return true;
}

#endif

}  // namespace bus

// ---- the sensor -----------------------------------------------------------------------------------------------------

enum Register : uint8_t {
  kSampleDivider = 0x19,
  kFilter = 0x1A,
  kRotationConfig = 0x1B,
  kAccelerationConfig = 0x1C,
  kFifoEnable = 0x23,
  kUserControl = 0x6A,
  kPower = 0x6B,
  kFifoCount = 0x72,
  kFifoData = 0x74,
  kWhoAmI = 0x75
};

constexpr uint8_t kIdentity = 0x68, kReset = 0x80, kUseEmptyFifo = 0x44;
constexpr uint8_t kSampleBytes = 2 * mpu6050::kAxes;
constexpr uint16_t kFullFifo = 1024 - kSampleBytes;               // the next sample would tear
constexpr uint8_t kRetryTime = 100, kSilence = 100, kPause = 4;   // ms
constexpr uint8_t kMostEqual = 50;                                // samples: a live sensor is never so quiet

// What it is told, one after the other: woken, the gyroscope's clock; 44 Hz; 1 kHz / 10; ranges; all axes to the FIFO.
const uint8_t settings[][2] PROGMEM = {
    {kPower, 0x01},
    {kFilter, 3},
    {kSampleDivider, 9},
    {kRotationConfig, mpu6050::kRotationRange},
    {kAccelerationConfig, mpu6050::kAccelerationRange},
    {kFifoEnable, 0x78},
    {kUserControl, kUseEmptyFifo},
};

enum State : uint8_t { kOff, kResetting, kRunning };

State state;
mpu6050::Event told;          // the trouble that was told and is not over
uint16_t since = -kRetryTime; // ms: time of the last try, or of the last sample
uint8_t asked;                // ms: time at which the FIFO was last asked
uint8_t waiting;              // samples known to be in the FIFO
uint16_t last_sum;            // of the last sample
uint8_t equal;                // samples in a row that were equal to the one before

mpu6050::Event fail(mpu6050::Event event, uint16_t now) {
  state = kOff;
  since = now;
  if (told == event) return mpu6050::kNothing;
  told = event;
  return event;
}

bool set_up() {
  uint8_t identity;
  if (!bus::read(kWhoAmI, &identity, 1) || identity != kIdentity) return false;
  for (const auto &setting : settings)
    if (!bus::write(pgm_read_byte(&setting[0]), pgm_read_byte(&setting[1]))) return false;
  return true;
}

// Reset, and set up when that is over.
mpu6050::Event wake(uint16_t now) {
  if ((uint16_t)(now - since) < kRetryTime) return mpu6050::kNothing;
  since = now;
  if (state == kOff) {
    bus::reset();
    if (!bus::write(kPower, kReset)) return fail(mpu6050::kSilent, now);
    state = kResetting;
    return mpu6050::kNothing;
  }
  if (!set_up()) return fail(mpu6050::kSilent, now);
  state = kRunning;
  waiting = equal = 0;
  if (told == mpu6050::kStuck) return mpu6050::kNothing;  // not over before a sample differs
  told = mpu6050::kNothing;
  return mpu6050::kReady;
}

// Asks how much is in the FIFO.
mpu6050::Event ask(uint16_t now) {
  if ((uint8_t)(now - asked) < kPause) return mpu6050::kNothing;
  asked = now;
  uint8_t count[2];
  if (!bus::read(kFifoCount, count, sizeof count)) return fail(mpu6050::kSilent, now);
  uint16_t bytes = (uint16_t)count[0] << 8 | count[1];
  if (bytes > kFullFifo) {
    if (!bus::write(kUserControl, kUseEmptyFifo)) return fail(mpu6050::kSilent, now);
    since = now;
    return mpu6050::kOverflow;
  }
  for (; bytes >= kSampleBytes; bytes -= kSampleBytes) ++waiting;
  if (!waiting && (uint16_t)(now - since) > kSilence) return fail(mpu6050::kSilent, now);
  return mpu6050::kNothing;
}

mpu6050::Event judge(const int16_t *axes, uint16_t now) {
  uint16_t sum = 0;
  for (uint8_t i = 0; i < mpu6050::kAxes; ++i) sum = (uint16_t)(sum << 1 | sum >> 15) ^ axes[i];
  if (sum == last_sum) {
    if (++equal == kMostEqual) return fail(mpu6050::kStuck, now);
    return told ? mpu6050::kNothing : mpu6050::kSample;
  }
  last_sum = sum;
  equal = 0;
  if (!told) return mpu6050::kSample;
  told = mpu6050::kNothing;
  return mpu6050::kReady;
}

mpu6050::Event take(int16_t *axes, uint16_t now) {
  uint8_t *bytes = (uint8_t *)axes;
  if (!bus::read(kFifoData, bytes, kSampleBytes)) return fail(mpu6050::kSilent, now);
  for (uint8_t i = 0; i < mpu6050::kAxes; ++i) axes[i] = (uint16_t)bytes[2 * i] << 8 | bytes[2 * i + 1];
  --waiting;
  since = now;
  return judge(axes, now);
}

}  // namespace

namespace mpu6050 {

Event poll(int16_t axes[kAxes]) {
  uint16_t now = millis();
  if (state != kRunning) return wake(now);
  if (!waiting) {
    Event event = ask(now);
    if (!waiting) return event;
  }
  return take(axes, now);
}

const __FlashStringHelper *describe(Event event) {
  switch (event) {
    case kReady: return F("ready");
    case kSilent: return F("does not answer");
    case kStuck: return F("is stuck");
    case kOverflow: return F("was not read in time");
    default: return F("");
  }
}

}  // namespace mpu6050
