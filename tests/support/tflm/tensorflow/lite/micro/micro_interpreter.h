// What sketches use of TensorFlow Lite for Microcontrollers, with nothing behind it: its sources are in no package.
#pragma once
#include <cstddef>
#include <cstdint>

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };

struct TfLiteTensor {
  union {
    int8_t *int8;
  } data;
};

namespace tflite {

struct Model;
const Model *GetModel(const void *file);
class MicroOpResolver {};

class MicroInterpreter {
 public:
  MicroInterpreter(const Model *model, const MicroOpResolver &operators, uint8_t *arena, size_t arena_size);
  TfLiteStatus AllocateTensors();
  TfLiteStatus Invoke();
  TfLiteTensor *input(size_t index);
  TfLiteTensor *output(size_t index);
};

}  // namespace tflite
