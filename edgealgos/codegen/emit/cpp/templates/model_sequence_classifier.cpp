void reset() {
${reset}
}

EDGEALGOS_NOINLINE void push(const input_t *${input}) {
${push}
}

EDGEALGOS_NOINLINE uint8_t predict() {
${predict}
}

uint8_t predict(const input_t *x) {
  reset();
  for (uint16_t t = 0; t < kStepCount; ++t, x += kFeatureCount) push(x);
  return predict();
}
