// ---- kernels ---------------------------------------------------------------------------------------------------
// Those that this model calls: plain C++11, no heap, no recursion. Weights lie in flash, vectors in RAM.

namespace edgealgos {

${kernels}

}  // namespace edgealgos

// ---- the model -------------------------------------------------------------------------------------------------
