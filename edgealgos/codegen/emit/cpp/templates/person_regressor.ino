// Tells the output with decimals: real = raw * 2^-kOutputFrac.
static void tell(int32_t raw) {
  uint32_t rest = raw < 0 ? 0 - static_cast<uint32_t>(raw) : static_cast<uint32_t>(raw);
  if (raw < 0) Serial.print('-');
  Serial.print(rest ${whole});
${decimals}  Serial.println();
}
