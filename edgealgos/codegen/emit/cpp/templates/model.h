// ${name}: ${family} model, integer arithmetic only. README.md says what goes in and comes out.
#ifndef ${guard}
#define ${guard}

#include <stdint.h>
#if defined(ARDUINO)
#include <Arduino.h>
#endif

namespace ${name} {

constexpr uint16_t kFeatureCount = ${features};  // inputs per sample; for sequence models: per time step
${constants}
typedef ${input_type} input_t;   // a device input, kInputMin..kInputMax
typedef ${score_type} score_t;
constexpr input_t kInputMin = ${low};
constexpr input_t kInputMax = ${high};
${names}
// Raw feature in, device input out (saturates). Uses floating point; linked in only if called.
input_t quantize(uint16_t feature, float value${rest});
${decimal}
${functions}

// None of these may be called while another of them runs, as by an interrupt or a second thread: they share variables.
// Where loop() and an interrupt both call them, a Guard around the calls in loop() lets interrupts wait while it lives.
class Guard {
 public:
  Guard(const Guard &) = delete;
  void operator=(const Guard &) = delete;
#if defined(__AVR__)
  Guard() { __asm__ __volatile__("in %0, __SREG__\n\tcli" : "=r"(before_) : : "memory"); }
  ~Guard() { __asm__ __volatile__("out __SREG__, %0" : : "r"(before_) : "memory"); }

 private:
  uint8_t before_;
#elif defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
  Guard() { __asm__ __volatile__("mrs %0, primask\n\tcpsid i" : "=r"(before_) : : "memory"); }
  ~Guard() { __asm__ __volatile__("msr primask, %0" : : "r"(before_) : "memory"); }

 private:
  uint32_t before_;
#elif defined(ARDUINO)
  Guard() { noInterrupts(); }
  ~Guard() { interrupts(); }
#else
  Guard() {}  // threads need a lock of their own
  ~Guard() {}
#endif
};

}  // namespace ${name}

#endif  // ${guard}
