// Listens for one word at pin A0: the LED lights up for half a second when it is heard, and a line goes to the serial port.
// The model, its features and the detector are the same integers as on the computer that trained them.
#include "detector.h"
#include "microphone.h"
#include "settings.h"
#include "wakeword_model.h"

#ifndef TRACE
#define TRACE 0  // 1: a line a hop, its level and whether the word was detected
#endif

static wakeword::Detector detector(kThreshold, kSmoothing, kPause);
static const uint32_t kHopMillis = 1000UL * microphone::kHop / microphone::kRate;
static int16_t hop[microphone::kHop];
static uint32_t hops;
static uint8_t lit;  // hops for which the LED still shines

void setup() {
  pinMode(LED_BUILTIN, OUTPUT);
  Serial.begin(250000);
  wakeword::reset();
  microphone::begin();
  Serial.println(F("# listening"));
}

// A line on a detection.
static void tell() {
  Serial.print(hops * kHopMillis);  // goes round with millis(), after 49.7 days
  Serial.print(F(" ms "));
  Serial.print(F(WAKEWORD_NAME));
  Serial.print(F(" level "));
  Serial.print(detector.level());
  Serial.print(F(" lost "));
  Serial.println(microphone::lost());
}

void loop() {
  if (!microphone::read_hop(hop)) return;
  ++hops;
  wakeword::push(hop);
  wakeword::predict();
  const bool heard = detector.push(wakeword::word_score(wakeword::scores(), wakeword::kScoreCount, kWord));
  if (heard) lit = 31;
  digitalWrite(LED_BUILTIN, lit ? HIGH : LOW);
  if (lit) --lit;
  if (TRACE) {
    Serial.print(detector.level());
    Serial.println(heard ? F(" 1") : F(" 0"));
  } else if (heard) {
    tell();
  }
}
