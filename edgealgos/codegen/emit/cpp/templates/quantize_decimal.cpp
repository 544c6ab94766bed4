${tables}
input_t quantize_decimal(uint16_t feature, int32_t digits, uint8_t decimals) {
${scale}
  const int32_t input = edgealgos::decimal_input(digits, decimals, scale);
  return static_cast<input_t>(input < kInputMin ? kInputMin : input > kInputMax ? kInputMax : input);
}
