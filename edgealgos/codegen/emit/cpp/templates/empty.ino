// ${name}.ino: the model and nothing else. README.md says how to call it.
#include "${name}_model.h"

void setup() {}

void loop() {}
