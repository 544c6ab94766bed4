${tables}input_t quantize(uint16_t feature, float value${rest}) {
${head}
  if (!(scaled > kInputMin)) return kInputMin;  // also where the value is no number
  if (scaled >= kInputMax) return kInputMax;
  const ${input_type} whole = static_cast<${input_type}>(scaled);
  return static_cast<${input_type}>(scaled < whole ? whole - 1 : whole);
}
