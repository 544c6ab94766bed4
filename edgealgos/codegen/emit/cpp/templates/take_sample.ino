static ${name}::input_t row[${name}::kFeatureCount];
static uint16_t filled;  // values of the row under way
static uint16_t wait;    // rows since the last answer

static void restart() { filled = wait = 0; }

// Takes a reading; answers when a row is full${often}.
static void take(const int16_t *reading) {
  for (uint8_t i = 0; i < ${axes}; ++i, ++filled) row[filled] = ${quantize};
  if (filled < ${name}::kFeatureCount) return;
  filled = 0;
  if (++wait < ${every}) return;
  wait = 0;
  tell(${name}::${predict}(row));
}
