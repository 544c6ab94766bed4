
namespace {
${strings}
const char *const kLabels[] EDGEALGOS_FLASH = {${table}};
}  // namespace

#if defined(ARDUINO)
const __FlashStringHelper *label(uint8_t index) {
  if (index >= ${count}) index = 0;
  return reinterpret_cast<const __FlashStringHelper *>(edgealgos::flash(kLabels + index));
}
#else
const char *label(uint8_t index) { return kLabels[index < ${count} ? index : 0]; }
#endif
