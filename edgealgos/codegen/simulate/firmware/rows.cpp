// Answers rows on a simulated processor without an operating system: for simulate(), never part of an export.
//
// Reads and writes the same lines as the main.cpp for Linux, through what machine.h offers: begin(), get() (the next
// character of the rows, -1 behind the last), put() and finish().
#include <stdint.h>

#include "${name}_model.h"
#include "machine.h"

// Without a division, which some processors have no code for.
static void putNumber(long value) {
  uint32_t rest = value < 0 ? 0 - static_cast<uint32_t>(value) : static_cast<uint32_t>(value);
  if (value < 0) put('-');
  bool begun = false;
  for (int power = 9; power >= 0; --power) {
    uint32_t unit = 1;
    for (int i = 0; i < power; ++i) unit = (unit << 3) + (unit << 1);
    char digit = '0';
    for (; rest >= unit; rest -= unit) ++digit;
    begun = begun || digit != '0' || power == 0;
    if (begun) put(digit);
  }
}

// As much of printf as answers need: text with at most one integer.
static void printf(const char *text, long value = 0) {
  for (; *text; ++text) {
    if (*text != '%') {
      put(*text);
      continue;
    }
    while (*text != 'd') ++text;
    putNumber(value);
  }
}

static ${name}::input_t row[${name}::kFeatureCount];

${answer}

// Reads a line into `row`; false at the end of the rows.
static bool readRow() {
  for (uint16_t i = 0; i < ${name}::kFeatureCount; ++i) {
    int c = get();
    if (c == '=') c = get();
    if (c < 0) return false;
    const bool negative = c == '-';
    if (negative) c = get();
    long value = 0;
    for (; c >= '0' && c <= '9'; c = get()) value = value * 10 + (c - '0');
    row[i] = static_cast<${name}::input_t>(negative ? -value : value);
  }
  return true;
}

int main() {
  begin();
  while (readRow()) answer();
  finish();
  return 0;
}
