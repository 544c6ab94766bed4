// ${name}.ino: answers rows that a host streams over the serial port, one line a row.
//
//   host:  ${example}   (${features} device inputs, integers ${low}..${high})
//   board: ${answer}
//
// Open the Serial Monitor at ${baud} baud and type a row, or run `edgealgos evaluate`. In your own program you need only
// ${name}::quantize() and ${name}::${entry}().
#include "${name}_model.h"

static ${name}::input_t row[${name}::kFeatureCount];

// Prints one line beginning with '!' that says what is wrong with a row.
static void complain(const __FlashStringHelper *what) {
  Serial.print('!');
  Serial.println(what);
}

// Reads one line of integers into `row`; false (and a complaint) if it is not a row.
static bool readRow() {
  uint16_t count = 0;
  int32_t value = 0;  // an input and one digit too many
  bool negative = false, digits = false, valid = true;
  for (;;) {
    const int c = Serial.read();
    if (c < 0 || c == '\r' || c == ' ') continue;
    if (c >= '0' && c <= '9') {
      if (value < 100000) value = 10 * value + (c - '0');
      digits = true;
    } else if (c == '-' && !digits) {
      negative = true;
    } else if (c == ',' || c == '\n') {
      if (negative) value = -value;
      if (!digits || value < ${name}::kInputMin || value > ${name}::kInputMax) valid = false;
      if (count < ${name}::kFeatureCount) row[count] = static_cast<${name}::input_t>(value);
      if (count < 0xFFFF) ++count;
      value = 0;
      negative = digits = false;
      if (c == '\n') break;
    } else {
      valid = false;
    }
  }
  if (count != ${name}::kFeatureCount) complain(F("wrong number of values"));
  else if (!valid) complain(F("not an input"));
  return valid && count == ${name}::kFeatureCount;
}

${body}

void setup() {
  Serial.begin(${baud});
${start}  Serial.print(F("# ${name} ready: "));
  Serial.print(${name}::kFeatureCount);
  Serial.println(F(" values a row"));
}

void loop() {
  if (readRow()) answer();
}
