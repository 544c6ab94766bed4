
uint8_t probability(uint8_t index) { return edgealgos::probability<Link, kScoreCount>(scores_, index); }

namespace {
${strings}
const char *const kLabels[] EDGEALGOS_FLASH =
${table}
}  // namespace

#if defined(ARDUINO)
const __FlashStringHelper *label(uint8_t index) {
  if (index >= ${count}) index = ${otherwise};
  return reinterpret_cast<const __FlashStringHelper *>(edgealgos::flash(kLabels + index));
}
#elif defined(__AVR__)
const char *label(uint8_t index) {
  static char text[${longest}];  // what lies in flash cannot be read as a string
  const char *from = edgealgos::flash(kLabels + (index < ${count} ? index : ${otherwise}));
  char *to = text;
  while ((*to++ = edgealgos::flash(from++))) {
  }
  return text;
}
#else
const char *label(uint8_t index) { return kLabels[index < ${count} ? index : ${otherwise}]; }
#endif
