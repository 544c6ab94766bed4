// Prints the class index and the scores.
static void answer() {
  printf("%d", ${name}::predict(row));
  for (uint8_t i = 0; i < ${name}::kScoreCount; ++i) printf(",%ld", static_cast<long>(${name}::scores()[i]));
  printf("\n");
}
