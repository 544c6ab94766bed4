// ${name}.ino: answers values that are typed into the Serial Monitor (${baud} baud), and rows that a host streams.
//
//   you:   ${typed_example}
//   board: ${typed_answer}
//   host:  =${example}   (${features} device inputs, integers ${low}..${high})
//   board: ${answer}
//
// An empty line prints help; `edgealgos evaluate` is such a host. In your own program you need only
// ${name}::quantize() and ${name}::${entry}().
#include "${name}_model.h"

static ${name}::input_t row[${name}::kFeatureCount];

// ---- lines ------------------------------------------------------------------------------------------------

enum Line { kEmpty, kMark, kRow, kBroken };

struct Number {
  int32_t digits;  // times 10^-decimals
  uint8_t decimals;
  bool valid;
};

// The next character of a line; '\n' ends it, whether the other side ends lines so, with '\r' or with both.
static char nextCharacter() {
  static char last;
  for (;;) {
    const int c = Serial.read();
    if (c < 0) continue;
    const bool endedBefore = c == '\n' && last == '\r';
    last = static_cast<char>(c);
    if (!endedBefore) return last == '\r' ? '\n' : last;
  }
}

static char skipBlanks(char c) {
  while (c == ' ' || c == '\t') c = nextCharacter();
  return c;
}

// Reads a number that begins with `c`, and hands back what stands behind it.
static char readNumber(char c, Number &number) {
  const bool negative = c == '-';
  bool point = false;
  number.digits = 0;
  number.decimals = 0;
  number.valid = false;
  if (negative || c == '+') c = nextCharacter();
  for (; (c >= '0' && c <= '9') || (c == '.' && !point); c = nextCharacter()) {
    if (c == '.') {
      point = true;
    } else if (number.digits < 200000000) {
      number.digits = 10 * number.digits + (c - '0');
      if (point) ++number.decimals;
      number.valid = true;
    } else if (!point) {
      number.digits = 2000000000;  // or more: out of any range
    }
  }
  if (negative) number.digits = -number.digits;
  return c;
}

// Makes a number the next input; false where it is none.
static bool take(const Number &number, uint16_t index, bool typed) {
  if (!number.valid || index >= ${name}::kFeatureCount) return false;
${typed}
  if (number.decimals || number.digits < ${name}::kInputMin || number.digits > ${name}::kInputMax) return false;
  row[index] = static_cast<${name}::input_t>(number.digits);
  return true;
}

// Reads a line into `row`: numbers as people type them, separated by commas or blanks, or device inputs behind a '='.
static Line readLine(bool &typed) {
  char c = nextCharacter();
  typed = c != '=';
  if (c == '\n') return kEmpty;
  c = skipBlanks(typed ? c : nextCharacter());
  if (c == '\n') return typed ? kEmpty : kMark;
  for (uint16_t count = 0; c != '\n'; ++count) {
    Number number;
    c = readNumber(c, number);
    const bool ended = c == '\n' || c == ',' || c == ' ' || c == '\t';
    if (!ended || !take(number, count, typed)) break;
    c = skipBlanks(c);
    if (c == '\n') return count + 1 == ${name}::kFeatureCount ? kRow : kBroken;
    if (c == ',') c = skipBlanks(nextCharacter());
  }
  while (c != '\n') c = nextCharacter();
  return kBroken;
}

// ---- answers ----------------------------------------------------------------------------------------------

// A line that begins with '!' says what was wrong with the one before.
static void complain(const __FlashStringHelper *what) {
  Serial.print('!');
  Serial.println(what);
}

${body}

static void greet() {
  Serial.print(F("# ${name} ready: "));
  Serial.print(${name}::kFeatureCount);
  Serial.println(F(" values a row"));
}

${help}

void setup() {
  Serial.begin(${baud});
${start}  greet();
}

void loop() {
  bool typed;
  const Line line = readLine(typed);
  if (line == kRow) return answer(typed);
${broken}  if (line == kBroken) return complain(F("expected ${expected}; an empty line prints help"));
${restart}  if (line == kEmpty) help();
  greet();
}
