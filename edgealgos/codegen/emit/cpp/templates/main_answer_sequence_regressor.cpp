// Takes one time step and prints the raw output so far (real = raw * 2^-kOutputFrac); starts anew after kStepCount
// steps.
static void answer() {
  static uint16_t step = 0;
  ${name}::push(row);
  printf("%ld\n", static_cast<long>(${name}::predict_raw()));
  if (++step == ${name}::kStepCount) {
    step = 0;
    ${name}::reset();
  }
}
