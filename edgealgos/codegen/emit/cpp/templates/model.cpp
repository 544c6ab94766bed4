// ${name}: tables in flash, then straight-line calls of the kernels in edgealgos_runtime.h.
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
