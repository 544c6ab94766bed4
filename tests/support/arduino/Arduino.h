// As much of Arduino's interface as exported sketches use, declared as all cores have it: for compiling, not for linking.
#pragma once
#include <stddef.h>
#include <stdint.h>

class __FlashStringHelper;
#define F(text) (reinterpret_cast<const __FlashStringHelper *>(text))

struct Print {
  size_t print(const __FlashStringHelper *);
  size_t print(char);
  size_t print(int);
  size_t print(unsigned);
  size_t print(long);
  size_t print(unsigned long);
  size_t print(unsigned char);
  size_t print(const char *);
  size_t println(const __FlashStringHelper *);
  size_t println(int);
  size_t println(long);
  size_t println(unsigned);
  size_t println(unsigned char);
  size_t println(const char *);
  size_t println();
};
struct SerialPort : Print {
  void begin(unsigned long);
  int read();
};
extern SerialPort Serial;

#define PROGMEM
#define pgm_read_byte(place) (*reinterpret_cast<const uint8_t *>(place))
#define LED_BUILTIN 13
enum { LOW, HIGH, INPUT = 0, OUTPUT };
void pinMode(int, int);
void digitalWrite(int, int);
unsigned long millis();

void interrupts();
void noInterrupts();
void setup();
void loop();
