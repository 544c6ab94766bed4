// Rows baked in at export with the answers that Python gave.
static const ${name}::input_t kTestRows[] PROGMEM = {
${rows}
};
static const int32_t kTestAnswers[] PROGMEM = {
${answers}
};

// Prints how many of the baked-in rows this board answers as Python did.
static void selfTest() {
  const ${name}::input_t *next = kTestRows;
  size_t right = 0;
  for (size_t n = 0; n < ${count}; ++n) {
${run}
    if (answer == static_cast<int32_t>(pgm_read_dword(kTestAnswers + n))) ++right;
  }
  Serial.print(F("# self-test: "));
  Serial.print(right);
  Serial.println(F(" of ${count} rows as in Python"));
}
