  Serial.print('.');
  for (uint8_t i = 0; i < ${count}; ++i) {
    rest = 10 * (rest & ((1UL << ${frac}) - 1));
    Serial.print(rest >> ${frac});
  }
