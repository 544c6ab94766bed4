// Tells a host the raw output.
static void tellHost(int32_t raw) { Serial.println(raw); }
