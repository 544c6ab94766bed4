// A RISC-V processor of 32 bits.
#include "semihosting.h"

static int32_t ask(Request request, const void *argument) {
  register int32_t a0 __asm__("a0") = request;
  register const void *a1 __asm__("a1") = argument;
  // The instructions around ebreak tell the simulator that it is a request, and must lie in one page, uncompressed.
  __asm__ volatile(".option push\n.option norvc\n.balign 16\nslli x0, x0, 0x1f\nebreak\nsrai x0, x0, 7\n.option pop"
                   : "+r"(a0)
                   : "r"(a1)
                   : "memory");
  return a0;
}

static uint32_t *stackPointer() {
  uint32_t *pointer;
  __asm__ volatile("mv %0, sp" : "=r"(pointer));
  return pointer;
}

#include "console.h"

extern "C" __attribute__((used)) void begun() { run(); }

__attribute__((section(".vectors"), naked, used)) void start() {
  __asm__ volatile(".option arch, +zicsr\nla sp, stack_top\nla t0, crashed\ncsrw mtvec, t0\nj begun");
}
