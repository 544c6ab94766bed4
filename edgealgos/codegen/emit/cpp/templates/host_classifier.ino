// Tells a host the class index and the scores.
static void tellHost(uint8_t index) {
  Serial.print(index);
  for (uint8_t i = 0; i < ${name}::kScoreCount; ++i) {
    Serial.print(',');
    Serial.print(${name}::scores()[i]);
  }
  Serial.println();
}
