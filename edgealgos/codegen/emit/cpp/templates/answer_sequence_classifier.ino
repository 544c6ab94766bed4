// Takes one time step and prints the class index and the scores so far; starts anew after kStepCount steps.
static void answer() {
  static uint16_t step = 0;
  ${name}::push(row);
  Serial.print(${name}::predict());
  for (uint8_t i = 0; i < ${name}::kScoreCount; ++i) {
    Serial.print(',');
    Serial.print(${name}::scores()[i]);
  }
  Serial.println();
  if (++step == ${name}::kStepCount) {
    step = 0;
    ${name}::reset();
  }
}
