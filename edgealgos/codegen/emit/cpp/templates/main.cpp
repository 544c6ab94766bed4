// Answers rows from standard input, one line a row: ${features} device inputs (integers ${low}..${high}), separated by
// commas or blanks; a '=' in front, as hosts send it to sketches, may be there, and alone it is greeted${mark}.
// README.md says how to build it.
#include <stdio.h>
#include <stdlib.h>

#include "${name}_model.h"

static ${name}::input_t row[${name}::kFeatureCount];

${answer}

enum Line { kEnd, kEmpty, kMark, kRow, kBroken };

static int skipBlanks(int c) {
  while (c == ' ' || c == '\t' || c == '\r') c = getchar();
  return c;
}

// Reads a line into `row`; of a broken one the rest is left.
static Line readLine() {
  int c = skipBlanks(getchar());
  if (c == EOF) return kEnd;
  if (c == '\n') return kEmpty;
  if (c == '=') {
    c = skipBlanks(getchar());
    if (c == '\n' || c == EOF) return kMark;
  }
  for (uint16_t i = 0; i < ${name}::kFeatureCount; ++i) {
    if (i && c == ',') c = skipBlanks(getchar());
    const bool negative = c == '-';
    if (negative || c == '+') c = getchar();
    if (c < '0' || c > '9') return kBroken;
    int32_t value = 0;
    for (; c >= '0' && c <= '9'; c = getchar())
      if (value < 100000) value = 10 * value + (c - '0');  // else it is out of any range
    if (negative) value = -value;
    if (value < ${name}::kInputMin || value > ${name}::kInputMax) return kBroken;
    row[i] = static_cast<${name}::input_t>(value);
    if (c == '-' || c == '+') return kBroken;
    c = skipBlanks(c);
  }
  return c == '\n' || c == EOF ? kRow : kBroken;
}

int main() {
  const bool live = ftell(stdin) < 0;  // no file: whoever sends a row may wait for its answer before the next
${start}  for (;;) {
    const Line line = readLine();
    if (line == kEnd) return EXIT_SUCCESS;
    if (line == kRow) answer();
    if (line == kMark) {
${restart}      printf("# ${name} ready: %u values a row\n", static_cast<unsigned>(${name}::kFeatureCount));
    }
    if (line == kBroken) {
      fprintf(stderr, "!not a row of ${features} integers ${low}..${high}\n");
      return EXIT_FAILURE;
    }
    if (live) fflush(stdout);
  }
}
