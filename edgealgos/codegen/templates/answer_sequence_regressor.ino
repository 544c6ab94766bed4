// Takes one time step; prints '.', after the last step of a sequence the raw output: real = raw * 2^-kOutputFrac.
static void answer() {
  static uint16_t step = 0;
  ${name}::push(row);
  if (++step < ${name}::kStepCount) {
    Serial.println('.');
    return;
  }
  step = 0;
  Serial.println(${name}::predict_raw());
  ${name}::reset();
}
