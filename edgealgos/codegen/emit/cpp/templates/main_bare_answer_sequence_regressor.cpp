// Takes one time step; after kStepCount of them tells the raw output (real = raw * 2^-kOutputFrac) and starts anew.
static void answer() {
  static uint16_t step = 0;
  ${name}::push(row);
  if (++step < ${name}::kStepCount) return;
  step = 0;
  tell(${name}::predict_raw());
  ${name}::reset();
}
