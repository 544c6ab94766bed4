// Rows baked in at export with the answers that Python gave.
static const ${name}::input_t kTestRows[] = {
${rows}
};
static const int32_t kTestAnswers[] = {
${answers}
};

// How many of the ${count} baked-in rows are answered as in Python.
static uint32_t selfTest() {
  uint32_t right = 0;
  for (uint32_t n = 0; n < ${count}; ++n) {
    const ${name}::input_t *x = kTestRows + n * ${steps} * ${name}::kFeatureCount;
${run}
    if (answer == kTestAnswers[n]) ++right;
  }
  return right;
}
