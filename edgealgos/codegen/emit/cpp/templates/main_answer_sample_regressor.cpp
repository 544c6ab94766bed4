// Prints the raw output: real = raw * 2^-kOutputFrac.
static void answer() { printf("%ld\n", static_cast<long>(${name}::predict_raw(row))); }
