// An AVR whose simulator takes a call of consolePut() for a character printed, and gives consoleGet() its answer.

extern "C" __attribute__((noinline, noclone, used)) void consolePut(char c) { __asm__ volatile("" : : "r"(c)); }

extern "C" __attribute__((noinline, noclone, used)) char consoleGet() {
  register char c __asm__("r24");
  __asm__ volatile("" : "=r"(c));
  return c;
}

static void put(char c) { consolePut(c); }
static int get() { return consoleGet(); }  // the simulation ends with the rows
static void begin() {}
static void finish() {}
