
// The same for the decimal number digits * 10^-decimals, by integers alone; linked in only if called.
input_t quantize_decimal(uint16_t feature, int32_t digits, uint8_t decimals);
