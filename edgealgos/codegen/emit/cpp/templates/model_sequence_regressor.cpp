void reset() {
${reset}
}

EDGEALGOS_NOINLINE void push(const input_t *${input}) {
${push}
}

EDGEALGOS_NOINLINE int32_t predict_raw() {
${predict}
  return scores_[0];
}

int32_t predict_raw(const input_t *x) {
  reset();
  for (uint16_t t = 0; t < kStepCount; ++t, x += kFeatureCount) push(x);
  return predict_raw();
}

float predict() { return edgealgos::to_float<kOutputFrac>(predict_raw()); }
float predict(const input_t *x) { return edgealgos::to_float<kOutputFrac>(predict_raw(x)); }
