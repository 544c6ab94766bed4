EDGEALGOS_NOINLINE int32_t predict_raw(const input_t *${input}) {
${predict}
  return scores_[0];
}

float predict(const input_t *x) { return edgealgos::to_float<kOutputFrac>(predict_raw(x)); }
