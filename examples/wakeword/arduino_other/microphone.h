// An analogue microphone at pin A0 of a Raspberry Pi Pico or a micro:bit (its pin 0); knows the converter, no features.
//
// A timer's interrupt takes a sample each time into a ring, however busy the sketch is.
#ifndef MICROPHONE_H
#define MICROPHONE_H

#include <stdint.h>

namespace microphone {

constexpr uint16_t kRate = ${rate};  // samples a second
constexpr uint16_t kHop = ${hop};    // samples handed over at once
constexpr uint16_t kRing = 4 * kHop;  // samples that may wait, and one
constexpr uint8_t kGain = 0;         // samples are multiplied by 2^kGain

void begin();

// Fills `hop` with the next kHop samples, or returns false while there are not as many. A sample is 64 times the
// converter's code of 10 bits less the moving average (time constant 64 samples: what is below 20 Hz is left out),
// saturated.
bool read_hop(int16_t *hop);

// Samples lost since the start, because the ring was full.
uint16_t lost();

}  // namespace microphone

#endif
