// An analogue microphone at pin A0 of an Uno; knows the converter, no features.
//
// Timer 1 starts each conversion, so that samples are equally far apart to the clock cycle, however busy the sketch is.
// An interrupt takes the results into a ring of 10 bits a sample. Timer 1 is taken (no Servo, no PWM at pins 9 and 10);
// timer 0 must run as the Arduino core starts it.
#ifndef MICROPHONE_H
#define MICROPHONE_H

#include <stdint.h>

namespace microphone {

constexpr uint16_t kRate = ${rate};  // samples a second
constexpr uint8_t kHop = ${hop};     // samples handed over at once
constexpr uint8_t kSlack = 16;    // samples for which a complete hop may wait, less one: 1.9 ms
constexpr uint8_t kGain = 0;      // samples are multiplied by 2^kGain

void begin();

// Fills `hop` with the next kHop samples, or returns false while there are not as many. A sample is 64 times the
// converter's code less the moving average (time constant 64 samples: what is below 20 Hz is left out), saturated.
bool read_hop(int16_t *hop);

// Samples lost since the start: the ring was full, or interrupts were off for too long.
uint16_t lost();

}  // namespace microphone

#endif
