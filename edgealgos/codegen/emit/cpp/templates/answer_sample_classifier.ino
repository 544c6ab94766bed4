// Prints the class index and the scores.
static void answer() {
  Serial.print(${name}::predict(row));
  for (uint8_t i = 0; i < ${name}::kScoreCount; ++i) {
    Serial.print(',');
    Serial.print(${name}::scores()[i]);
  }
  Serial.println();
}
