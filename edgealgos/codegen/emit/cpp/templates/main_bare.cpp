// Example without an operating system: reads, asks the model, tells the answer, for ever.
// Put your sensor into readInput() and your output into tell(); start-up code and linker script are your board's.
#include "${name}_model.h"

static ${name}::input_t row[${name}::kFeatureCount];
static volatile long told;

// Your sensor: ${features} device inputs (integers ${low}..${high}); ${name}::quantize() makes them from raw features.
static void readInput() {
  for (uint16_t i = 0; i < ${name}::kFeatureCount; ++i) row[i] = 0;
}

// Your output: a pin, a bus, a display.
static void tell(long answer) { told = answer; }

${answer}

int main() {
${start}  for (;;) {
    readInput();
    answer();
  }
}
