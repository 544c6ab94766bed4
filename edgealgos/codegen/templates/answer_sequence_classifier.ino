// Takes one time step; prints '.', after the last step of a sequence the class index and the scores.
static void answer() {
  static uint16_t step = 0;
  ${name}::push(row);
  if (++step < ${name}::kStepCount) {
    Serial.println('.');
    return;
  }
  step = 0;
  Serial.print(${name}::predict());
  for (uint8_t i = 0; i < ${name}::kScoreCount; ++i) {
    Serial.print(',');
    Serial.print(${name}::scores()[i]);
  }
  Serial.println();
  ${name}::reset();
}
