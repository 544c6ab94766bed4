// What the kernels of every model stand on, the same for all: flash, memory, how functions are compiled.
#ifndef EDGEALGOS_RUNTIME_H
#define EDGEALGOS_RUNTIME_H

#include <stdint.h>
#if defined(__AVR__)
#include <avr/pgmspace.h>
#endif

namespace edgealgos {

${base}

}  // namespace edgealgos

#endif  // EDGEALGOS_RUNTIME_H
