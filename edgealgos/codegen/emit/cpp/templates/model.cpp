// ${name}: kernels, tables in flash, and the functions of the model, which call the kernels one after the other.
#if defined(__OPTIMIZE_SIZE__) && defined(__GNUC__) && !defined(__clang__) && !defined(EDGEALGOS_SMALL)
#if !defined(__AVR__) && (!defined(__thumb__) || defined(__thumb2__))
#pragma GCC optimize("O2")  // a tenth more code and a fifth fewer instructions; define EDGEALGOS_SMALL for neither
#endif
#endif
#include "${name}_model.h"
#include "edgealgos_runtime.h"

namespace ${name} {
namespace {

${tables}
${memory}

}  // namespace

${functions}

const score_t *scores() { return scores_; }

${quantize}
${labels}

}  // namespace ${name}
