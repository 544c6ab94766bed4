static uint16_t step;  // of the sequence under way
static bool hosted;    // the last row was a host's
static bool torn;      // a row of the sequence was broken: no answer before the next one begins

static void restart() {
  step = 0;
  torn = false;
  ${name}::reset();
}

// A host goes on with the row after a broken one, a person types it again.
static void skipStep() {
  torn = true;
  if (++step == ${name}::kStepCount) restart();
}

// Takes a time step and answers for what came since the sequence began; the next one begins after kStepCount steps.
static void answer(bool typed) {
  hosted = !typed;
  if (torn) {
    complain(F("a row of this sequence was broken"));
    return skipStep();
  }
  ${name}::push(row);
  const ${answer_type} found = ${name}::${predict}();
  typed ? tell(found) : tellHost(found);
  if (++step == ${name}::kStepCount) restart();
}
