// ${name}: kernels, tables in flash, and the functions of the model, which call the kernels one after the other.
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
