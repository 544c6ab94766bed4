static uint16_t step;  // of the sequence under way

// Takes one time step and prints the raw output so far (real = raw * 2^-kOutputFrac); starts anew after kStepCount
// steps.
static void answer() {
  ${name}::push(row);
  printf("%ld\n", static_cast<long>(${name}::predict_raw()));
  if (++step == ${name}::kStepCount) {
    step = 0;
    ${name}::reset();
  }
}
