// A Cortex-M that asks the simulating computer for files, by semihosting: reads "rows" and writes "answers" there. At last
// a line "# stack <bytes>": the deepest stack below main().

// What the linker script knows.
extern "C" {
extern uint32_t heap_start[], stack_top[];
typedef void (*Constructor)();
extern Constructor constructors_start[], constructors_end[];
int main();
void start();
void crashed();
}

// Stack pointer and handlers of all exceptions of the processor: none but a fault may come.
struct Vectors {
  uint32_t *stack;
  void (*handlers[15])();
};
__attribute__((section(".vectors"), used)) const Vectors vectors = {
    stack_top,
    {start, crashed, crashed, crashed, crashed, crashed, crashed, crashed, crashed, crashed, crashed, crashed, crashed,
     crashed, crashed},
};

// ---- semihosting: the computer that simulates does what the simulated program asks for ----

enum Request { kOpen = 0x01, kWrite = 0x05, kRead = 0x06, kExit = 0x18 };
static const uint32_t kFinished = 0x20026, kFailed = 0x20023;

static int32_t ask(Request request, const void *argument) {
  register int32_t r0 __asm__("r0") = request;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

static uintptr_t openFile(const char *path, uintptr_t mode, uintptr_t length) {
  const uintptr_t argument[] = {reinterpret_cast<uintptr_t>(path), mode, length};
  return static_cast<uintptr_t>(ask(kOpen, argument));
}

__attribute__((noreturn)) static void leave(uintptr_t reason) {
  ask(kExit, reinterpret_cast<const void *>(reason));
  for (;;) {
  }
}

void crashed() { leave(kFailed); }

// ---- reading and writing ----

static uintptr_t rows, answers;
static char input[64], output[64];
static uintptr_t inputUsed, inputLength, outputLength;

static void flush() {
  const uintptr_t argument[] = {answers, reinterpret_cast<uintptr_t>(output), outputLength};
  ask(kWrite, argument);
  outputLength = 0;
}

static void put(char c) {
  output[outputLength++] = c;
  if (outputLength == sizeof output) flush();
}

static int get() {
  if (inputUsed == inputLength) {
    const uintptr_t argument[] = {rows, reinterpret_cast<uintptr_t>(input), sizeof input};
    inputLength = sizeof input - static_cast<uintptr_t>(ask(kRead, argument));
    inputUsed = 0;
    if (inputLength == 0) return -1;
  }
  return input[inputUsed++];
}

// ---- the stack: it grows down over paint, and what is left of that tells how far ----

static const uint32_t kPaint = 0xC5C5C5C5;
static uint32_t *paintedEnd;

static void begin() {
  __asm__ volatile("mov %0, sp" : "=r"(paintedEnd));
  for (volatile uint32_t *word = heap_start; word < paintedEnd; ++word) *word = kPaint;
  rows = openFile("rows", 0, 4);
  answers = openFile("answers", 4, 7);
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

void start() {
  for (Constructor *constructor = constructors_start; constructor < constructors_end; ++constructor) (*constructor)();
  main();
}
