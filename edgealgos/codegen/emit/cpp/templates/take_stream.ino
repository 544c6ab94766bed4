${row}
static uint16_t wait;  // readings until the next answer

static void restart() {
  wait = ${name}::kStepCount;
  ${name}::reset();
}

// Takes a reading; once there are kStepCount, answers for the latest ones after every ${hop}.
static void take(const int16_t *reading) {
${push}
  if (--wait) return;
  wait = ${hop};
  tell(${name}::${predict}());
}
