${row}
static uint16_t left;  // readings until the answer

static void restart() {
  left = ${name}::kStepCount;
  ${name}::reset();
}

// Takes a reading; answers for every kStepCount of them and begins anew.
static void take(const int16_t *reading) {
${push}
  if (--left) return;
  tell(${name}::${predict}());
  restart();
}
