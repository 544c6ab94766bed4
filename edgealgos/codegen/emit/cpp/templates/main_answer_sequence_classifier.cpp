static uint16_t step;  // of the sequence under way

// Takes one time step and prints the class index and the scores so far; starts anew after kStepCount steps.
static void answer() {
  ${name}::push(row);
  printf("%d", ${name}::predict());
  for (uint8_t i = 0; i < ${name}::kScoreCount; ++i) printf(",%ld", static_cast<long>(${name}::scores()[i]));
  printf("\n");
  if (++step == ${name}::kStepCount) {
    step = 0;
    ${name}::reset();
  }
}
