// Answers rows on a simulated processor without an operating system: for simulate(), never part of an export.
//
// Reads and writes the same lines as the main.cpp for Linux, through what machine.h offers: begin(), get() (the next
// character of the rows, -1 behind the last), put() and finish().
#include <stdint.h>

#include "${name}_model.h"
#include "machine.h"

static void putNumber(long value) {
  unsigned long rest = value < 0 ? -static_cast<unsigned long>(value) : static_cast<unsigned long>(value);
  char digits[10];
  int count = 0;
  do {
    digits[count++] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest);
  if (value < 0) put('-');
  while (count) put(digits[--count]);
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
