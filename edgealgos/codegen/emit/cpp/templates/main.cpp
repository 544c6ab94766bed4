// Answers rows from standard input, one line a row: ${features} device inputs (integers ${low}..${high}) with commas
// between them; a '=' in front, as hosts send it to sketches, may be there, and alone it is greeted. README.md says how
// to build it.
#include <stdio.h>
#include <stdlib.h>

#include "${name}_model.h"

static ${name}::input_t row[${name}::kFeatureCount];

${answer}

// Reads the rest of a line into `row`; -1 at the end of the input, 0 if the line is no row, 1 if it is one.
static int readRow() {
  int c = getchar(), before = '\n';
  for (; c == '\n' || c == ' ' || c == '='; before = c, c = getchar())
    if (c == '\n' && before == '=')
      printf("# ${name} ready: %u values a row\n", static_cast<unsigned>(${name}::kFeatureCount));
  ungetc(c, stdin);
  for (uint16_t i = 0; i < ${name}::kFeatureCount; ++i) {
    long value = 0;
    const int got = scanf(i == 0 ? "%ld" : " ,%ld", &value);
    if (got == EOF && i == 0) return -1;
    if (got != 1 || value < ${name}::kInputMin || value > ${name}::kInputMax) return 0;
    row[i] = static_cast<${name}::input_t>(value);
  }
  return 1;
}

int main() {
${start}  for (;;) {
    const int got = readRow();
    if (got < 0) return EXIT_SUCCESS;
    if (got == 0) {
      fprintf(stderr, "!not a row of ${features} integers ${low}..${high}\n");
      return EXIT_FAILURE;
    }
    answer();
  }
}
