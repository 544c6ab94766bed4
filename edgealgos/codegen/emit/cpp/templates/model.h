// ${name}: ${family} model, integer arithmetic only. Made by edgealgos; README.md says what goes in and comes out.
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

// Raw feature in, device input out (saturates). Uses floating point; linked in only if called.
input_t quantize(uint16_t feature, float value${rest});

${functions}

}  // namespace ${name}

#endif  // ${guard}
