// Tells a person the class and how sure the model is, a host the class index and the scores.
static void tell(uint8_t index, bool typed) {
  if (typed) {
    Serial.print(${name}::label(index));
    Serial.print(' ');
    Serial.print((${name}::probability(index) * 100 + 128) / 256);
    Serial.println('%');
    return;
  }
  Serial.print(index);
  for (uint8_t i = 0; i < ${name}::kScoreCount; ++i) {
    Serial.print(',');
    Serial.print(${name}::scores()[i]);
  }
  Serial.println();
}
