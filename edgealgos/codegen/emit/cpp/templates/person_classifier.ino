// Tells the class and how sure the model is.
static void tell(uint8_t index) {
  Serial.print(${name}::label(index));
  Serial.print(' ');
  Serial.print((${name}::probability(index) * 100 + 128) / 256);
  Serial.println('%');
}
