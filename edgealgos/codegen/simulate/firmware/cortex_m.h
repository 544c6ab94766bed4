// A Cortex-M.
#include "semihosting.h"

static int32_t ask(Request request, const void *argument) {
  register int32_t r0 __asm__("r0") = request;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

static uint32_t *stackPointer() {
  uint32_t *pointer;
  __asm__ volatile("mov %0, sp" : "=r"(pointer));
  return pointer;
}

#include "console.h"

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

void start() {
#if defined(__ARM_FP)
  *reinterpret_cast<volatile uint32_t *>(0xE000ED88) |= 0xF << 20;  // the floating-point unit is off at reset
#endif
  run();
}
