// Characters through files of the simulating computer, and the deepest stack below main(): it grows down over paint, and
// what is left of that tells how far. The last line is "# stack <bytes>".

// What the linker script knows.
extern "C" {
extern uint32_t heap_start[], stack_top[];
typedef void (*Constructor)();
extern Constructor constructors_start[], constructors_end[];
int main();
void start();
void crashed();
}

void crashed() { leave(kFailed); }

static char input[64], output[64];
static uintptr_t inputUsed, inputLength, outputLength;

static void flush() {
  writeAnswers(output, outputLength);
  outputLength = 0;
}

static void put(char c) {
  output[outputLength++] = c;
  if (outputLength == sizeof output) flush();
}

static int get() {
  if (inputUsed == inputLength) {
    inputLength = readRows(input, sizeof input);
    inputUsed = 0;
    if (inputLength == 0) return -1;
  }
  return input[inputUsed++];
}

static const uint32_t kPaint = 0xC5C5C5C5;
static uint32_t *paintedEnd;

static void begin() {
  paintedEnd = stackPointer();
  for (volatile uint32_t *word = heap_start; word < paintedEnd; ++word) *word = kPaint;
  openFiles();
}

static void printf(const char *text, long value);

static void finish() {
  const uint32_t *deepest = heap_start;
  while (deepest < paintedEnd && *deepest == kPaint) ++deepest;
  if (deepest == heap_start) crashed();
  printf("# stack %ld\n", static_cast<long>(4 * (stack_top - deepest)));
  flush();
  leave(kFinished);
}

static void run() {
  for (Constructor *constructor = constructors_start; constructor < constructors_end; ++constructor) (*constructor)();
  main();
}
