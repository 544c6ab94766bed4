// Prints the raw output: real = raw * 2^-kOutputFrac.
static void answer() { Serial.println(${name}::predict_raw(row)); }
