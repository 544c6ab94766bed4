// Rows baked in at export with the answers that Python gave.
static const ${name}::input_t kTestRows[] = {
${rows}
};
static const int32_t kTestAnswers[] = {
${answers}
};

// How many of the ${count} baked-in rows are answered as in Python.
static uint16_t selfTest() {
  uint16_t right = 0;
  for (uint16_t n = 0; n < ${count}; ++n) {
    const ${name}::input_t *x = kTestRows + static_cast<uint32_t>(n) * ${steps} * ${name}::kFeatureCount;
${run}
    if (answer == kTestAnswers[n]) ++right;
  }
  return right;
}
