// Tells the raw output: real = raw * 2^-kOutputFrac.
static void answer() { tell(${name}::predict_raw(row)); }
